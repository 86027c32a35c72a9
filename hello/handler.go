package main

import (
	"io"
	"net/http"
	"strconv"
	"strings"
)

const greeting = "Hello, world!\n"

// newHandler returns what the server answers. Paths are compared as they are,
// without the redirects of [http.ServeMux]: what is not served is not found.
func newHandler() http.Handler {
	page := renderPage()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/":
			if !readOnly(w, r) {
				return
			}
			w.Header().Set("Vary", "Accept")
			if prefersHTML(strings.Join(r.Header.Values("Accept"), ",")) {
				write(w, "text/html; charset=utf-8", page)
			} else {
				write(w, "text/plain; charset=utf-8", greeting)
			}
		case "/healthz":
			if readOnly(w, r) {
				write(w, "text/plain; charset=utf-8", "ok\n")
			}
		default:
			http.NotFound(w, r)
		}
	})
}

// readOnly refuses all methods but GET and HEAD with 405, and tells whether it
// let the request pass.
func readOnly(w http.ResponseWriter, r *http.Request) bool {
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		return true
	}
	w.Header().Set("Allow", "GET, HEAD")
	http.Error(w, "405 method not allowed", http.StatusMethodNotAllowed)
	return false
}

// write sends a body. Its length is always said, so that HEAD says it as well.
func write(w http.ResponseWriter, contentType, body string) {
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	// The only error is a client that left.
	_, _ = io.WriteString(w, body)
}
