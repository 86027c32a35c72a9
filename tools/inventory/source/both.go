package source

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// checkSame checks that in an archive which is of docker and an OCI layout at
// once the images of docker are in the layout too: what reads the one is not to
// see another image than what reads the other.
func checkSame(a *archive) error {
	images, err := readDocker(a)
	if err != nil {
		return err
	}
	l := &layout{files: a}
	descriptors, err := l.readIndex()
	if err != nil {
		return fmt.Errorf("index.json: %w", err)
	}
	configs := map[v1.Hash]bool{}
	if err := l.configs(descriptors, configs, new(int)); err != nil {
		return err
	}
	for _, img := range images {
		if !configs[configDigest(img.Config)] {
			return errors.New("its manifest.json and its index.json name different images: which one is meant is not defined")
		}
	}
	return nil
}

// maxDocuments bounds the indexes and manifests that configs reads.
const maxDocuments = 256

// configs collects the configurations of all manifests, and of those that indexes
// list. What is not in the layout is left out: docker saves one platform of an
// index.
func (l *layout) configs(all []v1.Descriptor, found map[v1.Hash]bool, documents *int) error {
	for _, d := range all {
		if !d.MediaType.IsIndex() && !d.MediaType.IsImage() || !has(l.files, blobName(d.Digest)) {
			continue
		}
		if *documents++; *documents > maxDocuments {
			return fmt.Errorf("it has more than %d indexes and manifests, which is the limit", maxDocuments)
		}
		raw, err := readSmall(l.files, blobName(d.Digest), maxDocument)
		if err != nil {
			return err
		}
		if got, _, err := v1.SHA256(bytes.NewReader(raw)); err != nil || got != d.Digest {
			return fmt.Errorf("the manifest %s has the digest %s: it is damaged", d.Digest, got)
		}
		var m struct {
			Config    v1.Descriptor   `json:"config"`
			Manifests []v1.Descriptor `json:"manifests"`
		}
		if err := json.Unmarshal(raw, &m); err != nil {
			return fmt.Errorf("the manifest %s: %w", d.Digest, err)
		}
		if d.MediaType.IsImage() {
			found[m.Config.Digest] = true
			continue
		}
		if err := l.configs(m.Manifests, found, documents); err != nil {
			return err
		}
	}
	return nil
}
