package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"example.com/reproducible-images/tools/imageset"
	"example.com/reproducible-images/tools/imageset/imagetest"
	"example.com/reproducible-images/tools/internal/cli"
	"example.com/reproducible-images/tools/registry"
	"example.com/reproducible-images/tools/registry/registrytest"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// diff runs the command.
func diff(t testing.TB, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = run(t.Context(), args, func(string) string { return "" }, &out, &errs)
	// One line for each image.
	if n := strings.Count(errs.String(), "\n"); n > 2 {
		t.Errorf("stderr has %d lines: %s", n, errs.String())
	}
	return code, out.String(), errs.String()
}

func loadImage(t testing.TB, file string) imageset.Image {
	t.Helper()
	set, err := imageset.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	return set.Images[0]
}

// changed is the image with one more environment variable for linux/amd64.
func changed(t testing.TB, img imageset.Image) v1.ImageIndex {
	t.Helper()
	index := mutate.IndexMediaType(empty.Index, "application/vnd.oci.image.index.v1+json")
	for _, p := range img.Platforms {
		one := p.Image
		if p.Architecture == "amd64" {
			config, err := one.ConfigFile()
			if err != nil {
				t.Fatal(err)
			}
			config = config.DeepCopy()
			config.Config.Env = []string{"A=1"}
			if one, err = mutate.ConfigFile(one, config); err != nil {
				t.Fatal(err)
			}
		}
		index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: one, Descriptor: v1.Descriptor{Platform: &p.Platform}})
	}
	return index
}

func writeLayout(t testing.TB, index v1.ImageIndex) string {
	t.Helper()
	dir := t.TempDir()
	path, err := layout.Write(dir, empty.Index)
	if err != nil {
		t.Fatal(err)
	}
	if err := path.AppendIndex(index); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestDiff(t *testing.T) {
	t.Parallel()
	file := imagetest.File(t, "", "hello", "other")
	img := loadImage(t, file)
	host := registrytest.Start(t, registry.Options{}).Addr()
	published := changed(t, img)
	ref, err := name.ParseReference(host+"/team/hello:v1.0.0", name.Insecure)
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.WriteIndex(ref, published); err != nil {
		t.Fatal(err)
	}
	digest, err := published.Digest()
	if err != nil {
		t.Fatal(err)
	}
	archive := filepath.Join(t.TempDir(), "hello.tar")
	if err := tarball.WriteToFile(archive, ref, img.Platforms[0].Image); err != nil {
		t.Fatal(err)
	}
	const env = `config.Env  added: ["A=1"]`
	for name, test := range map[string]struct {
		a, b  string
		flags []string
		code  int
		want  []string
	}{
		"label and label":            {"//images:hello", "//images:hello", nil, equal, []string{"A and B are equal"}},
		"label and layout":           {"//images:hello", img.Layout, nil, equal, []string{img.Digest.String(), "A and B are equal"}},
		"label and digest":           {"//images:hello", img.Digest.String(), nil, equal, []string{"A and B are equal"}},
		"digest of a platform":       {img.Platforms[0].Digest.String(), img.Layout + "@" + img.Platforms[0].Digest.String(), nil, equal, []string{"A and B are equal"}},
		"label and archive":          {"//images:hello", archive, nil, equal, []string{"Note: one side is a docker archive", "here linux/amd64: linux/arm64 is not compared", "A and B are equal"}},
		"label and reference":        {"//images:hello", ref.String(), nil, different, []string{"linux/amd64\n  configuration\n    " + env, "and so:", "A and B differ: 1 difference, and 3 more as a result."}},
		"digest in the registry":     {"//images:hello", digest.String(), []string{"--registry", host + "/team"}, different, []string{env}},
		"other platform":             {"//images:hello", ref.String(), []string{"--platform", "linux/arm64"}, equal, []string{"A and B are equal"}},
		"this platform":              {"//images:hello", ref.String(), []string{"--platform=linux/amd64"}, different, []string{env, "and 2 more as a result"}},
		"index and manifest":         {"//images:hello", img.Platforms[0].Digest.String(), nil, different, []string{"one side has no image index"}},
		"manifests of two platforms": {img.Platforms[0].Digest.String(), img.Platforms[1].Digest.String(), nil, different, []string{"platform  linux/amd64 → linux/arm64"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			code, stdout, stderr := diff(t, append([]string{"--images", file, test.a, test.b}, test.flags...)...)
			if code != test.code || stderr != "" {
				t.Errorf("exit %d, stderr %q; want %d", code, stderr, test.code)
			}
			for _, w := range test.want {
				if !strings.Contains(stdout, w) {
					t.Errorf("%q is not in:\n%s", w, stdout)
				}
			}
		})
	}
}

func TestTrouble(t *testing.T) {
	t.Parallel()
	file := imagetest.File(t, "", "hello", "other")
	img := loadImage(t, file)
	host := registrytest.Start(t, registry.Options{}).Addr()
	zero := "sha256:" + strings.Repeat("0", 64)
	for name, test := range map[string]struct {
		args []string
		want string
	}{
		"one argument":     {[]string{"//images:hello"}, "the argument B is missing"},
		"flag":             {[]string{"--x", "a", "b"}, "flag provided but not defined"},
		"bad platform":     {[]string{"--platform", "amd64", "a", "b"}, "it must be OS/ARCH"},
		"unknown label":    {[]string{"//images:hello", "//images:hallo"}, "no image //images:hallo; there is //images:hello, //images:other"},
		"unknown digest":   {[]string{"//images:hello", zero}, "say --registry HOST[/PATH]"},
		"nowhere":          {[]string{"//images:hello", zero, "--registry", host}, "neither as built nor in the registry " + host},
		"bad registry":     {[]string{"//images:hello", zero, "--registry", "x"}, `bad registry "x"`},
		"no such tag":      {[]string{"//images:hello", host + "/hello:v1"}, "the registry has no " + host + "/hello:v1"},
		"no such path":     {[]string{"//images:hello", "./none"}, "there is no file or folder ./none"},
		"no such platform": {[]string{"//images:hello", img.Layout, "--platform", "linux/s390x"}, "there is no image for linux/s390x; there is linux/amd64, linux/arm64"},
		"manifest for another platform": {
			[]string{"//images:hello", img.Platforms[0].Digest.String(), "--platform", "linux/arm64"}, "it is an image for linux/amd64 alone, not for linux/arm64",
		},
		"no time":           {[]string{"//images:hello", host + "/hello:v1", "--timeout", "1ns"}, "it took longer than --timeout allows"},
		"bad timeout":       {[]string{"//images:hello", host + "/hello:v1", "--timeout", "-1s"}, "it must be a duration"},
		"no list of images": {[]string{"--images", "/none", "//images:hello", img.Layout}, "no list of images at /none"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			code, stdout, stderr := diff(t, append([]string{"--images", file}, test.args...)...)
			if code != trouble || stdout != "" || !strings.Contains(stderr, test.want) {
				t.Errorf("exit %d, stdout %q, stderr %q; want %d and %q", code, stdout, stderr, trouble, test.want)
			}
		})
	}
}

// A damaged image is compared as far as it goes, and never equal.
func TestDamaged(t *testing.T) {
	t.Parallel()
	img := imagetest.Load(t, "hello")[0]
	dir := imagetest.Layout(t, "hello")
	manifest, err := img.Platforms[0].Image.Manifest()
	if err != nil {
		t.Fatal(err)
	}
	layer := manifest.Layers[1].Digest
	blob := filepath.Join(dir, "blobs", "sha256", layer.Hex)
	raw, err := os.ReadFile(blob)
	if err != nil {
		t.Fatal(err)
	}
	raw[len(raw)/2] ^= 1
	if err := os.WriteFile(blob, raw, 0o644); err != nil {
		t.Fatal(err)
	}
	code, stdout, stderr := diff(t, img.Layout, dir)
	if code != trouble || !strings.Contains(stdout, "layer 2\n    /random_file_") ||
		!strings.Contains(stderr, dir+": image for linux/amd64: layer 2 ("+layer.String()+"): its bytes have the digest") {
		t.Errorf("exit %d, stdout %s, stderr %s", code, stdout, stderr)
	}
	code, stdout, _ = diff(t, "--json", dir, dir)
	var report struct {
		A, B  struct{ Error string }
		Equal bool
	}
	if err := json.Unmarshal([]byte(stdout), &report); err != nil {
		t.Fatal(err)
	}
	if code != trouble || report.Equal || report.A.Error == "" || report.B.Error == "" {
		t.Errorf("exit %d, %+v", code, report)
	}
}

func TestJSON(t *testing.T) {
	t.Parallel()
	img := imagetest.Load(t, "hello")[0]
	index := changed(t, img)
	dir := writeLayout(t, index)
	digest, err := index.Digest()
	if err != nil {
		t.Fatal(err)
	}
	code, stdout, stderr := diff(t, "--json", img.Layout, dir)
	if code != different || stderr != "" {
		t.Errorf("exit %d, stderr %q", code, stderr)
	}
	var got map[string]any
	if err := json.Unmarshal([]byte(stdout), &got); err != nil {
		t.Fatal(err)
	}
	b := got["b"].(map[string]any)
	if b["name"] != dir || b["digest"] != digest.String() || len(b["platforms"].([]any)) != 2 {
		t.Errorf("b: %v", b)
	}
	delete(got, "a")
	delete(got, "b")
	changes := got["changes"].([]any)
	got["changes"] = changes[:1]
	want := map[string]any{
		"equal": false, "notCompared": []any{},
		"changes": []any{map[string]any{"where": []any{"linux/amd64", "configuration"}, "field": "config.Env", "new": `["A=1"]`}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	for _, c := range changes[1:] {
		if c.(map[string]any)["follows"] != true {
			t.Errorf("%v does not follow", c)
		}
	}

	code, stdout, _ = diff(t, "--json", dir, dir)
	if code != equal || !strings.Contains(stdout, `"equal": true`) || !strings.Contains(stdout, `"changes": []`) {
		t.Errorf("exit %d, %s", code, stdout)
	}
}

func TestHelp(t *testing.T) {
	t.Parallel()
	code, stdout, stderr := diff(t, "-h")
	if code != 0 || stdout != fmt.Sprintf(usage, cli.DefaultTimeout) || stderr != "" {
		t.Errorf("exit %d, stdout %q, stderr %q", code, stdout, stderr)
	}
}

// Relative paths begin where the user stands.
func TestWorkingDirectory(t *testing.T) {
	t.Parallel()
	dir := imagetest.Layout(t, "hello")
	getenv := func(k string) string { return map[string]string{"BUILD_WORKING_DIRECTORY": filepath.Dir(dir)}[k] }
	var stderr bytes.Buffer
	if code := run(t.Context(), []string{"./" + filepath.Base(dir), dir}, getenv, io.Discard, &stderr); code != equal {
		t.Errorf("exit %d: %s", code, stderr.String())
	}
}
