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

const indexMediaType = "application/vnd.oci.image.index.v1+json"

// A descriptor as image-spec, descriptor.md has it, with what is needed here.
type descriptor struct {
	MediaType string `json:"mediaType"`
	Digest    string `json:"digest"`
	Size      int    `json:"size"`
}

// indexJSON is the file index.json of an OCI image layout (image-layout.md).
type indexJSON struct {
	SchemaVersion int          `json:"schemaVersion"`
	MediaType     string       `json:"mediaType"`
	Manifests     []descriptor `json:"manifests"`
}

// index copies the OCI image layout input to output, with annotations added to its
// image index (annotations.md). rules_oci 2.3.0 cannot annotate an image index.
func index(input, output, digestFile, annotationsFile string) error {
	var layout indexJSON
	if err := readJSON(filepath.Join(input, "index.json"), &layout); err != nil {
		return fmt.Errorf("reading the layout: %w", err)
	}
	if len(layout.Manifests) != 1 || layout.Manifests[0].MediaType != indexMediaType {
		return fmt.Errorf("%s/index.json does not name one image index", input)
	}
	old := layout.Manifests[0]
	oldBlob, err := blobPath(old.Digest)
	if err != nil {
		return fmt.Errorf("%s/index.json: %w", input, err)
	}
	content, err := annotate(filepath.Join(input, oldBlob), annotationsFile)
	if err != nil {
		return err
	}

	digest := fmt.Sprintf("sha256:%x", sha256.Sum256(content))
	blob, err := blobPath(digest)
	if err != nil {
		return err
	}
	if err := copyBlobs(input, output, oldBlob); err != nil {
		return fmt.Errorf("copying the blobs of %s: %w", input, err)
	}
	top, err := marshal(indexJSON{2, indexMediaType, []descriptor{{indexMediaType, digest, len(content)}}})
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

// annotate returns the image index in the file indexFile with further annotations.
// All other values are kept as they are, unknown ones too.
func annotate(indexFile, annotationsFile string) ([]byte, error) {
	members := map[string]json.RawMessage{}
	if err := readJSON(indexFile, &members); err != nil {
		return nil, fmt.Errorf("reading the image index: %w", err)
	}
	annotations := map[string]string{}
	if old, ok := members["annotations"]; ok {
		if err := json.Unmarshal(old, &annotations); err != nil {
			return nil, fmt.Errorf("%s: annotations: %w", indexFile, err)
		}
	}
	if err := readJSON(annotationsFile, &annotations); err != nil {
		return nil, fmt.Errorf("reading the annotations: %w", err)
	}
	if len(annotations) > 0 {
		raw, err := marshal(annotations)
		if err != nil {
			return nil, fmt.Errorf("encoding the annotations: %w", err)
		}
		members["annotations"] = raw
	}
	content, err := marshal(members)
	if err != nil {
		return nil, fmt.Errorf("encoding the image index: %w", err)
	}
	return content, nil
}

// copyBlobs copies all blobs but one.
func copyBlobs(input, output, except string) error {
	const blobs = "blobs/sha256"
	if err := os.MkdirAll(filepath.Join(output, blobs), 0o755); err != nil {
		return err
	}
	entries, err := os.ReadDir(filepath.Join(input, blobs))
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if blob := filepath.Join(blobs, entry.Name()); blob != except {
			if err := copyFile(filepath.Join(input, blob), filepath.Join(output, blob)); err != nil {
				return err
			}
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
