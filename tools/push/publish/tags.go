package publish

import (
	"context"

	"example.com/reproducible-images/tools/imageset"
)

// setTags sets all tags but "latest".
func (p *pusher) setTags(ctx context.Context) error {
	for _, d := range p.images {
		for _, tag := range d.Tags {
			if tag == imageset.LatestTag {
				continue
			}
			if err := p.setTag(ctx, d, tag); err != nil {
				return err
			}
		}
	}
	return nil
}

// setTag looks where the tag points before each try: another push may have set
// it meanwhile, or a try may have set it although it seemed to fail.
func (p *pusher) setTag(ctx context.Context, d *destination, tag string) error {
	ref := d.ref(":" + tag)
	err := p.retry(ctx, func() error {
		found, err := d.lookUp(ctx, tag)
		switch {
		case err != nil:
			return err
		case found != nil && found.Digest == d.Image.Digest:
			return nil
		case found != nil && isVersion(tag) && !p.mayMove(tag):
			return overtaken{conflict{ref, tag, found.Digest, d.Image.Digest}}
		}
		return during("setting the tag "+ref, p.remote.Put(ctx, d.repo.Tag(tag), d.Image.Index))
	})
	if err == nil {
		p.progress.Tagged(ref)
	}
	return err
}
