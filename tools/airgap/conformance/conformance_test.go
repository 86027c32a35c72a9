// Package conformance compares images with what rules_oci 2.3.0 wrote.
package conformance

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"example.com/reproducible-images/tools/airgap/ocilayout/layout"
	"github.com/google/go-cmp/cmp"
)

// A testCase is an image, or an index if it has images. The fields are named as the
// attributes; those with files have the content of the file here.
type testCase struct {
	Name string

	Base                      string // another case, or a folder in testdata
	OS, Architecture, Variant string
	Layers                    []struct{ File, Label string }
	User, WorkDir             string

	Created, Entrypoint, Cmd, Env, Labels, Annotations, Volumes *string
	ExposedPorts                                                *string `json:"exposed_ports"`

	Images []string

	// LibraryOnly is set for what is part of another case only.
	LibraryOnly bool `json:"library_only"`
}

// reference has the expected layouts that came with the reference images. They were
// built in the package //conformance.
const reference = "testdata/rules_oci-2.3.0/expected"

func (c testCase) expected() string {
	switch c.Name {
	case "scratch", "two_layers", "index":
		return filepath.Join(reference, c.Name)
	}
	return filepath.Join("testdata/expected", c.Name)
}

func cases(t *testing.T) []testCase {
	t.Helper()
	data, err := os.ReadFile("testdata/cases.json")
	if err != nil {
		t.Fatal(err)
	}
	var all []testCase
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(&all); err != nil {
		t.Fatal(err)
	}
	return all
}

// The library behind the stand-in, without Bazel.
func TestLibrary(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, c := range cases(t) {
		out := filepath.Join(dir, c.Name)
		if err := write(t, out, c); err != nil {
			t.Fatalf("%s: %v", c.Name, err)
		}
		if c.LibraryOnly {
			continue
		}
		if diff := cmp.Diff(tree(t, c.expected()), tree(t, out)); diff != "" {
			t.Errorf("%s: not what rules_oci writes (-want +got):\n%s", c.Name, diff)
		}
	}
}

func write(t *testing.T, out string, c testCase) error {
	t.Helper()
	dir := filepath.Dir(out)
	if c.Images != nil {
		var images []string
		for _, name := range c.Images {
			images = append(images, filepath.Join(dir, name))
		}
		return layout.WriteIndex(out, images)
	}
	image := layout.Image{OS: c.OS, Architecture: c.Architecture, Variant: c.Variant, User: c.User, WorkDir: c.WorkDir}
	if filepath.Dir(c.Base) != "." {
		image.Base = absolute(t, c.Base)
	} else if c.Base != "" {
		image.Base = filepath.Join(dir, c.Base)
	}
	for i, l := range c.Layers {
		files := layout.LayerFiles{
			Tar:   absolute(t, filepath.Join("testdata", l.File)),
			Layer: fmt.Sprintf("%s.%d.json", out, i),
		}
		layer, err := layout.ReadLayer(files.Tar, l.Label)
		if err != nil {
			return err
		}
		if err := layout.WriteLayer(files.Layer, layer); err != nil {
			return err
		}
		image.Layers = append(image.Layers, files)
	}
	for _, f := range []struct {
		name    string
		content *string
		file    *string
	}{
		{"created", c.Created, &image.Created},
		{"entrypoint", c.Entrypoint, &image.Entrypoint},
		{"cmd", c.Cmd, &image.Cmd},
		{"exposed_ports", c.ExposedPorts, &image.ExposedPorts},
		{"volumes", c.Volumes, &image.Volumes},
		{"env", c.Env, &image.Env},
		{"labels", c.Labels, &image.Labels},
		{"annotations", c.Annotations, &image.Annotations},
	} {
		if f.content == nil {
			continue
		}
		*f.file = out + "." + f.name
		if err := os.WriteFile(*f.file, []byte(*f.content), 0o666); err != nil {
			return err
		}
	}
	return layout.WriteImage(out, image)
}

func absolute(t *testing.T, file string) string {
	t.Helper()
	path, err := filepath.Abs(file)
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// What Bazel builds with @rules_oci, whichever that is.
func TestRules(t *testing.T) {
	t.Parallel()
	if os.Getenv("TEST_TARGET") == "" {
		t.Skip("needs the layouts that Bazel builds: bazel test //tools/airgap/conformance:all")
	}
	for _, c := range cases(t) {
		if c.LibraryOnly {
			continue
		}
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			want := tree(t, c.expected())
			if strings.HasPrefix(c.expected(), reference) {
				relabel(want, "//conformance:", "//tools/airgap/conformance:testdata/rules_oci-2.3.0/")
			}
			if diff := cmp.Diff(want, tree(t, c.Name)); diff != "" {
				t.Errorf("not what rules_oci 2.3.0 writes (-want +got):\n%s", diff)
			}
			got, err := os.ReadFile(c.Name + ".json.sha256")
			if err != nil {
				t.Fatal(err)
			}
			digest := regexp.MustCompile(`"digest": "(.*)"`).FindStringSubmatch(want["index.json"])
			if diff := cmp.Diff(digest[1]+"\n", string(got)); diff != "" {
				t.Errorf("output of %s.digest (-want +got):\n%s", c.Name, diff)
			}
		})
	}
}

// tree returns the files below dir, through links: their content by their path.
func tree(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := fs.WalkDir(os.DirFS(dir), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(filepath.Join(dir, path))
		files[path] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// descriptor matches the members of a descriptor that come before an object inside it.
var descriptor = regexp.MustCompile(`\{[^{}]*"digest": "sha256:([0-9a-f]{64})"[^{}]*`)

var size = regexp.MustCompile(`"size": [0-9]+`)

// relabel changes the label of layers in the history, and with that the digest and the
// size of all that says it or names what says it.
func relabel(files map[string]string, from, to string) {
	renamed := map[string]string{} // content, by the digest that it had
	for changed := true; changed; {
		changed = false
		for path, old := range files {
			content := strings.ReplaceAll(old, `"bazel build `+from, `"bazel build `+to)
			content = descriptor.ReplaceAllStringFunc(content, func(d string) string {
				blob, ok := renamed[descriptor.FindStringSubmatch(d)[1]]
				if !ok {
					return d
				}
				d = size.ReplaceAllString(d, fmt.Sprintf(`"size": %d`, len(blob)))
				return strings.Replace(d, descriptor.FindStringSubmatch(d)[1], sum(blob), 1)
			})
			if content == old {
				continue
			}
			changed = true
			delete(files, path)
			if strings.HasPrefix(path, "blobs/sha256/") {
				renamed[filepath.Base(path)] = content
				path = "blobs/sha256/" + sum(content)
			}
			files[path] = content
		}
	}
}

func sum(content string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(content))) }
