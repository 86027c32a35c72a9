package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"example.com/reproducible-images/tools/imageset"
	"example.com/reproducible-images/tools/imageset/imagetest"
	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
)

func manifestOf(t *testing.T, layout string) (*v1.IndexManifest, v1.Hash) {
	t.Helper()
	index, digest, err := imageset.ReadLayout(layout)
	if err != nil {
		t.Fatal(err)
	}
	manifest, err := index.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	return manifest, digest
}

func TestAnnotate(t *testing.T) {
	t.Parallel()
	input := imagetest.Layout(t, "hello")
	output := filepath.Join(t.TempDir(), "layout")
	digestFile := filepath.Join(t.TempDir(), "digest")
	if err := run(input, output, digestFile, []string{"b=2=3", "a=1"}); err != nil {
		t.Fatal(err)
	}

	want, _ := manifestOf(t, input)
	want.Annotations = map[string]string{"a": "1", "b": "2=3"}
	got, digest := manifestOf(t, output)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("image index (-want +got):\n%s", diff)
	}
	written, err := os.ReadFile(digestFile)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(digest.String()+"\n", string(written)); diff != "" {
		t.Errorf("digest file (-want +got):\n%s", diff)
	}

	again := filepath.Join(t.TempDir(), "layout")
	if err := run(input, again, digestFile, []string{"a=1", "b=2=3"}); err != nil {
		t.Fatal(err)
	}
	if _, other := manifestOf(t, again); other != digest {
		t.Errorf("the order of the arguments changed the digest from %s to %s", digest, other)
	}
}

func TestBadInput(t *testing.T) {
	t.Parallel()
	good := imagetest.Layout(t, "hello")
	empty := t.TempDir()
	output := filepath.Join(t.TempDir(), "layout")
	digest := filepath.Join(t.TempDir(), "digest")
	for name, test := range map[string]struct {
		input, output, digest string
		args                  []string
		want                  string
	}{
		"no input":     {"", output, digest, nil, "are all needed"},
		"no output":    {good, "", digest, nil, "are all needed"},
		"no digest":    {good, output, "", nil, "are all needed"},
		"no value":     {good, output, digest, []string{"key"}, `"key" is not KEY=VALUE`},
		"no key":       {good, output, digest, []string{"=value"}, `"=value" is not KEY=VALUE`},
		"not a layout": {empty, output, digest, nil, "annotating " + empty},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := run(test.input, test.output, test.digest, test.args)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got the error %v, want one with %q", err, test.want)
			}
			if _, err := os.Stat(digest); !os.IsNotExist(err) {
				t.Error("a failed run wrote the digest")
			}
		})
	}
}
