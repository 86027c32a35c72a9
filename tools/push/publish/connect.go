package publish

import (
	"context"
	"errors"
	"net/http"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

// connect makes what reads from the repositories. It asks for the right to push
// too: some registries refuse the mere right to pull from a repository that is
// not there yet.
func (p *pusher) connect(ctx context.Context) error {
	return p.each(ctx, func(ctx context.Context, d *destination) error {
		auth, err := authn.Resolve(ctx, p.keychain, d.repo)
		if err != nil {
			return during("looking for credentials for "+d.Repository, err)
		}
		return during("connecting to "+d.Repository, p.retry(ctx, func() error {
			t, err := transport.NewWithContext(ctx, d.repo.Registry, auth, p.transport, []string{d.repo.Scope(transport.PushScope)})
			if err != nil {
				return err
			}
			d.puller, err = remote.NewPuller(remote.WithTransport(t))
			return err
		}))
	})
}

// lookUp is where a tag points; nil if there is no such tag.
func (d *destination) lookUp(ctx context.Context, tag string) (*remote.Descriptor, error) {
	desc, err := d.puller.Get(ctx, d.repo.Tag(tag))
	if notFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, during("looking where "+d.ref(":"+tag)+" points", err)
	}
	return desc, nil
}

// list lists the tags of the repository.
func (d *destination) list(ctx context.Context) ([]string, error) {
	tags, err := d.puller.List(ctx, d.repo)
	if notFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, during("listing the tags of "+d.Repository, err)
	}
	return tags, nil
}

func notFound(err error) bool {
	var answer *transport.Error
	return errors.As(err, &answer) && answer.StatusCode == http.StatusNotFound
}

// ref is the repository with a tag or a digest.
func (d *destination) ref(suffix string) string { return d.Repository + suffix }
