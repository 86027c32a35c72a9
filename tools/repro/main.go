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

func main() {
	os.Exit(run(os.Args[1:]))
}

func run(args []string) int {
	opts, code, ok := parse(args, os.Getenv, os.Stdout, os.Stderr)
	if !ok {
		return code
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	// A second signal ends the program at once, and leaves its folder behind.
	context.AfterFunc(ctx, stop)
	same, err := prove(ctx, opts, os.Stdout, os.Stderr)
	switch {
	case errors.Is(err, context.Canceled):
		fmt.Fprintln(os.Stderr, "repro: interrupted; nothing is left behind")
		return cli.Usage
	case err != nil:
		fmt.Fprintln(os.Stderr, "repro:", err)
		return cli.Usage
	case !same:
		return cli.Failed
	}
	return cli.OK
}
