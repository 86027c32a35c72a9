// Command e2e runs the first image of this repository as production would: by
// docker, podman and gVisor, locked down, in a browser, and under load. It starts
// the engines itself, apart from all others on the machine. //images:e2e is this
// command with the images; docs/security.md tells what the checks are for.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"example.com/reproducible-images/tools/e2e/sandbox"
	"example.com/reproducible-images/tools/internal/cli"
)

func main() {
	sandbox.Init()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	// While it cleans up, a second signal ends it at once.
	context.AfterFunc(ctx, stop)
	os.Exit(run(ctx, os.Args[1:]))
}

// run is the command; it returns the exit status.
func run(ctx context.Context, args []string) int {
	fail := func(err error) int {
		if ctx.Err() != nil {
			err = fmt.Errorf("interrupted; nothing is left behind")
		}
		fmt.Fprintln(os.Stderr, "e2e:", err)
		return cli.Failed
	}
	o, code, ok := parseOptions(args, os.Getenv, os.Stdout, os.Stderr)
	if !ok {
		return code
	}
	dir, inside := sandbox.Inside()
	if !inside {
		status, err := sandbox.Run(ctx)
		if err != nil {
			return fail(err)
		}
		return status
	}
	passed, err := runChecks(ctx, o, dir, os.Stdout, os.Stderr)
	switch {
	case err != nil:
		return fail(err)
	case !passed:
		return cli.Failed
	default:
		return cli.OK
	}
}
