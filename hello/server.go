package main

import (
	"context"
	_ "embed"
	"errors"
	"io"
	"maps"
	"net"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"
)

const (
	// readHeaderTimeout is the time that a request's header may take.
	readHeaderTimeout = 5 * time.Second

	// idleTimeout is the time that a connection may wait for the next request.
	idleTimeout = 60 * time.Second

	// maxHeaderBytes has room for a browser's cookies. net/http allows 4 KiB more
	// and then answers 431.
	maxHeaderBytes = 8 << 10

	// drainTimeout is the time in which, once stopping, a connection may send one
	// more request.
	drainTimeout = 500 * time.Millisecond
)

//go:embed page.html
var page string

// securityHeaders are set on every response. The policy allows the page's style,
// by its hash, and its icon, which is a data URL. A changed style needs a new
// hash: TestPage prints it. Strict-Transport-Security is left to the proxy that
// ends TLS.
var securityHeaders = http.Header{
	"Content-Security-Policy": {"default-src 'none'; " +
		"style-src 'sha256-MlIxZNDTJR9u7lrLW+5zFJ0z9DGGHHG59xCy+TB9g1M='; " +
		"img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"},
	"Cross-Origin-Opener-Policy":   {"same-origin"},
	"Cross-Origin-Resource-Policy": {"same-origin"},
	"Referrer-Policy":              {"no-referrer"},
	"X-Content-Type-Options":       {"nosniff"},
}

// A service is the handler of all requests.
type service struct {
	mux      *http.ServeMux
	stopping atomic.Bool
}

// newService returns a service with its routes. "GET" serves HEAD too; other
// methods get 405, other paths 404.
func newService() *service {
	s := &service{mux: http.NewServeMux()}
	s.mux.HandleFunc("GET /{$}", servePage)
	s.mux.HandleFunc("GET /healthz", s.serveHealth)
	return s
}

func (s *service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	maps.Copy(w.Header(), securityHeaders)
	if s.stopping.Load() {
		w.Header().Set("Connection", "close")
	}
	s.mux.ServeHTTP(w, r)
}

func servePage(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Length", strconv.Itoa(len(page)))
	// An error means that the client is gone.
	_, _ = io.WriteString(w, page)
}

// serveHealth answers 503 once the service is stopping, so that a load balancer
// turns to another one.
func (s *service) serveHealth(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	if s.stopping.Load() {
		http.Error(w, "stopping", http.StatusServiceUnavailable)
		return
	}
	_, _ = io.WriteString(w, "ok\n")
}

// run serves HTTP/1.1 on listener until ctx is done. Then it closes listener and
// takes up to timeout to finish the requests in flight. It returns an error if
// it could not serve, or if it cut requests off.
func (s *service) run(ctx context.Context, listener net.Listener, timeout time.Duration) error {
	// ReadTimeout and WriteTimeout are not set, because they would also cut off a
	// handler that streams. A handler that needs a limit sets a deadline through
	// http.ResponseController, and http.MaxBytesReader for a body.
	server := &http.Server{
		Handler:           s,
		ReadHeaderTimeout: readHeaderTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	select {
	case err := <-served:
		return err
	case <-ctx.Done():
	}

	grace, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	// Shutdown alone loses requests: it closes idle connections on which one is on
	// its way, and drops those that it reads after it was called. So the response
	// to its next request first closes each connection. The listener is closed
	// before that, so that a client that connects again is refused at once.
	listener.Close()
	<-served
	s.stopping.Store(true)
	select {
	case <-time.After(drainTimeout):
	case <-grace.Done():
	}
	if err := server.Shutdown(grace); err != nil {
		server.Close()
		return errors.New("requests in flight took longer than " + timeout.String() + " and were cut off")
	}
	return nil
}
