package source

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"

	"example.com/reproducible-images/tools/inventory"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

const (
	// maxDocument is the size of the largest manifest that is read, in bytes:
	// that which every registry must take (distribution-spec, "Pushing
	// Manifests").
	maxDocument = 4 << 20
	// maxChoices bounds the images in one layout or archive.
	maxChoices = 10_000
)

// The annotations that name an image in a layout: image-spec, annotations.md,
// and containerd's, which docker writes.
const (
	refName        = "org.opencontainers.image.ref.name"
	containerdName = "io.containerd.image.name"
)

// layout is an OCI image layout (image-spec, image-layout.md).
type layout struct {
	files
	path string
	root v1.Descriptor
}

func openDir(path, choice string) (inventory.Source, error) {
	return openLayout(directory(path), path, choice)
}

func openLayout(f files, path, choice string) (inventory.Source, error) {
	l := &layout{files: f, path: path}
	if err := l.checkVersion(); err != nil {
		return nil, fmt.Errorf("%s is not an OCI layout: %w", path, err)
	}
	descriptors, err := l.readIndex()
	if err != nil {
		return nil, fmt.Errorf("OCI layout %s: index.json: %w", path, err)
	}
	if l.root, err = l.choose(descriptors, choice); err != nil {
		return nil, err
	}
	return l, nil
}

func (l *layout) Root() inventory.Root { return inventory.Root{Descriptor: l.root} }

func (l *layout) Open(_ context.Context, d v1.Descriptor) (io.ReadCloser, error) {
	r, _, err := l.open(blobName(d.Digest))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &Error{ErrNotFound, fmt.Sprintf("there is no blob %s in %s", d.Digest, l.path), err}
	}
	return r, err
}

func blobName(h v1.Hash) string { return "blobs/" + h.Algorithm + "/" + h.Hex }

func (l *layout) checkVersion() error {
	raw, err := readSmall(l.files, "oci-layout", 4096)
	if err != nil {
		return err
	}
	var v struct {
		Version string `json:"imageLayoutVersion"`
	}
	if err := json.Unmarshal(raw, &v); err != nil {
		return fmt.Errorf("oci-layout: %w", err)
	}
	if v.Version != "1.0.0" {
		return fmt.Errorf("oci-layout has the unknown version %q; 1.0.0 is the only one", v.Version)
	}
	return nil
}

// readIndex reads the descriptors of index.json.
func (l *layout) readIndex() ([]v1.Descriptor, error) {
	raw, err := readSmall(l.files, "index.json", maxDocument)
	if err != nil {
		return nil, err
	}
	var index struct {
		Manifests []json.RawMessage `json:"manifests"`
	}
	if err := json.Unmarshal(raw, &index); err != nil {
		return nil, err
	}
	if n := len(index.Manifests); n > maxChoices {
		return nil, fmt.Errorf("it has %d descriptors: more than %d are too much to look at", n, maxChoices)
	}
	var out []v1.Descriptor
	for i, raw := range index.Manifests {
		var d v1.Descriptor
		if err := json.Unmarshal(raw, &d); err != nil {
			return nil, fmt.Errorf("manifests[%d]: %w", i, err)
		}
		if d.Digest == (v1.Hash{}) || d.Size < 0 {
			return nil, fmt.Errorf("manifests[%d] is not a descriptor: it needs a digest and a size", i)
		}
		out = append(out, d)
	}
	return out, nil
}

func (l *layout) choose(all []v1.Descriptor, choice string) (v1.Descriptor, error) {
	if s, ok := strings.CutPrefix(choice, "@"); ok {
		return l.byDigest(all, s)
	}
	var found []v1.Descriptor
	for _, d := range all {
		names := []string{d.Annotations[refName], d.Annotations[containerdName]}
		if choice == "" || slices.Contains(names, choice) {
			found = append(found, d)
		}
	}
	switch {
	case len(found) > 0 && !slices.ContainsFunc(found, func(d v1.Descriptor) bool { return d.Digest != found[0].Digest }):
		return found[0], nil
	case len(found) > 0:
		return v1.Descriptor{}, fmt.Errorf("%s has several images: choose one with %s, of %s", l.path, howToChoose(l.path), list(found))
	case len(all) == 0:
		return v1.Descriptor{}, &Error{Kind: ErrNotFound, Text: fmt.Sprintf("%s has no image: its index.json is empty", l.path)}
	}
	return v1.Descriptor{}, &Error{Kind: ErrNotFound, Text: fmt.Sprintf("there is no image %q in %s: choose one of %s", choice, l.path, list(all))}
}

func howToChoose(path string) string { return path + ":NAME or " + path + "@DIGEST" }

// list names the images to choose from.
func list(all []v1.Descriptor) string {
	var out []string
	for _, d := range all {
		s := d.Digest.String()
		if name := d.Annotations[refName]; name != "" {
			s = name + " (" + s + ")"
		}
		out = append(out, s)
	}
	return enumerate(out)
}

// byDigest describes a manifest of the layout, be it listed at its top or not.
func (l *layout) byDigest(all []v1.Descriptor, s string) (v1.Descriptor, error) {
	digest, err := v1.NewHash(s)
	if err != nil {
		return v1.Descriptor{}, fmt.Errorf("%s: %q is not a digest, like sha256:…", l.path, s)
	}
	for _, d := range all {
		if d.Digest == digest {
			return d, nil
		}
	}
	raw, err := readSmall(l.files, blobName(digest), maxDocument)
	if errors.Is(err, fs.ErrNotExist) {
		return v1.Descriptor{}, &Error{ErrNotFound, fmt.Sprintf("there is no image %s in %s: choose one of %s", digest, l.path, list(all)), err}
	}
	if err != nil {
		return v1.Descriptor{}, fmt.Errorf("%s@%s: %w", l.path, s, err)
	}
	return v1.Descriptor{Digest: digest, Size: int64(len(raw)), MediaType: statedType(raw)}, nil
}

// statedType is the media type that a manifest has for itself (image-spec,
// manifest.md, property mediaType); empty for whatever has none.
func statedType(raw []byte) types.MediaType {
	var doc struct {
		MediaType types.MediaType `json:"mediaType"`
	}
	if json.Unmarshal(raw, &doc) != nil {
		return ""
	}
	return doc.MediaType
}
