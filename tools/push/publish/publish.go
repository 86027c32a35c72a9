package publish

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"example.com/reproducible-images/tools/imageset"
	"example.com/reproducible-images/tools/internal/remotes"
	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	"golang.org/x/sync/errgroup"
)

// Options say where and how to push.
type Options struct {
	// Target is the registry and the path in it.
	Target remotes.Target
	// Tags are set on every image beside its version and "latest".
	Tags []string
	// MoveTags are version tags that may be moved although they point to
	// something else, and "latest" if it is to be set even when the registry
	// has a higher version. Each must be one of the tags that are set.
	MoveTags []string
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
	// StallTimeout is how long a request may make no progress before the push
	// fails; 0 means a minute.
	StallTimeout time.Duration
	// Progress is told what happens; it may be nil.
	Progress Progress
}

// DefaultJobs is how many blobs are uploaded at once unless told otherwise.
const DefaultJobs = 4

// Check returns an error if nothing can be pushed with these options.
func (o Options) Check(images []imageset.Image) error {
	if len(images) == 0 {
		return errors.New("no image to push")
	}
	if o.Target == (remotes.Target{}) {
		return errors.New("no registry to push to")
	}
	if o.Jobs < 0 {
		return fmt.Errorf("%d jobs at once are not possible", o.Jobs)
	}
	for _, tag := range o.Tags {
		if err := imageset.CheckTag(tag); err != nil {
			return err
		}
	}
	for _, move := range o.MoveTags {
		if !slices.ContainsFunc(images, func(img imageset.Image) bool { return slices.Contains(tags(img.Version, o.Tags), move) }) {
			return fmt.Errorf("the tag %q is to be moved, but this push does not set it", move)
		}
	}
	return nil
}

// Published is an image that stands in the registry.
type Published struct {
	Image imageset.Image
	// Repository is the full name, for example "ghcr.io/someone/hello".
	Repository string
	// Tags all point to the image, in the order in which they were set.
	// "latest" is missing if it follows a higher version.
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
// speaks of tags that are set, none was.
func Push(ctx context.Context, images []imageset.Image, o Options) ([]Published, error) {
	p, err := newPusher(images, o)
	if err != nil {
		return nil, err
	}
	for _, step := range []func(context.Context) error{p.connect, p.guard, p.blobs, p.manifests, p.readBackContent} {
		if err := step(ctx); err != nil {
			return nil, explain(o.Target, err)
		}
	}
	for _, step := range []func(context.Context) error{p.setTags, p.readBackTags, p.latest} {
		if err := step(ctx); err != nil {
			return nil, unfinished(explain(o.Target, err))
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
	remote    *remote.Pusher
	transport http.RoundTripper
	keychain  authn.Keychain
	backoff   remote.Backoff
	images    []*destination
	content   []*blob
	move      []string
	jobs      int
	progress  Progress
}

// destination is an image and where it goes.
type destination struct {
	Published
	repo   name.Repository
	puller *remote.Puller
}

func newPusher(images []imageset.Image, o Options) (*pusher, error) {
	if err := o.Check(images); err != nil {
		return nil, err
	}
	plainHTTP := o.Insecure || o.Target.Loopback()
	p := &pusher{
		transport: transport.NewUserAgent(newTransport(o), "reproducible-images-push"),
		backoff:   o.Backoff,
		keychain:  o.Keychain,
		move:      o.MoveTags,
		jobs:      o.Jobs,
		progress:  o.Progress,
	}
	if p.backoff == (remote.Backoff{}) {
		p.backoff = defaultBackoff
	}
	if p.keychain == nil {
		p.keychain = remotes.Keychain()
	}
	if p.jobs == 0 {
		p.jobs = DefaultJobs
	}
	if p.progress == nil {
		p.progress = silent{}
	}
	for _, img := range images {
		repo, err := o.Target.Repository(img.Repository, plainHTTP)
		if err != nil {
			return nil, err
		}
		p.images = append(p.images, &destination{
			Published: Published{
				Image:      img,
				Repository: o.Target.String() + "/" + img.Repository,
				Tags:       tags(img.Version, o.Tags),
			},
			repo: repo,
		})
	}
	var err error
	if p.content, err = p.listBlobs(); err != nil {
		return nil, err
	}
	p.remote, err = remote.NewPusher(
		remote.WithTransport(p.transport),
		remote.WithAuthFromKeychain(p.keychain),
		remote.WithRetryBackoff(once),
	)
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

// each calls f for each image, several at once.
func (p *pusher) each(ctx context.Context, f func(context.Context, *destination) error) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(p.jobs)
	for _, d := range p.images {
		g.Go(func() error { return f(ctx, d) })
	}
	return g.Wait()
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
	return p.each(ctx, func(ctx context.Context, d *destination) error {
		return p.manifest(ctx, d, d.Image.Digest, d.Image.Index)
	})
}

func (p *pusher) manifest(ctx context.Context, d *destination, digest v1.Hash, m remote.Taggable) error {
	return during("pushing the manifest "+d.ref("@"+digest.String()), p.retry(ctx, func() error {
		return p.remote.Push(ctx, d.repo.Digest(digest.String()), m)
	}))
}
