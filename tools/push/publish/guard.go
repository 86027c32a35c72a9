package publish

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"example.com/reproducible-images/tools/imageset"
	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// conflict is a tag that points to another image.
type conflict struct {
	ref, tag    string
	found, ours v1.Hash
}

func (c conflict) Error() string {
	return fmt.Sprintf("%s points to %s, but what is pushed is %s", c.ref, c.found, c.ours)
}

// refuse is the error of a push that did not begin.
func refuse(conflicts []conflict) error {
	var refused, insist []string
	for _, c := range conflicts {
		refused = append(refused, c.Error())
		if flag := "--move-tag " + c.tag; !slices.Contains(insist, flag) {
			insist = append(insist, flag)
		}
	}
	return explained{text: fmt.Sprintf("nothing was pushed, for a version is published once: %s; raise the version, or insist with %s",
		strings.Join(refused, "; "), strings.Join(insist, " "))}
}

// overtaken says that another push set a version tag during this one.
type overtaken struct{ conflict }

func (o overtaken) Error() string {
	return fmt.Sprintf("another push set %s to %s at the same time, but what this one pushes is %s; if this one is right, insist with --move-tag %s", o.ref, o.found, o.ours, o.tag)
}

// guard refuses a push that would move version tags, for all images at once.
// It also finds out whether the tags can be listed, which "latest" needs.
func (p *pusher) guard(ctx context.Context) error {
	found := make([][]conflict, len(p.images))
	err := p.each(ctx, func(ctx context.Context, d *destination) error {
		i := slices.Index(p.images, d)
		for _, tag := range d.Tags {
			if !isVersion(tag) || p.mayMove(tag) {
				continue
			}
			c, err := p.find(ctx, d, tag)
			if err != nil {
				return err
			}
			if c != nil {
				found[i] = append(found[i], *c)
			}
		}
		if p.mayMove(imageset.LatestTag) {
			return nil
		}
		_, err := p.versions(ctx, d, false)
		return err
	})
	if err != nil {
		return err
	}
	if all := slices.Concat(found...); len(all) > 0 {
		return refuse(all)
	}
	return nil
}

func (p *pusher) mayMove(tag string) bool { return slices.Contains(p.move, tag) }

// find returns a conflict if the tag points to another image.
func (p *pusher) find(ctx context.Context, d *destination, tag string) (*conflict, error) {
	var c *conflict
	err := p.retry(ctx, func() error {
		desc, err := d.lookUp(ctx, tag)
		if err == nil && desc != nil && desc.Digest != d.Image.Digest {
			c = &conflict{d.ref(":" + tag), tag, desc.Digest, d.Image.Digest}
		}
		return err
	})
	return c, err
}
