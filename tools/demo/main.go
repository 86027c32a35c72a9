// Command demo shows that the images of this repository are what it says:
// it pushes all of them to a real registry on this machine, pulls them back,
// compares every byte, runs one, and asks it over HTTP. //images:demo is this
// command with the images.
//
// Exit status: 0 if all went well, 1 if something did not, 2 if it was called
// wrongly. Nothing is left behind, neither processes nor files.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"example.com/reproducible-images/tools/demo/launch"
	"example.com/reproducible-images/tools/internal/cli"
)

func main() {
	launch.Init()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	// While it cleans up, a second signal ends it at once.
	context.AfterFunc(ctx, stop)
	os.Exit(run(ctx, os.Args[1:], os.Getenv, os.Stdout, os.Stderr))
}

// run is the command; it returns the exit status. The image writes to stderr as
// well, at the same time.
func run(ctx context.Context, args []string, getenv func(string) string, stdout, stderr io.Writer) int {
	o, code, ok := parseOptions(args, getenv, stdout, stderr)
	if !ok {
		return code
	}
	d := demo{options: o, searchPath: getenv("PATH"), temporary: getenv("TMPDIR"), stdout: stdout, stderr: stderr}
	err := d.run(ctx)
	var usage usageError
	switch {
	case err == nil:
		return cli.OK
	case ctx.Err() != nil:
		fmt.Fprintln(stderr, "demo: interrupted")
		return cli.Failed
	case errors.As(err, &usage):
		fmt.Fprintf(stderr, "demo: %v\n", err)
		return cli.Usage
	default:
		fmt.Fprintf(stderr, "demo: %v\n", err)
		return cli.Failed
	}
}
