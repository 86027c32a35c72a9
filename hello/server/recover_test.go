package server

import (
	"bytes"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestRecovering(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name    string
		handler http.HandlerFunc
		status  int // 0 if the connection is cut
		lines   int
	}{
		{"nothing", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "fine") }, 200, 0},
		{"before the answer", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("ETag", `"x"`)
			w.Header().Set("Content-Length", "4")
			panic("of\nall\x1b sorts")
		}, 500, 1},
		{"after an announcement", func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusEarlyHints)
			panic("late")
		}, 500, 1},
		{"within the answer", func(w http.ResponseWriter, _ *http.Request) {
			io.WriteString(w, strings.Repeat("x", 10_000))
			panic("late")
		}, 0, 1},
		{"on purpose", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, 0, 0},
		{"nil pointer", func(http.ResponseWriter, *http.Request) { var r *http.Request; _ = r.Method }, 500, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var stderr, netHTTP bytes.Buffer
			server := httptest.NewUnstartedServer(recovering(NewLogger(&stderr), test.handler))
			server.Config.ErrorLog = log.New(&netHTTP, "", 0)
			server.Start()
			response, err := http.Get(server.URL)
			status := 0
			if err == nil {
				if _, err = io.ReadAll(response.Body); err == nil {
					status = response.StatusCode
				}
				response.Body.Close()
			}
			server.Close()
			if status != test.status {
				t.Errorf("got status %d, error %v, want %d", status, err, test.status)
			}
			if status == 500 && response.Header.Get("ETag") != "" {
				t.Error("the 500 has a validator")
			}
			lines := stderr.String()
			if got := strings.Count(lines, "\n"); got != test.lines || test.lines == 1 && !strings.Contains(lines, `"msg":"panic","cause":`) {
				t.Errorf("%d lines, want %d:\n%s", got, test.lines, lines)
			}
			if netHTTP.Len() > 0 {
				t.Errorf("net/http logs:\n%s", netHTTP.String())
			}
		})
	}
}
