// Command screenshots takes the pictures of the page that are in docs. It is
// what `bazel run //docs:screenshots` runs.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"example.com/reproducible-images/tools/browser"
	"example.com/reproducible-images/tools/internal/cli"
)

const usage = `Takes pictures of the page of hello, as it is built here, and puts them into docs:

  page-desktop.png  1280 × 800, in light
  page-phone.png    390 × 844, at 2 device pixels per pixel, in dark

  bazel run //docs:screenshots -- [flags]

Flags:
  --url URL     a page that is served elsewhere, instead of hello's
  --output DIR  where to put the pictures, instead of docs

It needs chromium (Debian: chromium). Fonts are those of this machine; with Inter
(Debian: fonts-inter) text looks as it does on most people's screens. The same
page, on the same machine, gives the same pictures.

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
	fs := flag.NewFlagSet("screenshots", flag.ContinueOnError)
	fs.Usage = func() { fmt.Fprint(fs.Output(), usage) }
	var page *url.URL
	fs.Func("url", "", func(s string) (err error) {
		page, err = parseURL(s)
		return err
	})
	output := ""
	if root := getenv("BUILD_WORKSPACE_DIRECTORY"); root != "" {
		output = filepath.Join(root, "docs")
	}
	fs.Func("output", "", func(s string) error {
		output = cli.UserPath(getenv, s)
		return nil
	})
	if code, ok := cli.Parse(fs, args, stdout, stderr); !ok {
		return code
	}
	if output == "" {
		fmt.Fprintln(stderr, "screenshots: say with --output DIR where to put the pictures, or use bazel run (-h shows all flags)")
		return cli.Usage
	}
	if err := makePictures(ctx, page, getenv, output, stdout); err != nil {
		fmt.Fprintf(stderr, "screenshots: %v\n", err)
		return cli.Failed
	}
	return cli.OK
}

func parseURL(s string) (*url.URL, error) {
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" {
		return nil, errors.New("it must be a URL such as http://localhost:8060/")
	}
	return u, nil
}

// makePictures takes pictures of the page, or of hello if it is nil.
func makePictures(ctx context.Context, page *url.URL, getenv func(string) string, output string, stdout io.Writer) error {
	if page == nil {
		s, err := startServer(ctx, getenv)
		if err != nil {
			return fmt.Errorf("running hello: %w", err)
		}
		defer s.stop()
		page = s.url
	}
	b, err := browser.Start(ctx, page.Hostname())
	if err != nil {
		return err
	}
	defer b.Close()
	return takeAll(ctx, b, page.String(), output, stdout)
}
