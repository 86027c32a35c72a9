package main

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func digestOf(content string) string {
	return fmt.Sprintf("sha256:%x", sha256.Sum256([]byte(content)))
}

func writeFile(t *testing.T, file, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(content), 0o400); err != nil {
		t.Fatal(err)
	}
}

// image writes an OCI image layout with an image of the given config and one layer, which
// is a link as those of oci_image are. It returns its directory and its descriptor.
func image(t *testing.T, config, layer string) (directory string, entry descriptor) {
	t.Helper()
	manifest := fmt.Sprintf(`{"config":{"digest":%q},"layers":[{"digest":%q}]}`, digestOf(config), digestOf(layer))
	entry = descriptor{MediaType: manifestMediaType, Digest: digestOf(manifest), Size: len(manifest)}
	directory = layout(t, []descriptor{entry}, config, manifest)
	file := filepath.Join(t.TempDir(), "layer")
	writeFile(t, file, layer)
	if err := os.Symlink(file, filepath.Join(directory, blobOf(layer))); err != nil {
		t.Fatal(err)
	}
	return directory, entry
}

// layout writes an OCI image layout and returns its directory.
func layout(t *testing.T, entries []descriptor, blobs ...string) string {
	t.Helper()
	directory := t.TempDir()
	for _, blob := range blobs {
		writeFile(t, filepath.Join(directory, blobOf(blob)), blob)
	}
	top, err := marshal(imageIndex{Manifests: entries})
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(directory, "index.json"), string(top))
	writeFile(t, filepath.Join(directory, "oci-layout"), `{"imageLayoutVersion": "1.0.0"}`)
	return directory
}

func blobOf(content string) string {
	return "blobs/" + strings.Replace(digestOf(content), ":", "/", 1)
}

// runIndex runs the program with an annotations file of the given content.
func runIndex(t *testing.T, annotations string, inputs ...string) (output, digest string, err error) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "annotations.json")
	writeFile(t, file, annotations)
	output, digest = filepath.Join(t.TempDir(), "layout"), filepath.Join(t.TempDir(), "digest")
	return output, digest, run(append([]string{"index", output, digest, file}, inputs...))
}

// files returns the content of all files below a directory, by path.
func files(t *testing.T, directory string) map[string]string {
	t.Helper()
	contents := map[string]string{}
	if err := filepath.WalkDir(directory, func(name string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := os.ReadFile(name)
		relative, _ := filepath.Rel(directory, name)
		contents[relative] = string(content)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return contents
}

func TestIndex(t *testing.T) {
	t.Parallel()
	amd64, arm := `{"os": "linux", "architecture": "amd64", "z": 1}`, `{"variant":"v7","architecture":"arm","os":"linux"}`
	first, firstEntry := image(t, arm, "arm layer")
	second, secondEntry := image(t, amd64, "amd64 layer")

	output, digestFile, err := runIndex(t, `{"title": "a <b> é\n=", "b": ""}`, first, second)
	if err != nil {
		t.Fatal(err)
	}
	index := fmt.Sprintf(`{"annotations":{"b":"","title":"a <b> é\n="},"manifests":[`+
		`{"mediaType":%q,"digest":%q,"size":%d,"platform":{"os":"linux","architecture":"arm","variant":"v7"}},`+
		`{"mediaType":%q,"digest":%q,"size":%d,"platform":{"os":"linux","architecture":"amd64"}}],`+
		`"mediaType":"application/vnd.oci.image.index.v1+json","schemaVersion":2}`,
		firstEntry.MediaType, firstEntry.Digest, firstEntry.Size,
		secondEntry.MediaType, secondEntry.Digest, secondEntry.Size)
	want := files(t, first)
	for name, content := range files(t, second) {
		want[name] = content
	}
	want[blobOf(index)] = index
	want["oci-layout"] = `{"imageLayoutVersion":"1.0.0"}`
	want["index.json"] = fmt.Sprintf(`{"manifests":[{"mediaType":%q,"digest":%q,"size":%d}],"mediaType":%q,"schemaVersion":2}`,
		indexMediaType, digestOf(index), len(index), indexMediaType)
	got := files(t, output)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("layout (-want +got):\n%s", diff)
	}
	for name := range got {
		if info, err := os.Lstat(filepath.Join(output, name)); err != nil || !info.Mode().IsRegular() {
			t.Errorf("%s: %v, %v, want a regular file", name, info, err)
		}
	}
	digest, err := os.ReadFile(digestFile)
	if err != nil {
		t.Fatal(err)
	}
	if want := digestOf(index) + "\n"; string(digest) != want {
		t.Errorf("digest file: got %q, want %q", digest, want)
	}
}

func TestIndexErrors(t *testing.T) {
	t.Parallel()
	const config = `{"os":"linux","architecture":"amd64"}`
	good, entry := image(t, config, "layer")
	bad, _ := image(t, `{"os":"linux"}`, "layer")
	null, _ := image(t, `null`, "layer")
	dangling, _ := image(t, config, "layer")
	if err := os.Symlink("nowhere", filepath.Join(dangling, "blobs/sha256/0")); err != nil {
		t.Fatal(err)
	}
	broken := t.TempDir()
	writeFile(t, filepath.Join(broken, "index.json"), "{")
	of := func(mediaType, digest string) string {
		return layout(t, []descriptor{{MediaType: mediaType, Digest: digest}}, "{}", "[]")
	}
	for name, test := range map[string]struct {
		input, annotations, want string
	}{
		"not a layout":        {t.TempDir(), `{}`, "reading the layout"},
		"not JSON":            {broken, `{}`, "index.json: unexpected end of JSON input"},
		"an image index":      {of(indexMediaType, digestOf("{}")), `{}`, "does not name one image"},
		"two":                 {layout(t, []descriptor{entry, entry}), `{}`, "does not name one image"},
		"bad digest":          {of(manifestMediaType, "sha256:../../x"), `{}`, "is not a SHA-256 digest"},
		"missing blob":        {of(manifestMediaType, digestOf("x")), `{}`, "reading the manifest"},
		"manifest is a list":  {of(manifestMediaType, digestOf("[]")), `{}`, "reading the manifest"},
		"no config":           {of(manifestMediaType, digestOf("{}")), `{}`, "reading the config"},
		"no architecture":     {bad, `{}`, "the config has no platform"},
		"config is null":      {null, `{}`, "the config has no platform"},
		"bad annotations":     {good, `{"a":1}`, "reading the annotations"},
		"dangling layer link": {dangling, `{}`, "copying the blobs"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			output, digest, err := runIndex(t, test.annotations, test.input)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got the error %v, want one with %q", err, test.want)
			}
			for _, file := range []string{output, digest} {
				if _, err := os.Stat(file); !os.IsNotExist(err) {
					t.Errorf("a failed run left %s behind", file)
				}
			}
		})
	}
}
