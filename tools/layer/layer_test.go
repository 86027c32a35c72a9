package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// source writes a file to copy into a layer, as a build may leave it: any mode, any
// time.
func source(t *testing.T, content string, mode os.FileMode, modified time.Time) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "source = 100% é:x")
	if err := os.WriteFile(name, []byte(content), mode); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(name, modified, modified); err != nil {
		t.Fatal(err)
	}
	return name
}

// runLayer runs the program on a list with the given lines.
func runLayer(t *testing.T, lines ...string) (output string, err error) {
	t.Helper()
	list := filepath.Join(t.TempDir(), "list")
	if err := os.WriteFile(list, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	output = filepath.Join(t.TempDir(), "layer.tar.gz")
	return output, run([]string{"layer", output, list})
}

func mustRunLayer(t *testing.T, lines ...string) []byte {
	t.Helper()
	output, err := runLayer(t, lines...)
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(output)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

type archived struct {
	Header  tar.Header
	Content string
}

func unpack(t *testing.T, layer []byte) []archived {
	t.Helper()
	zr, err := gzip.NewReader(bytes.NewReader(layer))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(gzip.Header{OS: 255}, zr.Header); diff != "" {
		t.Errorf("gzip header (-want +got):\n%s", diff)
	}
	var entries []archived
	for tr := tar.NewReader(zr); ; {
		header, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return entries
		}
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(tr)
		if err != nil {
			t.Fatal(err)
		}
		entries = append(entries, archived{*header, string(content)})
	}
}

func TestLayer(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("directory/", 30) + "file"
	data := mustRunLayer(t,
		"file", "/hello", "0755", source(t, "binary", 0o400, time.Now()),
		"directory", "/tmp", "1777",
		"file", "/tmp/50% = é b", "0600", source(t, "odd", 0o600, time.Now()),
		"file", "/"+long, "0644", source(t, "long", 0o600, time.Now()),
		"file", "/etc/passwd", "0644", source(t, "users", 0o600, time.Unix(1e9, 0)),
	)
	header := func(kind byte, name string, mode, size int64) tar.Header {
		return tar.Header{Typeflag: kind, Name: name, Mode: mode, Size: size, ModTime: time.Unix(0, 0), Format: tar.FormatUSTAR}
	}
	pax := func(name string, mode, size int64) tar.Header {
		h := header(tar.TypeReg, name, mode, size)
		h.Format = tar.FormatPAX
		h.PAXRecords = map[string]string{"path": name}
		return h
	}
	want := []archived{
		{pax(long, 0o644, 4), "long"},
		{header(tar.TypeReg, "etc/passwd", 0o644, 5), "users"},
		{header(tar.TypeReg, "hello", 0o755, 6), "binary"},
		{header(tar.TypeDir, "tmp/", 0o1777, 0), ""},
		{pax("tmp/50% = é b", 0o600, 3), "odd"},
	}
	if diff := cmp.Diff(want, unpack(t, data)); diff != "" {
		t.Errorf("entries (-want +got):\n%s", diff)
	}
}

func TestEmptyLayer(t *testing.T) {
	t.Parallel()
	list := filepath.Join(t.TempDir(), "list")
	if err := os.WriteFile(list, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	output := filepath.Join(t.TempDir(), "layer.tar.gz")
	if err := run([]string{"layer", output, list}); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(output)
	if err != nil {
		t.Fatal(err)
	}
	if got := unpack(t, data); len(got) != 0 {
		t.Errorf("an empty list gave %v", got)
	}
}

func TestBytesDependOnContentAlone(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("reproducible ", 1<<16)
	a := mustRunLayer(t,
		"file", "/a", "0755", source(t, long, 0o700, time.Now()),
		"file", "/é", "0644", source(t, "b", 0o600, time.Now()))
	b := mustRunLayer(t,
		"file", "/é", "0644", source(t, "b", 0o666, time.Unix(1, 0)),
		"file", "/a", "0755", source(t, long, 0o444, time.Unix(2, 0)))
	if !bytes.Equal(a, b) {
		t.Error("equal files gave different layers")
	}
	c := mustRunLayer(t,
		"file", "/a", "0755", source(t, long+".", 0o700, time.Now()),
		"file", "/é", "0644", source(t, "b", 0o600, time.Now()))
	if bytes.Equal(a, c) {
		t.Error("different files gave equal layers")
	}
}

func TestLayerErrors(t *testing.T) {
	t.Parallel()
	file := source(t, "", 0o600, time.Now())
	for name, test := range map[string]struct {
		list []string
		want string
	}{
		"unknown kind":   {[]string{"link", "/a", "0755", file}, `kind "link" is neither file nor directory`},
		"short":          {[]string{"file", "/a", "0755"}, "file needs 4 lines, the list ends after 3"},
		"bad mode":       {[]string{"file", "/a", "0789", file}, `mode "0789" does not have four octal digits`},
		"short mode":     {[]string{"file", "/a", "755", file}, `mode "755" does not have four octal digits`},
		"large mode":     {[]string{"file", "/a", "10755", file}, `mode "10755" does not have four octal digits`},
		"relative":       {[]string{"file", "a", "0755", file}, `"a" is not a clean absolute path`},
		"dot dot":        {[]string{"file", "/a/../b", "0755", file}, `"/a/../b" is not a clean absolute path`},
		"slash":          {[]string{"directory", "/a/", "0755"}, `"/a/" is not a clean absolute path`},
		"root":           {[]string{"directory", "/", "0755"}, `"/" is not a clean absolute path`},
		"not UTF-8":      {[]string{"file", "/\xff", "0755", file}, "is not a clean absolute path"},
		"twice":          {[]string{"file", "/a", "0755", file, "file", "/a", "0644", file}, "/a is in the layer twice: " + file + " and " + file},
		"two kinds":      {[]string{"file", "/a", "0755", file, "directory", "/a", "0755"}, "/a is in the layer twice"},
		"below a file":   {[]string{"file", "/a", "0755", file, "file", "/a/b/c", "0644", file}, "/a/b/c is below /a, which is a file"},
		"missing source": {[]string{"file", "/a", "0755", file + ".no"}, "adding /a to the layer"},
		"a directory":    {[]string{"file", "/a", "0755", filepath.Dir(file)}, "is not a regular file"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			output, err := runLayer(t, test.list...)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got the error %v, want one with %q", err, test.want)
			}
			if _, err := os.Stat(output); !os.IsNotExist(err) {
				t.Errorf("a failed run left %s behind", output)
			}
		})
	}
}

func TestUsage(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{nil, {"layer"}, {"layer", "a"}, {"index", "a", "b", "c"}, {"other", "a", "b"}} {
		if err := run(args); err == nil || !strings.Contains(err.Error(), "usage:") {
			t.Errorf("%q: got the error %v, want the usage", args, err)
		}
	}
}

func FuzzReadList(f *testing.F) {
	f.Add("file\n/hello\n0755\nbazel-out/hello\ndirectory\n/tmp\n1777\n")
	f.Add("file\n/\n\n")
	f.Fuzz(func(t *testing.T, list string) {
		entries, err := readList(list)
		if err != nil {
			return
		}
		for _, e := range entries {
			if path.Clean("/"+e.path) != e.path || e.path == "/" {
				t.Errorf("%q was taken for the path %q", list, e.path)
			}
			if e.mode < 0 || e.mode > 0o7777 {
				t.Errorf("%q was taken for the mode %o", list, e.mode)
			}
		}
	})
}
