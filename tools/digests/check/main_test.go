package main

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"

	"example.com/reproducible-images/tools/digests"
	"example.com/reproducible-images/tools/imageset"
	"example.com/reproducible-images/tools/imageset/imagetest"
	"example.com/reproducible-images/tools/internal/cli"
)

func TestRun(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, tt := range []struct {
		name     string
		recorded string // the image whose content was recorded
		digests  string
		code     int
		want     string
	}{
		{"equal", "hello", filepath.Join(dir, "equal.json"), cli.OK, "byte for byte what " + dir},
		{"other bytes", "bye", filepath.Join(dir, "other.json"), cli.Failed, "bazel run //images:update_digests"},
		{"no file named", "", "", cli.Failed, "digests: "},
		{"no file there", "", filepath.Join(dir, "none.json"), cli.Failed, "none.json"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if tt.recorded != "" {
				record(t, tt.digests, tt.recorded)
			}
			var out bytes.Buffer
			code := run(t.Context(), list(t, "hello", tt.digests), &out)
			if code != tt.code || !strings.Contains(out.String(), tt.want) {
				t.Errorf("run() = %d, want %d and %q in:\n%s", code, tt.code, tt.want, &out)
			}
		})
	}
}

// record writes what is in the image name as if it were that of //images:hello.
func record(t *testing.T, path, name string) {
	t.Helper()
	f, err := digests.Build(t.Context(), imagetest.Load(t, name))
	if err != nil {
		t.Fatal(err)
	}
	if err := (digests.File{"//images:hello": f["//images:"+name]}).Write(path); err != nil {
		t.Fatal(err)
	}
}

func list(t *testing.T, name, digestsFile string) string {
	t.Helper()
	return imagetest.Write(t, imageset.File{
		Images: []imageset.Entry{{
			Label:      "//images:" + name,
			Repository: name,
			Version:    imagetest.Version,
			Layout:     imagetest.Layout(t, name),
		}},
		Digests: digestsFile,
	})
}
