package main

import (
	"net/http"
	"strings"

	"example.com/reproducible-images/hello/server"
)

const greeting = "Hello, world!\n"

// newHandler returns what hello answers. Paths are compared as they are, without
// the redirects of [http.ServeMux]: what is not served is not found.
func newHandler() http.Handler {
	text := newContent("text/plain; charset=utf-8", greeting)
	page := newContent("text/html; charset=utf-8", renderPage())
	policy := contentSecurityPolicy(page.body)
	home := server.ReadOnly(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Vary", "Accept")
		if prefersHTML(strings.Join(r.Header.Values("Accept"), ",")) {
			w.Header().Set("Content-Security-Policy", policy)
			page.serve(w, r)
		} else {
			text.serve(w, r)
		}
	}))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/" {
			home.ServeHTTP(w, r)
		} else {
			http.NotFound(w, r)
		}
	})
}
