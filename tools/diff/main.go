// Command diff tells what differs between two images. It is what
// `bazel run //images:diff` runs.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"example.com/reproducible-images/tools/internal/cli"
	"example.com/reproducible-images/tools/inventory"
	v1 "github.com/google/go-containerregistry/pkg/v1"
)

const usage = `Tells what differs between two images: the platforms of the image index, each
field of the configurations, and each file of the layers; of Go binaries also
the Go version, the build settings and the modules.

  bazel run //images:diff -- [flags] A B

A and B are each one of

  //images:hello                      an image of this repository, as built
  HOST[:PORT]/REPOSITORY:TAG          an image in a registry; also with @DIGEST
  PATH                                an OCI layout, or an archive: of a layout
                                      or of 'docker save'
  PATH:NAME or PATH@DIGEST            one of several images in there
  sha256:…                            an index or a manifest of an image of this
                                      repository, or, if none has that digest, of
                                      one that is published in the registry

Flags:
  --platform OS/ARCH[/VARIANT]
                 compare the images for this platform only
  --json         write a JSON object:
                   a, b          name, digest, mediaType and platforms (platform,
                                 digest, configDigest) of each image, and error
                                 if it is damaged
                   equal         true or false
                   changes       a list of where (a list of places, the outer
                                 first), field, old, new, note, and follows: true
                                 for what only follows from the other changes
                   notCompared   a list of sentences
  --registry HOST[:PORT][/PATH]
                 where to look for digests; by default what the build setting
                 --//images:registry says
  --insecure     allow plain HTTP to a registry on another machine; one on
                 this machine (localhost, 127.0.0.1, ::1) may use it anyway
  --timeout D    give up after this time (default %s)
  --images FILE  the list of images, instead of the one that Bazel wrote

Credentials are those of 'docker login', with docker's credential helpers, or
else of 'podman login'; for ghcr.io, $GITHUB_TOKEN when there are none. A
registry's own certificate authority goes into $SSL_CERT_FILE.

Exit status: 0 equal, 1 different, 2 not compared, or damaged, or wrong usage.
`

// Exit codes, those of diff(1).
const (
	equal     = 0
	different = 1
	trouble   = 2
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// A second signal ends the process at once.
	context.AfterFunc(ctx, stop)
	os.Exit(run(ctx, os.Args[1:], os.Getenv, os.Stdout, os.Stderr))
}

// run is the command; it returns its exit status.
func run(ctx context.Context, args []string, getenv func(string) string, stdout, stderr io.Writer) int {
	fail := func(err error) int {
		fmt.Fprintf(stderr, "diff: %v\n", err)
		return trouble
	}
	fs := flag.NewFlagSet("diff", flag.ContinueOnError)
	fs.Usage = func() { fmt.Fprintf(fs.Output(), usage, cli.DefaultTimeout) }
	o := opener{getenv: getenv}
	file := cli.ImagesFlag(fs, getenv)
	asJSON := fs.Bool("json", false, "")
	timeout := cli.TimeoutFlag(fs)
	fs.BoolVar(&o.insecure, "insecure", false, "")
	fs.StringVar(&o.registry, "registry", "", "")
	fs.Func("platform", "", func(s string) (err error) {
		o.platform, err = parsePlatform(s)
		return err
	})
	names, code, ok := cli.ParseArgs(fs, args, stdout, stderr, "A", "B")
	if !ok {
		return code
	}
	o.file = *file

	ctx, cancel := context.WithTimeoutCause(ctx, *timeout, cli.ErrTimeout)
	defer cancel()
	var sides [2]side
	for i, name := range names {
		img, err := o.read(ctx, name)
		if inventory.Unread(err) != nil || err != nil && len(img.Platforms) == 0 {
			return fail(err)
		}
		sides[i] = side{name: name, image: img, damage: err}
	}
	r := newReport(sides[0], sides[1])
	write := r.writeText
	if *asJSON {
		write = r.writeJSON
	}
	if err := write(stdout); err != nil {
		return fail(err)
	}
	for _, s := range sides {
		if s.damage != nil {
			code = fail(s.damage)
		}
	}
	switch {
	case code == trouble:
		return trouble
	case r.equal():
		return equal
	}
	return different
}

// parsePlatform parses OS/ARCH[/VARIANT] into how inventories have it.
func parsePlatform(s string) (string, error) {
	p, err := v1.ParsePlatform(s)
	if err != nil || p.OS == "" || p.Architecture == "" || p.String() != s {
		return "", fmt.Errorf("bad platform %q: it must be OS/ARCH or OS/ARCH/VARIANT, like linux/arm64", s)
	}
	return s, nil
}
