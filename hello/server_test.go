package main

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestRoutes(t *testing.T) {
	t.Parallel()
	type response struct {
		Status                       int
		ContentType, Location, Allow string
		Body                         string
	}
	const plain, html = "text/plain; charset=utf-8", "text/html; charset=utf-8"
	notFound := response{404, plain, "", "", "404 page not found\n"}
	notAllowed := response{405, plain, "", "GET, HEAD", "Method Not Allowed\n"}
	for _, test := range []struct {
		method, target string
		want           response
	}{
		{"GET", "/", response{200, html, "", "", page}},
		{"GET", "/?a=b", response{200, html, "", "", page}},
		{"GET", "/healthz", response{200, plain, "", "", "ok\n"}},
		{"GET", "/index.html", notFound},
		{"GET", "/healthz/", notFound},
		{"POST", "/elsewhere", notFound},
		{"GET", "/../etc/passwd", response{307, html, "/etc/passwd", "", "<a href=\"/etc/passwd\">Temporary Redirect</a>.\n\n"}},
		{"GET", "/%2e%2e/etc/passwd", notFound},
		{"GET", "/etc/passwd", notFound},
		{"POST", "/", notAllowed},
		{"OPTIONS", "/", notAllowed},
		{"TRACE", "/", notAllowed},
		{"get", "/", notAllowed},
		{"DELETE", "/healthz", notAllowed},
	} {
		t.Run(test.method+" "+test.target, func(t *testing.T) {
			t.Parallel()
			recorder := httptest.NewRecorder()
			newService().ServeHTTP(recorder, httptest.NewRequest(test.method, test.target, nil))
			header := recorder.Header()
			got := response{recorder.Code, header.Get("Content-Type"), header.Get("Location"), header.Get("Allow"), recorder.Body.String()}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			for name, want := range securityHeaders {
				if diff := cmp.Diff(want, header[name]); diff != "" {
					t.Errorf("%s (-want +got):\n%s", name, diff)
				}
			}
		})
	}
}

func TestPage(t *testing.T) {
	t.Parallel()
	_, rest, _ := strings.Cut(page, "<style>")
	style, _, _ := strings.Cut(rest, "</style>")
	sum := sha256.Sum256([]byte(style))
	hash := "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
	if policy := securityHeaders.Get("Content-Security-Policy"); !strings.Contains(policy, hash) {
		t.Errorf("the hash of the page's style is %s, the policy is\n%s", hash, policy)
	}
	for _, want := range []string{`<html lang="en">`, "<title>Hello, world!</title>"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page does not contain %s", want)
		}
	}
	// The policy forbids these.
	for _, unwanted := range []string{"<script", " style=", " src=", "url(", "@import"} {
		if strings.Contains(page, unwanted) {
			t.Errorf("the page contains %s", unwanted)
		}
	}
}

// pipeListener accepts in-memory connections, which work in virtual time.
type pipeListener struct {
	conns  chan net.Conn
	ctx    context.Context
	cancel context.CancelFunc
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case conn := <-l.conns:
		return conn, nil
	case <-l.ctx.Done():
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error { l.cancel(); return nil }

func (l *pipeListener) Addr() net.Addr { return &net.TCPAddr{} }

func (l *pipeListener) dial() (net.Conn, error) {
	client, server := net.Pipe()
	select {
	case l.conns <- server:
		return client, nil
	case <-l.ctx.Done():
		return nil, net.ErrClosed
	}
}

// start runs s. stop asks it to stop and returns what run returned.
func start(t *testing.T, s *service, timeout time.Duration) (listener *pipeListener, stop func() error) {
	ctx, cancel := context.WithCancel(t.Context())
	listener = &pipeListener{conns: make(chan net.Conn)}
	listener.ctx, listener.cancel = context.WithCancel(t.Context())
	stopped := make(chan error, 1)
	go func() { stopped <- s.run(ctx, listener, timeout) }()
	return listener, func() error {
		cancel()
		return <-stopped
	}
}

// client sends requests over one connection.
type client struct {
	net.Conn
	reader *bufio.Reader
}

func dial(t *testing.T, listener *pipeListener) client {
	t.Helper()
	conn, err := listener.dial()
	if err != nil {
		t.Fatal(err)
	}
	return client{conn, bufio.NewReader(conn)}
}

// do sends a request and returns the response, with all of its body read.
func (c client) do(request string) (*http.Response, error) {
	// The server may respond before it has read everything, or not read at all.
	go func() { _, _ = io.WriteString(c, request) }()
	method, _, _ := strings.Cut(request, " ")
	response, err := http.ReadResponse(c.reader, &http.Request{Method: method})
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	_, err = io.Copy(io.Discard, response.Body)
	return response, err
}

func TestConnections(t *testing.T) {
	t.Parallel()
	const head = " HTTP/1.1\r\nHost: x\r\n"
	get := "GET /" + head + "\r\n"
	for _, test := range []struct {
		name     string
		requests []string
		statuses string
		// closed is when the server closes the connection after the last response.
		closed time.Duration
	}{
		{"kept alive until idle", []string{get, "HEAD /" + head + "\r\n", "GET /no" + head + "\r\n", get}, "200 200 404 200", idleTimeout},
		{"a body keeps it alive", []string{"POST /" + head + "Content-Length: 5\r\n\r\nabcde", get}, "405 200", idleTimeout},
		{"chunks keep it alive", []string{"PUT /" + head + "Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n", get}, "405 200", idleTimeout},
		{"close", []string{"GET /" + head + "Connection: close\r\n\r\n"}, "200", 0},
		{"HTTP/1.0", []string{"GET / HTTP/1.0\r\n\r\n"}, "200", 0},
		{"nothing sent", []string{""}, "", readHeaderTimeout},
		{"half a header", []string{"GET /" + head}, "", readHeaderTimeout},
		{"half a header after a request", []string{get, "GET /" + head}, "200", readHeaderTimeout},
		{"large cookie", []string{"GET /" + head + "Cookie: " + strings.Repeat("a", 8<<10) + "\r\n\r\n"}, "200", idleTimeout},
		{"header too large", []string{"GET /" + head + "A: " + strings.Repeat("a", 13<<10) + "\r\n\r\n"}, "431", 0},
		{"endless line", []string{strings.Repeat("a", 1<<20)}, "431", 0},
		{"two lengths", []string{"POST /" + head + "Content-Length: 5\r\nContent-Length: 0\r\n\r\nabcde" + get}, "400", 0},
		{"no host", []string{"GET / HTTP/1.1\r\n\r\n"}, "400", 0},
		{"TLS", []string{"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n"}, "400", 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				listener, stop := start(t, newService(), time.Minute)
				conn := dial(t, listener)
				var statuses []string
				last := time.Now()
				for _, request := range test.requests {
					response, err := conn.do(request)
					if err != nil {
						break
					}
					statuses = append(statuses, strconv.Itoa(response.StatusCode))
					last = time.Now()
				}
				_, _ = io.Copy(io.Discard, conn.reader)
				if diff := cmp.Diff(test.statuses, strings.Join(statuses, " ")); diff != "" {
					t.Errorf("statuses (-want +got):\n%s", diff)
				}
				if closed := time.Since(last); closed != test.closed {
					t.Errorf("closed after %v, want %v", closed, test.closed)
				}
				conn.Close()
				if err := stop(); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// TestStreaming checks that no timeout ends a response that takes its time, nor
// a request whose body does.
func TestStreaming(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newService()
		s.mux.HandleFunc("POST /echo", func(w http.ResponseWriter, r *http.Request) {
			controller := http.NewResponseController(w)
			if err := controller.EnableFullDuplex(); err != nil {
				t.Error(err)
			}
			var b [1]byte
			for {
				if _, err := io.ReadFull(r.Body, b[:]); err != nil {
					return
				}
				_, _ = w.Write(b[:])
				_ = controller.Flush()
			}
		})
		listener, stop := start(t, s, time.Minute)
		conn := dial(t, listener)
		go func() {
			_, _ = io.WriteString(conn, "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n")
			for range 10 {
				time.Sleep(time.Hour)
				_, _ = io.WriteString(conn, "a")
			}
		}()
		response, err := http.ReadResponse(conn.reader, nil)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(response.Body)
		if string(body) != "aaaaaaaaaa" || err != nil {
			t.Errorf("got %q, %v", body, err)
		}
		conn.Close()
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}

func TestStop(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name             string
		handler, timeout time.Duration
		finishes         bool
	}{
		{"in time", 59 * time.Second, time.Minute, true},
		{"too late", 61 * time.Second, time.Minute, false},
		{"no time", 100 * time.Millisecond, 0, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := newService()
				s.mux.HandleFunc("GET /slow", func(_ http.ResponseWriter, r *http.Request) {
					select {
					case <-time.After(test.handler):
					case <-r.Context().Done():
					}
				})
				listener, stop := start(t, s, test.timeout)
				conn := dial(t, listener)
				answered := make(chan bool, 1)
				go func() {
					response, err := conn.do("GET /slow HTTP/1.1\r\nHost: x\r\n\r\n")
					answered <- err == nil && response.StatusCode == http.StatusOK
				}()
				synctest.Wait()
				if err := stop(); (err == nil) != test.finishes {
					t.Errorf("run returned %v", err)
				}
				if got := <-answered; got != test.finishes {
					t.Errorf("the request in flight was answered: %v, want %v", got, test.finishes)
				}
			})
		})
	}
}

// TestStopUnderLoad checks that a stop loses no request of clients that keep
// their connections, and that it shows in health checks.
func TestStopUnderLoad(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		listener, stop := start(t, newService(), time.Minute)
		var clients sync.WaitGroup
		for i := range 16 {
			conn := dial(t, listener)
			random := rand.New(rand.NewPCG(0, uint64(i)))
			clients.Go(func() {
				for status := http.StatusOK; ; {
					response, err := conn.do("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
					if err != nil {
						t.Errorf("lost a request: %v", err)
						return
					}
					if response.Close {
						status = http.StatusServiceUnavailable
					}
					if response.StatusCode != status {
						t.Errorf("status %d, want %d", response.StatusCode, status)
					}
					if response.Close {
						conn.Close()
						return
					}
					time.Sleep(time.Duration(random.Int64N(int64(drainTimeout))))
				}
			})
		}
		time.Sleep(10 * time.Second)
		if err := stop(); err != nil {
			t.Error(err)
		}
		clients.Wait()
		if _, err := listener.dial(); err == nil {
			t.Error("a connection was accepted after the stop")
		}
	})
}
