package server

import (
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
)

// recovering answers 500 where next panics, or cuts the answer off if it has
// begun, and logs the panic in one line.
func recovering(log *slog.Logger, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		recorded := &recorder{ResponseWriter: w}
		defer func() {
			cause := recover()
			if cause == nil {
				return
			}
			if cause != http.ErrAbortHandler {
				log.Error("panic", "cause", fmt.Sprint(cause), "stack", string(debug.Stack()))
			}
			if recorded.status != 0 || cause == http.ErrAbortHandler {
				// net/http cuts the connection, silently.
				panic(http.ErrAbortHandler)
			}
			w.Header().Del("ETag")
			w.Header().Set("Cache-Control", "no-store")
			http.Error(w, "500 internal server error", http.StatusInternalServerError)
		}()
		next.ServeHTTP(recorded, r)
	})
}
