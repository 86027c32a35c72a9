package server

import "net/http"

// ReadOnly is a handler for what is only read. It refuses all methods but GET
// and HEAD with 405, and those with content, which they have no use for (RFC
// 9110, section 9.3.1), with 413; next answers the others.
func ReadOnly(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Method != http.MethodGet && r.Method != http.MethodHead:
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "405 method not allowed", http.StatusMethodNotAllowed)
		case hasContent(r):
			http.Error(w, "413 content too large", http.StatusRequestEntityTooLarge)
		default:
			next.ServeHTTP(w, r)
		}
	})
}
