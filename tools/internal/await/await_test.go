package await

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func TestOK(t *testing.T) {
	t.Parallel()
	var asked atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if asked.Add(1) < 3 {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}))
	t.Cleanup(server.Close)
	if err := OK(t.Context(), server.URL, time.Millisecond); err != nil || asked.Load() != 3 {
		t.Errorf("got %v after %d requests, want success after 3", err, asked.Load())
	}
}

func TestOKGivesUp(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancelCause(context.Background())
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/elsewhere", http.StatusFound)
		if r.URL.Path == "/elsewhere" {
			t.Error("it follows redirects")
		}
		cancel(errors.New("enough"))
	}))
	t.Cleanup(server.Close)
	err := OK(ctx, server.URL, time.Millisecond)
	if err == nil || !strings.Contains(err.Error(), "enough, at last: ") {
		t.Errorf("got error %v", err)
	}
}
