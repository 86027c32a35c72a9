package publish

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"example.com/reproducible-images/tools/image/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	"golang.org/x/mod/semver"
	"golang.org/x/sync/errgroup"
)

// Latest is the tag that follows the highest version.
const Latest = "latest"

// Image is an image to publish.
type Image struct {
	// Repository is the name below the registry's path, such as "hello".
	Repository string
	// Version is the version tag: "v" and a version of Semantic Versioning 2.0.0.
	Version string
	Index   v1.ImageIndex
	Digest  v1.Hash
	// Artifacts are attached to the image before any tag is set.
	Artifacts []registry.Artifact
}

// Options say how to push.
type Options struct {
	// Tags are set on every image beside its version and "latest".
	Tags []string
	// MoveTags are version tags that may be moved although they point to another
	// image, and "latest" if it is to be set although there is a higher version.
	MoveTags []string
	// NoLatest leaves "latest" as it is.
	NoLatest bool
	// Log writes a line; nil for none.
	Log func(format string, args ...any)
}

// IsVersion reports whether a tag is a version, vMAJOR.MINOR.PATCH or with a
// pre-release, vMAJOR.MINOR.PATCH-PRERELEASE. Such tags never move by themselves.
func IsVersion(tag string) bool {
	return semver.IsValid(tag) && semver.Canonical(tag) == tag
}

// Published is an image that is in the registry.
type Published struct {
	Image
	// Name is the repository's full name, such as "ghcr.io/someone/hello".
	Name string
	// Tags all point to the image, in the order in which they were set.
	Tags []string
}

// pusher is one run of Push.
type pusher struct {
	Options
	client *registry.Client
	target registry.Target
	images []*destination
}

// destination is an image and where it goes.
type destination struct {
	Image
	*registry.Repository
	tags     []string // all but "latest"
	latest   bool     // "latest" was set
	complete bool     // the version tag points to the image already
}

// Push publishes images. It may be repeated after any failure, and then continues
// where it stopped. Unless the error speaks of tags that are set, none was.
func Push(ctx context.Context, client *registry.Client, target registry.Target, images []Image, o Options) ([]Published, error) {
	if o.Log == nil {
		o.Log = func(string, ...any) {}
	}
	p := &pusher{Options: o, client: client, target: target}
	if err := p.checkMoveTags(images); err != nil {
		return nil, err
	}
	if err := p.open(ctx, images); err != nil {
		return nil, err
	}
	for _, step := range []func(context.Context, *destination) error{p.guard, p.content, p.attach} {
		if err := p.each(ctx, step); err != nil {
			return nil, client.Explain(target.Host(), err)
		}
	}
	for _, step := range []func(context.Context, *destination) error{p.setTags, p.readBack, p.setLatest} {
		if err := p.each(ctx, step); err != nil {
			return nil, p.unfinished(err)
		}
	}
	var published []Published
	for _, d := range p.images {
		tags := d.tags
		if d.latest {
			tags = append(tags, Latest)
		}
		published = append(published, Published{d.Image, d.Name, tags})
	}
	return published, nil
}

func (p *pusher) checkMoveTags(images []Image) error {
	for _, move := range p.MoveTags {
		isSet := move == Latest && !p.NoLatest || slices.Contains(p.Tags, move) ||
			slices.ContainsFunc(images, func(i Image) bool { return i.Version == move })
		if !isSet {
			return fmt.Errorf("the tag %q is to be moved, but this push does not set it", move)
		}
	}
	return nil
}

func (p *pusher) open(ctx context.Context, images []Image) error {
	for _, image := range images {
		tags := []string{image.Version}
		for _, tag := range p.Tags {
			if tag != image.Version && tag != Latest {
				tags = append(tags, tag)
			}
		}
		p.images = append(p.images, &destination{Image: image, tags: tags})
	}
	return p.each(ctx, func(ctx context.Context, d *destination) (err error) {
		d.Repository, err = p.client.Open(ctx, p.target, d.Image.Repository, transport.PushScope)
		return err
	})
}

// each does a step for all images, some at once.
func (p *pusher) each(ctx context.Context, step func(context.Context, *destination) error) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(8)
	for _, d := range p.images {
		g.Go(func() error { return step(ctx, d) })
	}
	return g.Wait()
}

func (p *pusher) mayMove(tag string) bool { return slices.Contains(p.MoveTags, tag) }

// guard refuses a version tag that points to another image, and a push whose "latest"
// cannot be decided.
func (p *pusher) guard(ctx context.Context, d *destination) error {
	for _, tag := range d.tags {
		at, err := d.pointsTo(ctx, tag)
		if err != nil {
			return err
		}
		if err := p.checkMove(d, tag, at); err != nil {
			return fmt.Errorf("nothing was pushed: %w", err)
		}
		if tag == d.Version && at == d.Digest {
			d.complete = true
		}
	}
	if !p.followsHighest(d) {
		return nil
	}
	if _, err := d.versions(ctx); err != nil {
		return fmt.Errorf("nothing was pushed: %w", err)
	}
	return nil
}

// errMoved says that a version tag points to another image.
var errMoved = errors.New("a version is never published twice with different bytes")

func (p *pusher) checkMove(d *destination, tag string, at v1.Hash) error {
	if at == (v1.Hash{}) || at == d.Digest || !IsVersion(tag) || p.mayMove(tag) {
		return nil
	}
	return fmt.Errorf("%s:%s is %s in the registry, and the image to push is %s: %w; raise the version, or name the tag: --move-tag %s",
		d.Name, tag, at, d.Digest, errMoved, tag)
}

// pointsTo returns the digest that a tag points to; the zero hash if there is no such tag.
func (d *destination) pointsTo(ctx context.Context, tag string) (v1.Hash, error) {
	found, err := d.Find(ctx, d.Tag(tag))
	if found == nil {
		return v1.Hash{}, err
	}
	return found.Digest, nil
}

// content pushes blobs, then manifests by digest, then the index by digest. It does so
// unconditionally, by Upload and Put: Pusher.Push asks first by HEAD, and fails at
// registries whose answer has no Content-Length (a SHOULD).
func (p *pusher) content(ctx context.Context, d *destination) error {
	if d.complete {
		p.Log("%s: already in the registry", d.Name)
		return nil
	}
	manifest, err := d.Index.IndexManifest()
	if err != nil {
		return err
	}
	var children []v1.Image
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(max(p.client.Jobs, 1))
	for _, child := range manifest.Manifests {
		image, err := d.Index.Image(child.Digest)
		if err != nil {
			return err
		}
		children = append(children, image)
		blobs, err := blobs(image)
		if err != nil {
			return err
		}
		for _, blob := range blobs {
			g.Go(func() error { return p.upload(gctx, d, blob) })
		}
	}
	if err := g.Wait(); err != nil {
		return err
	}
	for _, image := range children {
		digest, err := image.Digest()
		if err != nil {
			return err
		}
		if err := d.Pusher.Put(ctx, d.Repository.Digest(digest.String()), image); err != nil {
			return fmt.Errorf("pushing the manifest %s@%s: %w", d.Name, digest, err)
		}
	}
	if err := d.Pusher.Put(ctx, d.Repository.Digest(d.Digest.String()), d.Index); err != nil {
		return fmt.Errorf("pushing the image index %s@%s: %w", d.Name, d.Digest, err)
	}
	return nil
}

// blobs are the layers and the config of an image.
func blobs(image v1.Image) ([]v1.Layer, error) {
	layers, err := image.Layers()
	if err != nil {
		return nil, err
	}
	config, err := partial.ConfigLayer(image)
	if err != nil {
		return nil, err
	}
	return append(layers, config), nil
}

func (p *pusher) upload(ctx context.Context, d *destination, blob v1.Layer) error {
	digest, err := blob.Digest()
	if err != nil {
		return err
	}
	if err := d.Pusher.Upload(ctx, d.Repository.Repository, blob); err != nil {
		return fmt.Errorf("uploading the blob %s to %s: %w", digest, d.Name, err)
	}
	size, err := blob.Size()
	if err != nil {
		return err
	}
	p.Log("%s  %.19s  %d bytes", d.Name, digest, size)
	return nil
}

// attach attaches what belongs to the image.
func (p *pusher) attach(ctx context.Context, d *destination) error {
	for _, artifact := range d.Artifacts {
		if err := d.Attach(ctx, artifact); err != nil {
			return err
		}
		p.Log("%s@%.19s  attached %s", d.Name, artifact.Subject.Digest, artifact.MediaType)
	}
	return nil
}

// setTags sets all tags but "latest". It looks where a tag points before it sets it:
// another push may have set it meanwhile.
func (p *pusher) setTags(ctx context.Context, d *destination) error {
	for _, tag := range d.tags {
		at, err := d.pointsTo(ctx, tag)
		if err != nil {
			return err
		}
		if err := p.checkMove(d, tag, at); err != nil {
			return err
		}
		if at != d.Digest {
			if err := d.Pusher.Put(ctx, d.Tag(tag), d.Index); err != nil {
				return fmt.Errorf("setting the tag %s:%s: %w", d.Name, tag, err)
			}
		}
		p.Log("%s:%s  tagged", d.Name, tag)
	}
	return nil
}

// readBack reads all tags but "latest".
func (p *pusher) readBack(ctx context.Context, d *destination) error {
	for _, tag := range d.tags {
		at, err := d.pointsTo(ctx, tag)
		switch {
		case err != nil:
			return err
		case at == d.Digest:
		case IsVersion(tag):
			return fmt.Errorf("another push has moved %s:%s from %s to %s: %w", d.Name, tag, d.Digest, at, errMoved)
		default:
			return fmt.Errorf("the registry does not have what was pushed: %s:%s is %s, expected %s", d.Name, tag, at, d.Digest)
		}
	}
	return nil
}

// unfinished says that some tags may be set, but not all.
func (p *pusher) unfinished(err error) error {
	if errors.Is(err, errMoved) || errors.Is(err, errImmutable) {
		return fmt.Errorf("not all tags are set: %w", err)
	}
	return fmt.Errorf("not all tags are set, push again to finish: %w", p.client.Explain(p.target.Host(), err))
}

// References are the image's references, one for each tag, with the digest of its
// index: "ghcr.io/someone/hello:v1.0.0@sha256:…".
func (p Published) References() []string {
	var references []string
	for _, tag := range p.Tags {
		references = append(references, p.Name+":"+tag+"@"+p.Digest.String())
	}
	return references
}
