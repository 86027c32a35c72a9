// Command repro proves that the images are reproducible: it rebuilds them from clean
// output bases, with nothing shared but downloads, under variations of everything
// that must not matter, and compares every image's digest with what the workspace
// builds and with images/digests.json. Controls change the sources to show that a
// difference would be seen.
//
//	bazel run //tools/repro [-- --full]
//
// docs/reproducibility.md explains the table that it ends with.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"example.com/reproducible-images/tools/internal/cli"
)

// Exit codes: cli.OK when all is as it must be.
const (
	differs  = 1
	couldNot = 2
)

func main() {
	os.Exit(run(os.Args[1:]))
}

func run(args []string) int {
	opts, code, ok := parse(args, os.Getenv, os.Stdout, os.Stderr)
	if !ok {
		return code
	}
	// Killed, or the terminal closed, it cleans up as well.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	same, err := prove(ctx, opts, os.Stdout, os.Stderr)
	switch {
	case errors.Is(err, context.Canceled):
		fmt.Fprintln(os.Stderr, "repro: interrupted; nothing is left behind")
		return couldNot
	case err != nil:
		fmt.Fprintln(os.Stderr, "repro:", err)
		return couldNot
	case !same:
		return differs
	}
	return cli.OK
}
