package server

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"
)

const (
	healthPath = "/healthz"

	// healthTimeout is how long a healthy server may take to say so.
	healthTimeout = 3 * time.Second
)

// withHealth answers [healthPath] with 200, or with 503 once ctx is done; next
// answers everything else.
func withHealth(ctx context.Context, next http.Handler) http.Handler {
	health := ReadOnly(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if ctx.Err() != nil {
			http.Error(w, "stopping", http.StatusServiceUnavailable)
			return
		}
		const healthy = "ok\n"
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		// For HEAD, whose length net/http does not know.
		w.Header().Set("Content-Length", strconv.Itoa(len(healthy)))
		// The only error is a client that left.
		_, _ = io.WriteString(w, healthy)
	}))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == healthPath {
			health.ServeHTTP(w, r)
		} else {
			next.ServeHTTP(w, r)
		}
	})
}

// CheckHealth asks the server that listens on address, [HOST]:PORT, for
// /healthz. Without a host it is this machine's. An error says in one line,
// once what is not printable is escaped, why the server is not healthy.
func CheckHealth(ctx context.Context, address string) error {
	// An http.Client would do the same in a binary 8 % larger.
	ctx, cancel := context.WithTimeout(ctx, healthTimeout)
	defer cancel()
	// An address without a host, or of all interfaces, is dialled on this
	// machine.
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		return fmt.Errorf("no server on %s: %w", address, err)
	}
	defer conn.Close()
	context.AfterFunc(ctx, func() { conn.Close() })
	if _, err := io.WriteString(conn, "GET "+healthPath+" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"); err != nil {
		return fmt.Errorf("asking the server on %s: %w", address, err)
	}
	answer := io.LimitReader(conn, maxHeaderBytes)
	response, err := http.ReadResponse(bufio.NewReader(answer), nil)
	if ctx.Err() != nil {
		return fmt.Errorf("the server on %s does not answer within %v", address, healthTimeout)
	}
	if err != nil {
		return fmt.Errorf("the server on %s does not answer as it should: %w", address, err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("the server on %s is not healthy: it answers %s", address, response.Status)
	}
	return nil
}
