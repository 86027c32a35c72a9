// Package publish pushes images to a registry such that no tag ever points to
// something that is not there as a whole: blobs first, then the manifests by
// digest, the version tags of all images next, and "latest" of all images
// last.
package publish

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"example.com/reproducible-images/tools/imageset"
	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/authn/github"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"golang.org/x/sync/errgroup"
)

// Options say where and how to push.
type Options struct {
	// Target is the registry and the path in it.
	Target Target
	// Tags are set on every image beside its version and "latest".
	Tags []string
	// Jobs is how many blobs are uploaded at once; 0 means DefaultJobs.
	Jobs int
	// Insecure allows plain HTTP to a registry that is not on this machine.
	// On this machine it always is. TLS is tried first in both cases.
	Insecure bool
	// Keychain gives the credentials. Nil means those of docker's (or else
	// podman's) configuration with its credential helpers, and for ghcr.io
	// $GITHUB_TOKEN when there are none.
	Keychain authn.Keychain
	// Transport sends the requests; nil means remote.DefaultTransport, which
	// trusts the certificates of the system and of $SSL_CERT_FILE.
	Transport http.RoundTripper
	// Backoff says how often and after what time something that failed for a
	// passing reason is tried; zero means five times within nine seconds.
	Backoff remote.Backoff
	// Progress is told what happens; it may be nil.
	Progress Progress
}

// DefaultJobs is how many blobs are uploaded at once unless told otherwise.
const DefaultJobs = 4

var defaultBackoff = remote.Backoff{Duration: 500 * time.Millisecond, Factor: 2, Jitter: 0.2, Steps: 5}

// Published is an image that stands in the registry.
type Published struct {
	Image imageset.Image
	// Repository is the full name, for example "ghcr.io/someone/hello".
	Repository string
	// Tags all point to the image, in the order in which they were set.
	Tags []string
}

// References are the image's references, one per tag, each with the digest of
// its index: "ghcr.io/someone/hello:v1.0.0@sha256:…".
func (p Published) References() []string {
	var refs []string
	for _, tag := range p.Tags {
		refs = append(refs, p.Repository+":"+tag+"@"+p.Image.Digest.String())
	}
	return refs
}

// Push publishes images; what the registry has already is not sent again. It
// may be repeated after any failure, and then goes on where it stopped. The
// error says in one line what to do about it where that is known. Unless it
// speaks of tags, none was set.
func Push(ctx context.Context, images []imageset.Image, o Options) ([]Published, error) {
	p, err := newPusher(images, o)
	if err != nil {
		return nil, err
	}
	for _, step := range []func(context.Context) error{p.blobs, p.manifests} {
		if err := step(ctx); err != nil {
			return nil, explain(o.Target, err)
		}
	}
	for _, step := range []func(context.Context) error{p.versionTags, p.latestTags} {
		if err := step(ctx); err != nil {
			return nil, fmt.Errorf("not all tags are set, push again to finish: %w", explain(o.Target, err))
		}
	}
	var published []Published
	for _, d := range p.images {
		published = append(published, d.Published)
	}
	return published, nil
}

// pusher is one run of Push.
type pusher struct {
	remote   *remote.Pusher
	images   []destination
	jobs     int
	progress Progress
}

// destination is an image and where it goes.
type destination struct {
	Published
	repo name.Repository
}

func newPusher(images []imageset.Image, o Options) (*pusher, error) {
	if len(images) == 0 {
		return nil, errors.New("no image to push")
	}
	if o.Target == (Target{}) {
		return nil, errors.New("no registry to push to")
	}
	if o.Jobs < 0 {
		return nil, fmt.Errorf("%d jobs at once are not possible", o.Jobs)
	}
	for _, tag := range o.Tags {
		if err := imageset.CheckTag(tag); err != nil {
			return nil, err
		}
	}
	plainHTTP := o.Insecure || o.Target.Loopback()
	p := &pusher{jobs: o.Jobs, progress: o.Progress}
	if p.jobs == 0 {
		p.jobs = DefaultJobs
	}
	if p.progress == nil {
		p.progress = silent{}
	}
	for _, img := range images {
		repo, err := o.Target.repository(img.Repository, plainHTTP)
		if err != nil {
			return nil, err
		}
		p.images = append(p.images, destination{
			Published: Published{
				Image:      img,
				Repository: o.Target.String() + "/" + img.Repository,
				Tags:       tags(img.Version, o.Tags),
			},
			repo: repo,
		})
	}
	var err error
	p.remote, err = remote.NewPusher(remoteOptions(o)...)
	return p, err
}

// tags are the version, the additional tags without repetition, and latest.
func tags(version string, more []string) []string {
	out := []string{version}
	for _, tag := range more {
		if tag != imageset.LatestTag && !slices.Contains(out, tag) {
			out = append(out, tag)
		}
	}
	return append(out, imageset.LatestTag)
}

func remoteOptions(o Options) []remote.Option {
	keychain, base, backoff := o.Keychain, o.Transport, o.Backoff
	if keychain == nil {
		keychain = authn.NewMultiKeychain(authn.DefaultKeychain, github.Keychain)
	}
	if base == nil {
		base = remote.DefaultTransport
	}
	if backoff == (remote.Backoff{}) {
		backoff = defaultBackoff
	}
	return []remote.Option{
		remote.WithAuthFromKeychain(keychain),
		remote.WithTransport(&plainHTTPGuard{next: &throttle{next: base}, allow: o.Insecure}),
		remote.WithRetryBackoff(backoff),
		remote.WithUserAgent("reproducible-images-push"),
	}
}

// manifests puts the manifests by digest: of the platforms, then of the
// indexes, which a registry takes only when it has all that they refer to.
func (p *pusher) manifests(ctx context.Context) error {
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(p.jobs)
	for _, d := range p.images {
		for _, platform := range d.Image.Platforms {
			g.Go(func() error { return p.manifest(gctx, d, platform.Digest, platform.Image) })
		}
	}
	if err := g.Wait(); err != nil {
		return err
	}
	for _, d := range p.images {
		if err := p.manifest(ctx, d, d.Image.Digest, d.Image.Index); err != nil {
			return err
		}
	}
	return nil
}

func (p *pusher) manifest(ctx context.Context, d destination, digest v1.Hash, m remote.Taggable) error {
	if err := p.remote.Push(ctx, d.repo.Digest(digest.String()), m); err != nil {
		return fmt.Errorf("pushing the manifest %s@%s: %w", d.Repository, digest, err)
	}
	return nil
}

func (p *pusher) versionTags(ctx context.Context) error {
	for _, d := range p.images {
		for _, tag := range d.Tags[:len(d.Tags)-1] {
			if err := p.tag(ctx, d, tag); err != nil {
				return err
			}
		}
	}
	return nil
}

func (p *pusher) latestTags(ctx context.Context) error {
	for _, d := range p.images {
		if err := p.tag(ctx, d, imageset.LatestTag); err != nil {
			return err
		}
	}
	return nil
}

func (p *pusher) tag(ctx context.Context, d destination, tag string) error {
	ref := d.Repository + ":" + tag
	if err := p.remote.Push(ctx, d.repo.Tag(tag), d.Image.Index); err != nil {
		return fmt.Errorf("setting the tag %s: %w", ref, err)
	}
	p.progress.Tagged(ref)
	return nil
}
