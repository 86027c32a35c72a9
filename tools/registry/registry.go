// Package registry runs a real container registry inside the process: the
// handlers of distribution v3 (CNCF Distribution) with filesystem storage.
package registry

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"maps"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/distribution/distribution/v3/configuration"
	"github.com/distribution/distribution/v3/registry/handlers"
	"github.com/sirupsen/logrus"

	// What the configuration below names. The registry's own command would
	// bring every cloud's storage driver too.
	_ "github.com/distribution/distribution/v3/registry/auth/htpasswd"
	_ "github.com/distribution/distribution/v3/registry/storage/driver/filesystem"
)

// Options say how to run a registry.
type Options struct {
	// Root is the storage directory; it is made if it is missing.
	Root string
	// Addr is the HOST:PORT to listen on; empty means a free port of
	// 127.0.0.1.
	Addr string
	// Driver is the name of distribution's storage driver, which must be
	// registered; it gets Root as its parameter "rootdirectory". Empty means
	// "filesystem".
	Driver string
	// DriverParameters are the driver's other parameters.
	DriverParameters map[string]any
	// ReadOnly refuses all writes.
	ReadOnly bool
	// Htpasswd is the path of an htpasswd file with bcrypt hashes. Empty
	// means that anybody may pull and push.
	Htpasswd string
	// TLS is the server's configuration with its certificate; nil means plain
	// HTTP.
	TLS *tls.Config
	// Wrap, unless nil, goes around the registry's handler and so sees every
	// request first.
	Wrap func(http.Handler) http.Handler
	// Log receives the registry's log; nil discards it. Distribution logs
	// through one logger for the whole process: the last Start decides.
	Log io.Writer
}

// Server is a running registry.
type Server struct {
	addr   string
	app    *handlers.App
	http   *http.Server
	served chan error
}

// Start starts a registry. It serves when Start returns, until Shutdown. The
// error wraps syscall.EADDRINUSE when another process has the port.
func Start(ctx context.Context, o Options) (*Server, error) {
	if err := os.MkdirAll(o.Root, 0o755); err != nil {
		return nil, fmt.Errorf("registry storage: %w", err)
	}
	if o.Htpasswd != "" {
		// Distribution makes up a file with a random password if there is none.
		if _, err := os.Stat(o.Htpasswd); err != nil {
			return nil, fmt.Errorf("registry users: %w", err)
		}
	}
	if o.Log == nil {
		o.Log = io.Discard
	}
	logrus.SetOutput(o.Log)
	app, err := newApp(ctx, configure(o))
	if err != nil {
		return nil, err
	}
	if o.Addr == "" {
		o.Addr = "127.0.0.1:0"
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", o.Addr)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("registry: %w", err), app.Shutdown())
	}
	s := &Server{
		addr: listener.Addr().String(),
		app:  app,
		http: &http.Server{
			Handler:           app,
			ReadHeaderTimeout: 10 * time.Second,
			// Such as a client's failed TLS handshake.
			ErrorLog: log.New(logWriter{}, "", 0),
		},
		served: make(chan error, 1),
	}
	if o.Wrap != nil {
		s.http.Handler = o.Wrap(app)
	}
	s.cutUnused()
	if o.TLS != nil {
		listener = tls.NewListener(listener, o.TLS)
	}
	go func() { s.served <- s.http.Serve(listener) }()
	return s, nil
}

// Addr is the HOST:PORT that the registry listens on.
func (s *Server) Addr() string { return s.addr }

// cutUnused has Shutdown close the connections on which no request came yet.
// Clients open some to have them at hand, and http.Server would wait five
// seconds for each.
func (s *Server) cutUnused() {
	var unused sync.Map
	s.http.ConnState = func(c net.Conn, state http.ConnState) {
		if state == http.StateNew {
			unused.Store(c, nil)
		} else {
			unused.Delete(c)
		}
	}
	s.http.RegisterOnShutdown(func() {
		unused.Range(func(c, _ any) bool {
			c.(net.Conn).Close()
			return true
		})
	})
}

// Shutdown stops accepting requests, lets those in flight finish until ctx
// ends, and then cuts them off.
func (s *Server) Shutdown(ctx context.Context) error {
	err := s.http.Shutdown(ctx)
	if err != nil {
		err = errors.Join(fmt.Errorf("stopping the registry: %w", err), s.http.Close())
	}
	if served := <-s.served; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, fmt.Errorf("registry: %w", served))
	}
	return errors.Join(err, s.app.Shutdown())
}

func configure(o Options) *configuration.Configuration {
	driver := configuration.Parameters{"rootdirectory": o.Root}
	maps.Copy(driver, o.DriverParameters)
	c := &configuration.Configuration{
		Storage: configuration.Storage{
			cmp.Or(o.Driver, "filesystem"): driver,
			"delete":                       {"enabled": true},
			"maintenance": {
				"readonly": map[any]any{"enabled": o.ReadOnly},
				// Nothing to purge in a registry that lives for a test or a
				// demonstration, and the purger would outlive Shutdown.
				"uploadpurging": map[any]any{"enabled": false},
			},
		},
	}
	if o.Htpasswd != "" {
		c.Auth = configuration.Auth{"htpasswd": {"realm": "registry", "path": o.Htpasswd}}
	}
	return c
}

// newApp turns the panics with which distribution reports a configuration that
// it cannot use into errors.
func newApp(ctx context.Context, c *configuration.Configuration) (app *handlers.App, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("registry: %v", p)
		}
	}()
	return handlers.NewApp(ctx, c), nil
}

// logWriter writes lines to distribution's logger.
type logWriter struct{}

func (logWriter) Write(line []byte) (int, error) {
	logrus.Warn(strings.TrimSpace(string(line)))
	return len(line), nil
}
