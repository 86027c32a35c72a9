package server

import (
	"context"
	"net/http"
	"time"
)

// contentTimeout is how long content, behind the answer to a request that did
// not want it, is read and thrown away, so that its client gets to read the
// answer. net/http takes no more than 256 KiB of it.
const contentTimeout = time.Second

// closing has the connection closed after the answer, when the server is
// stopping, and when the request has content. So nothing behind content is
// taken for another request, whatever its length was meant to be.
func closing(ctx context.Context, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if hasContent(r) || ctx.Err() != nil {
			w.Header().Set("Connection", "close")
		}
		next.ServeHTTP(w, r)
		if hasContent(r) {
			// Where it does not work, readTimeout holds.
			_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(contentTimeout))
		}
	})
}

// hasContent tells whether a request has content, or may have: a length that
// is not known, as in chunks, is -1.
func hasContent(r *http.Request) bool { return r.ContentLength != 0 }
