// Package imagetest writes OCI image layouts for tests.
package imagetest

import (
	"encoding/json"
	"hash/fnv"
	"math/rand"
	"os"
	"path/filepath"
	"testing"

	"example.com/reproducible-images/tools/imageset"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// Version is the version of all images.
const Version = "v1.0.0"

// Load returns one image per repository. Their bytes depend on the
// repository's name only.
func Load(t testing.TB, repositories ...string) []imageset.Image {
	t.Helper()
	set, err := imageset.Load(File(t, "", repositories...))
	if err != nil {
		t.Fatal(err)
	}
	return set.Images
}

// File writes one layout per repository and the JSON file that lists them; it
// returns the file's path.
func File(t testing.TB, registry string, repositories ...string) string {
	t.Helper()
	f := imageset.File{Registry: registry}
	for _, r := range repositories {
		f.Images = append(f.Images, imageset.Entry{
			Label:      "//images:" + r,
			Repository: r,
			Version:    Version,
			Layout:     Layout(t, r),
		})
	}
	return Write(t, f)
}

// Write writes the JSON file and returns its path.
func Write(t testing.TB, f imageset.File) string {
	t.Helper()
	raw, err := json.Marshal(f)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "images.json")
	if err := os.WriteFile(path, raw, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// Layout writes an OCI image layout for linux/amd64 and linux/arm64 and
// returns its directory. Its bytes depend on name only. Each platform has two
// layers, of which one is the same in every layout: there is something to
// mount from one repository into another.
func Layout(t testing.TB, name string) string {
	t.Helper()
	index := mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	for _, arch := range []string{"amd64", "arm64"} {
		index = mutate.AppendManifests(index, mutate.IndexAddendum{
			Add:        image(t, name, arch),
			Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: arch}},
		})
	}
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

func image(t testing.TB, name, arch string) v1.Image {
	t.Helper()
	img := mutate.MediaType(empty.Image, types.OCIManifestSchema1)
	img = mutate.ConfigMediaType(img, types.OCIConfigJSON)
	img, err := mutate.AppendLayers(img, layer(t, "base"), layer(t, name+"/"+arch))
	if err != nil {
		t.Fatal(err)
	}
	config, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	config = config.DeepCopy()
	config.OS, config.Architecture = "linux", arch
	config.Config.Entrypoint = []string{"/" + name}
	config.Config.ExposedPorts = map[string]struct{}{"8060/tcp": {}}
	if img, err = mutate.ConfigFile(img, config); err != nil {
		t.Fatal(err)
	}
	return img
}

func layer(t testing.TB, seed string) v1.Layer {
	t.Helper()
	h := fnv.New64a()
	h.Write([]byte(seed))
	l, err := random.Layer(100_000, types.OCILayer, random.WithSource(rand.NewSource(int64(h.Sum64()))))
	if err != nil {
		t.Fatal(err)
	}
	return l
}
