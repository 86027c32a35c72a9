package server

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// TestContentOfRequests checks that what comes with content is refused, and
// that the connection ends there.
func TestContentOfRequests(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		method, target, content string
		status                  int
		connection              string
	}{
		{"GET", "/", "x", 413, "close"},
		{"HEAD", "/", "x", 413, "close"},
		{"GET", "/healthz", "x", 413, "close"},
		{"POST", "/", "x", 405, "close"},
		{"POST", "/elsewhere", "x", 404, "close"},
		{"POST", "/", "", 405, ""},
		{"GET", "/", "", 200, ""},
	} {
		recorder := httptest.NewRecorder()
		request := httptest.NewRequest(test.method, test.target, strings.NewReader(test.content))
		harden(t.Context(), site, discard).ServeHTTP(recorder, request)
		if got := recorder.Header().Get("Connection"); recorder.Code != test.status || got != test.connection {
			t.Errorf("%s %s with %q: got %d and Connection %q, want %d and %q",
				test.method, test.target, test.content, recorder.Code, got, test.status, test.connection)
		}
	}
}

// TestContentThatIsWanted comes in two parts, with more time in between than
// content has that nobody wants.
func TestContentThatIsWanted(t *testing.T) {
	t.Parallel()
	echo := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		content, err := io.ReadAll(r.Body)
		time.Sleep(2 * contentTimeout)
		if err == nil {
			err = r.Context().Err()
		}
		if err != nil {
			t.Errorf("after %q: %v", content, err)
		}
		w.Write(content)
	})
	inBubble(t, echo, func(t *testing.T, p *pipes, _ func(), _ func() error) {
		conn := p.dial()
		go func() {
			io.WriteString(conn, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4000\r\n\r\n"+strings.Repeat("a\n", 1000))
			time.Sleep(2 * contentTimeout)
			io.WriteString(conn, strings.Repeat("a\n", 1000))
		}()
		got, err := io.ReadAll(conn)
		if !strings.Contains(string(got), " 200 OK\r\n") || strings.Count(string(got), "a\n") != 2000 {
			t.Errorf("got %q, %v", got, err)
		}
	})
}

func TestStopping(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	handler := harden(ctx, site, discard)
	for _, test := range []struct {
		stopping   bool
		target     string
		status     int
		connection string
	}{
		{false, "/healthz", 200, ""},
		{true, "/healthz", 503, "close"},
		{true, "/", 200, "close"},
	} {
		if test.stopping {
			cancel()
		}
		recorder := httptest.NewRecorder()
		handler.ServeHTTP(recorder, httptest.NewRequest("GET", test.target, nil))
		if got := recorder.Header().Get("Connection"); recorder.Code != test.status || got != test.connection {
			t.Errorf("%s: got %d and Connection %q, want %d and %q", test.target, recorder.Code, got, test.status, test.connection)
		}
	}
}
