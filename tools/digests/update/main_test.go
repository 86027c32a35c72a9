package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"example.com/reproducible-images/tools/digests"
	"example.com/reproducible-images/tools/imageset"
	"example.com/reproducible-images/tools/imageset/imagetest"
	"example.com/reproducible-images/tools/internal/cli"
)

// The file is written, is then up to date, and is written anew when it is
// broken or the image another.
func TestRun(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "digests.json")
	hello, bye := list(t, "hello", path), list(t, "bye", path)
	for _, step := range []struct {
		images string
		before string
		want   []string
	}{
		{hello, "{}", []string{"//images:image\n  not recorded, built: sha256:", path + " is written (images: 1)"}},
		{hello, "", []string{path + " is up to date (images: 1)"}},
		{hello, "<<<<<<< HEAD", []string{path + " is written"}},
		{bye, "", []string{"//images:image\n  index        sha256:", `"/hello" → "/bye"`, path + " is written"}},
		{bye, "", []string{"up to date"}},
	} {
		if step.before != "" {
			if err := os.WriteFile(path, []byte(step.before), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		var stdout, stderr bytes.Buffer
		code := run(t.Context(), []string{"--images", step.images}, os.Getenv, &stdout, &stderr)
		if code != cli.OK || stderr.Len() > 0 {
			t.Fatalf("run() = %d, stderr: %s", code, &stderr)
		}
		for _, want := range step.want {
			if !strings.Contains(stdout.String(), want) {
				t.Errorf("%q is missing in:\n%s", want, &stdout)
			}
		}
	}
	if _, err := digests.Read(path); err != nil {
		t.Error(err)
	}
}

func list(t *testing.T, name, digestsFile string) string {
	t.Helper()
	return imagetest.Write(t, imageset.File{
		Images: []imageset.Entry{{
			Label:      "//images:image",
			Repository: "image",
			Version:    imagetest.Version,
			Layout:     imagetest.Layout(t, name),
		}},
		Digests: digestsFile,
	})
}

func TestErrors(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		args []string
		code int
		want string
	}{
		"no list":       {[]string{"--images", "/nowhere/images.json"}, cli.Failed, "no list of images at /nowhere/images.json"},
		"no file named": {[]string{"--images", list(t, "hello", "")}, cli.Failed, "bazel run //images:update_digests"},
		"no folder":     {[]string{"--images", list(t, "hello", filepath.Join(t.TempDir(), "none", "d.json"))}, cli.Failed, "none"},
		"argument":      {[]string{"now"}, cli.Usage, `unexpected argument "now"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var stdout, stderr bytes.Buffer
			code := run(t.Context(), tt.args, func(string) string { return "" }, &stdout, &stderr)
			if code != tt.code || !strings.Contains(stderr.String(), tt.want) {
				t.Errorf("run() = %d, want %d and %q in:\n%s", code, tt.code, tt.want, &stderr)
			}
		})
	}
}

// Where the workspace is only `bazel run` tells.
func TestSourceFile(t *testing.T) {
	t.Parallel()
	set := &imageset.Set{DigestsSource: "images/digests.json"}
	env := map[string]string{"BUILD_WORKSPACE_DIRECTORY": "/src"}
	if got, err := sourceFile(set, func(k string) string { return env[k] }); err != nil || got != filepath.FromSlash("/src/images/digests.json") {
		t.Errorf("sourceFile() = %q, %v", got, err)
	}
	if _, err := sourceFile(set, func(string) string { return "" }); err == nil {
		t.Error("no error without BUILD_WORKSPACE_DIRECTORY")
	}
}
