package main

import (
	"cmp"
	"flag"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"example.com/reproducible-images/tools/internal/cli"
)

const usage = `Rebuilds all images under variations of what must not matter, and compares digests.

  bazel run //tools/repro [-- FLAGS]

  --full         all rows; without it, one cold rebuild that varies everything at once,
                 and the controls that take seconds
  --row NAME     this row, with the controls that follow it; may be given again
  --list         show the rows and stop
  --dir FOLDER   make the temporary folder below this one; not below /tmp, which
                 Bazel's sandbox hides (default: $TMPDIR, or /var/tmp)
  --keep         keep the temporary folder

Exit status: 0 when every row is as it must be, 1 when not, 2 when it could not be
checked.
`

type options struct {
	workspace string
	rows      []row
	list      bool
	dir       string
	keep      bool
	getenv    func(string) string
}

func parse(args []string, getenv func(string) string, stdout, stderr io.Writer) (opts options, code int, ok bool) {
	opts.getenv, opts.workspace = getenv, getenv("BUILD_WORKSPACE_DIRECTORY")
	var names []string
	full := false
	fs := flag.NewFlagSet("repro", flag.ContinueOnError)
	fs.Usage = func() { fmt.Fprint(fs.Output(), usage) }
	fs.BoolVar(&full, "full", false, "")
	fs.BoolVar(&opts.list, "list", false, "")
	fs.BoolVar(&opts.keep, "keep", false, "")
	fs.StringVar(&opts.dir, "dir", "", "")
	fs.Func("row", "", func(name string) error {
		if name == "" || !slices.ContainsFunc(allRows(), func(r row) bool { return r.Name == name }) {
			return fmt.Errorf("no row has this name; --list shows them")
		}
		names = append(names, name)
		return nil
	})
	if code, ok := cli.Parse(fs, args, stdout, stderr); !ok {
		return opts, code, false
	}
	fail := func(format string, args ...any) (options, int, bool) {
		fmt.Fprintf(stderr, "repro: "+format+"\n", args...)
		return opts, cli.Usage, false
	}
	for _, r := range allRows() {
		if full || slices.Contains(names, r.Name) || len(names) == 0 && (r.Name == "quick" || opts.list) {
			opts.rows = append(opts.rows, r)
		}
	}
	if opts.workspace == "" && !opts.list {
		return fail("run it by `bazel run //tools/repro`, which says where the workspace is (BUILD_WORKSPACE_DIRECTORY)")
	}
	if opts.dir == "" {
		opts.dir = getenv("TMPDIR")
		if opts.dir == "" || hidden(opts.dir) {
			opts.dir = "/var/tmp"
		}
	}
	opts.dir = cli.UserPath(getenv, opts.dir)
	if hidden(opts.dir) {
		return fail("--dir %s: it is below /tmp, which Bazel's sandbox hides; choose a folder elsewhere", opts.dir)
	}
	return opts, cli.OK, true
}

func hidden(dir string) bool {
	dir = filepath.Clean(dir)
	return dir == "/tmp" || strings.HasPrefix(dir, "/tmp/")
}

// airgapCache is where tools/airgap keeps its parts; as in lib.sh there.
func airgapCache(getenv func(string) string) string {
	if dir := getenv("AIRGAP_CACHE"); dir != "" {
		return dir
	}
	caches := getenv("XDG_CACHE_HOME")
	if caches == "" {
		caches = filepath.Join(cmp.Or(getenv("HOME"), "/root"), ".cache")
	}
	return filepath.Join(caches, "bazel-airgap")
}
