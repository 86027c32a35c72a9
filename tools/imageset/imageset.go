// Package imageset reads the set of images that a command works on: a JSON
// file (see File) that names OCI image layouts, each with one image index
// that has one image per platform.
//
// Nothing it returns is unchecked: every manifest, configuration and layer
// blob has the size and the digest that its descriptor states.
package imageset

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bazelbuild/rules_go/go/runfiles"
	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// LatestTag is the tag that follows the newest published version.
const LatestTag = "latest"

// Set is what a command works on.
type Set struct {
	// Registry is the default registry, HOST[:PORT][/PATH]; it may be empty.
	Registry string
	// Images are in the file's order, at least one, each with a repository
	// of its own.
	Images []Image
	// Digests is the path of the file with the recorded digests, as the build
	// has it; empty if the set names none.
	Digests string
	// DigestsSource is the path of its source, below the workspace unless it
	// is absolute.
	DigestsSource string
}

// Image is one multi-platform image.
type Image struct {
	// Label is the image's Bazel label, for messages.
	Label string
	// Repository is the name below the registry, for example "hello".
	Repository string
	// Version is the version tag, vMAJOR.MINOR.PATCH.
	Version string
	// Layout is the directory of the OCI image layout, absolute or relative to
	// the working directory.
	Layout string
	// Index is the image index (OCI image specification, section "Image
	// Index"); its digest is Digest.
	Index  v1.ImageIndex
	Digest v1.Hash
	// Platforms are the images of the index, in its order, at least one.
	Platforms []Platform
}

// Platform is the image for one platform.
type Platform struct {
	v1.Platform
	// Digest is that of the image's manifest.
	Digest v1.Hash
	Image  v1.Image
	// CompressedSize is the sum of the layers' sizes as stored, in bytes.
	CompressedSize int64
}

// DefaultFile is the path of the JSON file that Bazel puts beside the running
// command.
func DefaultFile() string { return os.Args[0] + ".images.json" }

// Load reads the JSON file and opens the layouts it names. The error names
// the file, or the image and its layout, and what is wrong with it.
func Load(file string) (*Set, error) {
	f, err := readFile(file)
	if err != nil {
		return nil, err
	}
	set := &Set{Registry: f.Registry}
	if f.Digests != "" {
		if set.Digests, err = locate(f.Digests); err != nil {
			return nil, err
		}
		set.DigestsSource = f.Digests
		if !filepath.IsAbs(f.Digests) {
			// A runfiles path begins with the repository's name.
			_, set.DigestsSource, _ = strings.Cut(f.Digests, "/")
		}
	}
	for _, e := range f.Images {
		img, err := open(e)
		if err != nil {
			return nil, fmt.Errorf("image %s: %w", e.Label, err)
		}
		set.Images = append(set.Images, img)
	}
	return set, nil
}

func open(e Entry) (Image, error) {
	dir, err := locate(e.Layout)
	if err != nil {
		return Image{}, err
	}
	index, digest, err := ReadLayout(dir)
	if err != nil {
		return Image{}, fmt.Errorf("OCI layout %s: %w", dir, err)
	}
	platforms, err := platforms(index)
	if err != nil {
		return Image{}, fmt.Errorf("OCI layout %s: %w", dir, err)
	}
	return Image{
		Label:      e.Label,
		Repository: e.Repository,
		Version:    e.Version,
		Layout:     dir,
		Index:      index,
		Digest:     digest,
		Platforms:  platforms,
	}, nil
}

// locate resolves a runfiles path; an absolute path stays as it is.
func locate(path string) (string, error) {
	if filepath.IsAbs(path) {
		return path, nil
	}
	found, err := runfiles.Rlocation(path)
	if err != nil {
		return "", fmt.Errorf("finding %s: %w", path, err)
	}
	return found, nil
}

// platforms lists the images of an index that ReadLayout has checked.
func platforms(index v1.ImageIndex) ([]Platform, error) {
	m, err := index.IndexManifest()
	if err != nil {
		return nil, err
	}
	var out []Platform
	for _, desc := range m.Manifests {
		p := Platform{Platform: *desc.Platform, Digest: desc.Digest}
		if slices.ContainsFunc(out, func(o Platform) bool { return o.Equals(p.Platform) }) {
			return nil, fmt.Errorf("the index has two images for %s", p)
		}
		if p.Image, err = index.Image(desc.Digest); err != nil {
			return nil, err
		}
		manifest, err := p.Image.Manifest()
		if err != nil {
			return nil, fmt.Errorf("image for %s: %w", p, err)
		}
		for _, l := range manifest.Layers {
			p.CompressedSize += l.Size
		}
		out = append(out, p)
	}
	return out, nil
}

// UncompressedSize is the sum of the layers' sizes as uncompressed tar
// archives, in bytes. It decompresses every layer, and fails when one differs
// from its diff ID (OCI image specification, section "Layer DiffID").
func (p Platform) UncompressedSize() (int64, error) {
	layers, err := p.Image.Layers()
	if err != nil {
		return 0, fmt.Errorf("image for %s: %w", p, err)
	}
	config, err := p.Image.ConfigFile()
	if err != nil {
		return 0, fmt.Errorf("image for %s: configuration: %w", p, err)
	}
	if len(layers) != len(config.RootFS.DiffIDs) {
		return 0, fmt.Errorf("image for %s: %d layers, but %d diff IDs in the configuration", p, len(layers), len(config.RootFS.DiffIDs))
	}
	var sum int64
	for i, l := range layers {
		n, err := uncompressedSize(l, config.RootFS.DiffIDs[i])
		if err != nil {
			return 0, fmt.Errorf("image for %s: layer %d: %w", p, i+1, err)
		}
		sum += n
	}
	return sum, nil
}

func uncompressedSize(l v1.Layer, diffID v1.Hash) (n int64, err error) {
	r, err := l.Uncompressed()
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	got, n, err := v1.SHA256(r)
	if err != nil {
		return 0, err
	}
	if got != diffID {
		return 0, fmt.Errorf("its content has the diff ID %s, not %s as the configuration says", got, diffID)
	}
	return n, nil
}
