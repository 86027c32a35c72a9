package imageset

import (
	"fmt"
	"slices"
	"strings"
)

// Select returns the images with the given repository names or labels, in the
// order of names, or all if there are none. The error lists what there is.
func Select(images []Image, names []string) ([]Image, error) {
	if len(names) == 0 {
		return images, nil
	}
	var out []Image
	for _, n := range names {
		i := slices.IndexFunc(images, func(img Image) bool { return n == img.Repository || n == img.Label })
		if i < 0 {
			return nil, fmt.Errorf("no image %q; there is %s", n, Names(images))
		}
		out = append(out, images[i])
	}
	return out, nil
}

// Names lists the images' repository names, for messages.
func Names(images []Image) string {
	var out []string
	for _, img := range images {
		out = append(out, img.Repository)
	}
	return strings.Join(out, ", ")
}
