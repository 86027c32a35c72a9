package source

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	"example.com/reproducible-images/tools/inventory"
	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// docker is an image in an archive of `docker save`: manifest.json names, for
// each image, its configuration and its layers (docker's "Image Specification
// v1.2", "Combined Image JSON + Filesystem Changeset Format").
type docker struct {
	*archive
	image inventory.DockerImage
}

// dockerImage is an element of manifest.json.
type dockerImage struct {
	Config   string   `json:"Config"`
	RepoTags []string `json:"RepoTags"`
	Layers   []string `json:"Layers"`
}

// readDocker reads manifest.json.
func readDocker(a *archive) ([]dockerImage, error) {
	raw, err := readSmall(a, "manifest.json", maxDocument)
	if err != nil {
		return nil, err
	}
	var list []json.RawMessage
	if err := json.Unmarshal(raw, &list); err != nil {
		return nil, fmt.Errorf("manifest.json: %w", err)
	}
	if len(list) > maxChoices {
		return nil, fmt.Errorf("it has %d images: more than %d are too much to look at", len(list), maxChoices)
	}
	var images []dockerImage
	for i, raw := range list {
		var img dockerImage
		if err := json.Unmarshal(raw, &img); err != nil {
			return nil, fmt.Errorf("manifest.json: image %d: %w", i+1, err)
		}
		images = append(images, img)
	}
	return images, nil
}

func openDocker(a *archive, path, choice string) (*docker, error) {
	images, err := readDocker(a)
	if err != nil {
		return nil, fmt.Errorf("archive %s: %w", path, err)
	}
	img, err := chooseDocker(images, path, choice)
	if err != nil {
		return nil, err
	}
	d := &docker{archive: a}
	if d.image.Config, err = a.blob(img.Config, configDigest(img.Config)); err != nil {
		return nil, fmt.Errorf("archive %s: configuration: %w", path, err)
	}
	for i, l := range img.Layers {
		// The names of layers are digests in new archives only.
		var digest v1.Hash
		if hex, ok := strings.CutPrefix(l, "blobs/sha256/"); ok {
			digest, _ = v1.NewHash("sha256:" + hex)
		}
		b, err := a.blob(l, digest)
		if err != nil {
			return nil, fmt.Errorf("archive %s: layer %d: %w", path, i+1, err)
		}
		d.image.Layers = append(d.image.Layers, b)
	}
	return d, nil
}

func chooseDocker(images []dockerImage, path, choice string) (dockerImage, error) {
	var names []string
	for _, img := range images {
		id := configDigest(img.Config)
		if choice != "" && (slices.Contains(img.RepoTags, choice) || choice == "@"+id.String()) {
			return img, nil
		}
		switch {
		case len(img.RepoTags) > 0:
			names = append(names, img.RepoTags...)
		case id != v1.Hash{}:
			names = append(names, "@"+id.String())
		}
	}
	switch {
	case choice != "":
		return dockerImage{}, &Error{Kind: ErrNotFound, Text: fmt.Sprintf("there is no image %q in %s: choose one of %s", strings.TrimPrefix(choice, "@"), path, enumerate(names))}
	case len(images) == 0:
		return dockerImage{}, &Error{Kind: ErrNotFound, Text: fmt.Sprintf("%s has no image: its manifest.json is empty", path)}
	case len(images) > 1:
		return dockerImage{}, fmt.Errorf("%s has several images: choose one with %s:NAME, of %s", path, path, enumerate(names))
	}
	return images[0], nil
}

var configNameRE = regexp.MustCompile(`^(?:blobs/sha256/|sha256:)?([0-9a-f]{64})(?:\.json)?$`)

// configDigest is the digest that the name of a configuration states; zero if it
// states none.
func configDigest(name string) v1.Hash {
	m := configNameRE.FindStringSubmatch(name)
	if m == nil {
		return v1.Hash{}
	}
	return v1.Hash{Algorithm: "sha256", Hex: m[1]}
}

func (a *archive) blob(name string, digest v1.Hash) (inventory.Blob, error) {
	r, size, err := a.open(name)
	if err != nil {
		return inventory.Blob{}, err
	}
	return inventory.Blob{Digest: digest, Size: size, Open: func(context.Context) (io.ReadCloser, error) {
		r, _, err := a.open(name)
		return r, err
	}}, r.Close()
}

// compressed reports whether any layer is.
func (d *docker) compressed() bool {
	for _, l := range d.image.Layers {
		r, err := l.Open(context.Background())
		if err != nil {
			continue
		}
		start := make([]byte, 4)
		_, err = io.ReadFull(r, start)
		r.Close()
		if err == nil && slices.ContainsFunc(compressions, func(c struct{ magic, name, program string }) bool {
			return bytes.HasPrefix(start, []byte(c.magic))
		}) {
			return true
		}
	}
	return false
}

func (d *docker) Root() inventory.Root { return inventory.Root{Docker: &d.image} }

func (d *docker) Open(context.Context, v1.Descriptor) (io.ReadCloser, error) {
	return nil, errors.New("a docker archive has no descriptors")
}
