package registry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

// Client opens repositories. The zero value of each field is its default. Methods may
// be called at the same time.
type Client struct {
	// Insecure allows plain HTTP to a registry on another machine. On this machine
	// it is always allowed. HTTPS is tried first in both cases.
	Insecure bool
	// Jobs is how many requests for one repository are sent at once; default 4.
	Jobs int
	// Keychain gives the credentials; default: Credentials, and for ghcr.io
	// $GITHUB_TOKEN when there are none.
	Keychain authn.Keychain
	// Backoff says how often something that failed for a passing reason is tried;
	// default: five times within eight seconds.
	Backoff remote.Backoff
	// StallTimeout is how long a connection may make no progress; default
	// StallTimeout.
	StallTimeout time.Duration
	// Progress is called with the number of bytes that were sent, or found in the
	// registry; negative when an upload begins again. Nil for none.
	Progress func(bytes int64)

	once      sync.Once
	transport http.RoundTripper
}

// Repository is a repository that was reached and accepted the credentials.
type Repository struct {
	name.Repository
	// Name is the full name, such as "ghcr.io/someone/hello".
	Name   string
	Pusher *remote.Pusher
	Puller *remote.Puller

	backoff remote.Backoff
}

// Open connects to the repository of an image, with the right to transport.PullScope
// or transport.PushScope.
func (c *Client) Open(ctx context.Context, target Target, repository, scope string) (*Repository, error) {
	r := &Repository{Name: target.String() + "/" + repository}
	var options []name.Option
	if c.Insecure || IsLoopback(target.Host()) {
		options = append(options, name.Insecure)
	}
	var err error
	if r.Repository, err = name.NewRepository(r.Name, options...); err != nil {
		return nil, fmt.Errorf("bad repository %s: %w", r.Name, err)
	}
	if err := c.connect(ctx, r, scope); err != nil {
		return nil, c.Explain(target.Host(), fmt.Errorf("connecting to %s: %w", r.Name, err))
	}
	return r, nil
}

func (c *Client) connect(ctx context.Context, r *Repository, scope string) error {
	c.once.Do(c.setDefaults)
	r.backoff = c.Backoff
	authenticator, err := authn.Resolve(ctx, c.Keychain, r.Repository)
	if err != nil {
		return err
	}
	retrying := transport.NewRetry(c.transport,
		transport.WithRetryBackoff(c.Backoff),
		transport.WithRetryPredicate(isPassing),
		transport.WithRetryStatusCodes(passingStatus...))
	connected, err := transport.NewWithContext(ctx, r.Registry, authenticator,
		transport.NewUserAgent(retrying, "reproducible-images"), []string{r.Scope(scope)})
	if err != nil {
		return err
	}
	remoteOptions := []remote.Option{
		remote.WithTransport(connected),
		remote.WithJobs(c.Jobs),
		remote.WithRetryBackoff(c.Backoff),
		remote.WithRetryPredicate(isPassing),
	}
	if r.Puller, err = remote.NewPuller(remoteOptions...); err != nil {
		return err
	}
	if c.Progress != nil {
		remoteOptions = append(remoteOptions, remote.WithProgress(c.updates()))
	}
	r.Pusher, err = remote.NewPusher(remoteOptions...)
	return err
}

// updates passes the sums that one Pusher reports on as differences. The channel is
// open as long as the program runs.
func (c *Client) updates() chan<- v1.Update {
	updates := make(chan v1.Update)
	go func() {
		var before int64
		for update := range updates {
			c.Progress(update.Complete - before)
			before = update.Complete
		}
	}()
	return updates
}

func (c *Client) setDefaults() {
	if c.Jobs == 0 {
		c.Jobs = 4
	}
	if c.Keychain == nil {
		c.Keychain = Credentials
	}
	if c.Backoff == (remote.Backoff{}) {
		c.Backoff = remote.Backoff{Duration: 500 * time.Millisecond, Factor: 2, Jitter: 0.1, Steps: 5}
	}
	if c.StallTimeout == 0 {
		c.StallTimeout = StallTimeout
	}
	if c.transport == nil {
		c.transport = newTransport(c.Insecure, c.StallTimeout)
	}
}

// retry repeats what failed while an answer was read: go-containerregistry only
// repeats requests that got no answer.
func (r *Repository) retry(ctx context.Context, f func() error) error {
	return r.retryIf(ctx, func(err error) bool { return errors.Is(err, io.ErrUnexpectedEOF) }, f)
}

// retryIf repeats what failed with a passing error.
func (r *Repository) retryIf(ctx context.Context, isPassing func(error) bool, f func() error) error {
	for backoff := r.backoff; ; {
		err := f()
		if !isPassing(err) || backoff.Steps <= 1 {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(backoff.Step()):
		}
	}
}

// Find returns what a tag or digest leads to; nil if the registry does not have it.
func (r *Repository) Find(ctx context.Context, reference name.Reference) (*remote.Descriptor, error) {
	var descriptor *remote.Descriptor
	err := r.retry(ctx, func() (err error) {
		descriptor, err = r.Puller.Get(ctx, reference)
		return err
	})
	if IsStatus(err, http.StatusNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading %s:%s: %w", r.Name, reference.Identifier(), err)
	}
	return descriptor, nil
}

// Tags lists the tags of the repository; none if it does not exist.
func (r *Repository) Tags(ctx context.Context) ([]string, error) {
	var tags []string
	err := r.retry(ctx, func() (err error) {
		tags, err = r.Puller.List(ctx, r.Repository)
		return err
	})
	if IsStatus(err, http.StatusNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("listing the tags of %s: %w", r.Name, err)
	}
	return tags, nil
}

// passingStatus are answers that may be others at the next try; the last two are
// nginx's for a client that went away and Cloudflare's for a server out of reach.
var passingStatus = []int{
	http.StatusRequestTimeout,
	http.StatusTooManyRequests,
	http.StatusInternalServerError,
	http.StatusBadGateway,
	http.StatusServiceUnavailable,
	http.StatusGatewayTimeout,
	499,
	522,
}

// isPassing reports whether an error may be gone at the next try.
func isPassing(err error) bool {
	var (
		answer    *transport.Error
		stall     *stallError
		temporary interface{ Temporary() bool }
	)
	switch {
	case err == nil, errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded), errors.As(err, &stall):
		return false
	case errors.As(err, &answer):
		return answer.Temporary() || slices.Contains(passingStatus, answer.StatusCode)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.EPIPE), errors.Is(err, syscall.ECONNRESET):
		return true
	// net/http has no other name for an answer that was cut off within its header.
	case strings.Contains(err.Error(), "transport connection broken"):
		return true
	}
	return errors.As(err, &temporary) && temporary.Temporary()
}

// IsStatus reports whether an error is a registry's answer with one of these HTTP
// status codes.
func IsStatus(err error, codes ...int) bool {
	var answer *transport.Error
	return errors.As(err, &answer) && slices.Contains(codes, answer.StatusCode)
}
