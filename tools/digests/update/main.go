// Command update is what `bazel run //images:update_digests` runs: it records
// the digests of the images that were built, and prints what changed.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"example.com/reproducible-images/tools/digests"
	"example.com/reproducible-images/tools/imageset"
	"example.com/reproducible-images/tools/internal/cli"
)

const usage = `Writes the digests of all images, and what is in them, to images/digests.json.
Commit that file: //images:digests_test and //images:push compare the build with it.

  bazel run //images:update_digests

Flags:
  --images FILE  the list of images, instead of the one that Bazel wrote

Exit status: 0 done, 1 failed, 2 wrong usage.
`

func main() {
	os.Exit(run(context.Background(), os.Args[1:], os.Getenv, os.Stdout, os.Stderr))
}

// run is the command; it returns its exit status.
func run(ctx context.Context, args []string, getenv func(string) string, stdout, stderr io.Writer) int {
	fs := flag.NewFlagSet("update_digests", flag.ContinueOnError)
	fs.Usage = func() { fmt.Fprint(fs.Output(), usage) }
	file := cli.ImagesFlag(fs, getenv)
	if code, ok := cli.Parse(fs, args, stdout, stderr); !ok {
		return code
	}
	if err := update(ctx, *file, getenv, stdout); err != nil {
		fmt.Fprintf(stderr, "update_digests: %v\n", err)
		return cli.Failed
	}
	return cli.OK
}

func update(ctx context.Context, file string, getenv func(string) string, stdout io.Writer) error {
	set, err := imageset.Load(file)
	if err != nil {
		return err
	}
	path, err := sourceFile(set, getenv)
	if err != nil {
		return err
	}
	built, err := digests.Build(ctx, set.Images)
	if err != nil {
		return err
	}
	// A file that cannot be read is written anew: that is the way to mend it.
	recorded, readErr := digests.Read(path)
	differences := digests.Compare(recorded, built)
	if readErr == nil && len(differences) == 0 {
		fmt.Fprintf(stdout, "%s is up to date (images: %d)\n", set.DigestsSource, len(built))
		return nil
	}
	if err := built.Write(path); err != nil {
		return err
	}
	digests.Print(stdout, differences)
	fmt.Fprintf(stdout, "%s is written (images: %d)\n", set.DigestsSource, len(built))
	return nil
}

// sourceFile finds the file in the workspace, not its copy beside the program.
func sourceFile(set *imageset.Set, getenv func(string) string) (string, error) {
	if set.DigestsSource == "" {
		return "", errors.New("the list of images names no file for their digests: start this command with `bazel run //images:update_digests`")
	}
	path := filepath.FromSlash(set.DigestsSource)
	if filepath.IsAbs(path) {
		return path, nil
	}
	workspace := getenv("BUILD_WORKSPACE_DIRECTORY")
	if workspace == "" {
		return "", fmt.Errorf("where %s is only `bazel run` tells: start this command with `bazel run //images:update_digests`", path)
	}
	return filepath.Join(workspace, path), nil
}
