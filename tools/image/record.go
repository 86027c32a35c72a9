package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"example.com/reproducible-images/tools/image/listing"
)

const updateHint = "if that is meant, run `bazel run //images:update_digests` and commit"

var digestsTestCommand = command{
	usage: "Compares the images that were built with their records.\n\nFlags:\n",
	run: func(flags *flag.FlagSet) func(context.Context, *environment) error {
		selection := newImagesFlags(flags)
		return func(ctx context.Context, e *environment) error {
			images, err := selection.load(e)
			if err != nil {
				return err
			}
			failed := false
			for _, image := range images.Images {
				if err := image.checkRecord(ctx, e.stderr); err != nil {
					e.logf("%v", err)
					failed = true
				}
			}
			for _, stale := range images.staleRecords() {
				e.logf("%s is the record of no image: update_digests removes it", stale)
				failed = true
			}
			if failed {
				return fmt.Errorf("the build and its records differ; %s", updateHint)
			}
			return nil
		}
	},
}

// checkRecord compares an image with its record. If the digests of the image index and
// the SBOMs are the recorded ones, so is everything else.
func (i *builtImage) checkRecord(ctx context.Context, w io.Writer) error {
	if i.Record == "" {
		return fmt.Errorf("image %s has no record", i.Label)
	}
	path, err := locate(i.Record)
	if err != nil {
		return err
	}
	recorded, err := readRecord(path)
	if err != nil {
		return err
	}
	if recorded.Value("index digest") == i.digest.String() && slices.Equal(recorded.SBOMs(), i.sbomFacts()) {
		return nil
	}
	built, err := i.listing(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "%s (record → build):\n", i.Label)
	listing.Print(w, listing.Diff(recorded, built))
	return fmt.Errorf("image %s is not what its record says", i.Label)
}

func readRecord(path string) (listing.Listing, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("reading the record: %w", err)
	}
	defer file.Close()
	recorded, err := listing.Parse(file)
	if err != nil {
		return nil, fmt.Errorf("record %s: %w; after a merge, run update_digests", path, err)
	}
	return recorded, nil
}

// staleRecords are the records of images that do not exist any more.
func (l *imageList) staleRecords() []string {
	used := map[string]bool{}
	for _, image := range l.Images {
		used[image.Record] = true
	}
	var stale []string
	for _, record := range l.Records {
		if !used[record] {
			_, inWorkspace, _ := strings.Cut(record, "/")
			stale = append(stale, inWorkspace)
		}
	}
	return stale
}

var updateDigestsCommand = command{
	usage: `Records what is in the images: one file for each image, in the directory that the
image_set names, with one line for each fact. //images:digests_test and //images:push
compare the build with it.

  bazel run //images:update_digests

Flags:
`,
	run: func(flags *flag.FlagSet) func(context.Context, *environment) error {
		selection := newImagesFlags(flags)
		return func(ctx context.Context, e *environment) error {
			if e.workspace == "" {
				return usageError("start this command with `bazel run`: it writes into the sources")
			}
			images, err := selection.load(e)
			if err != nil {
				return err
			}
			for _, image := range images.Images {
				path := filepath.Join(e.workspace, images.Digests, filepath.FromSlash(image.Repository)+".txt")
				if err := image.updateRecord(ctx, e, path); err != nil {
					return err
				}
			}
			if len(*selection.names) > 0 {
				return nil
			}
			for _, stale := range images.staleRecords() {
				if err := os.Remove(filepath.Join(e.workspace, stale)); err != nil {
					return err
				}
				e.logf("removed %s", stale)
			}
			return nil
		}
	},
}

func (i *builtImage) updateRecord(ctx context.Context, e *environment, path string) error {
	built, err := i.listing(ctx)
	if err != nil {
		return err
	}
	before, readErr := readRecord(path)
	if readErr == nil && len(listing.Diff(before, built)) == 0 {
		e.logf("%s: unchanged, %s", i.Label, i.digest)
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	if err := writeFile(path, built); err != nil {
		return fmt.Errorf("writing the record: %w", err)
	}
	e.logf("%s: recorded %s", i.Label, i.digest)
	if readErr == nil {
		listing.Print(e.stderr, listing.Diff(before, built))
	}
	return nil
}

// writeFile replaces a file completely or not at all.
func writeFile(path string, content io.WriterTo) error {
	file, err := os.CreateTemp(filepath.Dir(path), ".record-*")
	if err != nil {
		return err
	}
	defer os.Remove(file.Name())
	_, err = content.WriteTo(file)
	if err = errors.Join(err, file.Chmod(0o644), file.Close()); err != nil {
		return err
	}
	return os.Rename(file.Name(), path)
}
