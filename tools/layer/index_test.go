package main

import (
	"crypto/sha256"
	"encoding/json"
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

// layout writes an OCI image layout with the given image index and other blobs, and
// returns its directory.
func layout(t *testing.T, index string, blobs ...string) string {
	t.Helper()
	directory := t.TempDir()
	for _, blob := range append(blobs, index) {
		writeFile(t, filepath.Join(directory, "blobs", strings.Replace(digestOf(blob), ":", "/", 1)), blob)
	}
	writeFile(t, filepath.Join(directory, "index.json"), fmt.Sprintf(`{"manifests":[{"mediaType":%q,"size":%d,"digest":%q}]}`, indexMediaType, len(index), digestOf(index)))
	writeFile(t, filepath.Join(directory, "oci-layout"), `{"imageLayoutVersion": "1.0.0"}`)
	return directory
}

// runIndex runs the program with an annotations file of the given content.
func runIndex(t *testing.T, input, annotations string) (output, digest string, err error) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "annotations.json")
	writeFile(t, file, annotations)
	output, digest = filepath.Join(t.TempDir(), "layout"), filepath.Join(t.TempDir(), "digest")
	return output, digest, run([]string{"index", input, output, digest, file})
}

// files returns the content of all files below a directory, by path.
func files(t *testing.T, directory string) map[string]string {
	t.Helper()
	contents := map[string]string{}
	if err := filepath.WalkDir(directory, func(name string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		if !entry.Type().IsRegular() {
			return fmt.Errorf("%s is not a regular file", name)
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
	manifest, config := `{"schemaVersion": 2}`, `{}`
	input := layout(t, `{
  "schemaVersion": 2,
  "future": {"z": 1.50, "a": "<&>"},
  "manifests": [{"size": 20, "digest": "sha256:1"}],
  "annotations": {"old": "1", "title": "old"}
}`, manifest, config)
	// Layers of oci_image are links.
	link := filepath.Join(input, "blobs/sha256", strings.TrimPrefix(digestOf("layer"), "sha256:"))
	target := filepath.Join(t.TempDir(), "layer")
	writeFile(t, target, "layer")
	if err := os.Symlink(target, link); err != nil {
		t.Fatal(err)
	}

	output, digestFile, err := runIndex(t, input, `{"title": "a <b> é\n=", "b": ""}`)
	if err != nil {
		t.Fatal(err)
	}
	index := `{"annotations":{"b":"","old":"1","title":"a <b> é\n="},` +
		`"future":{"z":1.50,"a":"<&>"},` +
		`"manifests":[{"size":20,"digest":"sha256:1"}],` +
		`"schemaVersion":2}`
	want := map[string]string{
		"index.json": fmt.Sprintf(`{"schemaVersion":2,"mediaType":%q,"manifests":[{"mediaType":%q,"digest":%q,"size":%d}]}`,
			indexMediaType, indexMediaType, digestOf(index), len(index)),
		"oci-layout": `{"imageLayoutVersion":"1.0.0"}`,
	}
	for _, blob := range []string{manifest, config, "layer", index} {
		want["blobs/"+strings.Replace(digestOf(blob), ":", "/", 1)] = blob
	}
	if diff := cmp.Diff(want, files(t, output)); diff != "" {
		t.Errorf("layout (-want +got):\n%s", diff)
	}
	digest, err := os.ReadFile(digestFile)
	if err != nil {
		t.Fatal(err)
	}
	if want := digestOf(index) + "\n"; string(digest) != want {
		t.Errorf("digest file: got %q, want %q", digest, want)
	}
}

// The same index in another layout of white space gives the same bytes.
func TestIndexIsCompact(t *testing.T) {
	t.Parallel()
	var outputs []map[string]string
	for _, index := range []string{
		`{"schemaVersion":2,"manifests":[]}`,
		"{\n  \"manifests\": [],\n  \"schemaVersion\": 2\n}\n",
	} {
		output, _, err := runIndex(t, layout(t, index), `{}`)
		if err != nil {
			t.Fatal(err)
		}
		outputs = append(outputs, files(t, output))
	}
	if diff := cmp.Diff(outputs[0], outputs[1]); diff != "" {
		t.Errorf("layouts differ:\n%s", diff)
	}
}

func TestIndexErrors(t *testing.T) {
	t.Parallel()
	edit := func(index string) string {
		input := layout(t, `{}`)
		os.Remove(filepath.Join(input, "index.json"))
		writeFile(t, filepath.Join(input, "index.json"), index)
		return input
	}
	entry, err := json.Marshal(descriptor{MediaType: indexMediaType, Digest: digestOf("{}")})
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		input, annotations, want string
	}{
		"not a layout":        {t.TempDir(), `{}`, "reading the layout"},
		"not JSON":            {edit(`{`), `{}`, "index.json: unexpected end of JSON input"},
		"an image":            {edit(`{"manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json"}]}`), `{}`, "does not name one image index"},
		"two":                 {edit(fmt.Sprintf(`{"manifests":[%s,%s]}`, entry, entry)), `{}`, "does not name one image index"},
		"bad digest":          {edit(fmt.Sprintf(`{"manifests":[{"mediaType":%q,"digest":"sha256:../../x"}]}`, indexMediaType)), `{}`, "is not a SHA-256 digest"},
		"missing blob":        {edit(fmt.Sprintf(`{"manifests":[{"mediaType":%q,"digest":%q}]}`, indexMediaType, digestOf("x"))), `{}`, "reading the image index"},
		"index is a list":     {layout(t, `[]`), `{}`, "reading the image index"},
		"odd annotations":     {layout(t, `{"annotations":1}`), `{}`, "annotations: json"},
		"bad annotations":     {layout(t, `{}`), `{"a":1}`, "reading the annotations"},
		"dangling layer link": {dangling(t), `{}`, "copying the blobs"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			output, digest, err := runIndex(t, test.input, test.annotations)
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

func dangling(t *testing.T) string {
	t.Helper()
	input := layout(t, `{}`)
	if err := os.Symlink("nowhere", filepath.Join(input, "blobs/sha256/0")); err != nil {
		t.Fatal(err)
	}
	return input
}
