// Command hello is a small web server: a page for browsers, a line of text for
// everything else, and a health check. It is what the images of this
// repository ship.
//
// Usage:
//
//	hello [-listen ADDR]
//
// Without -listen the environment variable PORT names the port, and without
// that it is 8060. hello logs to standard error, stops cleanly on SIGTERM or
// SIGINT, and exits 0 then, 1 if it could not serve, and 2 if it was called
// wrongly.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	// Once stopping, a second signal is not ours any more: it ends the process.
	context.AfterFunc(ctx, stop)
	os.Exit(run(ctx, os.Args[1:], os.Getenv, os.Stderr))
}

// run serves until ctx is done and returns the exit status of the command.
func run(ctx context.Context, args []string, getenv func(string) string, stderr io.Writer) int {
	address, err := parseOptions(args, getenv)
	if errors.Is(err, flag.ErrHelp) {
		fmt.Fprint(stderr, usage)
		return 0
	}
	if err != nil {
		fmt.Fprintf(stderr, "hello: %v (see hello -help)\n", err)
		return 2
	}

	log := slog.New(slog.NewTextHandler(stderr, nil))
	listener, err := net.Listen("tcp", address)
	if err != nil {
		fmt.Fprintf(stderr, "hello: %v\n", err)
		return 1
	}
	log.Info("listening", "address", listener.Addr().String(), "version", buildVersion())
	if err := serve(ctx, listener, newHandler(), log); err != nil {
		fmt.Fprintf(stderr, "hello: %v\n", err)
		return 1
	}
	log.Info("stopped")
	return 0
}
