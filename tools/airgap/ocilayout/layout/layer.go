package layout

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/klauspost/compress/zstd"
)

// A Layer is what an image says of one of its layers: descriptor, diff ID and history
// (image-spec, descriptor.md, config.md and layer.md).
type Layer struct {
	// Digest and Size (in bytes) are those of the file as it is.
	Digest string `json:"digest"`
	Size   int64  `json:"size"`
	// DiffID is the digest of the tar archive that comes out of decompressing it.
	DiffID string `json:"diffID"`
	// Compression is "gzip", "zstd" or, for a plain tar archive, "".
	Compression string `json:"compression,omitempty"`
	// CreatedBy says in the image's history where the layer comes from.
	CreatedBy string `json:"createdBy"`
}

// xzMagic begins an xz file, the one common compression that no layer may have.
var xzMagic = []byte("\xfd7zXZ\x00")

// ReadLayer reads a layer made by the Bazel target of that label. The content decides
// the compression, the file's name does not. A file that begins as gzip or zstd and is
// damaged, or goes on with something else, is an error.
func ReadLayer(file, label string) (Layer, error) {
	f, err := os.Open(file)
	if err != nil {
		return Layer{}, fmt.Errorf("reading layer: %w", err)
	}
	defer f.Close()
	layer, err := readLayer(f)
	if err != nil {
		return Layer{}, fmt.Errorf("layer %s: %w", file, err)
	}
	layer.CreatedBy = "bazel build " + label
	return layer, nil
}

func readLayer(r io.Reader) (Layer, error) {
	compressed, size, diff := sha256.New(), counter(0), sha256.New()
	all := bufio.NewReader(io.TeeReader(r, io.MultiWriter(compressed, &size)))
	compression, err := detect(all)
	if err != nil {
		return Layer{}, err
	}
	content, err := decompress(all, compression)
	if err != nil {
		return Layer{}, fmt.Errorf("damaged %s: %w", compression, err)
	}
	defer content.Close()
	if _, err := io.Copy(diff, content); err != nil {
		return Layer{}, fmt.Errorf("damaged %s: %w", compression, err)
	}
	// A decompressor may stop at the end of its own data.
	if _, err := io.Copy(io.Discard, all); err != nil {
		return Layer{}, err
	}
	return Layer{
		Digest:      fmt.Sprintf("sha256:%x", compressed.Sum(nil)),
		Size:        int64(size),
		DiffID:      fmt.Sprintf("sha256:%x", diff.Sum(nil)),
		Compression: compression,
	}, nil
}

// detect names the compression of what r holds, without reading on.
func detect(r *bufio.Reader) (string, error) {
	start, err := r.Peek(zstd.HeaderMaxSize)
	if err != nil && err != io.EOF {
		return "", err
	}
	var header zstd.Header
	switch {
	case bytes.HasPrefix(start, []byte{0x1f, 0x8b}):
		return "gzip", nil
	case bytes.HasPrefix(start, xzMagic):
		return "", errors.New("xz compression is not allowed in an OCI layer: use gzip or zstd, or none")
	case header.Decode(start) == nil:
		return "zstd", nil
	}
	return "", nil
}

func decompress(r io.Reader, compression string) (io.ReadCloser, error) {
	switch compression {
	case "gzip":
		return gzip.NewReader(r)
	case "zstd":
		d, err := zstd.NewReader(r)
		if err != nil {
			return nil, err
		}
		return d.IOReadCloser(), nil
	}
	return io.NopCloser(r), nil
}

// A counter counts the bytes written to it.
type counter int64

func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}

// WriteLayer writes l to a file, for an Image to name.
func WriteLayer(file string, l Layer) error {
	data, err := json.Marshal(l)
	if err != nil {
		return err
	}
	return os.WriteFile(file, data, 0o666)
}

func loadLayer(file string) (Layer, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return Layer{}, err
	}
	var l Layer
	if err := json.Unmarshal(data, &l); err != nil {
		return Layer{}, fmt.Errorf("%s: %w", file, err)
	}
	return l, nil
}
