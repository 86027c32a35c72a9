package imageset

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// ReadLayout opens the only image index of the OCI image layout in dir (OCI
// image specification, section "Image Layout") and checks all it refers to.
func ReadLayout(dir string) (v1.ImageIndex, v1.Hash, error) {
	// In a sandbox Bazel lays out each file of a directory as a symbolic link,
	// and the layout package refuses blobs that are links: read the directory
	// that the links lead to.
	indexJSON, err := filepath.EvalSymlinks(filepath.Join(dir, "index.json"))
	if err != nil {
		return nil, v1.Hash{}, fmt.Errorf("not an OCI layout: %w", err)
	}
	root := filepath.Dir(indexJSON)
	if err := checkVersion(filepath.Join(root, "oci-layout")); err != nil {
		return nil, v1.Hash{}, err
	}
	path, err := layout.FromPath(root)
	if err != nil {
		return nil, v1.Hash{}, err
	}
	top, err := path.ImageIndex()
	if err != nil {
		return nil, v1.Hash{}, err
	}
	m, err := top.IndexManifest()
	if err != nil {
		return nil, v1.Hash{}, fmt.Errorf("index.json: %w", err)
	}
	if len(m.Manifests) != 1 {
		return nil, v1.Hash{}, fmt.Errorf("index.json has %d descriptors; it must have exactly one, of an image index", len(m.Manifests))
	}
	desc := m.Manifests[0]
	if desc.MediaType != types.OCIImageIndex {
		return nil, v1.Hash{}, fmt.Errorf("index.json describes a %s; it must be an image index (%s)", desc.MediaType, types.OCIImageIndex)
	}
	if err := checkBlob(path, desc); err != nil {
		return nil, v1.Hash{}, fmt.Errorf("image index: %w", err)
	}
	index, err := top.ImageIndex(desc.Digest)
	if err != nil {
		return nil, v1.Hash{}, err
	}
	return index, desc.Digest, checkIndex(path, index)
}

func checkVersion(file string) error {
	raw, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("not an OCI layout: %w", err)
	}
	var v struct {
		ImageLayoutVersion string `json:"imageLayoutVersion"`
	}
	if err := json.Unmarshal(raw, &v); err != nil {
		return fmt.Errorf("oci-layout: %w", err)
	}
	if v.ImageLayoutVersion != "1.0.0" {
		return fmt.Errorf("oci-layout: unknown version %q; 1.0.0 is the only one", v.ImageLayoutVersion)
	}
	return nil
}

func checkIndex(path layout.Path, index v1.ImageIndex) error {
	m, err := index.IndexManifest()
	if err != nil {
		return fmt.Errorf("image index: %w", err)
	}
	if len(m.Manifests) == 0 {
		return errors.New("the image index is empty")
	}
	for _, desc := range m.Manifests {
		if desc.MediaType != types.OCIManifestSchema1 {
			return fmt.Errorf("the image index holds a %s; it must hold image manifests (%s) only", desc.MediaType, types.OCIManifestSchema1)
		}
		if desc.Platform == nil {
			return fmt.Errorf("the image index states no platform for %s", desc.Digest)
		}
		if err := checkImage(path, index, desc); err != nil {
			return fmt.Errorf("image for %s: %w", desc.Platform, err)
		}
	}
	return nil
}

func checkImage(path layout.Path, index v1.ImageIndex, desc v1.Descriptor) error {
	if err := checkBlob(path, desc); err != nil {
		return fmt.Errorf("manifest: %w", err)
	}
	img, err := index.Image(desc.Digest)
	if err != nil {
		return err
	}
	m, err := img.Manifest()
	if err != nil {
		return fmt.Errorf("manifest: %w", err)
	}
	if err := checkBlob(path, m.Config); err != nil {
		return fmt.Errorf("configuration: %w", err)
	}
	for _, l := range m.Layers {
		if err := checkBlob(path, l); err != nil {
			return fmt.Errorf("layer: %w", err)
		}
	}
	config, err := img.ConfigFile()
	if err != nil {
		return fmt.Errorf("configuration: %w", err)
	}
	if config.OS != desc.Platform.OS || config.Architecture != desc.Platform.Architecture {
		return fmt.Errorf("configuration: it is for %s/%s", config.OS, config.Architecture)
	}
	return nil
}

// checkBlob reads a blob and compares it with its descriptor (OCI image
// specification, section "Verification" of Content Descriptors).
func checkBlob(path layout.Path, want v1.Descriptor) (err error) {
	r, err := path.Blob(want.Digest)
	if err != nil {
		return fmt.Errorf("blob %s: %w", want.Digest, err)
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	digest, size, err := v1.SHA256(r)
	if err != nil {
		return fmt.Errorf("blob %s: %w", want.Digest, err)
	}
	if size != want.Size || digest != want.Digest {
		return fmt.Errorf("blob %s is corrupt: it holds %d bytes with the digest %s; %d bytes are expected", want.Digest, size, digest, want.Size)
	}
	return nil
}
