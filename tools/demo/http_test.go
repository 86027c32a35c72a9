package main

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"example.com/reproducible-images/tools/demo/child"
)

func TestAwaitOK(t *testing.T) {
	t.Parallel()
	var asked atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if asked.Add(1) < 3 {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}))
	t.Cleanup(server.Close)
	if err := awaitOK(t.Context(), server.URL, container{Child: new(child.Child)}); err != nil || asked.Load() != 3 {
		t.Errorf("got %v after %d requests, want success after 3", err, asked.Load())
	}
}

func TestAwaitOKGivesUp(t *testing.T) {
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
	err := awaitOK(ctx, server.URL, container{Child: new(child.Child)})
	if err == nil || !strings.Contains(err.Error(), "enough, at last: ") {
		t.Errorf("got error %v", err)
	}
}
