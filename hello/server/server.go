// Package server serves HTTP as a container in production should: with limits
// on what a client can take, a log that nobody can forge, a health check, and a
// stop that drops no request. A service adds a handler:
//
//	listener, err := server.Listen(":8060")
//	...
//	err = server.Run(server.UntilSignal(), listener, handler, server.Options{...})
package server

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"runtime"
	"runtime/debug"
	"time"

	"example.com/reproducible-images/hello/server/internal/connections"
)

// Limits of a server whose answers are small and at hand. Nobody who plays by
// the rules comes near them; somebody who does not is cut off.
const (
	readHeaderTimeout = 5 * time.Second
	readTimeout       = 10 * time.Second
	writeTimeout      = 10 * time.Second
	idleTimeout       = 60 * time.Second

	// maxHeaderBytes is room for a browser's cookies. net/http allows 4 KiB
	// more, and answers 431 then.
	maxHeaderBytes = 8 << 10

	// lastRequestTimeout is how long, once stopping, a client has to send one
	// more request over a connection that it has. Closed at once, connections
	// would meet requests on their way; so most are closed by the answer to
	// one.
	lastRequestTimeout = 500 * time.Millisecond
)

// Options are what a service chooses.
type Options struct {
	// Version is the version of the service, for the log.
	Version string

	// Log is where to log; see [NewLogger]. It must not be nil.
	Log *slog.Logger

	// AccessLog tells whether to log every request.
	AccessLog bool

	// ShutdownTimeout is how long requests in flight may take to finish once
	// the server is to stop; 0 cuts them off.
	ShutdownTimeout time.Duration
}

// Run answers HTTP/1.1 on listener until ctx is done, then closes it and lets
// the requests in flight finish. It returns nil if all of them did within
// options.ShutdownTimeout. A request is in flight once its head is there.
//
// Run answers /healthz itself: 200, or 503 once ctx is done. To everything else
// handler answers, whose panics end no more than the request. All answers have
// headers that forbid a browser what a page can do without, and are not to be
// cached; handler can set others in place of them.
//
// A request has 5 s for its head, of 12 KiB at most, and 10 s for all of it; an
// answer has 10 s. [http.ResponseController] gives a handler more. How much
// content it takes is for handler to limit ([http.MaxBytesHandler]); content
// ends the connection. All connections together take no more memory than there
// is: Run sets the limit of the garbage collector by that of the cgroup, unless
// GOMEMLIMIT is set.
func Run(ctx context.Context, listener net.Listener, handler http.Handler, options Options) error {
	limitMemory(os.DirFS("/"), os.Getenv)
	log := options.Log
	log.Info("listening",
		"address", listener.Addr().String(),
		"version", options.Version,
		"cpus", runtime.GOMAXPROCS(0),
		"memory_limit", debug.SetMemoryLimit(-1))
	server := &http.Server{
		Handler:           harden(ctx, handler, options),
		ReadHeaderTimeout: readHeaderTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
		// What answers OPTIONS * would bypass handler.
		DisableGeneralOptionsHandler: true,
	}
	limited := connections.Limit(listener)
	limited.Attach(server)
	served := make(chan error, 1)
	go func() { served <- server.Serve(limited) }()

	select {
	case err := <-served:
		return fmt.Errorf("serving: %w", err)
	case <-ctx.Done():
	}
	log.Info("stopping", "timeout", options.ShutdownTimeout.String())
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), options.ShutdownTimeout)
	defer cancel()

	// server.Shutdown alone would drop requests: those on their way over idle
	// connections, and those that it reads after it was called.
	limited.Close()
	<-served
	lastRequests, cancel := context.WithTimeout(grace, lastRequestTimeout)
	defer cancel()
	limited.Drain(lastRequests)
	if err := server.Shutdown(grace); err != nil {
		server.Close()
		return fmt.Errorf("requests in flight did not finish within %v and were cut off", options.ShutdownTimeout)
	}
	log.Info("stopped")
	return nil
}

// harden puts around handler what all answers of a service have in common.
func harden(ctx context.Context, handler http.Handler, options Options) http.Handler {
	handler = withHealth(ctx, handler)
	handler = recovering(options.Log, handler)
	handler = closing(ctx, handler)
	handler = withSecurityHeaders(handler)
	if options.AccessLog {
		handler = logging(options.Log, handler)
	}
	return handler
}
