package server

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// pipes is a listener within a synctest bubble, where time passes only when
// everything waits for it: timeouts take no time and are exact.
type pipes struct {
	accept chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func newPipes() *pipes {
	return &pipes{accept: make(chan net.Conn), closed: make(chan struct{})}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case conn := <-p.accept:
		return conn, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	p.once.Do(func() { close(p.closed) })
	return nil
}

func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipes", Net: "unix"} }

// dial returns a connection to whoever accepts.
func (p *pipes) dial() net.Conn {
	client, server := net.Pipe()
	p.accept <- server
	return client
}

// site is a small service: a page that browsers need not load again, and
// nothing else.
var site = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != "/" {
		http.NotFound(w, r)
		return
	}
	ReadOnly(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("ETag", `"1"`)
		http.ServeContent(w, r, "", time.Time{}, strings.NewReader("<title>Hello</title>\n"))
	})).ServeHTTP(w, r)
})

// discard are the options of a server that logs nothing.
var discard = Options{Log: slog.New(slog.DiscardHandler), ShutdownTimeout: 10 * time.Second}

// inBubble runs test with a server that listens on pipes. stop asks it to stop;
// finish waits until it did, and returns what [Run] returns.
func inBubble(t *testing.T, handler http.Handler, test func(t *testing.T, p *pipes, stop func(), finish func() error)) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(context.Background())
		p := newPipes()
		served := make(chan error, 1)
		go func() { served <- Run(ctx, p, handler, discard) }()
		finished := false
		finish := func() error {
			finished = true
			return <-served
		}
		test(t, p, stop, finish)
		stop()
		if !finished {
			if err := finish(); err != nil {
				t.Error(err)
			}
		}
	})
}

// exchange sends data over a new connection, in the given pieces, and returns
// all that comes back until the server closes it, and how long that took.
func exchange(p *pipes, pieces ...string) (answers string, took time.Duration) {
	start := time.Now()
	conn := p.dial()
	defer conn.Close()
	go func() {
		for _, piece := range pieces {
			if _, err := io.WriteString(conn, piece); err != nil {
				return // It need not read all.
			}
		}
	}()
	data, _ := io.ReadAll(conn)
	return string(data), time.Since(start)
}
