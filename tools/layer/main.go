// Command layer runs inside build actions. It writes what an image is made of, and
// its output depends on nothing but its arguments and the files that they name.
//
//	layer layer OUTPUT LIST
//	layer index OUTPUT DIGEST ANNOTATIONS IMAGE...
//
// The first form writes the layer that the file LIST describes to OUTPUT, a
// gzip-compressed tar archive. See readList.
//
// The second form writes an OCI image layout to OUTPUT, with an image index of the
// images in the layouts IMAGE... and the annotations in the file ANNOTATIONS, a JSON
// object of strings. It writes the index's digest and a newline to the file DIGEST.
//
// The program uses the standard library only: it is compiled for the build machine
// before the first image can be built.
package main

import (
	"errors"
	"fmt"
	"os"
)

const usage = `usage:
  layer layer OUTPUT LIST
  layer index OUTPUT DIGEST ANNOTATIONS IMAGE...`

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintf(os.Stderr, "layer: %v\n", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	switch {
	case len(args) == 3 && args[0] == "layer":
		return removeOnError(layer(args[1], args[2]), args[1])
	case len(args) >= 5 && args[0] == "index":
		return removeOnError(index(args[1], args[2], args[3], args[4:]), args[1], args[2])
	}
	return errors.New("wrong arguments\n" + usage)
}

// removeOnError removes the outputs if err is not nil, so that nothing incomplete
// is left behind, and returns err.
func removeOnError(err error, outputs ...string) error {
	if err != nil {
		for _, output := range outputs {
			err = errors.Join(err, os.RemoveAll(output))
		}
	}
	return err
}
