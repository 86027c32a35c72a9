package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

const (
	indexMediaType    = "application/vnd.oci.image.index.v1+json"
	manifestMediaType = "application/vnd.oci.image.manifest.v1+json"
)

// A descriptor as image-spec, descriptor.md has it, with what is needed here.
type descriptor struct {
	MediaType string    `json:"mediaType"`
	Digest    string    `json:"digest"`
	Size      int       `json:"size"` // in bytes
	Platform  *platform `json:"platform,omitempty"`
}

// A platform as an image index has it (image-index.md), and a config (config.md).
type platform struct {
	OS           string `json:"os"`
	Architecture string `json:"architecture"`
	Variant      string `json:"variant,omitempty"`
}

// An imageIndex is an image index (image-index.md), or the file index.json of a layout
// (image-layout.md). The order of its members is part of the digests of images.
type imageIndex struct {
	Annotations   map[string]string `json:"annotations,omitempty"`
	Manifests     []descriptor      `json:"manifests"`
	MediaType     string            `json:"mediaType"`
	SchemaVersion int               `json:"schemaVersion"`
}

// index writes an OCI image layout to output that holds an image index of the images in
// the layouts inputs, in that order, with all their blobs. The platform of an image is that
// of its config. annotationsFile has the annotations of the index, a JSON object of strings
// (annotations.md); the digest of the index and a newline go to digestFile.
func index(output, digestFile, annotationsFile string, inputs []string) error {
	images := imageIndex{MediaType: indexMediaType, SchemaVersion: 2}
	if err := readJSON(annotationsFile, &images.Annotations); err != nil {
		return fmt.Errorf("reading the annotations: %w", err)
	}
	for _, input := range inputs {
		image, err := readImage(input)
		if err != nil {
			return err
		}
		if err := copyBlobs(input, output); err != nil {
			return fmt.Errorf("copying the blobs of %s: %w", input, err)
		}
		images.Manifests = append(images.Manifests, image)
	}
	content, err := marshal(images)
	if err != nil {
		return fmt.Errorf("encoding the image index: %w", err)
	}
	digest := fmt.Sprintf("sha256:%x", sha256.Sum256(content))
	blob, err := blobPath(digest)
	if err != nil {
		return err
	}
	top, err := marshal(imageIndex{
		Manifests:     []descriptor{{MediaType: indexMediaType, Digest: digest, Size: len(content)}},
		MediaType:     indexMediaType,
		SchemaVersion: 2,
	})
	if err != nil {
		return fmt.Errorf("encoding index.json: %w", err)
	}
	for _, file := range []struct {
		name string
		data []byte
	}{
		{filepath.Join(output, blob), content},
		{filepath.Join(output, "index.json"), top},
		{filepath.Join(output, "oci-layout"), []byte(`{"imageLayoutVersion":"1.0.0"}`)},
		{digestFile, []byte(digest + "\n")},
	} {
		if err := os.WriteFile(file.name, file.data, 0o644); err != nil {
			return fmt.Errorf("writing the layout: %w", err)
		}
	}
	return nil
}

// readImage returns the descriptor of the one image in a layout.
func readImage(layout string) (descriptor, error) {
	var top imageIndex
	if err := readJSON(filepath.Join(layout, "index.json"), &top); err != nil {
		return descriptor{}, fmt.Errorf("reading the layout: %w", err)
	}
	if len(top.Manifests) != 1 || top.Manifests[0].MediaType != manifestMediaType {
		return descriptor{}, fmt.Errorf("%s/index.json does not name one image", layout)
	}
	image := top.Manifests[0]
	var manifest struct {
		Config descriptor `json:"config"`
	}
	if err := readBlob(layout, image.Digest, &manifest); err != nil {
		return descriptor{}, fmt.Errorf("reading the manifest: %w", err)
	}
	var config platform
	if err := readBlob(layout, manifest.Config.Digest, &config); err != nil {
		return descriptor{}, fmt.Errorf("reading the config: %w", err)
	}
	if config.OS == "" || config.Architecture == "" {
		return descriptor{}, fmt.Errorf("%s: the config has no platform", layout)
	}
	image.Platform = &config
	return image, nil
}

func readBlob(layout, digest string, value any) error {
	blob, err := blobPath(digest)
	if err != nil {
		return fmt.Errorf("%s: %w", layout, err)
	}
	return readJSON(filepath.Join(layout, blob), value)
}

func copyBlobs(input, output string) error {
	const blobs = "blobs/sha256"
	if err := os.MkdirAll(filepath.Join(output, blobs), 0o755); err != nil {
		return err
	}
	entries, err := os.ReadDir(filepath.Join(input, blobs))
	if err != nil {
		return err
	}
	for _, entry := range entries {
		blob := filepath.Join(blobs, entry.Name())
		if err := copyFile(filepath.Join(input, blob), filepath.Join(output, blob)); err != nil {
			return err
		}
	}
	return nil
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
	defer func() { err = errors.Join(err, out.Close()) }()
	_, err = io.Copy(out, in)
	return err
}

// blobPath returns where a layout has the blob with the given digest.
func blobPath(digest string) (string, error) {
	hex, ok := strings.CutPrefix(digest, "sha256:")
	if !ok || len(hex) != 64 || strings.Trim(hex, "0123456789abcdef") != "" {
		return "", fmt.Errorf("%q is not a SHA-256 digest", digest)
	}
	return filepath.Join("blobs", "sha256", hex), nil
}

func readJSON(file string, value any) error {
	data, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(data, value); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	return nil
}

// marshal returns compact JSON, in which the members of maps are sorted.
func marshal(value any) ([]byte, error) {
	var buffer bytes.Buffer
	encoder := json.NewEncoder(&buffer)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(buffer.Bytes(), []byte("\n")), nil
}
