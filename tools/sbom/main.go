// Command sbom runs inside build actions. It writes what is linked into the programs of
// an image, as a software bill of materials in the format SPDX 2.3, JSON. Its output
// depends on nothing but its arguments and the files that they name.
//
//	sbom OUTPUT IMAGE
//
// The file IMAGE is the JSON form of the type image.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
)

// image is what the SBOM is about.
type image struct {
	// Name is the repository, and Version the tag.
	Name    string `json:"name"`
	Version string `json:"version"`
	// Platform is such as linux/amd64.
	Platform string `json:"platform"`
	// Layer is a file, as are all but the last of those that say which modules there
	// are. Licenses is what //tools/licenses writes.
	Layer    string    `json:"layer"`
	GoMod    string    `json:"go_mod"`
	GoSum    string    `json:"go_sum"`
	Module   string    `json:"module"` // MODULE.bazel
	Licenses string    `json:"license_list"`
	Programs []program `json:"programs"`
}

// program is a Go program in the layer.
type program struct {
	// Path is where it is in the image, and File the same file here.
	Path string `json:"path"`
	File string `json:"file"`
	// Packages are the import paths of all that is linked but the standard library; of
	// a package of this repository, its label.
	Packages []string `json:"packages"`
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintf(os.Stderr, "sbom: %v\n", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) != 2 {
		return errors.New("wrong arguments\nusage: sbom OUTPUT IMAGE")
	}
	raw, err := os.ReadFile(args[1])
	if err != nil {
		return err
	}
	var i image
	if err := json.Unmarshal(raw, &i); err != nil {
		return fmt.Errorf("reading %s: %w", args[1], err)
	}
	content, err := i.document()
	if err != nil {
		return fmt.Errorf("%s: %w", i.Name, err)
	}
	return os.WriteFile(args[0], content, 0o644)
}
