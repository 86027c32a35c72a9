package publish

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"syscall"
	"time"

	"example.com/reproducible-images/tools/internal/remotes"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

var defaultBackoff = remote.Backoff{Duration: 500 * time.Millisecond, Factor: 2, Jitter: 0.2, Steps: 5}

// once keeps go-containerregistry from trying again by itself: its waiting does
// not end with the context, and it does not try again when a body is cut off.
var once = remote.Backoff{Steps: 1}

// retry calls f until it succeeds, fails for a lasting reason, or has failed as
// often as the backoff allows.
func (p *pusher) retry(ctx context.Context, f func() error) error {
	backoff := p.backoff
	for {
		err := f()
		if err == nil || backoff.Steps <= 1 || !passing(err) {
			return err
		}
		if err := remotes.Sleep(ctx, backoff.Step()); err != nil {
			return err
		}
	}
}

// passingStatus are the answers that may be others at the next try; the last
// two are nginx's for a client that went away and Cloudflare's for a server
// that it did not reach.
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

// passing reports whether an error may be gone at the next try.
func passing(err error) bool {
	var (
		answer    *transport.Error
		temporary interface{ Temporary() bool }
	)
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return false
	case errors.As(err, &answer):
		return answer.Temporary() || slices.Contains(passingStatus, answer.StatusCode)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, net.ErrClosed), errors.Is(err, syscall.EPIPE), errors.Is(err, syscall.ECONNRESET):
		return true
	// http.Transport has no other name for an answer that was cut off within
	// its header.
	case strings.Contains(err.Error(), "transport connection broken"):
		return true
	}
	return errors.As(err, &temporary) && temporary.Temporary()
}
