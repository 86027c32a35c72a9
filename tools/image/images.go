package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"example.com/reproducible-images/tools/image/listing"
	"example.com/reproducible-images/tools/image/publish"
	"example.com/reproducible-images/tools/image/registry"
	"github.com/bazelbuild/rules_go/go/runfiles"
	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// imageList is the JSON file that the rule image_set writes: the images that a command
// works on. Paths are runfiles paths or absolute.
type imageList struct {
	Images []*builtImage `json:"images"`
	// Registry is the default registry, HOST[:PORT][/PATH], or empty.
	Registry string `json:"registry"`
	// Digests is the directory of the records, relative to the workspace.
	Digests string `json:"digests"`
	// Records are all files in that directory.
	Records []string `json:"records"`
}

// builtImage is an image that Bazel built.
type builtImage struct {
	// Label is the Bazel label, for messages.
	Label string `json:"label"`
	// Repository is the name in a registry, without the registry.
	Repository string `json:"repository"`
	// Version is the version tag.
	Version string `json:"version"`
	// Layout is the OCI image layout directory.
	Layout string `json:"layout"`
	// Record is the file with the recorded facts; empty if there is none yet.
	Record string `json:"record"`
	// SBOMs are the SPDX documents by platform, such as "linux/amd64".
	SBOMs map[string]string `json:"sboms"`

	index  v1.ImageIndex
	digest v1.Hash
	sboms  map[string][]byte
}

// imagesFlags are the flags of all commands that work on images.
type imagesFlags struct {
	file  *string
	names *list
}

func newImagesFlags(flags *flag.FlagSet) imagesFlags {
	return imagesFlags{
		file:  flags.String("images", "", "read the list of images from this `file`, not the one that Bazel wrote"),
		names: listFlag(flags, "image", "only the image of this repository `name`"),
	}
}

// load reads the list, opens the chosen images and checks their indexes.
func (f imagesFlags) load(e *environment) (*imageList, error) {
	file := e.program + ".images.json"
	if *f.file != "" {
		file = e.path(*f.file)
	}
	images, err := readImageList(file)
	if err != nil {
		return nil, err
	}
	if images.Images, err = choose(images.Images, *f.names); err != nil {
		return nil, err
	}
	for _, image := range images.Images {
		if err := image.open(); err != nil {
			return nil, fmt.Errorf("image %s: %w", image.Label, err)
		}
	}
	return images, nil
}

func readImageList(file string) (*imageList, error) {
	raw, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("there is no list of images at %s: start this command with `bazel run`, or name the list with --images FILE", file)
	}
	if err != nil {
		return nil, fmt.Errorf("reading the list of images: %w", err)
	}
	images := &imageList{}
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(images); err != nil {
		return nil, fmt.Errorf("reading the list of images %s: %w", file, err)
	}
	if len(images.Images) == 0 {
		return nil, fmt.Errorf("the list of images %s is empty", file)
	}
	seen := map[string]string{}
	for _, image := range images.Images {
		if err := image.check(seen); err != nil {
			return nil, fmt.Errorf("list of images %s: image %s: %w", file, image.Label, err)
		}
	}
	return images, nil
}

func (i *builtImage) check(seen map[string]string) error {
	if err := registry.CheckRepository(i.Repository); err != nil {
		return err
	}
	if !publish.IsVersion(i.Version) {
		return fmt.Errorf("bad version %q: write vMAJOR.MINOR.PATCH, such as v1.0.0, or a pre-release of it, such as v1.1.0-rc.1", i.Version)
	}
	if i.Layout == "" {
		return errors.New("it has no layout")
	}
	if other, ok := seen[i.Repository]; ok {
		return fmt.Errorf("%s has the same repository %q: give each its own", other, i.Repository)
	}
	seen[i.Repository] = i.Label
	return nil
}

func choose(images []*builtImage, names []string) ([]*builtImage, error) {
	if len(names) == 0 {
		return images, nil
	}
	var chosen []*builtImage
	var known []string
	wanted := map[string]bool{}
	for _, name := range names {
		wanted[name] = true
	}
	for _, image := range images {
		known = append(known, image.Repository)
		if wanted[image.Repository] {
			chosen = append(chosen, image)
			delete(wanted, image.Repository)
		}
	}
	for name := range wanted {
		return nil, usageError("there is no image %q; the images are %s", name, strings.Join(known, ", "))
	}
	return chosen, nil
}

func (i *builtImage) open() error {
	directory, err := locate(i.Layout)
	if err != nil {
		return err
	}
	index, _, err := listing.OpenLayout(directory)
	if err != nil {
		return err
	}
	if index == nil {
		return fmt.Errorf("the layout %s has no image index", directory)
	}
	i.index = index
	if i.digest, err = index.Digest(); err != nil {
		return err
	}
	return i.openSBOMs()
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
