// Command push publishes the repository's images to a registry. It is what
// `bazel run //images:push` runs.
//
// Unlike the push of rules_oci, which handles one image at a time and is a
// script around crane, it sets the tags of all images only when all their
// content stands, and shows what it does meanwhile.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strconv"
	"syscall"

	"example.com/reproducible-images/tools/imageset"
	"example.com/reproducible-images/tools/internal/cli"
	"example.com/reproducible-images/tools/internal/remotes"
	"example.com/reproducible-images/tools/push/publish"
)

const usage = `Publishes all images of this repository: blobs first, then manifests, then
the version tags of all images, then "latest" of all images. All of it is read
back. What the registry has already is not sent again, and a push that failed
goes on when it is started again. Prints the published references with their
digests.

Nothing is pushed when the build is not what images/digests.json records, or when
a version tag (vX.Y.Z) of any image points to another one. "latest" follows the
highest version of the registry: when an older one is pushed, it stays. Other
tags that --tag names move.

  bazel run //images:push -- [flags]

Flags:
  --registry HOST[:PORT][/PATH]
                 where to, for example ghcr.io/someone, docker.io/someone or
                 localhost:5000; by default what the build setting
                 --//images:registry says
  --tag TAG      one more tag for every image; may be repeated
  --move-tag TAG move this version tag although it points to another image, or
                 latest although there is a higher version; may be repeated
  --allow-unlocked
                 push although the build is not what is recorded
  --jobs N       how many blobs are uploaded at once (default %d)
  --insecure     allow plain HTTP to a registry on another machine; one on
                 this machine (localhost, 127.0.0.1, ::1) may use it anyway
  --images FILE  the list of images, instead of the one that Bazel wrote

Credentials are those of 'docker login', with docker's credential helpers, or
else of 'podman login'; for ghcr.io, $GITHUB_TOKEN when there are none. A
registry's own certificate authority goes into $SSL_CERT_FILE.

Exit status: 0 all is published and was read back, also if "latest" stayed with
a higher version; 1 it failed or was refused, and no tag points to anything that
is not whole; 2 wrong usage.
`

const noRegistry = "no registry to push to: say --registry HOST[/PATH], " +
	"or build with --//images:registry=HOST[/PATH], " +
	"or put the line `build --//images:registry=HOST[/PATH]` into user.bazelrc"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// A second signal ends the process at once.
	context.AfterFunc(ctx, stop)
	os.Exit(run(ctx, os.Args[1:], os.Getenv, os.Stdout, os.Stderr))
}

// run is the command; it returns its exit status.
func run(ctx context.Context, args []string, getenv func(string) string, stdout, stderr io.Writer) int {
	fail := func(code int, err error) int {
		fmt.Fprintf(stderr, "push: %v\n", err)
		return code
	}
	var o publish.Options
	fs := flag.NewFlagSet("push", flag.ContinueOnError)
	fs.Usage = func() { fmt.Fprintf(fs.Output(), usage, publish.DefaultJobs) }
	file := cli.ImagesFlag(fs, getenv)
	registry := fs.String("registry", "", "")
	allowUnlocked := fs.Bool("allow-unlocked", false, "")
	fs.BoolVar(&o.Insecure, "insecure", false, "")
	fs.Func("tag", "", func(tag string) error {
		o.Tags = append(o.Tags, tag)
		return imageset.CheckTag(tag)
	})
	fs.Func("move-tag", "", func(tag string) error {
		o.MoveTags = append(o.MoveTags, tag)
		return imageset.CheckTag(tag)
	})
	fs.Func("jobs", "", func(s string) (err error) {
		if o.Jobs, err = strconv.Atoi(s); err != nil || o.Jobs < 1 {
			return errors.New("it must be a number from 1 on")
		}
		return nil
	})
	if code, ok := cli.Parse(fs, args, stdout, stderr); !ok {
		return code
	}

	set, err := imageset.Load(*file)
	if err != nil {
		return fail(cli.Failed, err)
	}
	if *registry == "" {
		*registry = set.Registry
	}
	if *registry == "" {
		return fail(cli.Usage, errors.New(noRegistry))
	}
	if o.Target, err = remotes.ParseTarget(*registry); err != nil {
		return fail(cli.Usage, err)
	}
	if err := o.Check(set.Images); err != nil {
		return fail(cli.Usage, err)
	}

	if err := checkLocked(ctx, set, *allowUnlocked, stderr); err != nil {
		return fail(cli.Failed, err)
	}
	for _, img := range set.Images {
		fmt.Fprintf(stderr, "pushing %s to %s/%s\n", img.Label, o.Target, img.Repository)
	}
	reporter := publish.NewReporter(stderr, cli.IsTerminal(stderr))
	o.Progress = reporter
	published, err := publish.Push(ctx, set.Images, o)
	reporter.Close()
	if err != nil {
		return fail(cli.Failed, err)
	}
	for _, p := range published {
		for _, ref := range p.References() {
			fmt.Fprintln(stdout, ref)
		}
	}
	return cli.OK
}
