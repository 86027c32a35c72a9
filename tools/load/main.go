// Command load loads the repository's images into docker or podman. It is what
// `bazel run //images:load` runs.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"syscall"

	"example.com/reproducible-images/tools/imageset"
	"example.com/reproducible-images/tools/internal/cli"
	"example.com/reproducible-images/tools/load/engine"
	"github.com/google/go-containerregistry/pkg/name"
)

const usage = `Loads the images of this repository into docker or podman, each as
REPOSITORY:VERSION and REPOSITORY:latest, and prints the command lines that run
them.

  bazel run //images:load -- [flags]

Flags:
  --image NAME        only this image, by its repository name; may be repeated
  --platform OS/ARCH  the image's platform, OS/ARCH or OS/ARCH/VARIANT (default
                      %s)
  --engine NAME       docker or podman (default: the first that works)
  --images FILE       the list of images, instead of the one that Bazel wrote

Exit status: 0 done, 1 failed, 2 wrong usage.
`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// A second signal ends the process at once.
	context.AfterFunc(ctx, stop)
	os.Exit(run(ctx, os.Args[1:], os.Getenv, os.Stdout, os.Stderr))
}

// run is the command; it returns its exit status.
func run(ctx context.Context, args []string, getenv func(string) string, stdout, stderr io.Writer) int {
	fail := func(err error) int {
		if ctx.Err() != nil {
			err = errors.New("interrupted")
		}
		fmt.Fprintf(stderr, "load: %v\n", err)
		return cli.Failed
	}
	platform, engines := hostPlatform(), engine.Names
	var repositories []string
	fs := flag.NewFlagSet("load", flag.ContinueOnError)
	fs.Usage = func() { fmt.Fprintf(fs.Output(), usage, hostPlatform()) }
	file := cli.ImagesFlag(fs, getenv)
	fs.Func("image", "", func(s string) error {
		repositories = append(repositories, s)
		return nil
	})
	fs.Func("platform", "", func(s string) (err error) {
		platform, err = parsePlatform(s)
		return err
	})
	fs.Func("engine", "", func(s string) error {
		if !slices.Contains(engine.Names, s) {
			return fmt.Errorf("it must be one of %v", engine.Names)
		}
		engines = []string{s}
		return nil
	})
	if code, ok := cli.Parse(fs, args, stdout, stderr); !ok {
		return code
	}

	set, err := imageset.Load(*file)
	if err != nil {
		return fail(err)
	}
	images, err := imageset.Select(set.Images, repositories)
	if err != nil {
		return fail(err)
	}
	// All platforms before any image: half of the images would be of no use.
	var chosen []imageset.Platform
	for _, img := range images {
		p, err := selectPlatform(img, platform)
		if err != nil {
			return fail(err)
		}
		chosen = append(chosen, p)
	}
	e, err := engine.Find(ctx, engines, getenv("PATH"))
	if err != nil {
		return fail(fmt.Errorf("no container engine to load into: %w; install or start one (for docker: `systemctl start docker`, and be in the group docker)", err))
	}
	for i, img := range images {
		if err := load(ctx, e, img, chosen[i], stdout, stderr); err != nil {
			return fail(fmt.Errorf("image %s: %w", img.Repository, err))
		}
	}
	return cli.OK
}

func load(ctx context.Context, e engine.Engine, img imageset.Image, p imageset.Platform, stdout, stderr io.Writer) error {
	var tags []name.Tag
	for _, t := range []string{img.Version, imageset.LatestTag} {
		tag, err := name.NewTag(img.Repository + ":" + t)
		if err != nil {
			return err
		}
		tags = append(tags, tag)
	}
	fmt.Fprintf(stderr, "loading %s for %s into %s (%s)\n", img.Label, p, e.Name, cli.Bytes(p.CompressedSize))
	if err := e.Load(ctx, p.Image, tags, stderr); err != nil {
		return err
	}
	line, err := runLine(e.Name, p.Image, tags[0].String())
	if err != nil {
		return err
	}
	fmt.Fprintln(stdout, line)
	return nil
}
