// Command ocilayout does the work of the air-gapped stand-in for rules_oci. It writes OCI
// image layouts (image-spec, image-layout.md) byte for byte as rules_oci 2.3.0 does.
//
//	ocilayout image DIRECTORY DIGEST SPEC LABEL...
//	ocilayout index DIRECTORY DIGEST LAYOUT...
//
// SPEC is a JSON file with the members of spec, LABEL is of the target that made a layer.
// Each LAYOUT is the directory of an image.
// The layout is written to DIRECTORY, the digest of its manifest or image index to the
// file DIGEST.
//
// rules_oci makes its documents with jq and regctl. Their habits are part of the digests:
// the order of members, two spaces of indentation, a newline at the end of a manifest and
// none at the end of a configuration.
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "ocilayout:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) < 4 || args[0] != "image" && args[0] != "index" {
		return errors.New("usage: ocilayout image DIRECTORY DIGEST SPEC LABEL..., or ocilayout index DIRECTORY DIGEST LAYOUT...")
	}
	dir, digestFile, inputs := args[1], args[2], args[3:]
	var digest string
	var err error
	if args[0] == "index" {
		digest, err = writeIndex(dir, inputs)
	} else {
		var s spec
		if s, err = readSpec(inputs[0]); err == nil {
			digest, err = writeImage(dir, s, inputs[1:])
		}
	}
	if err != nil {
		return err
	}
	return os.WriteFile(digestFile, []byte(digest+"\n"), 0o666)
}

func readSpec(file string) (spec, error) {
	var s spec
	data, err := os.ReadFile(file)
	if err != nil {
		return s, err
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(&s); err != nil {
		return s, fmt.Errorf("%s: %w", file, err)
	}
	if (s.Base == "") == (s.OS == "" || s.Architecture == "") {
		return s, fmt.Errorf("%s: an image needs either a base, or os and architecture", file)
	}
	return s, nil
}
