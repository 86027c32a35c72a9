package inventory

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/klauspost/compress/zstd"
)

// memory is a source whose blobs are in memory, under the digest by which they
// are asked for, whatever their bytes are.
type memory struct {
	root  Root
	blobs map[v1.Hash][]byte
	// opened counts how often each was.
	opened map[v1.Hash]int
}

func newMemory() *memory {
	return &memory{blobs: map[v1.Hash][]byte{}, opened: map[v1.Hash]int{}}
}

func (m *memory) Root() Root   { return m.root }
func (m *memory) Close() error { return nil }

func (m *memory) Open(_ context.Context, d v1.Descriptor) (io.ReadCloser, error) {
	raw, ok := m.blobs[d.Digest]
	if !ok {
		return nil, fmt.Errorf("no blob %s: %w", d.Digest, fs.ErrNotExist)
	}
	m.opened[d.Digest]++
	return io.NopCloser(bytes.NewReader(raw)), nil
}

// add stores a blob and describes it.
func (m *memory) add(raw []byte, mediaType types.MediaType) v1.Descriptor {
	d := describeBytes(raw)
	d.MediaType = mediaType
	m.blobs[d.Digest] = raw
	return d
}

func describeBytes(raw []byte) v1.Descriptor {
	digest, size, err := v1.SHA256(bytes.NewReader(raw))
	if err != nil {
		panic(err)
	}
	return v1.Descriptor{Digest: digest, Size: size}
}

func toJSON(v any) []byte {
	raw, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return raw
}

type object = map[string]any

// configJSON is a configuration for a platform and layers with these archives.
func configJSON(arch string, archives ...[]byte) []byte {
	diffIDs := []string{}
	for _, a := range archives {
		diffIDs = append(diffIDs, describeBytes(a).Digest.String())
	}
	return toJSON(object{
		"os": "linux", "architecture": arch,
		"config": object{"Env": []string{"A=1", "B=2"}},
		"rootfs": object{"type": "layers", "diff_ids": diffIDs},
	})
}

// image adds an image with gzipped layers and describes its manifest.
func (m *memory) image(arch string, archives ...[]byte) v1.Descriptor {
	var layers []v1.Descriptor
	for _, a := range archives {
		layers = append(layers, m.add(gzipBytes(a), types.OCILayer))
	}
	return m.manifest(configJSON(arch, archives...), layers...)
}

func (m *memory) manifest(config []byte, layers ...v1.Descriptor) v1.Descriptor {
	return m.add(toJSON(object{
		"schemaVersion": 2, "mediaType": types.OCIManifestSchema1,
		"config": m.add(config, types.OCIConfigJSON), "layers": layers,
		"annotations": object{"who": "manifest"},
	}), types.OCIManifestSchema1)
}

func (m *memory) index(children ...v1.Descriptor) v1.Descriptor {
	return m.add(toJSON(object{
		"schemaVersion": 2, "mediaType": types.OCIImageIndex, "manifests": children,
		"annotations": object{"who": "index"},
	}), types.OCIImageIndex)
}

func on(arch string, d v1.Descriptor) v1.Descriptor {
	d.Platform = &v1.Platform{OS: "linux", Architecture: arch}
	return d
}

// file is an entry of a test archive; the rest of its header has good values.
type file struct {
	name, content string
	header        tar.Header
}

func archive(files ...file) []byte {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, f := range files {
		h := f.header
		h.Name, h.Size = f.name, int64(len(f.content))
		if h.Mode == 0 {
			h.Mode = 0o644
		}
		if h.ModTime.IsZero() {
			h.ModTime = time.Unix(0, 0)
		}
		if err := w.WriteHeader(&h); err != nil {
			panic(err)
		}
		if _, err := io.WriteString(w, f.content); err != nil {
			panic(err)
		}
	}
	if err := w.Close(); err != nil {
		panic(err)
	}
	return b.Bytes()
}

func gzipBytes(raw []byte) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write(raw); err != nil {
		panic(err)
	}
	if err := w.Close(); err != nil {
		panic(err)
	}
	return b.Bytes()
}

func zstdBytes(raw []byte) []byte {
	w, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1))
	if err != nil {
		panic(err)
	}
	return w.EncodeAll(raw, nil)
}

// read reads the image at d.
func (m *memory) read(t testing.TB, d v1.Descriptor, limits Limits) (Image, error) {
	t.Helper()
	m.root = Root{Descriptor: d}
	return Read(t.Context(), m, limits)
}

func (m *memory) mustRead(t testing.TB, d v1.Descriptor) Image {
	t.Helper()
	img, err := m.read(t, d, Limits{})
	if err != nil {
		t.Fatal(err)
	}
	return img
}

// anything is a source that has some bytes for each digest: the first for
// manifests, the others for all else.
type anything struct {
	*memory
	manifest map[bool][]byte
}

func (a anything) Open(ctx context.Context, d v1.Descriptor) (io.ReadCloser, error) {
	if _, ok := a.blobs[d.Digest]; ok {
		return a.memory.Open(ctx, d)
	}
	return io.NopCloser(bytes.NewReader(a.manifest[d.MediaType.IsIndex() || d.MediaType.IsImage()])), nil
}
