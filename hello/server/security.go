package server

import (
	"maps"
	"net/http"
)

// securityHeaders forbid a browser all that an answer can do without. There is
// no Strict-Transport-Security, which counts only over TLS: it is for the proxy
// that ends it.
var securityHeaders = http.Header{
	// Content Security Policy Level 3: nothing is loaded, and no script runs.
	"Content-Security-Policy":      {"default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"},
	"Cross-Origin-Embedder-Policy": {"require-corp"},
	"Cross-Origin-Opener-Policy":   {"same-origin"},
	"Cross-Origin-Resource-Policy": {"same-origin"},
	"Permissions-Policy":           {"camera=(), geolocation=(), microphone=()"},
	"Referrer-Policy":              {"no-referrer"},
	"X-Content-Type-Options":       {"nosniff"},
	// For browsers that do not know frame-ancestors.
	"X-Frame-Options": {"DENY"},
	// What has no other rule, such as an error, is not to be kept.
	"Cache-Control": {"no-store"},
}

// withSecurityHeaders sets [securityHeaders], in place of which next can set
// others.
func withSecurityHeaders(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// The values are shared: whoever sets another replaces them.
		maps.Copy(w.Header(), securityHeaders)
		next.ServeHTTP(w, r)
	})
}
