package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"syscall"
	"time"

	"example.com/reproducible-images/tools/internal/await"
)

const (
	// startTimeout is how long an image may take to answer; an engine has to
	// set up its network in it.
	startTimeout = 30 * time.Second
	pollInterval = 10 * time.Millisecond
)

// checkPort tells early that a port cannot be served on.
func checkPort(ctx context.Context, port int) error {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", fmt.Sprintf(":%d", port))
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("port %d is taken: see by whom with `ss -ltnp sport = :%d`, or give another with --port", port, port)
	case err != nil:
		return fmt.Errorf("port %d cannot be served on, give another with --port: %w", port, err)
	}
	return listener.Close()
}

// awaitOK asks for a URL until the answer is 200 OK. It gives up when the
// container ends.
func awaitOK(ctx context.Context, url string, c container) error {
	ctx, cancel := context.WithTimeoutCause(ctx, startTimeout, fmt.Errorf("no answer within %s", startTimeout))
	defer cancel()
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	go func() {
		select {
		case <-c.Done():
			end(fmt.Errorf("it ended before %s answered: %w", url, c.ended()))
		case <-ctx.Done():
		}
	}()
	return await.OK(ctx, url, pollInterval)
}
