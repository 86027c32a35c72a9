// Package layout writes OCI image layouts (image-spec, image-layout.md) byte for byte
// as rules_oci 2.3.0 writes them.
//
// rules_oci makes its documents with jq and regctl. Their habits are part of the
// digests: the order of members, two spaces of indentation, a newline at the end of a
// manifest and none at the end of a configuration.
package layout

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"example.com/reproducible-images/tools/airgap/ocilayout/jsondoc"
)

// Media types of the image-spec (media-types.md) and of Docker's older formats, which
// base images may have.
const (
	typeIndex          = "application/vnd.oci.image.index.v1+json"
	typeManifest       = "application/vnd.oci.image.manifest.v1+json"
	typeConfig         = "application/vnd.oci.image.config.v1+json"
	typeLayer          = "application/vnd.oci.image.layer.v1.tar"
	dockerPrefix       = "application/vnd.docker."
	typeDockerManifest = "application/vnd.docker.distribution.manifest.v2+json"
	typeDockerLayer    = "application/vnd.docker.image.rootfs.diff.tar"
)

// epoch is the creation time of everything whose creator does not say another.
const epoch = "1970-01-01T00:00:00Z"

const (
	layoutFile = "oci-layout"
	indexFile  = "index.json"
)

// A source is a layout that is read.
type source struct {
	dir   string
	index *jsondoc.Object
}

// openLayout opens the layout in dir.
func openLayout(dir string) (*source, error) {
	const mend = "give an oci_image, or a directory with oci-layout, index.json and blobs"
	version, err := readDocument(filepath.Join(dir, layoutFile))
	if err != nil {
		return nil, fmt.Errorf("%s is not an OCI image layout: %w: %s", dir, err, mend)
	}
	if v := version.String("imageLayoutVersion"); v != "1.0.0" {
		return nil, fmt.Errorf("%s: image layout version %q is not 1.0.0", dir, v)
	}
	index, err := readDocument(filepath.Join(dir, indexFile))
	if err != nil {
		return nil, fmt.Errorf("%s is not an OCI image layout: %w: %s", dir, err, mend)
	}
	return &source{dir, index}, nil
}

// entry returns the layout's one descriptor.
func (s *source) entry() (*jsondoc.Object, error) {
	manifests := s.index.Array("manifests")
	if len(manifests) != 1 {
		return nil, fmt.Errorf("%s: index.json has %d entries in manifests, want exactly one", s.dir, len(manifests))
	}
	descriptor, ok := manifests[0].(*jsondoc.Object)
	if !ok {
		return nil, fmt.Errorf("%s: index.json: manifests[0] is not an object", s.dir)
	}
	return descriptor, nil
}

// image returns the manifest and the configuration of the layout's one image.
func (s *source) image() (manifest, config *jsondoc.Object, err error) {
	descriptor, err := s.entry()
	if err != nil {
		return nil, nil, err
	}
	if manifest, err = s.document(descriptor); err != nil {
		return nil, nil, fmt.Errorf("reading the manifest: %w", err)
	}
	if manifest.Object("config") == nil {
		return nil, nil, fmt.Errorf("%s: %s is not an image manifest (image indexes cannot be used here: give an oci_image)", s.dir, descriptor.String("digest"))
	}
	if config, err = s.document(manifest.Object("config")); err != nil {
		return nil, nil, fmt.Errorf("reading the image configuration: %w", err)
	}
	return manifest, config, nil
}

// document reads the blob of the descriptor and checks its digest.
func (s *source) document(descriptor *jsondoc.Object) (*jsondoc.Object, error) {
	digest := descriptor.String("digest")
	path, err := blobPath(digest)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.dir, err)
	}
	data, err := os.ReadFile(filepath.Join(s.dir, path))
	if err != nil {
		return nil, err
	}
	if strings.HasPrefix(digest, "sha256:") && digest != digestOf(data) {
		return nil, fmt.Errorf("%s: blob %s has other content, of digest %s", s.dir, digest, digestOf(data))
	}
	o, err := jsondoc.ParseObject(data)
	if err != nil {
		return nil, fmt.Errorf("%s: blob %s: %w", s.dir, digest, err)
	}
	return o, nil
}

// blobPath returns the path of a blob in a layout, and refuses a digest that is no
// path of two names (descriptor.md, Digests).
func blobPath(digest string) (string, error) {
	algorithm, encoded, ok := strings.Cut(digest, ":")
	path := filepath.Join("blobs", algorithm, encoded)
	if !ok || algorithm == "" || encoded == "" || strings.ContainsAny(digest, `/\`) || !filepath.IsLocal(encoded) || !filepath.IsLocal(algorithm) {
		return "", fmt.Errorf("%q is not a digest", digest)
	}
	return path, nil
}

func readDocument(file string) (*jsondoc.Object, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	o, err := jsondoc.ParseObject(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return o, nil
}

// writeBlob writes a blob into the layout in dir and returns its digest and its size.
// It replaces what is there under that digest, a link to it for one.
func writeBlob(dir string, data []byte) (digest string, size jsondoc.Value, err error) {
	digest = digestOf(data)
	path, err := blobPath(digest)
	if err != nil {
		return "", nil, err
	}
	path = filepath.Join(dir, path)
	if err := makePlace(path); err != nil {
		return "", nil, err
	}
	return digest, jsondoc.Int(int64(len(data))), os.WriteFile(path, data, 0o666)
}

// makePlace makes the folder of path, and removes a file that is there.
func makePlace(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return err
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

// writeIndex finishes the layout in dir: until then it is none.
func writeIndex(dir, version string, index *jsondoc.Object) error {
	if err := os.WriteFile(filepath.Join(dir, layoutFile), []byte(version), 0o666); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, indexFile), line(index), 0o666)
}

// line is the document as jq prints it, with a newline at the end.
func line(o *jsondoc.Object) []byte { return append(jsondoc.Marshal(o), '\n') }

func digestOf(data []byte) string { return fmt.Sprintf("sha256:%x", sha256.Sum256(data)) }

// Digest returns the digest of what the layout in dir holds: the first descriptor in
// its index.json.
func Digest(dir string) (string, error) {
	index, err := readDocument(filepath.Join(dir, indexFile))
	if err != nil {
		return "", err
	}
	for _, m := range index.Array("manifests") {
		if descriptor, ok := m.(*jsondoc.Object); ok && descriptor.String("digest") != "" {
			return descriptor.String("digest"), nil
		}
		break
	}
	return "", fmt.Errorf("%s: index.json has no digest", dir)
}
