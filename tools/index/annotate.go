package main

import (
	"fmt"

	"example.com/reproducible-images/tools/imageset"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
)

// annotate copies the OCI image layout in the folder input to the folder output,
// with annotations added to its image index (image-spec, annotations.md), and
// returns the digest of the new index. It is an error if input's index.json names
// anything but one image index.
func annotate(input, output string, annotations map[string]string) (v1.Hash, error) {
	index, _, err := imageset.ReadLayout(input)
	if err != nil {
		return v1.Hash{}, fmt.Errorf("reading the layout: %w", err)
	}
	annotated := mutate.Annotations(index, annotations).(v1.ImageIndex)
	path, err := layout.Write(output, empty.Index)
	if err != nil {
		return v1.Hash{}, fmt.Errorf("writing the layout %s: %w", output, err)
	}
	if err := path.AppendIndex(annotated); err != nil {
		return v1.Hash{}, fmt.Errorf("writing the layout %s: %w", output, err)
	}
	return annotated.Digest()
}
