package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// traffic is many clients that ask one server as fast as they can.
type traffic struct {
	address string
	clients sync.WaitGroup

	answered atomic.Int64
	// unaccepted counts connections that the kernel had taken, but the server
	// had not when it closed its listener.
	unaccepted atomic.Int64
	failed     chan error
}

// startTraffic starts clients that use their connections again and as many that
// do not. They go on until the server takes no more connections.
func startTraffic(ctx context.Context, address string, clients int) *traffic {
	t := &traffic{address: address, failed: make(chan error, 2*clients)}
	for range clients {
		for _, header := range []string{"", "Connection: close\r\n"} {
			t.clients.Go(func() {
				for t.connect(ctx, header) {
				}
			})
		}
	}
	return t
}

// wait waits for the end of all clients and returns the first request that
// failed.
func (t *traffic) wait() error {
	t.clients.Wait()
	close(t.failed)
	return <-t.failed
}

// connect sends requests over one new connection until it is closed behind an
// answer; more tells whether there is another connection to be had.
func (t *traffic) connect(ctx context.Context, header string) (more bool) {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", t.address)
	if err != nil {
		return false
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(startTimeout))
	reader := bufio.NewReader(conn)
	for requests := 0; ; requests++ {
		_, err := fmt.Fprintf(conn, "GET / HTTP/1.1\r\nHost: hello\r\n%s\r\n", header)
		closed := false
		if err == nil {
			closed, err = readOK(reader)
		}
		switch {
		case requests == 0 && (errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)):
			t.unaccepted.Add(1)
			return true
		case err != nil:
			t.failed <- fmt.Errorf("request %d of a connection: %w", requests+1, err)
			return false
		}
		t.answered.Add(1)
		if closed {
			return true
		}
	}
}

// readOK reads an answer, and tells whether it is the connection's last one.
func readOK(reader *bufio.Reader) (closed bool, err error) {
	response, err := http.ReadResponse(reader, nil)
	if err != nil {
		return false, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return false, errors.New(response.Status)
	}
	_, err = io.Copy(io.Discard, response.Body)
	return response.Close, err
}
