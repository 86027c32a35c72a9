package server

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestSecurityHeaders checks them on all kinds of answers.
func TestSecurityHeaders(t *testing.T) {
	t.Parallel()
	want := http.Header{
		"Content-Security-Policy":      {"default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"},
		"Cross-Origin-Embedder-Policy": {"require-corp"},
		"Cross-Origin-Opener-Policy":   {"same-origin"},
		"Cross-Origin-Resource-Policy": {"same-origin"},
		"Permissions-Policy":           {"camera=(), geolocation=(), microphone=()"},
		"Referrer-Policy":              {"no-referrer"},
		"X-Content-Type-Options":       {"nosniff"},
		"X-Frame-Options":              {"DENY"},
		"Cache-Control":                {"no-store"},
	}
	for _, test := range []struct{ method, target string }{
		{"GET", "/"}, {"HEAD", "/"}, {"GET", "/healthz"}, {"GET", "/elsewhere"}, {"POST", "/"}, {"OPTIONS", "*"},
	} {
		recorder := httptest.NewRecorder()
		harden(t.Context(), site, discard).ServeHTTP(recorder, httptest.NewRequest(test.method, test.target, nil))
		got := http.Header{}
		for name := range want {
			got[name] = recorder.Header()[name]
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s %s: (-want +got):\n%s", test.method, test.target, diff)
		}
	}
}

// TestOwnHeaders has a handler set what would be set otherwise, and one after it
// that does not.
func TestOwnHeaders(t *testing.T) {
	t.Parallel()
	handler := harden(t.Context(), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/own" {
			w.Header().Set("Cache-Control", "no-cache")
		}
	}), discard)
	for _, test := range []struct{ target, want string }{{"/own", "no-cache"}, {"/", "no-store"}} {
		recorder := httptest.NewRecorder()
		handler.ServeHTTP(recorder, httptest.NewRequest("GET", test.target, nil))
		if got := recorder.Header().Get("Cache-Control"); got != test.want {
			t.Errorf("%s: Cache-Control is %q, want %q", test.target, got, test.want)
		}
	}
}
