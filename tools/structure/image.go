package main

import (
	"errors"
	"fmt"

	"example.com/reproducible-images/tools/imageset"
	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// image is an image of one platform and the image index that it is in.
type image struct {
	index    *v1.IndexManifest
	manifest *v1.Manifest
	config   *v1.ConfigFile
	layers   []v1.Layer
}

// open opens the image for a platform in an OCI image layout that holds one index.
func open(dir string, platform v1.Platform) (*image, error) {
	index, _, err := imageset.ReadLayout(dir)
	if err != nil {
		return nil, err
	}
	opened := &image{}
	if opened.index, err = index.IndexManifest(); err != nil {
		return nil, err
	}
	for _, descriptor := range opened.index.Manifests {
		if descriptor.Platform == nil || !descriptor.Platform.Equals(platform) {
			continue
		}
		img, err := index.Image(descriptor.Digest)
		if err != nil {
			return nil, err
		}
		var errs [3]error
		opened.manifest, errs[0] = img.Manifest()
		opened.config, errs[1] = img.ConfigFile()
		opened.layers, errs[2] = img.Layers()
		return opened, errors.Join(errs[:]...)
	}
	return nil, fmt.Errorf("the image index has no manifest for %s", platform)
}
