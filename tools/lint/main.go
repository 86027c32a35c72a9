// Command lint checks what the compiler does not: that every file of the
// repository is formatted, that BUILD files are the ones gazelle writes, and that
// shell scripts are clean. With --fix it writes what can be written.
//
//	bazel run //tools/lint [-- --fix]
//
// Go's vet runs with every build, see nogo in the root's BUILD.bazel.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	fix := flag.Bool("fix", false, "write what can be written")
	flag.Parse()
	root := os.Getenv("BUILD_WORKSPACE_DIRECTORY")
	if root == "" || flag.NArg() > 0 {
		fmt.Fprintln(os.Stderr, "usage: bazel run //tools/lint [-- --fix]")
		os.Exit(2)
	}
	os.Exit(run(ctx, root, *fix))
}

// run makes every check in the repository at root and returns the exit code: 1 if
// one of them found something, or could not run.
func run(ctx context.Context, root string, fix bool) int {
	files, err := list(ctx, root)
	if err != nil {
		fmt.Fprintf(os.Stderr, "lint: %v\n", err)
		return 1
	}
	code := 0
	for _, c := range checks {
		if err := c.run(ctx, root, files, fix); err != nil {
			fmt.Fprintf(os.Stderr, "FAIL %s: %v\n", c.name, err)
			code = 1
			continue
		}
		fmt.Fprintf(os.Stderr, "ok   %s\n", c.name)
	}
	if code != 0 && !fix {
		fmt.Fprintln(os.Stderr, "bazel run //tools/lint -- --fix mends what is a matter of form")
	}
	return code
}
