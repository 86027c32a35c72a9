// Package imagetest makes small images for tests.
package imagetest

import (
	"archive/tar"
	"bytes"
	"io"
	"maps"
	"slices"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// Index is an image index for linux/amd64 and linux/arm64, each with one layer of these
// files (path without leading slash to content). Equal files give an equal digest.
func Index(t testing.TB, files map[string]string) v1.ImageIndex {
	t.Helper()
	index := mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	for _, architecture := range []string{"amd64", "arm64"} {
		index = mutate.AppendManifests(index, mutate.IndexAddendum{
			Add:        Image(t, architecture, files),
			Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: architecture}},
		})
	}
	return mutate.Annotations(index, map[string]string{"org.opencontainers.image.source": "https://example.com/app"}).(v1.ImageIndex)
}

// Image is an image of one layer, for one architecture.
func Image(t testing.TB, architecture string, files map[string]string) v1.Image {
	t.Helper()
	content := Tar(t, files)
	layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(content)), nil
	}, tarball.WithMediaType(types.OCILayer))
	must(t, err)
	image, err := mutate.AppendLayers(mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON), layer)
	must(t, err)
	config, err := image.ConfigFile()
	must(t, err)
	config = config.DeepCopy()
	config.OS, config.Architecture = "linux", architecture
	config.Config.User = "65534:65534"
	config.Config.Entrypoint = []string{"/app"}
	image, err = mutate.ConfigFile(image, config)
	must(t, err)
	return image
}

// Tar is a tar archive of regular files with mode 0644.
func Tar(t testing.TB, files map[string]string) []byte {
	t.Helper()
	var buffer bytes.Buffer
	w := tar.NewWriter(&buffer)
	for _, path := range slices.Sorted(maps.Keys(files)) {
		must(t, w.WriteHeader(&tar.Header{Name: path, Mode: 0o644, Size: int64(len(files[path])), Format: tar.FormatUSTAR}))
		_, err := io.WriteString(w, files[path])
		must(t, err)
	}
	must(t, w.Close())
	return buffer.Bytes()
}

// Layout writes an OCI image layout that holds the index, and returns its directory.
func Layout(t testing.TB, index v1.ImageIndex) string {
	t.Helper()
	directory := t.TempDir()
	path, err := layout.Write(directory, empty.Index)
	must(t, err)
	must(t, path.AppendIndex(index))
	return directory
}

// Digest is the digest of the index.
func Digest(t testing.TB, index v1.ImageIndex) v1.Hash {
	t.Helper()
	digest, err := index.Digest()
	must(t, err)
	return digest
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
