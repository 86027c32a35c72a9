package publish

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"example.com/reproducible-images/tools/internal/remotes"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// trip is a transport.
type trip func(*http.Request) (*http.Response, error)

func (f trip) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

// answer answers with a body that comes byte by byte, each after a time, and
// then in full or never.
func answer(bytes int, pause time.Duration, ends bool) trip {
	return func(req *http.Request) (*http.Response, error) {
		if req.Body != nil {
			io.Copy(io.Discard, req.Body)
		}
		return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(&slowBody{req.Context(), bytes, pause, ends})}, nil
	}
}

type slowBody struct {
	ctx   context.Context
	left  int
	pause time.Duration
	ends  bool
}

func (b *slowBody) Read(p []byte) (int, error) {
	if b.left == 0 && b.ends {
		return 0, io.EOF
	}
	if b.left == 0 {
		<-b.ctx.Done()
		return 0, b.ctx.Err()
	}
	b.left--
	p[0] = 'x'
	return 1, remotes.Sleep(b.ctx, b.pause)
}

func never(req *http.Request) (*http.Response, error) {
	if req.Body != nil {
		io.Copy(io.Discard, req.Body)
	}
	<-req.Context().Done()
	return nil, req.Context().Err()
}

// A request stalls before its answer or within it; one that goes on, however
// slowly, is left alone. Time is synctest's.
func TestStall(t *testing.T) {
	t.Parallel()
	const timeout = time.Minute
	for name, test := range map[string]struct {
		next  trip
		body  int
		after time.Duration
		// stall is how long nothing moved at its end; 0 if it ends well.
		stall time.Duration
	}{
		"no answer":               {never, 0, timeout, timeout},
		"slow answer":             {answer(10, timeout-1, true), 0, 10 * (timeout - 1), 0},
		"half an answer":          {answer(10, timeout-1, false), 0, 10*(timeout-1) + timeout, timeout},
		"no answer to 2 MiB":      {never, 2 << 20, 3 * timeout, 3 * timeout},
		"no answer to 100 MiB":    {never, 100 << 20, 5 * timeout, 5 * timeout},
		"answer slower than that": {answer(1, 2*timeout, true), 0, timeout, timeout},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				client := &http.Client{Transport: &stallGuard{test.next, timeout}}
				resp, err := client.Post("http://registry/path", "", io.LimitReader(zeros{}, int64(test.body)))
				if err == nil {
					_, err = io.ReadAll(resp.Body)
					resp.Body.Close()
				}
				if took := time.Since(began); took != test.after {
					t.Errorf("it took %v, want %v", took, test.after)
				}
				var stall *stallError
				if errors.As(err, &stall) != (test.stall > 0) || err != nil && !strings.HasSuffix(err.Error(), fmt.Sprintf("no progress for %s in POST /path", test.stall)) {
					t.Errorf("error %v", err)
				}
				// Nothing ends it later on.
				time.Sleep(time.Hour)
			})
		})
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }

// A push that waits for its next try ends with its context.
func TestRetryEndsWithContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	p := &pusher{backoff: remote.Backoff{Duration: time.Hour, Steps: 5}}
	var tries atomic.Int32
	err := p.retry(ctx, func() error {
		tries.Add(1)
		cancel()
		return io.ErrUnexpectedEOF
	})
	if !errors.Is(err, context.Canceled) || tries.Load() != 1 {
		t.Errorf("error %v after %d tries", err, tries.Load())
	}
}

// Each try has a backoff of its own, and a lasting error has none.
func TestRetryCounts(t *testing.T) {
	t.Parallel()
	p := &pusher{backoff: remote.Backoff{Duration: time.Microsecond, Steps: 3}}
	for err, want := range map[error]int{io.EOF: 3, http.ErrSchemeMismatch: 1, error(&stallError{}): 1, nil: 1} {
		for range 2 {
			tries := 0
			if got := p.retry(t.Context(), func() error { tries++; return err }); got != err || tries != want {
				t.Errorf("%v: error %v after %d tries, want %d", err, got, tries, want)
			}
		}
	}
}
