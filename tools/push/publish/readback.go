package publish

import (
	"bytes"
	"context"
	"fmt"
	"slices"

	"example.com/reproducible-images/tools/imageset"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"golang.org/x/sync/errgroup"
)

// mismatch says that the registry holds something else than what was pushed.
type mismatch struct{ ref, expected, got string }

func (m *mismatch) Error() string {
	return fmt.Sprintf("the registry does not hold what was pushed: %s is %s, expected %s", m.ref, m.got, m.expected)
}

// readBackContent reads all manifests and the sizes of all blobs.
func (p *pusher) readBackContent(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(p.jobs)
	for _, d := range p.images {
		g.Go(func() error { return p.readBackManifest(ctx, d, d.Image.Digest, d.Image.Index) })
		for _, platform := range d.Image.Platforms {
			g.Go(func() error { return p.readBackManifest(ctx, d, platform.Digest, platform.Image) })
		}
		for _, b := range p.content {
			if slices.Contains(b.repos, d.repo) {
				g.Go(func() error { return p.readBackBlob(ctx, d, b) })
			}
		}
	}
	return g.Wait()
}

// readBackManifest compares the bytes, of which the puller checked the digest.
func (p *pusher) readBackManifest(ctx context.Context, d *destination, digest v1.Hash, m remote.Taggable) error {
	want, err := m.RawManifest()
	if err != nil {
		return fmt.Errorf("image %s: %w", d.Image.Label, err)
	}
	ref := d.ref("@" + digest.String())
	return during("reading back "+ref, p.retry(ctx, func() error {
		got, err := d.puller.Get(ctx, d.repo.Digest(digest.String()))
		if err != nil {
			return err
		}
		if !bytes.Equal(want, got.Manifest) {
			return &mismatch{ref, fmt.Sprintf("%d bytes", len(want)), fmt.Sprintf("other %d bytes", len(got.Manifest))}
		}
		return nil
	}))
}

func (p *pusher) readBackBlob(ctx context.Context, d *destination, b *blob) error {
	ref := d.ref("@" + b.digest.String())
	return during("reading back "+ref, p.retry(ctx, func() error {
		layer, err := d.puller.Layer(ctx, d.repo.Digest(b.digest.String()))
		if err != nil {
			return err
		}
		size, err := layer.Size()
		if err != nil {
			return err
		}
		if size != b.size {
			return &mismatch{ref, fmt.Sprintf("%d bytes", b.size), fmt.Sprintf("%d bytes", size)}
		}
		return nil
	}))
}

// readBackTags reads all tags but "latest".
func (p *pusher) readBackTags(ctx context.Context) error {
	return p.each(ctx, func(ctx context.Context, d *destination) error {
		for _, tag := range d.Tags {
			if tag == imageset.LatestTag {
				continue
			}
			if err := p.readBackTag(ctx, d, tag); err != nil {
				return err
			}
		}
		return nil
	})
}

func (p *pusher) readBackTag(ctx context.Context, d *destination, tag string) error {
	ref := d.ref(":" + tag)
	return p.retry(ctx, func() error {
		got, err := d.lookUp(ctx, tag)
		switch {
		case err != nil:
			return err
		case got == nil:
			return &mismatch{ref, d.Image.Digest.String(), "missing"}
		case got.Digest == d.Image.Digest:
			return nil
		case isVersion(tag):
			return overtaken{conflict{ref, tag, got.Digest, d.Image.Digest}}
		}
		return &mismatch{ref, d.Image.Digest.String(), got.Digest.String()}
	})
}
