package main

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http/httptest"
	"regexp"
	"testing"
)

// TestContentSecurityPolicy checks that the page comes with one that allows its
// style, and that nothing else does.
func TestContentSecurityPolicy(t *testing.T) {
	t.Parallel()
	style := regexp.MustCompile(`(?s)<style>(.*)</style>`).FindStringSubmatch(pageTemplate)
	if style == nil {
		t.Fatal("the page has no style")
	}
	hash := sha256.Sum256([]byte(style[1]))
	policy := "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(hash[:]) +
		"'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
	for _, test := range []struct{ method, target, accept, ifNoneMatch, want string }{
		{"GET", "/", "text/html", "", policy},
		{"HEAD", "/", "text/html", "", policy},
		{"GET", "/", "text/html", "*", policy},
		{"GET", "/", "text/plain", "", ""},
		{"GET", "/elsewhere", "text/html", "", ""},
		{"POST", "/", "text/html", "", ""},
	} {
		recorder := httptest.NewRecorder()
		request := httptest.NewRequest(test.method, test.target, nil)
		request.Header.Set("Accept", test.accept)
		request.Header.Set("If-None-Match", test.ifNoneMatch)
		newHandler().ServeHTTP(recorder, request)
		if got := recorder.Header().Get("Content-Security-Policy"); got != test.want {
			t.Errorf("%s %s as %s: got %q, want %q", test.method, test.target, test.accept, got, test.want)
		}
	}
}
