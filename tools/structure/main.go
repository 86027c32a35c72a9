// Command structure is the test of an image's structure for one platform: its
// config, annotations, files and binary against what its go_image says, read from
// the file PROGRAM.expected.json beside it. It prints each difference, and exits
// with 1 if there is one.
package main

import (
	"encoding/json"
	"fmt"
	"os"
)

func main() {
	problems, err := run(os.Args[0] + ".expected.json")
	if err != nil {
		problems = append(problems, err.Error())
	}
	for _, problem := range problems {
		fmt.Println(problem)
	}
	if len(problems) > 0 {
		os.Exit(1)
	}
	fmt.Println("the image is what its go_image says")
}

// run makes every check, and returns what is not as expected.
func run(expectedFile string) ([]string, error) {
	var want expected
	if err := readJSON(expectedFile, &want); err != nil {
		return nil, err
	}
	var published publishedImages
	if err := readJSON(want.Published, &published); err != nil {
		return nil, err
	}
	img, err := open(want.Layout, want.Platform)
	if err != nil {
		return nil, fmt.Errorf("opening the image layout: %w", err)
	}
	problems := checkPublished(want.Label, published)
	problems = append(problems, checkMetadata(want, img)...)
	more, err := checkLayers(want, img)
	return append(problems, more...), err
}

func readJSON(file string, value any) error {
	data, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(data, value); err != nil {
		return fmt.Errorf("parsing %s: %w", file, err)
	}
	return nil
}
