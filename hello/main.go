// Command hello is a small web server: a page for browsers, a line of text for
// everything else, and a health check. It is what the images of this
// repository ship.
//
// Usage:
//
//	hello [-listen ADDR] [-shutdown-timeout DURATION] [-access-log]
//	hello -healthcheck [-listen ADDR]
//
// Without -listen the environment variable PORT names the port, and without
// that it is 8060. hello logs to standard error: text to a terminal, JSON to
// anything else.
//
// On SIGTERM or SIGINT it accepts no more connections, answers 503 to health
// checks, and closes every connection behind the answer to its next request.
// A second signal ends it at once.
//
// The exit status is
//
//	0    asked to stop, it answered every request in flight; or it is healthy
//	1    it could not serve, requests in flight took longer than
//	     -shutdown-timeout and were cut off, or it is not healthy
//	2    it was called wrongly
//	128+N  a second signal, of number N, ended it
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"

	"example.com/reproducible-images/hello/server"
)

func main() {
	os.Exit(run(server.UntilSignal(), os.Args[1:], os.Getenv, os.Stderr))
}

// run serves until ctx is done and returns the exit status of the command.
func run(ctx context.Context, args []string, getenv func(string) string, stderr io.Writer) int {
	fail := func(status int, format string, arguments ...any) int {
		fmt.Fprintf(server.Printable(stderr), "hello: "+format+"\n", arguments...)
		return status
	}
	options, err := parseOptions(args, getenv)
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprint(stderr, usage)
		return 0
	case err != nil:
		return fail(2, "%v (see hello -help)", err)
	case options.healthcheck:
		if err := server.CheckHealth(ctx, options.listen); err != nil {
			return fail(1, "%v", err)
		}
		return 0
	}

	listener, err := server.Listen(options.listen)
	if err != nil {
		return fail(1, "%v", err)
	}
	log := server.NewLogger(stderr)
	err = server.Run(ctx, listener, newHandler(), server.Options{
		Version:         buildVersion(),
		Log:             log,
		AccessLog:       options.accessLog,
		ShutdownTimeout: options.shutdownTimeout,
	})
	if err != nil {
		log.Error("failed", "error", err)
		return 1
	}
	return 0
}
