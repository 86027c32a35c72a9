package main

import (
	"archive/tar"
	"bytes"
	"cmp"
	"debug/elf"
	"debug/gosym"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
)

// explainSize lists the largest files of an image and the largest packages in its
// binary, for a test that found it over its budget.
func explainSize(image v1.Image, binary string) (string, error) {
	content := mutate.Extract(image)
	defer content.Close()
	files := map[string]int64{}
	var program []byte
	archive := tar.NewReader(content)
	for {
		header, err := archive.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return "", err
		}
		files["/"+header.Name] = header.Size
		if "/"+header.Name == binary {
			if program, err = io.ReadAll(archive); err != nil {
				return "", err
			}
		}
	}
	packages, err := packageSizes(program)
	if err != nil {
		return "", fmt.Errorf("reading the packages of %s: %w", binary, err)
	}
	return "the largest files:\n" + largest(files) + "the largest packages in " + binary + " (code):\n" + largest(packages), nil
}

// packageSizes sums the code of each package in a Go program, by its table of functions,
// which stripping leaves.
func packageSizes(program []byte) (map[string]int64, error) {
	file, err := elf.NewFile(bytes.NewReader(program))
	if err != nil {
		return nil, err
	}
	text, lines := file.Section(".text"), file.Section(".gopclntab")
	if text == nil || lines == nil {
		return nil, fmt.Errorf("it is not a Go program")
	}
	data, err := lines.Data()
	if err != nil {
		return nil, err
	}
	table, err := gosym.NewTable(nil, gosym.NewLineTable(data, text.Addr))
	if err != nil {
		return nil, err
	}
	sizes := map[string]int64{}
	for _, function := range table.Funcs {
		sizes[packageOf(function.Name)] += int64(function.End - function.Entry)
	}
	return sizes, nil
}

// packageOf is the import path in the name of a function, such as net/http.(*Server).Serve.
func packageOf(function string) string {
	// Type parameters may have paths of their own.
	name, _, _ := strings.Cut(function, "[")
	name = strings.TrimPrefix(name, "type:.eq.")
	last := strings.LastIndex(name, "/") + 1
	dot := strings.Index(name[last:], ".")
	if dot < 0 {
		return "(other)"
	}
	return name[:last+dot]
}

// largest writes the ten largest, one a line.
func largest(sizes map[string]int64) string {
	names := slices.SortedFunc(maps.Keys(sizes), func(a, b string) int {
		return cmp.Or(cmp.Compare(sizes[b], sizes[a]), cmp.Compare(a, b))
	})
	var text strings.Builder
	for _, name := range names[:min(len(names), 10)] {
		fmt.Fprintf(&text, "    %10d  %s\n", sizes[name], name)
	}
	return text.String()
}
