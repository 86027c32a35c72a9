package listing

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// entry is an entry of a tar archive.
type entry struct {
	tar.Header
	content string
}

func file(name, content string) entry {
	return entry{tar.Header{Name: name, Mode: 0o644, Typeflag: tar.TypeReg}, content}
}

func tarOf(t testing.TB, entries ...entry) []byte {
	t.Helper()
	var buffer bytes.Buffer
	w := tar.NewWriter(&buffer)
	for _, e := range entries {
		e.Size = int64(len(e.content))
		check(t, w.WriteHeader(&e.Header))
		_, err := io.WriteString(w, e.content)
		check(t, err)
	}
	check(t, w.Close())
	return buffer.Bytes()
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// testLayer is a layer of any bytes. The digest and diff ID are those of the bytes,
// however they are read.
type testLayer struct {
	mediaType        types.MediaType
	stored, unpacked []byte
	read             func(io.Reader) io.Reader // nil for reading them as they are
}

func plainLayer(content []byte) *testLayer {
	return &testLayer{mediaType: types.OCIUncompressedLayer, stored: content, unpacked: content}
}

func (l *testLayer) Digest() (v1.Hash, error)             { return hashOf(l.stored), nil }
func (l *testLayer) DiffID() (v1.Hash, error)             { return hashOf(l.unpacked), nil }
func (l *testLayer) Size() (int64, error)                 { return int64(len(l.stored)), nil }
func (l *testLayer) MediaType() (types.MediaType, error)  { return l.mediaType, nil }
func (l *testLayer) Uncompressed() (io.ReadCloser, error) { return l.open(l.unpacked) }
func (l *testLayer) Compressed() (io.ReadCloser, error)   { return l.open(l.stored) }

func (l *testLayer) open(content []byte) (io.ReadCloser, error) {
	var r io.Reader = bytes.NewReader(content)
	if l.read != nil {
		r = l.read(r)
	}
	return io.NopCloser(r), nil
}

func hashOf(content []byte) v1.Hash {
	return v1.Hash{Algorithm: "sha256", Hex: fmt.Sprintf("%x", sha256.Sum256(content))}
}

// imageOf is an image for linux and an architecture.
func imageOf(t testing.TB, architecture string, layers ...v1.Layer) v1.Image {
	t.Helper()
	image := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	image, err := mutate.ConfigFile(image, &v1.ConfigFile{OS: "linux", Architecture: architecture, Config: v1.Config{
		Entrypoint: []string{"/app"}, Labels: map[string]string{"a: b": "<ü>"},
	}})
	check(t, err)
	image, err = mutate.AppendLayers(image, layers...)
	check(t, err)
	return mutate.Annotations(image, map[string]string{"title": "x"}).(v1.Image)
}

func indexOf(images ...v1.Image) v1.ImageIndex {
	index := mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	for _, image := range images {
		config, _ := image.ConfigFile()
		index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: image, Descriptor: v1.Descriptor{Platform: config.Platform()}})
	}
	return index
}

func layoutOf(t testing.TB, index v1.ImageIndex) string {
	t.Helper()
	directory := t.TempDir()
	path, err := layout.Write(directory, empty.Index)
	check(t, err)
	check(t, path.AppendIndex(index))
	return directory
}

func textOf(l Listing) string {
	var text strings.Builder
	_, _ = l.WriteTo(&text)
	return text.String()
}

func TestOfIndex(t *testing.T) {
	layer := plainLayer(tarOf(t, file("app", "hello\n")))
	image := imageOf(t, "arm64", layer)
	index := mutate.Annotations(indexOf(image), map[string]string{"a b": "c"}).(v1.ImageIndex)
	got, err := OfIndex(t.Context(), index)
	check(t, err)
	want := strings.NewReplacer(
		"INDEX", hashOf(must(index.RawManifest())).String(),
		"MANIFEST", hashOf(must(image.RawManifest())).String(),
		"CONFIG", hashOf(must(image.RawConfigFile())).String(),
		"LAYER", hashOf(layer.stored).String(),
		"FILE", hashOf([]byte("hello\n")).String(),
	).Replace(`index annotation "a b": "c"
index digest: INDEX
index media type: application/vnd.oci.image.index.v1+json
linux/arm64 annotation title: "x"
linux/arm64 compressed size: 2048
linux/arm64 config .architecture: "arm64"
linux/arm64 config .config.Entrypoint: ["/app"]
linux/arm64 config .config.Labels["a: b"]: "<ü>"
linux/arm64 config .created: "0001-01-01T00:00:00Z"
linux/arm64 config .history[0].created: "0001-01-01T00:00:00Z"
linux/arm64 config .os: "linux"
linux/arm64 config .rootfs.diff_ids: ["LAYER"]
linux/arm64 config .rootfs.type: ""
linux/arm64 config digest: CONFIG
linux/arm64 digest: MANIFEST
linux/arm64 layer 1 /app digest: FILE
linux/arm64 layer 1 /app mode: 0644
linux/arm64 layer 1 /app owner: 0:0
linux/arm64 layer 1 /app size: 6
linux/arm64 layer 1 /app type: file
linux/arm64 layer 1 diff ID: LAYER
linux/arm64 layer 1 digest: LAYER
linux/arm64 layer 1 media type: application/vnd.oci.image.layer.v1.tar
linux/arm64 layer 1 size: 2048
linux/arm64 media type: application/vnd.oci.image.manifest.v1+json
linux/arm64 unpacked size: 6
`)
	if diff := cmp.Diff(want, textOf(got)); diff != "" {
		t.Errorf("listing (-want +got):\n%s", diff)
	}
	parsed, err := Parse(strings.NewReader(want))
	check(t, err)
	if diff := cmp.Diff(got, parsed); diff != "" {
		t.Errorf("Parse of what WriteTo wrote (-want +got):\n%s", diff)
	}
	// A nested index is not followed.
	nested := mutate.AppendManifests(empty.Index, mutate.IndexAddendum{Add: empty.Index})
	got, err = OfIndex(t.Context(), nested)
	check(t, err)
	wantNested := "application/vnd.oci.image.index.v1+json " + hashOf(must(empty.Index.RawManifest())).String()
	if diff := cmp.Diff(wantNested, got.Value("index manifest unknown")); diff != "" {
		t.Errorf("nested index (-want +got):\n%s", diff)
	}
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

func TestPlatform(t *testing.T) {
	for in, want := range map[string]string{
		"linux/amd64": "linux/amd64", "linux/amd64/v1": "linux/amd64", "linux/amd64/v3": "linux/amd64/v3",
		"linux/arm64": "linux/arm64", "linux/arm64/v8": "linux/arm64", "linux/arm64/v9": "linux/arm64/v9",
		"linux/arm": "linux/arm/v7", "linux/arm/v7": "linux/arm/v7", "linux/arm/v6": "linux/arm/v6",
		"windows/amd64:10.0": "windows/amd64", "li nux\n/amd64": `"li\x20nux\n/amd64"`, "/": "unknown",
	} {
		if got := Platform(must(v1.ParsePlatform(in))); got != want {
			t.Errorf("Platform(%q) = %s, want %s", in, got, want)
		}
	}
	if got := Platform(nil); got != "unknown" {
		t.Errorf("Platform(nil) = %s, want unknown", got)
	}
}

// TestDamage changes the blobs of a layout.
func TestDamage(t *testing.T) {
	archive := tarOf(t, file("app", "hello\n"), file("x", strings.Repeat("x", 1000)))
	image := imageOf(t, "amd64", plainLayer(archive))
	manifest, config := must(image.RawManifest()), must(image.RawConfigFile())
	const layer, twice = "linux/amd64 layer 1", "linux/amd64 layer 1 damage, linux/amd64 layer 1 damage, "
	for _, test := range []struct {
		name     string
		old, new []byte // nil removes the blob
		want     string // the keys of the first differences
		text     string // in the differences, or in the error
	}{
		{"one byte", archive, bytes.Replace(archive, []byte("hello"), []byte("hellO"), 1),
			twice + layer + " /app digest, " + layer + " diff ID, " + layer + " digest", "the content is sha256:"},
		{"truncated", archive, archive[:1600], twice + layer + " /x digest, " + layer + " /x size", "/x: unexpected EOF"},
		{"more", archive, append(bytes.Clone(archive), "more"...),
			twice + "linux/amd64 compressed size, " + layer + " diff ID", "3588 bytes; the manifest says"},
		{"no archive", archive, bytes.Repeat([]byte("x"), 1000), twice, "archive/tar: invalid tar header"},
		{"no gzip", archive, []byte("\x1f\x8bxxxxxxxxxx"), twice, "gzip: invalid header"},
		{"no zstd", archive, []byte("\x28\xb5\x2f\xfdxxxxxxxxx"), twice, "reserved bit set on frame header"},
		{"config", config, bytes.Replace(config, []byte("/app"), []byte("/apP"), 1),
			"linux/amd64 config damage, linux/amd64 config .config.Entrypoint, linux/amd64 config digest", "its descriptor says"},
		{"config is no JSON", config, []byte("{} {}"), "linux/amd64 config damage, linux/amd64 damage", "its descriptor says"},
		{"manifest", manifest, bytes.Replace(manifest, []byte(`"x"`), []byte(`"y"`), 1), "linux/amd64 damage", "its descriptor says"},
		{"manifest is no JSON", manifest, []byte("{"), "linux/amd64 damage", "its descriptor says"},
		{"no layer", archive, nil, "", "no such file"},
		{"no config", config, nil, "", "no such file"},
		{"no manifest", manifest, nil, "", "no such file"},
	} {
		t.Run(test.name, func(t *testing.T) {
			directory := layoutOf(t, indexOf(image))
			before, err := OfFile(t.Context(), directory)
			check(t, err)
			blob := filepath.Join(directory, "blobs", "sha256", hashOf(test.old).Hex)
			check(t, os.Remove(blob))
			if test.new == nil {
				if _, err := OfFile(t.Context(), directory); err == nil || !strings.Contains(err.Error(), test.text) || !strings.Contains(err.Error(), blob) {
					t.Errorf("error = %v, want one about %s with %q", err, blob, test.text)
				}
				return
			}
			check(t, os.WriteFile(blob, test.new, 0o600))
			after, err := OfFile(t.Context(), directory)
			check(t, err)
			differences := Diff(before, after)
			var keys []string
			for _, d := range differences {
				keys = append(keys, d.Key)
			}
			var text strings.Builder
			Print(&text, differences)
			if !strings.HasPrefix(strings.Join(keys, ", "), test.want) || !strings.Contains(text.String(), test.text) {
				t.Errorf("differences are\n%swant %s, with %q", &text, test.want, test.text)
			}
		})
	}
}

// TestNotDamage has errors of what leads to the content.
func TestNotDamage(t *testing.T) {
	canceled, cancel := context.WithCancel(t.Context())
	defer cancel()
	content := tarOf(t, file("app", strings.Repeat("x", 1<<20)))
	for _, test := range []struct {
		name string
		ctx  context.Context
		err  error
	}{
		{"network", t.Context(), &net.OpError{Op: "read", Err: errors.New("reset")}},
		{"registry", t.Context(), &transport.Error{StatusCode: http.StatusNotFound}},
		{"canceled", canceled, context.Canceled},
	} {
		t.Run(test.name, func(t *testing.T) {
			layer := plainLayer(content)
			image := imageOf(t, "amd64", layer)
			layer.read = func(r io.Reader) io.Reader {
				failing := iotest.ErrReader(test.err)
				if test.ctx == canceled {
					failing = iotest.OneByteReader(r)
					cancel()
				}
				return io.MultiReader(io.LimitReader(r, 1000), failing)
			}
			if l, err := OfIndex(test.ctx, indexOf(image)); !errors.Is(err, test.err) {
				t.Errorf("OfIndex = %d facts, error %v, want %v", len(l), err, test.err)
			}
		})
	}
}
