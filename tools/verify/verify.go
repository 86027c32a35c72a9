package main

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"

	"example.com/reproducible-images/tools/digests"
	"example.com/reproducible-images/tools/imageset"
	"example.com/reproducible-images/tools/inventory"
	"example.com/reproducible-images/tools/inventory/source"
)

// verify compares the images, in their order.
func verify(ctx context.Context, o options) iter.Seq[result] {
	return func(yield func(result) bool) {
		for _, img := range o.images {
			r := result{subject: o.subject(img)}
			r.compare(ctx, o, img)
			if !yield(r) {
				return
			}
		}
	}
}

// subject is what an image is compared with, as source.Open takes it.
func (o *options) subject(img imageset.Image) string {
	switch {
	case o.from != "":
		return o.from
	case o.digest != "":
		return o.registry + "/" + img.Repository + "@" + o.digest
	case o.tag != "":
		return o.registry + "/" + img.Repository + ":" + o.tag
	}
	return o.registry + "/" + img.Repository + ":" + img.Version
}

// compare reads both images whole. That the digests are equal does not do: what
// is stored under them may have been changed.
func (r *result) compare(ctx context.Context, o options, img imageset.Image) {
	published, err := read(ctx, o, r.subject)
	var damaged *inventory.DamagedError
	if err != nil && !errors.As(err, &damaged) {
		r.err = err
		return
	}
	r.damage = err
	built, err := digests.BuiltImage(ctx, img)
	if err != nil {
		r.err = fmt.Errorf("reading what was built: %w", err)
		return
	}
	r.published, r.built = published, built
	if inventory.Unread(r.damage) != nil {
		// What is missing would look like a difference.
		return
	}
	r.notes = inventory.NotCompared(published, built)
	if o.digest != "" || strings.Contains(o.from, "@sha256:") || published.MediaType == "" {
		if built, err = onlyPart(published, built); err != nil {
			r.err = err
			return
		}
	}
	r.published, r.built = published, built
	r.changes = inventory.Compare(published, built)
}

func read(ctx context.Context, o options, subject string) (inventory.Image, error) {
	src, err := source.Open(ctx, subject, source.Options{Insecure: o.insecure})
	if err != nil {
		return inventory.Image{}, err
	}
	image, err := inventory.Read(ctx, src, inventory.Limits{})
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	return image, errors.Join(err, src.Close())
}

// onlyPart is the built image for one platform, where what is published is one
// image and no index, and is meant to be: a docker archive, which has no media
// type, or a manifest that was asked for by its digest. A layout or a tag with
// one platform where there should be an index is a difference.
func onlyPart(published, built inventory.Image) (inventory.Image, error) {
	if len(published.Platforms) != 1 || published.Digest != published.Platforms[0].Digest {
		return built, nil
	}
	platform := published.Platforms[0].Platform
	only, ok := built.Only(platform)
	if !ok {
		return inventory.Image{}, fmt.Errorf("it is for %q, for which nothing is built here", platform)
	}
	return only, nil
}
