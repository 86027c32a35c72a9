package server

import (
	"log/slog"
	"net/http"
	"time"
)

// logging logs every request that next answers. What net/http refuses before,
// such as what is not HTTP, is not logged.
func logging(log *slog.Logger, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		recorded := &recorder{ResponseWriter: w}
		// Deferred, to log also what panics.
		defer func() {
			log.Info("request",
				"remote", r.RemoteAddr,
				"method", r.Method,
				"target", r.RequestURI,
				"protocol", r.Proto,
				"user_agent", r.UserAgent(),
				"status", recorded.status,
				"bytes", recorded.bytes,
				"duration", time.Since(start).String())
		}()
		next.ServeHTTP(recorded, r)
	})
}
