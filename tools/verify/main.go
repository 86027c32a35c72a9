// Command verify compares what was published with what was built here. It is
// what `bazel run //images:verify` runs.
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

const usage = `Compares the images in a registry, or in a file, with the ones built here from
this repository's sources: digest by digest, and every byte of every layer. Where
they differ it says what does.

  bazel run //images:verify -- [flags]

Flags:
  --registry HOST[:PORT][/PATH]
                 where the images were published; by default what the build
                 setting --//images:registry says
  --tag TAG      the tag to compare, instead of each image's version
  --digest sha256:…
                 the image index or manifest to compare, instead of a tag
  --from PATH    an OCI image layout, an OCI archive or a docker archive, instead
                 of a registry
  --image NAME   only this image, by label or repository; may be repeated
  --insecure     allow plain HTTP to a registry on another machine
  --timeout D    give up after this time, such as 90s (default %s)
  --images FILE  the list of images, instead of the one that Bazel wrote

An archive of 'docker save' has one platform: that one is compared.

Credentials are those of 'docker login', with docker's credential helpers, or
else of 'podman login'; for ghcr.io, $GITHUB_TOKEN when there are none. A
registry's own certificate authority goes into $SSL_CERT_FILE.

Exit status: 0 all are equal; 1 one is not; 2 one could not be compared (it is
missing, the registry cannot be reached or refuses, wrong usage) and none of the
others differs.
`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// A second signal ends the process at once.
	context.AfterFunc(ctx, stop)
	os.Exit(run(ctx, os.Args[1:], os.Getenv, os.Stdout, os.Stderr))
}

// run is the command; it returns its exit status.
func run(ctx context.Context, args []string, getenv func(string) string, stdout, stderr io.Writer) int {
	var o options
	fs := flag.NewFlagSet("verify", flag.ContinueOnError)
	fs.Usage = func() { fmt.Fprintf(fs.Output(), usage, cli.DefaultTimeout) }
	file := cli.ImagesFlag(fs, getenv)
	o.define(fs, getenv)
	if code, ok := cli.Parse(fs, args, stdout, stderr); !ok {
		return code
	}
	set, err := imageset.Load(*file)
	if err == nil {
		err = o.complete(set)
	}
	if err != nil {
		fmt.Fprintf(stderr, "verify: %v\n", err)
		return unchecked
	}
	ctx, cancel := context.WithTimeoutCause(ctx, *o.timeout, cli.ErrTimeout)
	defer cancel()
	code := equal
	for r := range verify(ctx, o) {
		r.print(stdout, stderr)
		code = worse(code, r.code())
	}
	return code
}

// Exit codes.
const (
	equal     = 0
	different = 1
	unchecked = 2
)

// worse is the exit code for two results. A difference that was seen weighs more
// than an image that could not be looked at.
func worse(a, b int) int {
	switch {
	case a == different || b == different:
		return different
	case a == unchecked || b == unchecked:
		return unchecked
	}
	return equal
}
