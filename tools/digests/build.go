package digests

import (
	"context"
	"errors"
	"fmt"

	"example.com/reproducible-images/tools/imageset"
	"example.com/reproducible-images/tools/inventory"
	"example.com/reproducible-images/tools/inventory/source"
)

// Build lists what is in the images that were built. The error names the image.
func Build(ctx context.Context, images []imageset.Image) (File, error) {
	f := File{}
	for _, img := range images {
		got, err := BuiltImage(ctx, img)
		if err != nil {
			return nil, err
		}
		f[img.Label] = got
	}
	return f, nil
}

// BuiltImage lists what is in one image that was built.
func BuiltImage(ctx context.Context, img imageset.Image) (_ inventory.Image, err error) {
	src, err := source.Layout(img.Layout)
	if err != nil {
		return inventory.Image{}, fmt.Errorf("image %s: %w", img.Label, err)
	}
	defer func() { err = errors.Join(err, src.Close()) }()
	got, err := inventory.Read(ctx, src, inventory.Limits{})
	if err != nil {
		return inventory.Image{}, fmt.Errorf("image %s: %w", img.Label, err)
	}
	return got, nil
}
