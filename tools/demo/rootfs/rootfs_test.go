package rootfs

import (
	"archive/tar"
	"bytes"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// entry is a tar header's fields that matter here, with the content.
type entry struct {
	typ  byte
	name string
	link string
	mode int64
	body string
}

func archive(t testing.TB, entries ...entry) []byte {
	t.Helper()
	var buffer bytes.Buffer
	w := tar.NewWriter(&buffer)
	for _, e := range entries {
		err := w.WriteHeader(&tar.Header{
			Typeflag: e.typ, Name: e.name, Linkname: e.link, Mode: e.mode, Size: int64(len(e.body)),
			Uid: os.Geteuid(), Gid: os.Getegid(),
		})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, e.body); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buffer.Bytes()
}

// list describes all that is below a directory: mode, and content or target.
func list(t testing.TB, dir string) map[string]string {
	t.Helper()
	found := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		switch info.Mode().Type() {
		case 0:
			content, err := os.ReadFile(path)
			found[name] = info.Mode().String() + " " + string(content)
			return err
		case fs.ModeSymlink:
			target, err := os.Readlink(path)
			found[name] = "-> " + target
			return err
		}
		found[name] = info.Mode().String()
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestUnpack(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	err := Unpack(bytes.NewReader(archive(t,
		entry{typ: tar.TypeReg, name: "hello", mode: 0o755, body: "program"},
		entry{typ: tar.TypeDir, name: "./", mode: 0o755},
		entry{typ: tar.TypeDir, name: "etc/", mode: 0o750},
		entry{typ: tar.TypeReg, name: "/etc/passwd", mode: 0o644, body: "root"},
		entry{typ: tar.TypeReg, name: "early/bird", mode: 0o400, body: "worm"},
		entry{typ: tar.TypeDir, name: "early", mode: 0o711},
		entry{typ: tar.TypeReg, name: "su", mode: 0o6755, body: "no more"},
		entry{typ: tar.TypeDir, name: "tmp", mode: 0o1777},
		entry{typ: tar.TypeSymlink, name: "bin", link: "usr/bin", mode: 0o777},
		entry{typ: tar.TypeDir, name: "usr/bin", mode: 0o755},
		entry{typ: tar.TypeReg, name: "bin/sh", mode: 0o755, body: "through a link"},
		entry{typ: tar.TypeLink, name: "usr/bin/ash", link: "bin/sh"},
		entry{typ: tar.TypeSymlink, name: "out", link: "../../../etc/passwd"},
		entry{typ: tar.TypeReg, name: "a/../b", mode: 0o600, body: "clean"},
	)), dir)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		".":           "drwxr-xr-x",
		"hello":       "-rwxr-xr-x program",
		"etc":         "drwxr-x---",
		"etc/passwd":  "-rw-r--r-- root",
		"early":       "drwx--x--x",
		"early/bird":  "-r-------- worm",
		"su":          "-rwxr-xr-x no more",
		"tmp":         "drwxrwxrwx",
		"bin":         "-> usr/bin",
		"usr":         "drwxr-xr-x",
		"usr/bin":     "drwxr-xr-x",
		"usr/bin/sh":  "-rwxr-xr-x through a link",
		"usr/bin/ash": "-rwxr-xr-x through a link",
		"out":         "-> ../../../etc/passwd",
		"b":           "-rw------- clean",
	}
	if diff := cmp.Diff(want, list(t, dir)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestUnpackRefuses(t *testing.T) {
	t.Parallel()
	file := func(name string) entry { return entry{typ: tar.TypeReg, name: name, mode: 0o644, body: "x"} }
	symlink := func(name, link string) entry { return entry{typ: tar.TypeSymlink, name: name, link: link} }
	link := func(name, link string) entry { return entry{typ: tar.TypeLink, name: name, link: link} }
	for _, test := range []struct {
		name    string
		entries []entry
		err     string
	}{
		{"parent", []entry{file("../x")}, `unpacking "../x": "../x" leads out`},
		{"hidden parent", []entry{file("a/../../x")}, "leads out"},
		{"absolute parent", []entry{file("/../x")}, "leads out"},
		{"directory above", []entry{{typ: tar.TypeDir, name: ".."}}, "leads out"},
		{"through a symbolic link up", []entry{symlink("up", ".."), file("up/x")}, `unpacking "up/x"`},
		{"through an absolute symbolic link", []entry{symlink("tmp", "/tmp"), file("tmp/x")}, `unpacking "tmp/x"`},
		{"through a chain of symbolic links", []entry{symlink("a", "b"), symlink("b", ".."), file("a/x")}, `unpacking "a/x"`},
		{"over a symbolic link", []entry{symlink("x", "../x"), file("x")}, `unpacking "x"`},
		{"directory over a symbolic link", []entry{symlink("x", ".."), {typ: tar.TypeDir, name: "x", mode: 0o777}}, `unpacking "x"`},
		{"hard link out", []entry{link("x", "../secret")}, "leads out"},
		{"hard link through a symbolic link", []entry{symlink("up", ".."), link("x", "up/secret")}, `unpacking "x"`},
		{"hard link to nothing", []entry{link("x", "y")}, "no such file"},
		{"same name twice", []entry{file("x"), file("x")}, "file exists"},
		{"file below a file", []entry{file("x"), file("x/y")}, "not a directory"},
		{"device", []entry{{typ: tar.TypeChar, name: "null"}}, `type '3' are not supported`},
		{"pipe", []entry{{typ: tar.TypeFifo, name: "pipe"}}, `type '6' are not supported`},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			dir := newRoot(t)
			err := Unpack(bytes.NewReader(archive(t, test.entries...)), dir)
			if err == nil || !strings.Contains(err.Error(), test.err) {
				t.Errorf("got error %v, want one with %q", err, test.err)
			}
			checkOutside(t, dir)
		})
	}
}

// newRoot makes a root directory with a secret beside it.
func newRoot(t *testing.T) (dir string) {
	t.Helper()
	parent := t.TempDir()
	dir = filepath.Join(parent, "root")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(parent, "secret"), []byte("untouched"), 0o600); err != nil {
		t.Fatal(err)
	}
	// Who is not root can remove only what is in directories he can write.
	t.Cleanup(func() {
		_ = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err == nil && d.IsDir() {
				err = os.Chmod(path, 0o700)
			}
			return err
		})
	})
	return dir
}

// checkOutside reports what changed beside a root directory.
func checkOutside(t *testing.T, dir string) {
	t.Helper()
	parent := filepath.Dir(dir)
	entries, err := os.ReadDir(parent)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		got = append(got, e.Name())
	}
	if diff := cmp.Diff([]string{"root", "secret"}, got); diff != "" {
		t.Errorf("beside the root directory (-want +got):\n%s", diff)
	}
	secret := filepath.Join(parent, "secret")
	info, err := os.Stat(secret)
	if err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(secret)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode() != 0o600 || string(content) != "untouched" {
		t.Errorf("the file beside the root directory became %s %q", info.Mode(), content)
	}
}

func TestUnpackTruncated(t *testing.T) {
	t.Parallel()
	whole := archive(t, entry{typ: tar.TypeReg, name: "x", mode: 0o644, body: strings.Repeat("x", 2000)})
	for _, length := range []int{100, 600, 2000} {
		if err := Unpack(bytes.NewReader(whole[:length]), t.TempDir()); err == nil {
			t.Errorf("no error for the first %d bytes", length)
		}
	}
}

func FuzzUnpack(f *testing.F) {
	f.Add(archive(f, entry{typ: tar.TypeReg, name: "a/b", mode: 0o644, body: "x"}))
	f.Add(archive(f, entry{typ: tar.TypeSymlink, name: "a", link: ".."}, entry{typ: tar.TypeReg, name: "a/b", body: "x"}))
	f.Add(archive(f, entry{typ: tar.TypeSymlink, name: "a", link: "b"}, entry{typ: tar.TypeLink, name: "c", link: "a"}))
	f.Add(archive(f, entry{typ: tar.TypeDir, name: "./", mode: 0o700}, entry{typ: tar.TypeDir, name: "a/../../b"}))
	f.Fuzz(func(t *testing.T, data []byte) {
		if bytes.Contains(data, []byte("GNU.sparse")) {
			t.Skip("a few bytes can stand for a file of any size")
		}
		dir := newRoot(t)
		// Whether it is refused does not matter here.
		_ = Unpack(bytes.NewReader(data), dir)
		checkOutside(t, dir)
	})
}
