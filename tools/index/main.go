// Command index copies an OCI image layout that holds one image index, and adds
// annotations to that index.
//
//	index --input=LAYOUT --output=LAYOUT --digest=FILE KEY=VALUE...
//
// The input is what rules_oci's oci_image_index writes; its 2.3.0 has no attribute
// for annotations of the index, which registries show for a multi-platform image.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
)

func main() {
	input := flag.String("input", "", "the layout to read")
	output := flag.String("output", "", "the layout to write")
	digest := flag.String("digest", "", "the file to write the new index's digest to")
	flag.Parse()
	if err := run(*input, *output, *digest, flag.Args()); err != nil {
		fmt.Fprintf(os.Stderr, "index: %v\n", err)
		os.Exit(1)
	}
}

func run(input, output, digestFile string, args []string) error {
	if input == "" || output == "" || digestFile == "" {
		return errors.New("--input, --output and --digest are all needed")
	}
	annotations := map[string]string{}
	for _, arg := range args {
		key, value, ok := strings.Cut(arg, "=")
		if !ok || key == "" {
			return fmt.Errorf("%q is not KEY=VALUE", arg)
		}
		annotations[key] = value
	}
	digest, err := annotate(input, output, annotations)
	if err != nil {
		return fmt.Errorf("annotating %s: %w", input, err)
	}
	return os.WriteFile(digestFile, []byte(digest.String()+"\n"), 0o644)
}
