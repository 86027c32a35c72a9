package main

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"example.com/reproducible-images/tools/imageset"
	"example.com/reproducible-images/tools/internal/remotes"
	"example.com/reproducible-images/tools/inventory"
	"example.com/reproducible-images/tools/inventory/source"
)

// opener finds the images that the command line names.
type opener struct {
	getenv   func(string) string
	file     string
	registry string
	platform string
	insecure bool
	// set is the list of images, once it was needed.
	set *imageset.Set
}

// read reads the image that name stands for. Its errors are those of
// inventory.Read, with the name.
func (o *opener) read(ctx context.Context, name string) (inventory.Image, error) {
	src, err := o.open(ctx, name)
	if err != nil {
		return inventory.Image{}, err
	}
	defer src.Close()
	if o.platform != "" {
		if src, err = inventory.ForPlatform(ctx, src, o.platform, inventory.Limits{}); err != nil {
			return inventory.Image{}, fmt.Errorf("%s: %w", name, err)
		}
	}
	img, err := inventory.Read(ctx, src, inventory.Limits{})
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	if err != nil {
		return img, fmt.Errorf("%s: %w", name, err)
	}
	if o.platform != "" {
		if p := img.Platforms[0].Platform; p != o.platform {
			return img, fmt.Errorf("%s: it is an image for %s alone, not for %s", name, inventory.Printable(p), o.platform)
		}
	}
	return img, nil
}

var digestRE = regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)

func (o *opener) open(ctx context.Context, name string) (inventory.Source, error) {
	switch {
	case strings.HasPrefix(name, "//") || strings.HasPrefix(name, "@"):
		return o.label(name)
	case digestRE.MatchString(name):
		return o.digest(ctx, name)
	}
	return source.Open(ctx, name, o.options())
}

func (o *opener) options() source.Options {
	return source.Options{Dir: o.getenv("BUILD_WORKING_DIRECTORY"), Insecure: o.insecure}
}

// images is the list of images.
func (o *opener) images() (*imageset.Set, error) {
	if o.set == nil {
		set, err := imageset.Load(o.file)
		if err != nil {
			return nil, err
		}
		o.set = set
	}
	return o.set, nil
}

func (o *opener) label(label string) (inventory.Source, error) {
	set, err := o.images()
	if err != nil {
		return nil, err
	}
	var have []string
	for _, img := range set.Images {
		if img.Label == label {
			return source.Layout(img.Layout)
		}
		have = append(have, img.Label)
	}
	return nil, fmt.Errorf("no image %s; there is %s", label, strings.Join(have, ", "))
}

// digest opens an index or a manifest of one of the images, as built or else as
// published.
func (o *opener) digest(ctx context.Context, digest string) (inventory.Source, error) {
	set, err := o.images()
	if err != nil {
		return nil, err
	}
	for _, img := range set.Images {
		if img.Digest.String() == digest {
			return source.Layout(img.Layout)
		}
		for _, p := range img.Platforms {
			if p.Digest.String() == digest {
				return source.Open(ctx, img.Layout+"@"+digest, source.Options{})
			}
		}
	}
	registry := o.registry
	if registry == "" {
		registry = set.Registry
	}
	if registry == "" {
		return nil, fmt.Errorf("no image that was built has the digest %s: to look for it in a registry too, say --registry HOST[/PATH]", digest)
	}
	target, err := remotes.ParseTarget(registry)
	if err != nil {
		return nil, err
	}
	// Some registries refuse a repository that does not exist.
	var refused error
	for _, img := range set.Images {
		src, err := source.Open(ctx, target.String()+"/"+img.Repository+"@"+digest, o.options())
		switch {
		case errors.Is(err, source.ErrUnauthorized):
			refused = err
		case !errors.Is(err, source.ErrNotFound):
			return src, err
		}
	}
	if refused != nil {
		return nil, refused
	}
	return nil, fmt.Errorf("no image has the digest %s, neither as built nor in the registry %s", digest, registry)
}
