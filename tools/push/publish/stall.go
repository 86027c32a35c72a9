package publish

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"
)

// defaultStallTimeout is long for a registry that works, and short for somebody
// who waits.
const defaultStallTimeout = time.Minute

// stallError says that a request made no progress.
type stallError struct {
	method, path string
	timeout      time.Duration
}

func (e *stallError) Error() string {
	timeout := e.timeout
	if timeout > time.Second {
		timeout = timeout.Round(time.Second)
	}
	return fmt.Sprintf("no progress for %s in %s %s", timeout, e.method, e.path)
}

// stallGuard ends requests that make no progress for the timeout: of which no
// byte was read to be sent, nor any received.
type stallGuard struct {
	next    http.RoundTripper
	timeout time.Duration
}

func (g *stallGuard) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithCancelCause(req.Context())
	stalled := &stallError{method: req.Method, path: req.URL.Path}
	w := &watch{timeout: g.timeout, allowed: g.timeout}
	w.timer = time.AfterFunc(g.timeout, func() {
		w.mu.Lock()
		stalled.timeout = w.allowed
		w.mu.Unlock()
		cancel(stalled)
	})
	w.end = func() { w.timer.Stop(); cancel(nil) }
	w.mend = func(err error) error {
		if err != nil && context.Cause(ctx) == error(stalled) {
			return stalled
		}
		return err
	}
	resp, err := g.next.RoundTrip(w.request(req.WithContext(ctx)))
	if err != nil {
		w.end()
		return nil, w.mend(err)
	}
	w.progress()
	resp.Body = &watchedResponse{resp.Body, w}
	return resp, nil
}

// watch is the state of one request.
type watch struct {
	timeout time.Duration
	timer   *time.Timer
	end     func()
	// mend returns the stallError in place of what it caused.
	mend func(error) error

	mu   sync.Mutex
	sent int64
	// allowed is how long nothing may move at the moment.
	allowed time.Duration
}

// maxBuffered bounds how much may be on its way in the system's buffers.
const maxBuffered = 4 << 20

// progress starts the timeout anew. Bytes that were handed to the system are
// not yet sent: for each MiB of them the request may take as long again.
func (w *watch) progress() {
	w.mu.Lock()
	defer w.mu.Unlock()
	buffered := min(w.sent, maxBuffered)
	w.allowed = w.timeout + time.Duration(float64(w.timeout)*float64(buffered)/(1<<20))
	w.timer.Reset(w.allowed)
}

// request watches the body, also when http.Transport sends it once more over
// another connection.
func (w *watch) request(req *http.Request) *http.Request {
	if req.Body == nil || req.Body == http.NoBody {
		return req
	}
	req.Body = &watchedBody{req.Body, w}
	if getBody := req.GetBody; getBody != nil {
		req.GetBody = func() (io.ReadCloser, error) {
			body, err := getBody()
			if err != nil {
				return nil, err
			}
			return &watchedBody{body, w}, nil
		}
	}
	return req
}

type watchedBody struct {
	io.ReadCloser
	watch *watch
}

func (b *watchedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.watch.mu.Lock()
	b.watch.sent += int64(n)
	b.watch.mu.Unlock()
	b.watch.progress()
	return n, err
}

type watchedResponse struct {
	io.ReadCloser
	watch *watch
}

func (r *watchedResponse) Read(p []byte) (int, error) {
	n, err := r.ReadCloser.Read(p)
	if n > 0 {
		r.watch.progress()
	}
	if err == io.EOF {
		return n, err
	}
	return n, r.watch.mend(err)
}

func (r *watchedResponse) Close() error {
	r.watch.end()
	return r.ReadCloser.Close()
}
