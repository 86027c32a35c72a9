// Command layer writes one layer of an OCI image, a gzip-compressed tar archive,
// so that its bytes depend on nothing but the files' paths, modes and content.
//
//	layer --output=FILE MODE:PATH=SOURCE...
//
// Each argument is a regular file of the layer: MODE in octal, the absolute PATH
// in the image, and the SOURCE file to copy.
package main

import (
	"flag"
	"fmt"
	"os"
)

func main() {
	output := flag.String("output", "", "the layer to write")
	flag.Parse()
	if err := run(*output, flag.Args()); err != nil {
		fmt.Fprintf(os.Stderr, "layer: %v\n", err)
		os.Exit(1)
	}
}

// run writes the layer to the file output, which is left out on an error.
func run(output string, args []string) (err error) {
	if output == "" {
		return fmt.Errorf("no --output: name the layer to write")
	}
	var files []file
	for _, arg := range args {
		f, err := parseFile(arg)
		if err != nil {
			return err
		}
		files = append(files, f)
	}

	out, err := os.Create(output)
	if err != nil {
		return fmt.Errorf("creating the layer: %w", err)
	}
	defer func() {
		if cerr := out.Close(); err == nil && cerr != nil {
			err = fmt.Errorf("closing the layer: %w", cerr)
		}
		if err != nil {
			os.Remove(output)
		}
	}()
	return write(out, files)
}
