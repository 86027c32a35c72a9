package main

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// Media types of the image-spec (media-types.md), and Docker's, which base images use.
const (
	typeIndex          = "application/vnd.oci.image.index.v1+json"
	typeManifest       = "application/vnd.oci.image.manifest.v1+json"
	typeConfig         = "application/vnd.oci.image.config.v1+json"
	typeLayer          = "application/vnd.oci.image.layer.v1.tar"
	dockerPrefix       = "application/vnd.docker."
	typeDockerManifest = "application/vnd.docker.distribution.manifest.v2+json"
	typeDockerLayer    = "application/vnd.docker.image.rootfs.diff.tar"
)

// An image is the documents of a layout that holds one image.
type image struct{ index, descriptor, manifest, config *object }

// readImage reads the documents of the layout in dir (image-layout.md).
func readImage(dir string) (image, error) {
	var i image
	version, err := readObject(filepath.Join(dir, "oci-layout"))
	if err == nil {
		i.index, err = readObject(filepath.Join(dir, "index.json"))
	}
	if err != nil {
		return i, fmt.Errorf("%s is not an OCI image layout: %w: use an oci_image, or a directory with oci-layout, index.json and blobs", dir, err)
	}
	if v := version.text("imageLayoutVersion"); v != "1.0.0" {
		return i, fmt.Errorf("%s: image layout version %q is not 1.0.0", dir, v)
	}
	manifests := i.index.array("manifests")
	if len(manifests) == 1 {
		i.descriptor, _ = manifests[0].(*object)
	}
	if i.descriptor == nil {
		return i, fmt.Errorf("%s: index.json has %d descriptors, want exactly one", dir, len(manifests))
	}
	if i.manifest, err = readBlob(dir, i.descriptor); err != nil {
		return i, fmt.Errorf("reading the manifest: %w", err)
	}
	if i.manifest.object("config") == nil {
		return i, fmt.Errorf("%s: %s is not an image manifest: use an oci_image, not an image index", dir, i.descriptor.text("digest"))
	}
	if i.config, err = readBlob(dir, i.manifest.object("config")); err != nil {
		return i, fmt.Errorf("reading the image configuration: %w", err)
	}
	return i, nil
}

// readBlob reads the document that a descriptor names, and checks its digest.
func readBlob(dir string, descriptor *object) (*object, error) {
	digest := descriptor.text("digest")
	path, err := blobPath(dir, digest)
	if err != nil {
		return nil, err
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	if got := digestOf(data); strings.HasPrefix(digest, "sha256:") && got != digest {
		return nil, fmt.Errorf("%s: blob %s has the digest %s", dir, digest, got)
	}
	o, err := parse(data)
	if err != nil {
		return nil, fmt.Errorf("%s: blob %s: %w", dir, digest, err)
	}
	return o, nil
}

// digestSyntax is the grammar of descriptor.md. It admits no path separator and no "..".
var digestSyntax = regexp.MustCompile(`^[a-z0-9]+([+._-][a-z0-9]+)*:[a-zA-Z0-9=_-]+$`)

// blobPath returns the path of a blob in the layout in dir.
func blobPath(dir, digest string) (string, error) {
	if !digestSyntax.MatchString(digest) {
		return "", fmt.Errorf("%s: %q is not a digest", dir, digest)
	}
	algorithm, encoded, _ := strings.Cut(digest, ":")
	return filepath.Join(dir, "blobs", algorithm, encoded), nil
}

func digestOf(data []byte) string { return fmt.Sprintf("sha256:%x", sha256.Sum256(data)) }

// writeBlob writes a blob into the layout in dir. It returns its digest and size.
func writeBlob(dir string, data []byte) (digest string, size int, err error) {
	digest = digestOf(data)
	path, err := blobPath(dir, digest)
	if err != nil {
		return "", 0, err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return "", 0, err
	}
	return digest, len(data), os.WriteFile(path, data, 0o666)
}

// finishLayout writes the two files without which dir is not a layout.
func finishLayout(dir, version string, index *object) error {
	if err := os.WriteFile(filepath.Join(dir, "oci-layout"), []byte(version), 0o666); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "index.json"), line(index), 0o666)
}

// line formats a document as jq prints it, with a newline at the end.
func line(o *object) []byte { return append(marshal(o), '\n') }

// writeIndex writes a layout into dir, an empty directory, that holds an image index of
// the images in the given layouts, in that order (image-index.md). The platform of an
// image is that of its configuration. All blobs are copied. It returns the digest of the
// index.
func writeIndex(dir string, layouts []string) (string, error) {
	index := newObject("schemaVersion", 2, "mediaType", typeIndex, "manifests", []any{})
	for _, layout := range layouts {
		i, err := readImage(layout)
		if err != nil {
			return "", err
		}
		platform := &object{}
		for _, key := range []string{"os", "architecture", "variant", "os.version", "os.features"} {
			if value := i.config.get(key); value != nil {
				platform.set(key, value)
			}
		}
		i.descriptor.set("platform", platform)
		index.add("manifests", i.descriptor)
		if err := copyBlobs(dir, layout); err != nil {
			return "", fmt.Errorf("copying the blobs of %s: %w", layout, err)
		}
	}
	digest, size, err := writeBlob(dir, line(index))
	if err != nil {
		return "", fmt.Errorf("writing the image index: %w", err)
	}
	descriptor := newObject("mediaType", typeIndex, "size", size, "digest", digest)
	return digest, finishLayout(dir, `{"imageLayoutVersion": "1.0.0"}`+"\n", newObject("manifests", []any{descriptor}))
}

// copyBlobs copies the files in blobs. It follows links.
func copyBlobs(dir, layout string) error {
	return fs.WalkDir(os.DirFS(layout), "blobs", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			return os.MkdirAll(filepath.Join(dir, path), 0o777)
		}
		return copyFile(filepath.Join(layout, path), filepath.Join(dir, path))
	})
}

func copyFile(from, to string) (err error) {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}
