package main

import (
	"fmt"
	"io"

	"example.com/reproducible-images/tools/inventory"
)

// result is what came out for one image.
type result struct {
	// subject is what was compared with the build.
	subject          string
	published, built inventory.Image
	changes          []inventory.Change
	// damage is an error where the published image is not what its own digests
	// say.
	damage error
	// notes say what could not be compared.
	notes []string
	// err is why nothing could be.
	err error
}

func (r result) code() int {
	switch {
	case r.err != nil:
		return unchecked
	case r.damage != nil || len(r.changes) > 0:
		return different
	}
	return equal
}

func (r result) print(stdout, stderr io.Writer) {
	switch r.code() {
	case unchecked:
		fmt.Fprintf(stderr, "verify: %s: not compared: %v\n", r.subject, r.err)
	case equal:
		fmt.Fprintf(stdout, "%s: equal, %s\n", r.subject, identity(r.published))
	case different:
		fmt.Fprintf(stdout, "%s: DIFFERENT\n  published  %s\n  built      %s\n", r.subject, identity(r.published), identity(r.built))
		if r.damage != nil {
			fmt.Fprintf(stdout, "  published, but damaged: %v\n", r.damage)
		}
		for _, c := range r.changes {
			fmt.Fprintf(stdout, "  %s\n", c)
		}
	}
	for _, note := range r.notes {
		fmt.Fprintf(stdout, "  %s\n", note)
	}
}

// identity is the image's digest, or where it has none, as in a docker archive, the
// image ID.
func identity(i inventory.Image) string {
	switch {
	case i.Digest != "":
		return i.Digest
	case len(i.Platforms) == 1:
		return "image ID " + i.Platforms[0].ConfigDigest
	}
	return "unknown"
}
