// Package digests reads and writes images/digests.json: what every published
// image is to be, down to each file. The build is compared with it by a test
// and before a push, so a change of bytes cannot pass unseen.
package digests

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"example.com/reproducible-images/tools/inventory"
	"github.com/google/renameio/v2"
)

// File has the images by Bazel label. The digests of an image index and of its
// manifests (image-spec, descriptor.md, "Digests") say all; the rest is there to
// say what changed when they do.
type File map[string]inventory.Image

// Read reads the file at path. The error names the file and how to mend it.
func Read(path string) (File, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading the recorded digests: %w", err)
	}
	f, err := parse(raw)
	if err != nil {
		return nil, fmt.Errorf("recorded digests %s: %w; %s", path, err, mend)
	}
	return f, nil
}

// mend is how a file is made right.
const mend = "`bazel run //images:update_digests` writes it anew"

func parse(raw []byte) (File, error) {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	var f File
	if err := dec.Decode(&f); err != nil {
		return nil, fmt.Errorf("not the expected JSON: %w", err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("not the expected JSON: something follows the first value")
	}
	return f, nil
}

// Format returns the file's bytes: JSON with sorted labels, a line for each
// value, so that a review shows what changed.
func (f File) Format() ([]byte, error) {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(f); err != nil {
		return nil, fmt.Errorf("writing the recorded digests: %w", err)
	}
	return out.Bytes(), nil
}

// Write replaces the file at path, at once or not at all.
func (f File) Write(path string) error {
	raw, err := f.Format()
	if err != nil {
		return err
	}
	if err := renameio.WriteFile(path, raw, 0o644); err != nil {
		return fmt.Errorf("writing the recorded digests: %w", err)
	}
	return nil
}
