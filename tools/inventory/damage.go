package inventory

import (
	"errors"
	"fmt"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// Place is a place in an image.
type Place struct {
	// Platform is OS/ARCHITECTURE[/VARIANT], empty for the image index.
	Platform string
	// Part is "image index", "manifest", "configuration" or "layer N", counted
	// from 1, the lowest.
	Part string
	// Digest is the one that the part is to have; empty where none is recorded.
	Digest string
	// File is a file of the layer; empty where that cannot be told.
	File string
}

// String is the place in words, without the file: "image for linux/amd64: layer
// 1 (sha256:…)".
func (p Place) String() string {
	var parts []string
	if p.Platform != "" {
		parts = append(parts, "image for "+Printable(p.Platform))
	}
	part := p.Part
	if p.Digest != "" {
		part += " (" + p.Digest + ")"
	}
	parts = append(parts, part)
	return strings.Join(parts, ": ")
}

func (p Place) prefix() string {
	if p == (Place{}) {
		return ""
	}
	return p.String() + ": "
}

// DamagedError says that content does not match its descriptor or cannot be
// decoded, although it was delivered whole.
type DamagedError struct {
	// Place is where; its File, where that can be told, is the first one that
	// cannot be read.
	Place Place
	// Problem is what is wrong, in words.
	Problem string
}

func (e *DamagedError) Error() string { return e.Place.prefix() + Printable(e.Problem) }

// troubles are all that went wrong in one Read.
type troubles []error

func (t troubles) Error() string {
	var s []string
	for _, err := range t {
		s = append(s, err.Error())
	}
	return strings.Join(s, "; ")
}

func (t troubles) Unwrap() []error { return t }

// Unread is what of an error of Read is not about damage: why parts of the image
// could not be had. It is nil if all of the image was read, damaged or not.
func Unread(err error) error {
	var all troubles
	if !errors.As(err, &all) {
		all = troubles{err}
	}
	for _, err := range all {
		if err != nil && !errors.As(err, new(*DamagedError)) {
			return err
		}
	}
	return nil
}

// maxTroubles is how many damaged parts are told of; more help nobody.
const maxTroubles = 10

func otherDigest(got, want v1.Hash) string {
	return fmt.Sprintf("its bytes have the digest %s, not %s", got, want)
}
