package server

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestCheckHealth(t *testing.T) {
	t.Parallel()
	answering := func(status int) string {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method != http.MethodGet || r.RequestURI != "/healthz" {
				status = http.StatusTeapot
			}
			w.WriteHeader(status)
		}))
		t.Cleanup(server.Close)
		return server.Listener.Addr().String()
	}
	saying := func(answer string) string {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { listener.Close() })
		go func() {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			defer conn.Close()
			io.ReadFull(conn, make([]byte, 10))
			io.WriteString(conn, answer)
			if answer == "" {
				io.Copy(io.Discard, conn)
			}
		}()
		return listener.Addr().String()
	}
	gone, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	gone.Close()
	healthy := answering(200)
	_, port, err := net.SplitHostPort(healthy)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ name, address, err string }{
		{"healthy", healthy, ""},
		{"all interfaces", "0.0.0.0:" + port, ""},
		{"no host", ":" + port, ""},
		{"stopping", answering(503), "is not healthy: it answers 503 Service Unavailable"},
		{"redirected", answering(302), "it answers 302 Found"},
		{"no server", gone.Addr().String(), "no server on 127.0.0.1:"},
		{"another protocol", saying("SSH-2.0-\x1b[31m\r\n\r\n"), "does not answer as it should"},
		{"endless", saying("HTTP/1.1 200 OK\r\n" + strings.Repeat("A: b\r\n", 10_000)), "does not answer as it should"},
		{"silent", saying(""), "does not answer within 3s"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			err := CheckHealth(t.Context(), test.address)
			if test.err == "" && err != nil || test.err != "" && (err == nil || !strings.Contains(err.Error(), test.err)) {
				t.Errorf("got %v, want %q", err, test.err)
			}
			if err != nil && strings.Contains(err.Error(), "\n") {
				t.Errorf("%q is more than a line", err)
			}
		})
	}
}

func TestHealth(t *testing.T) {
	t.Parallel()
	handler := withHealth(t.Context(), site)
	for _, test := range []struct {
		method, target string
		status         int
		body           string
	}{
		{"GET", "/healthz", 200, "ok\n"},
		{"GET", "/healthz?x", 200, "ok\n"},
		{"DELETE", "/healthz", 405, "405 method not allowed\n"},
		{"GET", "/healthz/", 404, "404 page not found\n"},
	} {
		recorder := httptest.NewRecorder()
		handler.ServeHTTP(recorder, httptest.NewRequest(test.method, test.target, nil))
		if got := recorder.Body.String(); recorder.Code != test.status || got != test.body {
			t.Errorf("%s %s: got %d and %q, want %d and %q", test.method, test.target, recorder.Code, got, test.status, test.body)
		}
	}
	get, head := httptest.NewRecorder(), httptest.NewRecorder()
	handler.ServeHTTP(get, httptest.NewRequest("GET", "/healthz", nil))
	handler.ServeHTTP(head, httptest.NewRequest("HEAD", "/healthz", nil))
	if diff := cmp.Diff(get.Header(), head.Header()); diff != "" || get.Header().Get("Content-Length") != "3" {
		t.Errorf("(-GET +HEAD):\n%s", diff)
	}
}
