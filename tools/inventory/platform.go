package inventory

import (
	"context"
	"fmt"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// ForPlatform narrows a source down to its image for one platform,
// OS/ARCHITECTURE[/VARIANT], so that Read reads no other. A source that has no
// image index stays as it is, whatever it is for. Closing the result closes src.
// Errors are like those of Read.
func ForPlatform(ctx context.Context, src Source, platform string, limits Limits) (Source, error) {
	root := src.Root()
	if root.Docker != nil || !root.Descriptor.MediaType.IsIndex() {
		return src, nil
	}
	s := search{reader: reader{src: src, limits: limits.withDefaults()}, platform: platform}
	if err := s.index(ctx, root.Descriptor, 1); err != nil {
		return nil, s.reader.failure(err)
	}
	if err := s.reader.failure(nil); err != nil {
		return nil, err
	}
	switch len(s.found) {
	case 0:
		return nil, fmt.Errorf("there is no image for %s; there is %s", platform, strings.Join(s.others, ", "))
	case 1:
		return narrowed{src, s.found[0]}, nil
	}
	return nil, fmt.Errorf("there are %d images for %s: name one by its digest", len(s.found), platform)
}

// narrowed is a source with another root.
type narrowed struct {
	Source
	root v1.Descriptor
}

func (n narrowed) Root() Root { return Root{Descriptor: n.root} }

// search looks for the images of a platform.
type search struct {
	reader   reader
	platform string
	found    []v1.Descriptor
	others   []string
}

func (s *search) index(ctx context.Context, d v1.Descriptor, depth int) error {
	children, err := s.reader.children(ctx, d, depth)
	if err != nil {
		return err
	}
	for _, child := range children {
		name := platformName(child.Platform)
		switch {
		case child.MediaType.IsIndex():
			if err := s.index(ctx, child, depth+1); err != nil {
				return err
			}
		case name == s.platform:
			s.found = append(s.found, child)
		case name != "" && !slices.Contains(s.others, name):
			s.others = append(s.others, Printable(name))
		}
	}
	return nil
}
