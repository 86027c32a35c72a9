// Package publishtest makes small images and options for tests of pushes.
package publishtest

import (
	"testing"
	"time"

	"example.com/reproducible-images/tools/imageset"
	"example.com/reproducible-images/tools/internal/remotes"
	"example.com/reproducible-images/tools/push/publish"
	"github.com/google/go-containerregistry/pkg/authn"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// Backoff is for tests: as many tries as usual, without the waiting.
var Backoff = remote.Backoff{Duration: time.Millisecond, Factor: 1, Steps: 5}

// Options are those for a registry on this machine, without credentials.
func Options(t testing.TB, registry string) publish.Options {
	t.Helper()
	target, err := remotes.ParseTarget(registry)
	if err != nil {
		t.Fatal(err)
	}
	return publish.Options{Target: target, Keychain: authn.NewMultiKeychain(), Backoff: Backoff}
}

// Image returns an image of a few hundred bytes for each architecture, with a
// layer that holds content.
func Image(t testing.TB, repository, version, content string, architectures ...string) imageset.Image {
	t.Helper()
	index := mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	img := imageset.Image{Label: "//images:" + repository, Repository: repository, Version: version}
	for _, arch := range architectures {
		p := platform(t, arch, content)
		index = mutate.AppendManifests(index, mutate.IndexAddendum{
			Add:        p.Image,
			Descriptor: v1.Descriptor{Platform: &p.Platform},
		})
		img.Platforms = append(img.Platforms, p)
	}
	digest, err := index.Digest()
	if err != nil {
		t.Fatal(err)
	}
	img.Index, img.Digest = index, digest
	return img
}

func platform(t testing.TB, arch, content string) imageset.Platform {
	t.Helper()
	img := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	img, err := mutate.AppendLayers(img, static.NewLayer([]byte(content+"/"+arch), types.OCILayer))
	if err != nil {
		t.Fatal(err)
	}
	config, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	config = config.DeepCopy()
	config.OS, config.Architecture = "linux", arch
	if img, err = mutate.ConfigFile(img, config); err != nil {
		t.Fatal(err)
	}
	digest, err := img.Digest()
	if err != nil {
		t.Fatal(err)
	}
	return imageset.Platform{Platform: v1.Platform{OS: "linux", Architecture: arch}, Digest: digest, Image: img}
}
