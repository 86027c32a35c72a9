package checkout

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func write(t *testing.T, file, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

// tree reads all files below dir.
func tree(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		name, _ := filepath.Rel(dir, path)
		files[name] = string(content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestFiles(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("git is not on PATH: it is not in the air-gapped build's root filesystem")
	}
	dir := t.TempDir()
	for _, name := range []string{"known", "a folder/ünï", "deleted"} {
		write(t, filepath.Join(dir, name), "")
	}
	write(t, filepath.Join(dir, ".gitignore"), "/ignored\n")
	for _, args := range [][]string{{"init", "-q"}, {"add", "."}} {
		if out, err := exec.Command("git", append([]string{"-C", dir}, args...)...).CombinedOutput(); err != nil {
			t.Fatalf("git %s: %v: %s", args, err, out)
		}
	}
	write(t, filepath.Join(dir, "new"), "")
	write(t, filepath.Join(dir, "ignored"), "")
	if err := os.Remove(filepath.Join(dir, "deleted")); err != nil {
		t.Fatal(err)
	}
	got, err := Files(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(got)
	if diff := cmp.Diff([]string{".gitignore", "a folder/ünï", "deleted", "known", "new"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestFilesOfNoRepository(t *testing.T) {
	t.Parallel()
	_, err := Files(t.Context(), t.TempDir())
	if err == nil || !strings.Contains(err.Error(), "listing the files of") {
		t.Errorf("got %v, want an error about git", err)
	}
}

func TestSnapshot(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, name := range []string{"same", "run", "a folder/ünï"} {
		write(t, filepath.Join(dir, name), name)
	}
	if err := os.Chmod(filepath.Join(dir, "run"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("same", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	snapshot := filepath.Join(t.TempDir(), "snapshot")
	if err := Snapshot(dir, []string{"same", "run", "link", "deleted", "a folder/ünï"}, snapshot); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"same": "same", "run": "run", "a folder/ünï": "a folder/ünï", "link": "same"}
	if diff := cmp.Diff(want, tree(t, snapshot)); diff != "" {
		t.Errorf("snapshot (-want +got):\n%s", diff)
	}

	target, modTime := filepath.Join(t.TempDir(), "long", "copy"), time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)
	if err := Copy(snapshot, target, Options{ModTime: modTime, Umask: 0o077}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, tree(t, target)); diff != "" {
		t.Errorf("copy (-want +got):\n%s", diff)
	}
	for name, mode := range map[string]fs.FileMode{"same": 0o600, "run": 0o700, "a folder": fs.ModeDir | 0o700} {
		info, err := os.Stat(filepath.Join(target, name))
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode() != mode || !info.ModTime().Equal(modTime) {
			t.Errorf("%s: mode %v, time %v; want %v, %v", name, info.Mode(), info.ModTime(), mode, modTime)
		}
	}
	if link, err := os.Readlink(filepath.Join(target, "link")); link != "same" {
		t.Errorf("link leads to %q (%v), want same", link, err)
	}
}
