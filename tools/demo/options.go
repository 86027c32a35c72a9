package main

import (
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"

	"example.com/reproducible-images/tools/imageset"
	"example.com/reproducible-images/tools/internal/cli"
)

const usage = `Pushes the images of this repository to a registry on this machine, pulls them
back, compares every byte, runs one of them, checks it over HTTP, and serves
until Ctrl-C.

  bazel run //images:demo -- [flags]

Flags:
  --exit          stop after the checks, for CI
  --image NAME    run this image, by its repository name or label (default: the
                  first); all are pushed, pulled and compared
  --port PORT     serve on this port (default: the one that the image exposes)
  --runtime NAME  docker, podman, or chroot, which needs root and nothing else
                  (default: the first that works)
  --images FILE   the list of images, instead of the one that Bazel wrote

Exit status: 0 done, 1 failed, 2 wrong usage.
`

type options struct {
	images  string // path of the list of images
	image   string // repository or label of the image to run; empty means the first
	port    uint   // 0 means the one that the image exposes
	runtime string
	exit    bool
}

// usageError is an error of the command line which only shows once the images
// are known.
type usageError struct{ error }

func parseOptions(args []string, getenv func(string) string, stdout, stderr io.Writer) (o options, code int, ok bool) {
	fs := flag.NewFlagSet("demo", flag.ContinueOnError)
	fs.Usage = func() { fmt.Fprint(fs.Output(), usage) }
	images := cli.ImagesFlag(fs, getenv)
	fs.StringVar(&o.image, "image", "", "")
	fs.UintVar(&o.port, "port", 0, "")
	fs.StringVar(&o.runtime, "runtime", auto, "")
	fs.BoolVar(&o.exit, "exit", false, "")
	if code, ok = cli.Parse(fs, args, stdout, stderr); !ok {
		return o, code, false
	}
	if err := o.check(); err != nil {
		fmt.Fprintf(stderr, "demo: %v (-h shows all flags)\n", err)
		return o, cli.Usage, false
	}
	o.images = *images
	return o, cli.OK, true
}

func (o options) check() error {
	if o.port > 65535 {
		return fmt.Errorf("--port %d is not a port number, 1 to 65535", o.port)
	}
	if !slices.Contains(runtimes, o.runtime) {
		return fmt.Errorf("--runtime %q is not one of %s", o.runtime, strings.Join(runtimes, ", "))
	}
	return nil
}

// choose returns the image to run.
func (o options) choose(images []imageset.Image) (imageset.Image, error) {
	if o.image == "" {
		return images[0], nil
	}
	var names []string
	for _, image := range images {
		if o.image == image.Repository || o.image == image.Label {
			return image, nil
		}
		names = append(names, image.Repository)
	}
	return imageset.Image{}, usageError{fmt.Errorf("--image %q is not one of %s", o.image, strings.Join(names, ", "))}
}
