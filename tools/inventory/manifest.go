package inventory

import (
	"encoding/json"
	"errors"
	"fmt"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// manifest is what is used of an image index (image-spec, image-index.md) or an
// image manifest (manifest.md). The lists are decoded later and one by one:
// millions of empty descriptors fit into a small document.
type manifest struct {
	SchemaVersion int               `json:"schemaVersion"`
	MediaType     types.MediaType   `json:"mediaType"`
	Manifests     []json.RawMessage `json:"manifests"`
	Config        json.RawMessage   `json:"config"`
	Layers        []json.RawMessage `json:"layers"`
	Annotations   map[string]string `json:"annotations"`
}

// parseManifest parses an image index or an image manifest, whichever the media
// type of its descriptor says. One that could be taken for the other too is
// refused (image-spec, manifest.md, property mediaType).
func parseManifest(raw []byte, mediaType types.MediaType) (manifest, error) {
	var m manifest
	if err := json.Unmarshal(raw, &m); err != nil {
		return manifest{}, fmt.Errorf("not the JSON of a manifest: %w", err)
	}
	if m.SchemaVersion != 2 {
		return manifest{}, fmt.Errorf("schemaVersion is %d, not 2", m.SchemaVersion)
	}
	if m.MediaType != "" && m.MediaType != mediaType {
		return manifest{}, fmt.Errorf("it says that it is a %q, but what refers to it says %q", m.MediaType, mediaType)
	}
	if mediaType.IsIndex() && (m.Config != nil || m.Layers != nil) {
		return manifest{}, errors.New("it is an image index, but has a config or layers too, as manifests have")
	}
	if mediaType.IsImage() && m.Manifests != nil {
		return manifest{}, errors.New("it is an image manifest, but has manifests too, as image indexes have")
	}
	return m, nil
}

// parseDescriptor parses a descriptor (image-spec, descriptor.md).
func parseDescriptor(raw json.RawMessage) (v1.Descriptor, error) {
	var d v1.Descriptor
	if len(raw) == 0 {
		return d, errors.New("there is no descriptor")
	}
	if err := json.Unmarshal(raw, &d); err != nil {
		return d, fmt.Errorf("not a descriptor: %w", err)
	}
	switch {
	case d.Digest == v1.Hash{}:
		return d, errors.New("the descriptor has no digest")
	case d.Size < 0:
		return d, fmt.Errorf("the descriptor states a size of %d bytes", d.Size)
	}
	return d, nil
}

// config is what is used of an image configuration (image-spec, config.md).
type config struct {
	v1.Platform
	diffIDs []v1.Hash
}

func parseConfig(raw []byte) (config, error) {
	var doc struct {
		OS           string `json:"os"`
		Architecture string `json:"architecture"`
		Variant      string `json:"variant"`
		RootFS       struct {
			DiffIDs []string `json:"diff_ids"`
		} `json:"rootfs"`
	}
	if err := json.Unmarshal(raw, &doc); err != nil {
		return config{}, fmt.Errorf("not the JSON of an image configuration: %w", err)
	}
	c := config{
		Platform: v1.Platform{OS: doc.OS, Architecture: doc.Architecture, Variant: doc.Variant},
		diffIDs:  []v1.Hash{},
	}
	for i, s := range doc.RootFS.DiffIDs {
		id, err := v1.NewHash(s)
		if err != nil {
			return config{}, fmt.Errorf("rootfs.diff_ids[%d] is no digest: %w", i, err)
		}
		c.diffIDs = append(c.diffIDs, id)
	}
	return c, nil
}
