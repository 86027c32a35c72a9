// Command vulncheck looks for known vulnerabilities in the binaries that the images
// ship, with govulncheck. It is what `bazel run //images:vulncheck` runs.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"example.com/reproducible-images/tools/imageset"
	"example.com/reproducible-images/tools/internal/cli"
)

const usage = `Looks for known vulnerabilities in the binaries that the images ship: every ELF
binary of every layer and platform, with govulncheck and the Go vulnerability
database. An advisory counts when a function that it names is in the binary.

  bazel run //images:vulncheck -- [flags]

Flags:
  --db URL|DIR   the database, by default %s; or any other in the
                 form of https://go.dev/doc/security/vuln/database, such as
                 %s unpacked into a folder
  --go-mod FILE  has the versions of the modules in binaries that do not tell
                 them, as those that Bazel builds; by default this repository's
  --timeout D    give up after this time, such as 90s (default %s)
  --images FILE  the list of images, instead of the one that Bazel wrote

Exit status: 0 no known vulnerability; 1 there is one; 2 a binary could not be
checked (the database cannot be read, it is not of Go, a module's version is not
known, wrong usage) and no other is vulnerable.
`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// A second signal ends the process at once.
	context.AfterFunc(ctx, stop)
	os.Exit(run(ctx, os.Args[1:], os.Getenv, os.Stdout, os.Stderr))
}

// Exit codes.
const (
	clean      = 0
	vulnerable = 1
	unchecked  = 2
)

// run is the command; it returns its exit status.
func run(ctx context.Context, args []string, getenv func(string) string, stdout, stderr io.Writer) int {
	fail := func(err error) int {
		fmt.Fprintf(stderr, "vulncheck: %v\n", err)
		return unchecked
	}
	db, goMod := defaultDB, goModFile{}
	if dir := getenv("BUILD_WORKSPACE_DIRECTORY"); dir != "" {
		goMod.path = dir + "/go.mod"
	}
	fs := flag.NewFlagSet("vulncheck", flag.ContinueOnError)
	fs.Usage = func() { fmt.Fprintf(fs.Output(), usage, defaultDB, wholeDB, cli.DefaultTimeout) }
	file := cli.ImagesFlag(fs, getenv)
	timeout := cli.TimeoutFlag(fs)
	fs.Func("db", "", func(s string) (err error) {
		db, err = databaseURL(getenv, s)
		return err
	})
	fs.Func("go-mod", "", func(s string) error {
		goMod.path = cli.UserPath(getenv, s)
		return nil
	})
	if code, ok := cli.Parse(fs, args, stdout, stderr); !ok {
		return code
	}
	set, err := imageset.Load(*file)
	if err != nil {
		return fail(err)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, *timeout, cli.ErrTimeout)
	defer cancel()
	code := clean
	for _, img := range set.Images {
		for _, p := range img.Platforms {
			subject := img.Label + " " + p.String()
			files, err := executables(ctx, p)
			if err != nil {
				code = worse(code, fail(fmt.Errorf("%s: not checked: %w", subject, err)))
			}
			for _, f := range files {
				r := check(ctx, db, &goMod, p, f)
				r.subject = subject + " " + f.path
				r.print(stdout, stderr)
				code = worse(code, r.code())
				if r.fatal {
					return code
				}
			}
		}
	}
	return code
}

// worse is the exit code for two results. A vulnerability weighs more than a binary
// that could not be looked at.
func worse(a, b int) int {
	switch {
	case a == vulnerable || b == vulnerable:
		return vulnerable
	case a == unchecked || b == unchecked:
		return unchecked
	}
	return clean
}
