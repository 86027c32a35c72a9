package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"example.com/reproducible-images/tools/digests"
	"example.com/reproducible-images/tools/imageset"
)

// checkLocked compares what was built with the recorded digests, and prints the
// difference. The error says how to go on; with allow a difference, or a record
// that cannot be read, is a warning instead.
func checkLocked(ctx context.Context, set *imageset.Set, allow bool, stderr io.Writer) error {
	built, err := digests.Build(ctx, set.Images)
	switch {
	case errors.Is(err, context.Canceled):
		return errors.New("interrupted")
	case err != nil:
		return err
	}
	err = compareWithRecorded(set, built, stderr)
	switch {
	case err == nil:
		return nil
	case allow:
		fmt.Fprintf(stderr, "push: WARNING: --allow-unlocked: pushing although %v\n", err)
		return nil
	}
	return fmt.Errorf("nothing was pushed: %w; if that is meant, `bazel run //images:update_digests` and commit, or add --allow-unlocked", err)
}

func compareWithRecorded(set *imageset.Set, built digests.File, stderr io.Writer) error {
	if set.Digests == "" {
		return errors.New("the list of images names no file of recorded digests to compare with")
	}
	recorded, err := digests.Read(set.Digests)
	if err != nil {
		return err
	}
	differences := digests.Compare(recorded, built)
	if len(differences) == 0 {
		return nil
	}
	digests.Print(stderr, differences)
	return fmt.Errorf("the build does not give what %s says", set.DigestsSource)
}
