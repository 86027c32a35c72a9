package main

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// served waits until a server has answered some requests.
func served(t *testing.T, count *atomic.Int64) {
	t.Helper()
	for count.Load() < 100 {
		select {
		case <-t.Context().Done():
			t.Fatal("the clients do not ask")
		case <-time.After(time.Millisecond):
		}
	}
}

func TestTrafficOfServerThatDrains(t *testing.T) {
	t.Parallel()
	var stopping atomic.Bool
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if stopping.Load() {
			w.Header().Set("Connection", "close")
		}
		io.WriteString(w, "Hello, world!\n")
	}))
	traffic := startTraffic(t.Context(), server.Listener.Addr().String(), 4)
	served(t, &traffic.answered)
	stopping.Store(true)
	server.Listener.Close()
	if err := traffic.wait(); err != nil {
		t.Error(err)
	}
	server.Close()
}

func TestTrafficOfServerThatFails(t *testing.T) {
	t.Parallel()
	var stopping atomic.Bool
	for want, fail := range map[string]func(http.ResponseWriter){
		"503 Service Unavailable": func(w http.ResponseWriter) { w.WriteHeader(http.StatusServiceUnavailable) },
		"EOF":                     func(http.ResponseWriter) { panic(http.ErrAbortHandler) },
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if stopping.Load() {
				fail(w)
			}
		}))
		stopping.Store(false)
		traffic := startTraffic(t.Context(), server.Listener.Addr().String(), 2)
		served(t, &traffic.answered)
		stopping.Store(true)
		if err := traffic.wait(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
		server.Close()
	}
}

func TestTrafficWithoutServer(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	listener.Close()
	traffic := startTraffic(context.Background(), listener.Addr().String(), 2)
	if err := traffic.wait(); err != nil || traffic.answered.Load() != 0 {
		t.Errorf("%v, %d answers", err, traffic.answered.Load())
	}
}
