package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestRun(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := func(name string) string { return filepath.Join(dir, name) }
	write := func(name, content string) string {
		if err := os.WriteFile(file(name), []byte(content), 0o666); err != nil {
			t.Fatal(err)
		}
		return file(name)
	}
	tar := write("layer.tar", "content")
	spec := write("spec", `{"os":"linux","architecture":"amd64","layers":[{"tar":"`+tar+`","layer":"`+file("layer")+`"}]}`)
	for _, args := range [][]string{
		{"layer", "-out", file("layer"), "-label", "//a:b", tar},
		{"image", "-out", file("image"), spec},
		{"index", "-out", file("index"), file("image"), file("image")},
		{"digest", "-out", file("digest"), file("index")},
	} {
		var stderr bytes.Buffer
		if status := run(args, &stderr); status != 0 || stderr.Len() > 0 {
			t.Fatalf("%v: status %d, stderr %q", args, status, &stderr)
		}
	}
	digest, err := os.ReadFile(file("digest"))
	if err != nil {
		t.Fatal(err)
	}
	index, err := os.ReadFile(file("index/index.json"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasSuffix(string(digest), "\n") || !strings.Contains(string(index), strings.TrimSpace(string(digest))) {
		t.Errorf("digest gave %q, index.json is\n%s", digest, index)
	}
}

func TestRunErrors(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	spec := filepath.Join(dir, "spec")
	if err := os.WriteFile(spec, []byte(`{"oss":"linux"}`), 0o666); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		args   []string
		status int
		stderr string
	}{
		"nothing":         {nil, 2, "usage:"},
		"no such command": {[]string{"push", "-out", "x", "y"}, 2, "ocilayout push: wrong arguments"},
		"no such flag":    {[]string{"layer", "-lable", "x"}, 2, "-lable"},
		"no out":          {[]string{"digest", dir}, 2, "usage:"},
		"no images":       {[]string{"index", "-out", "x"}, 2, "usage:"},
		"two layers":      {[]string{"layer", "-out", "x", "a", "b"}, 2, "usage:"},
		"no such layer":   {[]string{"layer", "-out", "x", filepath.Join(dir, "none.tar")}, 1, "none.tar: no such file"},
		"unknown member":  {[]string{"image", "-out", "x", spec}, 1, `unknown field "oss"`},
		"not an image":    {[]string{"index", "-out", "x", dir}, 1, "is not an OCI image layout"},
		"no digest":       {[]string{"digest", "-out", "x", dir}, 1, "index.json: no such file"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var stderr bytes.Buffer
			status := run(c.args, &stderr)
			if diff := cmp.Diff(c.status, status); diff != "" {
				t.Errorf("status (-want +got):\n%s", diff)
			}
			if !strings.Contains(stderr.String(), c.stderr) {
				t.Errorf("stderr has no %q:\n%s", c.stderr, &stderr)
			}
			if c.status == 1 && strings.Count(stderr.String(), "\n") != 1 {
				t.Errorf("not one line:\n%s", &stderr)
			}
		})
	}
}
