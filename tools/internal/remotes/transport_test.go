package remotes

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	now := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
	for header, want := range map[string]time.Duration{
		"":                              0,
		"7":                             7 * time.Second,
		"-7":                            0,
		"1e3":                           0,
		"4000000000":                    maxThrottle,
		"99999999999999999999":          0,
		"Sat, 01 Jan 2000 00:00:05 GMT": 5 * time.Second,
		"Sat, 01 Jan 2000 01:00:00 GMT": maxThrottle,
		"Fri, 31 Dec 1999 23:59:59 GMT": 0,
		"tomorrow":                      0,
	} {
		if got := retryAfter(header, now); got != want {
			t.Errorf("retryAfter(%q) = %v, want %v", header, got, want)
		}
	}
}

// After a 429 the next request waits, unless its context ends.
func TestThrottle(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "3600")
		w.WriteHeader(http.StatusTooManyRequests)
	}))
	defer server.Close()
	client := &http.Client{Transport: &throttle{next: server.Client().Transport}}
	resp, err := client.Get(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	if err := resp.Body.Close(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, server.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	throttled := client.Transport.(*throttle)
	if _, err := throttled.RoundTrip(req); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want %v", err, context.Canceled)
	}
	if d := time.Until(throttled.until); d <= maxThrottle/2 || d > maxThrottle {
		t.Errorf("the next request is held back for %v, want %v", d, maxThrottle)
	}
}
