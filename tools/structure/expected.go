package main

import v1 "github.com/google/go-containerregistry/pkg/v1"

// expected is what an image of one platform must be.
type expected struct {
	Label       string            `json:"label"`       // the go_image's label
	Layout      string            `json:"layout"`      // its OCI image layout
	Published   string            `json:"published"`   // the list of images of //images:published
	Platform    v1.Platform       `json:"platform"`    // which image of the index
	Config      v1.Config         `json:"config"`      // image-spec, config.md, "config"
	Annotations map[string]string `json:"annotations"` // of index and manifest
	Files       map[string]string `json:"files"`       // absolute path to octal mode
}

// publishedImages is the part of PROGRAM.images.json that matters here.
type publishedImages struct {
	Images []struct {
		Label string `json:"label"`
	} `json:"images"`
}
