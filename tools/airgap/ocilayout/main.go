// Command ocilayout does the work of the air-gapped stand-in for rules_oci.
//
//	ocilayout layer -out FILE -label LABEL TAR
//	ocilayout image -out DIRECTORY SPEC
//	ocilayout index -out DIRECTORY IMAGE...
//	ocilayout digest -out FILE IMAGE
//
// layer writes to FILE what an image says of a layer. SPEC is a JSON file with the
// members of layout.Image. IMAGE is the directory of an image or an image index.
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"

	"example.com/reproducible-images/tools/airgap/ocilayout/layout"
)

func main() { os.Exit(run(os.Args[1:], os.Stderr)) }

const usage = `usage:
  ocilayout layer -out FILE -label LABEL TAR
  ocilayout image -out DIRECTORY SPEC
  ocilayout index -out DIRECTORY IMAGE...
  ocilayout digest -out FILE IMAGE`

// errUsage is a mistake on the command line.
var errUsage = errors.New("wrong arguments")

// run returns the exit status: 2 when the arguments are wrong, 1 for other errors.
func run(args []string, stderr io.Writer) int {
	err := errUsage
	name := "ocilayout"
	if len(args) > 0 {
		name += " " + args[0]
		err = command(args[0], args[1:])
	}
	switch {
	case err == nil:
		return 0
	case errors.Is(err, errUsage):
		fmt.Fprintf(stderr, "%s: %v\n%s\n", name, err, usage)
		return 2
	default:
		fmt.Fprintf(stderr, "%s: %v\n", name, err)
		return 1
	}
}

func command(name string, args []string) error {
	flags := flag.NewFlagSet(name, flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	out := flags.String("out", "", "")
	label := flags.String("label", "", "")
	if err := flags.Parse(args); err != nil {
		return fmt.Errorf("%w: %w", errUsage, err)
	}
	inputs := flags.Args()
	if *out == "" || len(inputs) == 0 || len(inputs) > 1 && name != "index" {
		return errUsage
	}
	switch name {
	case "layer":
		l, err := layout.ReadLayer(inputs[0], *label)
		if err != nil {
			return err
		}
		return layout.WriteLayer(*out, l)
	case "image":
		spec, err := readSpec(inputs[0])
		if err != nil {
			return err
		}
		return layout.WriteImage(*out, spec)
	case "index":
		return layout.WriteIndex(*out, inputs)
	case "digest":
		digest, err := layout.Digest(inputs[0])
		if err != nil {
			return err
		}
		return os.WriteFile(*out, []byte(digest+"\n"), 0o666)
	default:
		return errUsage
	}
}

func readSpec(file string) (layout.Image, error) {
	var spec layout.Image
	data, err := os.ReadFile(file)
	if err != nil {
		return spec, err
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(&spec); err != nil {
		return spec, fmt.Errorf("%s: %w", file, err)
	}
	return spec, nil
}
