package server

import (
	"bytes"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestAccessLog(t *testing.T) {
	t.Parallel()
	for _, on := range []bool{false, true} {
		var stderr bytes.Buffer
		handler := harden(t.Context(), site, Options{Log: NewLogger(&stderr), AccessLog: on})
		request := httptest.NewRequest("GET", "/?q=%0a", nil)
		request.Header.Set("User-Agent", "evil\n\u202e\x1b[2J")
		handler.ServeHTTP(httptest.NewRecorder(), request)
		if !on {
			if stderr.Len() > 0 {
				t.Errorf("logged without being asked to: %s", stderr.String())
			}
			continue
		}
		line := stderr.String()
		if strings.Count(line, "\n") != 1 {
			t.Fatalf("got %q, want one line", line)
		}
		for _, want := range []string{
			`"msg":"request"`, `"remote":"192.0.2.1:1234"`, `"method":"GET"`, `"target":"/?q=%0a"`, `"protocol":"HTTP/1.1"`,
			`"user_agent":"evil\n\u202e\u001b[2J"`, `"status":200`, `"bytes":21`, `"duration":"`,
		} {
			if !strings.Contains(line, want) {
				t.Errorf("%s does not have %s", line, want)
			}
		}
	}
}
