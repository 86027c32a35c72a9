package listing

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

func write(t testing.TB, content []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "archive.tar")
	check(t, os.WriteFile(path, content, 0o600))
	return path
}

// archiveOf is the OCI archive of a layout.
func archiveOf(t testing.TB, directory string) []byte {
	t.Helper()
	var buffer bytes.Buffer
	w := tar.NewWriter(&buffer)
	check(t, w.AddFS(os.DirFS(directory)))
	check(t, w.Close())
	return buffer.Bytes()
}

// dockerArchive is what `docker save` writes.
func dockerArchive(t testing.TB, image v1.Image) []byte {
	t.Helper()
	var buffer bytes.Buffer
	check(t, tarball.Write(must(name.NewTag("hello:v1.0.0")), image, &buffer))
	return buffer.Bytes()
}

func TestOfFile(t *testing.T) {
	content := tarOf(t, file("app", "hello\n"))
	link := tarOf(t, entry{Header: tar.Header{Name: "l", Linkname: "app", Typeflag: tar.TypeSymlink}})
	image := imageOf(t, "amd64", plainLayer(content),
		&testLayer{mediaType: types.OCILayer, stored: gzipped(t, link), unpacked: link},
		&testLayer{mediaType: types.OCILayerZStd, stored: zstandard(t, content), unpacked: content})
	index := indexOf(image)
	directory := layoutOf(t, index)
	want, err := OfIndex(t.Context(), index)
	check(t, err)

	linked := t.TempDir() // as in Bazel's sandbox
	check(t, filepath.WalkDir(directory, func(path string, entry os.DirEntry, err error) error {
		inLinked := filepath.Join(linked, strings.TrimPrefix(path, directory))
		if err == nil && entry.IsDir() {
			return os.MkdirAll(inLinked, 0o700)
		}
		return errors.Join(err, os.Symlink(path, inLinked))
	}))
	for _, path := range []string{directory, linked, write(t, archiveOf(t, directory))} {
		got, err := OfFile(t.Context(), path)
		check(t, err)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", path, diff)
		}
	}

	docker, err := OfFile(t.Context(), write(t, dockerArchive(t, image)))
	check(t, err)
	if l, err := OfImage(t.Context(), image, false); err != nil || !cmp.Equal(l, docker) {
		t.Errorf("docker archive: error %v (-want +got):\n%s", err, cmp.Diff(l, docker))
	}
	a, b, missing := Overlap(want, docker)
	if diff := cmp.Diff(a, b); diff != "" || len(a) != len(docker) {
		t.Errorf("docker archive: %d of %d facts in common (-want +got):\n%s", len(a), len(docker), diff)
	}
	if diff := cmp.Diff([]string{"index, manifests and compressed layers"}, missing); diff != "" {
		t.Errorf("docker archive: missing (-want +got):\n%s", diff)
	}

	// The layers of a docker archive are named by the config alone.
	damaged := bytes.Replace(dockerArchive(t, imageOf(t, "amd64", plainLayer(content))), []byte("hello"), []byte("hellO"), 1)
	l, err := OfFile(t.Context(), write(t, damaged))
	check(t, err)
	if got := l.Value("linux/amd64 layer 1 damage"); !strings.Contains(got, "the diff ID is") {
		t.Errorf("damaged docker archive: damage %q\n%s", got, textOf(l))
	}
}

// TestOfImage lists a layout whose index.json names a manifest.
func TestOfImage(t *testing.T) {
	image := imageOf(t, "arm64", plainLayer(tarOf(t, file("app", "hello\n"))))
	directory := layoutOf(t, indexOf(image))
	digest, err := image.Digest()
	check(t, err)
	writeIndex(t, directory, fmt.Sprintf(`[{"mediaType": %q, "digest": "%s"}]`, types.OCIManifestSchema1, digest))
	got, err := OfFile(t.Context(), directory)
	check(t, err)
	index, err := OfIndex(t.Context(), indexOf(image))
	check(t, err)
	a, b, missing := Overlap(index, got)
	if diff := cmp.Diff(a, b); diff != "" || len(b) != len(got) {
		t.Errorf("one image (-index +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"index"}, missing); diff != "" {
		t.Errorf("missing (-want +got):\n%s", diff)
	}
}

func writeIndex(t testing.TB, directory, manifests string) {
	t.Helper()
	check(t, os.WriteFile(filepath.Join(directory, "index.json"), []byte(`{"schemaVersion": 2, "manifests": `+manifests+`}`), 0o600))
}

func writeBlob(t testing.TB, directory string, blob []byte) {
	t.Helper()
	check(t, os.MkdirAll(filepath.Join(directory, "blobs", "sha256"), 0o700))
	check(t, os.WriteFile(filepath.Join(directory, "blobs", "sha256", hashOf(blob).Hex), blob, 0o600))
}

// layoutOfBlob is a layout whose index.json names this index.
func layoutOfBlob(t testing.TB, index []byte) string {
	t.Helper()
	directory := t.TempDir()
	writeBlob(t, directory, index)
	writeIndex(t, directory, fmt.Sprintf(`[{"mediaType": %q, "digest": "%s"}]`, types.OCIImageIndex, hashOf(index)))
	return directory
}

// layoutOfManifest is the layout of an image for linux/amd64 whose manifest is changed.
func layoutOfManifest(t testing.TB, change func(*v1.Manifest)) string {
	t.Helper()
	layer := plainLayer(tarOf(t, file("app", "hello\n")))
	image := imageOf(t, "amd64", layer)
	manifest := must(image.Manifest()).DeepCopy()
	change(manifest)
	blob := must(json.Marshal(manifest))
	const index = `{"manifests": [{"mediaType": %q, "digest": "%s", "platform": {"os": "linux", "architecture": "amd64"}}]}`
	directory := layoutOfBlob(t, fmt.Appendf(nil, index, types.OCIManifestSchema1, hashOf(blob)))
	for _, blob := range [][]byte{blob, layer.stored, must(image.RawConfigFile())} {
		writeBlob(t, directory, blob)
	}
	return directory
}

// TestManifest has manifests that do not fit what they lead to.
func TestManifest(t *testing.T) {
	for _, test := range []struct {
		change func(*v1.Manifest)
		want   string // a line
		not    string // in no line
	}{
		{func(m *v1.Manifest) { m.Layers[0].Size++ }, `linux/amd64 layer 1 damage: "the content is sha256:`, ""},
		{func(m *v1.Manifest) { m.Layers = append(m.Layers, m.Layers[0]) }, `linux/amd64 config damage: "the manifest has 2 layers, the config 1"`, ""},
		{func(m *v1.Manifest) { m.Config.MediaType = "application/x" }, "linux/amd64 config media type: application/x\n", "config ."},
		{func(m *v1.Manifest) { m.Layers[0].Annotations = map[string]string{"a": "b"} }, `linux/amd64 layer 1 annotation a: "b"`, "damage"},
	} {
		l, err := OfFile(t.Context(), layoutOfManifest(t, test.change))
		check(t, err)
		if text := textOf(l); !strings.Contains(text, test.want) || test.not != "" && strings.Contains(text, test.not) {
			t.Errorf("no line %s, or one with %s:\n%s", test.want, test.not, text)
		}
	}
}

func TestOfFileErrors(t *testing.T) {
	image := imageOf(t, "amd64", plainLayer(tarOf(t, file("app", "hello\n"))))
	docker := dockerArchive(t, image)
	layoutWith := func(manifests string) string {
		directory := t.TempDir()
		writeIndex(t, directory, manifests)
		return directory
	}
	wrongIndex := layoutOf(t, indexOf(image))
	digest := hashOf(must(indexOf(image).RawManifest()))
	check(t, os.WriteFile(filepath.Join(wrongIndex, "blobs", "sha256", digest.Hex), []byte(`{"manifests": []}`), 0o600))
	const sha512 = "cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e"
	otherDigest := layoutOfBlob(t, fmt.Appendf(nil, `{"manifests": [{"mediaType": %q, "digest": "sha512:%s"}]}`, types.OCIManifestSchema1, sha512))
	check(t, os.MkdirAll(filepath.Join(otherDigest, "blobs", "sha512"), 0o700))
	check(t, os.WriteFile(filepath.Join(otherDigest, "blobs", "sha512", sha512), nil, 0o600))
	const descriptor = `{"mediaType": "application/x", "digest": "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"}`
	manyManifests := `{"manifests": [` + descriptor + strings.Repeat(","+descriptor, maxChildren) + `]}`
	for _, test := range []struct{ name, path, want string }{
		{"no such file", "/no/such/file", "stat /no/such/file: no such file or directory"},
		{"empty directory", t.TempDir(), "index.json: no such file"},
		{"no image", layoutWith(`[]`), "index.json names 0 images, expected one"},
		{"two images", layoutWith(`[` + descriptor + `,` + descriptor + `]`), "index.json names 2 images, expected one"},
		{"no JSON", layoutWith(`[`), "index.json: invalid character '}'"},
		{"bad digest", layoutWith(`[{"digest": "sha256:x"}]`), "index.json: "},
		{"large index.json", layoutWith(`[` + strings.Repeat(" ", maxDocument) + `]`), "index.json: it is too large"},
		{"unknown media type", layoutWith(`[` + descriptor + `]`), "unexpected media type"},
		{"wrong index", wrongIndex, "its descriptor says " + digest.String()},
		{"large index", layoutOfBlob(t, make([]byte, maxDocument+1)), "it is too large: more than 4194304 bytes"},
		{"many manifests", layoutOfBlob(t, []byte(manyManifests)), "more than 1000 manifests"},
		{"large manifest", layoutOfManifest(t, func(m *v1.Manifest) { m.Annotations = map[string]string{"a": strings.Repeat("x", maxDocument)} }),
			"reading linux/amd64: it is too large"},
		{"large config", layoutOfManifest(t, func(m *v1.Manifest) { m.Config.Size = maxDocument + 1 }), "the config is too large"},
		{"many layers", layoutOfManifest(t, func(m *v1.Manifest) { m.Layers = slices.Repeat(m.Layers, maxChildren+1) }), "more than 1000 layers"},
		{"other digest", otherDigest, `cannot be checked, only sha256`},
		{"empty file", write(t, nil), "it has neither the index.json of an OCI archive nor the manifest.json of a docker archive"},
		{"no archive", write(t, bytes.Repeat([]byte("x"), 1024)), "archive/tar: invalid tar header"},
		{"other archive", write(t, tarOf(t, file("x", ""))), "it has neither the index.json"},
		{"truncated archive", write(t, docker[:len(docker)/2]), "unexpected EOF"},
		{"sparse file", write(t, sparse(t, "manifest.json", 4<<30)), `"manifest.json": it has more bytes than the archive`},
		{"large manifest.json", write(t, tarOf(t, file("manifest.json", strings.Repeat(" ", maxDocument+1)))), `"manifest.json": it is too large`},
		{"manifest.json is no JSON", write(t, tarOf(t, file("manifest.json", "{"))), "unexpected EOF"},
		{"no config", write(t, tarOf(t, file("manifest.json", `[{"Config": "c"}]`))), "file c not found in tar"},
		{"outside", write(t, tarOf(t, file("index.json", ""), file("../x", ""))), `"../x": mkdirat ..: path escapes from parent`},
		{"absolute", write(t, tarOf(t, file("index.json", ""), file("/x", ""))), `"/x": `},
		{"file as directory", write(t, tarOf(t, file("index.json", ""), file("index.json/x", ""))), `"index.json/x": `},
	} {
		l, err := OfFile(t.Context(), test.path)
		if err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), test.path) {
			t.Errorf("%s: %d facts, error %v, want one about %s with %q", test.name, len(l), err, test.path, test.want)
		}
	}
}

func FuzzFile(f *testing.F) {
	set(f, &maxUnpacked, 1<<20)
	set(f, &maxText, 1<<20)
	image := imageOf(f, "amd64", plainLayer(tarOf(f, file("app", "hello\n"))))
	f.Add(archiveOf(f, layoutOf(f, indexOf(image))))
	f.Add(dockerArchive(f, image))
	f.Add(sparse(f, "manifest.json", 1<<30))
	f.Fuzz(func(t *testing.T, content []byte) {
		if l, err := OfFile(t.Context(), write(t, content)); err == nil {
			checkRoundTrip(t, l)
		}
	})
}
