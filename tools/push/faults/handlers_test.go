package faults_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// forever is how often a handler fails that never recovers.
const forever = 1 << 30

// wrapper goes around the handler of a registry.
type wrapper = func(http.Handler) http.Handler

// writes are the requests that change the registry.
func writes(r *http.Request) bool { return r.Method != http.MethodGet && r.Method != http.MethodHead }

// setsTag are the requests that set a tag.
func setsTag(r *http.Request) bool {
	_, ref, ok := strings.Cut(r.URL.Path, "/manifests/")
	return r.Method == http.MethodPut && ok && !strings.Contains(ref, ":")
}

func uploads(r *http.Request) bool { return r.Method == http.MethodPatch }

// failing answers matching requests by fail, so many times.
func failing(times int32, match func(*http.Request) bool, fail http.HandlerFunc) wrapper {
	var count atomic.Int32
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if match(r) && count.Add(1) <= times {
				fail(w, r)
				return
			}
			next.ServeHTTP(w, r)
		})
	}
}

func status(code int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
}

// hang does not answer until the client gives up.
func hang(_ http.ResponseWriter, r *http.Request) {
	// The server notices that the client is gone once it has read all.
	io.Copy(io.Discard, r.Body)
	<-r.Context().Done()
}

// limited asks for a second's rest once, and fails the test if a request comes
// in that time.
func limited(t *testing.T) wrapper {
	var mu sync.Mutex
	var until time.Time
	var asked bool
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			mu.Lock()
			now := time.Now()
			if now.Before(until) {
				t.Errorf("%s %s came %s too early", r.Method, r.URL.Path, until.Sub(now))
			}
			rest := !asked && writes(r)
			if rest {
				asked, until = true, now.Add(time.Second)
			}
			mu.Unlock()
			if rest {
				w.Header().Set("Retry-After", "1")
				w.WriteHeader(http.StatusTooManyRequests)
				return
			}
			next.ServeHTTP(w, r)
		})
	}
}

// wrongDigest states a wrong digest in the answers to matching requests.
func wrongDigest(match func(*http.Request) bool) wrapper {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if !match(r) {
				next.ServeHTTP(w, r)
				return
			}
			rec := httptest.NewRecorder()
			next.ServeHTTP(rec, r)
			rec.Header().Set("Docker-Content-Digest", "sha256:"+strings.Repeat("0", 64))
			copyAnswer(w, rec, rec.Body.Len())
		})
	}
}

// truncated cuts the bodies of answers to GET in half, so many times.
func truncated(times int32) wrapper {
	var count atomic.Int32
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			rec := httptest.NewRecorder()
			next.ServeHTTP(rec, r)
			if r.Method != http.MethodGet || rec.Code != http.StatusOK || rec.Body.Len() < 10 || count.Add(1) > times {
				copyAnswer(w, rec, rec.Body.Len())
				return
			}
			rec.Header().Set("Content-Length", strconv.Itoa(rec.Body.Len()))
			copyAnswer(w, rec, rec.Body.Len()/2)
			panic(http.ErrAbortHandler)
		})
	}
}

func copyAnswer(w http.ResponseWriter, rec *httptest.ResponseRecorder, bytes int) {
	for key, values := range rec.Header() {
		w.Header()[key] = values
	}
	w.WriteHeader(rec.Code)
	w.Write(rec.Body.Bytes()[:bytes])
	http.NewResponseController(w).Flush()
}

// tokens lets in who has a token that it gave out; each is good for one request
// only. After so many it gives out no more.
func tokens(most int) wrapper {
	var mu sync.Mutex
	valid := map[string]bool{}
	issued := 0
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			mu.Lock()
			if r.URL.Path == "/token" {
				defer mu.Unlock()
				if issued++; issued > most {
					w.WriteHeader(http.StatusUnauthorized)
					return
				}
				token := fmt.Sprintf("token%d", issued)
				valid[token] = true
				fmt.Fprintf(w, `{"token": %q}`, token)
				return
			}
			token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
			ok := valid[token]
			delete(valid, token)
			mu.Unlock()
			if !ok {
				w.Header().Set("WWW-Authenticate", fmt.Sprintf(`Bearer realm="http://%s/token",service="registry"`, r.Host))
				w.WriteHeader(http.StatusUnauthorized)
				return
			}
			next.ServeHTTP(w, r)
		})
	}
}
