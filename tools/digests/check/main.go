// Command check is the test //images:digests_test: it compares the images that
// //images:push publishes with their recorded digests, prints for each image and
// platform the old and the new digest and what changed, and exits with 1 if
// anything did.
package main

import (
	"context"
	"fmt"
	"io"
	"os"

	"example.com/reproducible-images/tools/digests"
	"example.com/reproducible-images/tools/imageset"
	"example.com/reproducible-images/tools/internal/cli"
)

func main() {
	os.Exit(run(context.Background(), imageset.DefaultFile(), os.Stdout))
}

// run is the test; it returns its exit status.
func run(ctx context.Context, file string, stdout io.Writer) int {
	differences, set, err := compare(ctx, file)
	switch {
	case err != nil:
		fmt.Fprintf(stdout, "digests: %v\n", err)
		return cli.Failed
	case len(differences) > 0:
		fmt.Fprintf(stdout, "The build does not give what %s says:\n\n", set.DigestsSource)
		digests.Print(stdout, differences)
		fmt.Fprintf(stdout, "\nIf that is meant, record it: bazel run //images:update_digests\n")
		return cli.Failed
	}
	fmt.Fprintf(stdout, "byte for byte what %s says (images: %d)\n", set.DigestsSource, len(set.Images))
	return cli.OK
}

func compare(ctx context.Context, file string) ([]digests.Difference, *imageset.Set, error) {
	set, err := imageset.Load(file)
	if err != nil {
		return nil, nil, err
	}
	recorded, err := digests.Read(set.Digests)
	if err != nil {
		return nil, nil, err
	}
	built, err := digests.Build(ctx, set.Images)
	if err != nil {
		return nil, nil, err
	}
	return digests.Compare(recorded, built), set, nil
}
