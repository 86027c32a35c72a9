package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"example.com/reproducible-images/tools/e2e/probe/report"
	"github.com/google/go-cmp/cmp"
)

func TestNote(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, mode := range map[string]fs.FileMode{"plain": 0o600, "program": 0o755, "setuid": 0o600 | fs.ModeSetuid} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "empty"), nil, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("plain", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	var got report.Report
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return note(&got, path, entry)
	})
	if err != nil {
		t.Fatal(err)
	}
	want := report.Report{
		Files:      6,
		Writable:   []string{dir + "/", dir + "/empty", dir + "/plain", dir + "/program", dir + "/setuid"},
		Privileged: []string{dir + "/setuid"},
		Programs:   []string{dir + "/program"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestNotWritable(t *testing.T) {
	t.Parallel()
	if canCreate("/proc") || canCreate("/none") || canWrite("/none") {
		t.Error("what cannot be written is called writable")
	}
}

func TestIsProcess(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]bool{"/proc/1": true, "/proc/4711": true, "/proc": false, "/proc/": false, "/proc/sys": false, "/proc/1/status": false, "/1": false} {
		if isProcess(path) != want {
			t.Errorf("isProcess(%q) = %t", path, !want)
		}
	}
}

func TestStatus(t *testing.T) {
	t.Parallel()
	fields, err := status()
	if err != nil || fields["Pid"] != "1" {
		t.Errorf("%v, %v", fields, err)
	}
}
