package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// source writes a file to copy into a layer, as a build may leave it: any mode, any time.
func source(t *testing.T, content string, mode os.FileMode, modified time.Time) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "source")
	if err := os.WriteFile(name, []byte(content), mode); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(name, modified, modified); err != nil {
		t.Fatal(err)
	}
	return name
}

func layer(t *testing.T, args ...string) []byte {
	t.Helper()
	output := filepath.Join(t.TempDir(), "layer.tar.gz")
	if err := run(output, args); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(output)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestEntries(t *testing.T) {
	t.Parallel()
	data := layer(t,
		"0755:/hello="+source(t, "binary", 0o400, time.Now()),
		"0644:/etc/passwd="+source(t, "users", 0o600, time.Unix(1e9, 0)),
	)
	zr, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(gzip.Header{OS: 255}, zr.Header); diff != "" {
		t.Errorf("gzip header (-want +got):\n%s", diff)
	}
	type entry struct {
		Header  tar.Header
		Content string
	}
	header := func(name string, mode, size int64) tar.Header {
		return tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: mode, Size: size, ModTime: time.Unix(0, 0), Format: tar.FormatUSTAR}
	}
	want := []entry{
		{header("etc/passwd", 0o644, 5), "users"},
		{header("hello", 0o755, 6), "binary"},
	}
	var got []entry
	for tr := tar.NewReader(zr); ; {
		h, err := tr.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(tr)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, entry{*h, string(content)})
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("entries (-want +got):\n%s", diff)
	}
}

func TestBytesDependOnContentAlone(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("reproducible ", 1<<16)
	a := layer(t,
		"0755:/a="+source(t, long, 0o700, time.Now()),
		"0644:/b="+source(t, "b", 0o600, time.Now()))
	b := layer(t,
		"644:/b="+source(t, "b", 0o666, time.Unix(1, 0)),
		"755:/a="+source(t, long, 0o444, time.Unix(2, 0)))
	if !bytes.Equal(a, b) {
		t.Error("equal files gave different layers")
	}
	c := layer(t,
		"0755:/a="+source(t, long+".", 0o700, time.Now()),
		"0644:/b="+source(t, "b", 0o600, time.Now()))
	if bytes.Equal(a, c) {
		t.Error("different files gave equal layers")
	}
}

func TestBadInput(t *testing.T) {
	t.Parallel()
	file := source(t, "", 0o600, time.Now())
	for name, test := range map[string]struct {
		args []string
		want string
	}{
		"no mode":        {[]string{"/hello=" + file}, "is not MODE:PATH=SOURCE"},
		"no source":      {[]string{"0755:/hello"}, "is not MODE:PATH=SOURCE"},
		"bad mode":       {[]string{"0789:/hello=" + file}, `the mode "0789" is not octal`},
		"setuid":         {[]string{"4755:/hello=" + file}, `the mode "4755" is not octal permission bits`},
		"relative":       {[]string{"0755:hello=" + file}, `"hello" is not a clean absolute path`},
		"dot dot":        {[]string{"0755:/a/../hello=" + file}, "is not a clean absolute path"},
		"root":           {[]string{"0755:/=" + file}, `"/" is not a clean absolute path`},
		"twice":          {[]string{"0755:/a=" + file, "0644:/a=" + file}, "/a comes from both"},
		"missing source": {[]string{"0755:/a=" + file + ".no"}, "adding /a to the layer"},
		"directory":      {[]string{"0755:/a=" + filepath.Dir(file)}, "is not a regular file"},
		"long name":      {[]string{"0755:/" + strings.Repeat("a", 300) + "=" + file}, "adding /aaa"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			output := filepath.Join(t.TempDir(), "layer.tar.gz")
			err := run(output, test.args)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got the error %v, want one with %q", err, test.want)
			}
			if _, err := os.Stat(output); !os.IsNotExist(err) {
				t.Errorf("a failed run left %s behind", output)
			}
		})
	}
}

func FuzzParseFile(f *testing.F) {
	f.Add("0755:/hello=bazel-out/hello")
	f.Add("0:/=")
	f.Fuzz(func(t *testing.T, arg string) {
		parsed, err := parseFile(arg)
		if err != nil {
			return
		}
		if !strings.HasPrefix(parsed.path, "/") || strings.Contains(parsed.path+"/", "/../") {
			t.Errorf("%q was taken for the path %q", arg, parsed.path)
		}
		if parsed.mode < 0 || parsed.mode > 0o777 {
			t.Errorf("%q was taken for the mode %o", arg, parsed.mode)
		}
	})
}
