package remotes

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/authn/github"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// Keychain gives the credentials of docker's (or else podman's) configuration
// with its credential helpers, and for ghcr.io $GITHUB_TOKEN when there are none.
func Keychain() authn.Keychain {
	return authn.NewMultiKeychain(authn.DefaultKeychain, github.Keychain)
}

// Transport sends requests through base, or remote.DefaultTransport, which
// trusts the certificates of the system and of $SSL_CERT_FILE, if base is nil.
// It refuses plain HTTP to other machines unless insecure, and holds requests
// back as long as the registry asks for.
func Transport(base http.RoundTripper, insecure bool) http.RoundTripper {
	if base == nil {
		base = remote.DefaultTransport
	}
	return &plainHTTPGuard{next: &throttle{next: base}, allow: insecure}
}

var errPlainHTTP = errors.New("plain HTTP to another machine is not allowed")

// plainHTTPGuard refuses plain HTTP to other machines, be it by a redirection
// or because go-containerregistry tries it for private addresses too.
type plainHTTPGuard struct {
	next  http.RoundTripper
	allow bool
}

func (g *plainHTTPGuard) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.URL.Scheme != "https" && !g.allow && !Loopback(req.URL.Host) {
		if req.Body != nil {
			req.Body.Close()
		}
		return nil, errPlainHTTP
	}
	return g.next.RoundTrip(req)
}

// maxThrottle bounds how long a registry may hold us off, so that a wrong
// header does not stop a push for good.
const maxThrottle = time.Minute

// throttle holds all requests back as long as the registry asked for in a
// Retry-After header (RFC 9110, section 10.2.3). go-containerregistry tries
// such requests again, but looks at its own backoff only.
type throttle struct {
	next  http.RoundTripper
	mu    sync.Mutex
	until time.Time
}

func (t *throttle) RoundTrip(req *http.Request) (*http.Response, error) {
	if err := t.wait(req.Context()); err != nil {
		if req.Body != nil {
			req.Body.Close()
		}
		return nil, err
	}
	resp, err := t.next.RoundTrip(req)
	if err == nil && (resp.StatusCode == http.StatusTooManyRequests || resp.StatusCode == http.StatusServiceUnavailable) {
		t.holdOff(retryAfter(resp.Header.Get("Retry-After"), time.Now()))
	}
	return resp, err
}

func (t *throttle) wait(ctx context.Context) error {
	t.mu.Lock()
	d := time.Until(t.until)
	t.mu.Unlock()
	if d <= 0 {
		return nil
	}
	return Sleep(ctx, d)
}

// Sleep waits, but not longer than the context, whose error it returns then.
func Sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (t *throttle) holdOff(d time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if until := time.Now().Add(d); until.After(t.until) {
		t.until = until
	}
}

// retryAfter parses the header's two forms, seconds and a date; it is 0 for
// anything else, and at most maxThrottle.
func retryAfter(header string, now time.Time) time.Duration {
	if s, err := strconv.ParseUint(header, 10, 32); err == nil {
		return min(time.Duration(s)*time.Second, maxThrottle)
	}
	if date, err := http.ParseTime(header); err == nil {
		return min(max(date.Sub(now), 0), maxThrottle)
	}
	return 0
}
