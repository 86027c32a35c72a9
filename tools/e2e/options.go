package main

import (
	"flag"
	"fmt"
	"io"
	"slices"

	"example.com/reproducible-images/tools/internal/cli"
)

const usage = `Runs the first image of this repository by docker, podman and gVisor, locked
down, in a browser and under load, and prints a table of what it saw. It starts
engines of its own, in namespaces of their own, and leaves nothing behind.

  bazel run //images:e2e -- [flags]

It needs root, and of Debian the packages chromium, docker-compose, docker.io,
iptables, podman, qemu-user-static, runc, runsc and wrk. What is not there is not
skipped, but fails.

Flags:
  --check NAME    only this check; may be repeated
  --runtime NAME  only checks with this runtime; may be repeated
  --list          show the checks and stop
  --full          all checks, and ten minutes of abuse instead of half a minute
  --images FILE   the list of images, instead of the one that Bazel wrote

Exit status: 0 all passed, 1 failed, 2 wrong usage.
`

type options struct {
	images string // path of the list of images
	full   bool
	checks []check
}

func parseOptions(args []string, getenv func(string) string, stdout, stderr io.Writer) (o options, code int, ok bool) {
	var names, runtimes []string
	list := false
	fs := flag.NewFlagSet("e2e", flag.ContinueOnError)
	fs.Usage = func() { fmt.Fprint(fs.Output(), usage) }
	images := cli.ImagesFlag(fs, getenv)
	fs.BoolVar(&o.full, "full", false, "")
	fs.BoolVar(&list, "list", false, "")
	choice := func(into *[]string, of func(check) string) func(string) error {
		return func(value string) error {
			*into = append(*into, value)
			if !slices.ContainsFunc(allChecks, func(c check) bool { return of(c) == value }) {
				return fmt.Errorf("there is none; --list shows them")
			}
			return nil
		}
	}
	fs.Func("check", "", choice(&names, func(c check) string { return c.name }))
	fs.Func("runtime", "", choice(&runtimes, func(c check) string { return c.runtime }))
	if code, ok := cli.Parse(fs, args, stdout, stderr); !ok {
		return o, code, false
	}
	for _, c := range allChecks {
		named := slices.Contains(names, c.name) || len(names) == 0 && (o.full || list || !c.full)
		if named && (len(runtimes) == 0 || slices.Contains(runtimes, c.runtime)) {
			o.checks = append(o.checks, c)
		}
	}
	if len(o.checks) == 0 {
		fmt.Fprintln(stderr, "e2e: none of the checks has this --check and this --runtime (--list shows them)")
		return o, cli.Usage, false
	}
	if list {
		for _, c := range o.checks {
			fmt.Fprintf(stdout, "%-8s  %-12s  %s\n", c.runtime, c.name, c.what)
		}
		return o, cli.OK, false
	}
	o.images = *images
	return o, cli.OK, true
}
