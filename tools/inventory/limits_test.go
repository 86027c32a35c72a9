package inventory

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/klauspost/compress/zstd"
)

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// bomb is a layer that unpacks to a file of n zeros.
func bomb(n int64, compress func(io.Writer) io.WriteCloser) []byte {
	var b bytes.Buffer
	c := compress(&b)
	w := tar.NewWriter(c)
	if err := w.WriteHeader(&tar.Header{Name: "zeros", Size: n}); err != nil {
		panic(err)
	}
	if _, err := io.CopyN(w, zeros{}, n); err != nil {
		panic(err)
	}
	if err := errors.Join(w.Close(), c.Close()); err != nil {
		panic(err)
	}
	return b.Bytes()
}

func gzipTo(w io.Writer) io.WriteCloser { return gzip.NewWriter(w) }

func zstdTo(w io.Writer) io.WriteCloser {
	c, err := zstd.NewWriter(w, zstd.WithEncoderConcurrency(1))
	if err != nil {
		panic(err)
	}
	return c
}

func manyFiles(n int) []byte {
	var files []file
	for i := range n {
		files = append(files, file{name: fmt.Sprint(i)})
	}
	return archive(files...)
}

// sparse is an archive with a sparse file (GNU's format, PAX version 1.0) that
// is all hole.
func sparse(size int64) []byte {
	// The map: one region, of no bytes, at the end.
	content := fmt.Sprintf("1\n%d\n0\n", size)
	content += strings.Repeat("\x00", 512-len(content))
	raw := archive(file{name: "GNUSparseFile.0/hole", content: content, header: tar.Header{PAXRecords: map[string]string{
		"___.sparse.major": "1", "___.sparse.minor": "0", "___.sparse.name": "hole", "___.sparse.realsize": fmt.Sprint(size),
	}}})
	// The tar package does not write them.
	return bytes.ReplaceAll(raw, []byte("___.sparse"), []byte("GNU.sparse"))
}

func TestLimits(t *testing.T) {
	t.Parallel()
	small := archive(file{name: "a", content: "x"})
	layer := func(m *memory, raw []byte) v1.Descriptor { return m.image("amd64", raw) }
	for name, test := range map[string]struct {
		image  func(m *memory) v1.Descriptor
		limits Limits
		what   string
	}{
		"gzip bomb": {
			func(m *memory) v1.Descriptor {
				return m.manifest(configJSON("amd64", nil), m.add(bomb(16<<20, gzipTo), types.OCILayer))
			}, Limits{LayerBytes: 1 << 20}, "bytes in the files of a layer",
		},
		"gzip bomb behind the archive": {
			func(m *memory) v1.Descriptor { return layer(m, append(small, make([]byte, 8<<20)...)) },
			Limits{LayerBytes: 1 << 20}, "bytes in an uncompressed layer",
		},
		"zstd bomb": {
			func(m *memory) v1.Descriptor {
				return m.manifest(configJSON("amd64", nil), m.add(bomb(16<<20, zstdTo), types.OCILayerZStd))
			}, Limits{LayerBytes: 1 << 20}, "bytes in the files of a layer",
		},
		"zstd window": {
			func(m *memory) v1.Descriptor {
				return m.manifest(configJSON("amd64", nil), m.add(bomb(16<<20, zstdTo), types.OCILayerZStd))
			}, Limits{LayerBytes: 1 << 20, ZstdWindow: 1 << 10}, "bytes in the window of zstd",
		},
		"zstd bomb behind the archive": {
			func(m *memory) v1.Descriptor {
				return m.manifest(configJSON("amd64", nil), m.add(zstdBytes(append(small, make([]byte, 8<<20)...)), types.OCILayerZStd))
			}, Limits{LayerBytes: 1 << 20}, "bytes in an uncompressed layer",
		},
		"all layers": {
			func(m *memory) v1.Descriptor { return m.image("amd64", append(small, 0), append(small, 0, 0)) },
			Limits{ImageBytes: int64(len(small)) + 10}, "bytes in all uncompressed layers",
		},
		"a hole": {
			func(m *memory) v1.Descriptor { return layer(m, sparse(1<<40)) },
			Limits{}, "bytes in the files of a layer",
		},
		"compressed layer": {
			func(m *memory) v1.Descriptor {
				l := describeBytes([]byte("not there"))
				l.MediaType, l.Size = types.OCILayer, 5<<30
				return m.manifest(configJSON("amd64", nil), l)
			}, Limits{}, "bytes in a layer",
		},
		"files": {
			func(m *memory) v1.Descriptor { return layer(m, manyFiles(1001)) },
			Limits{Files: 1000}, "files",
		},
		"files of shared layers": {
			func(m *memory) v1.Descriptor { return m.image("amd64", manyFiles(600), manyFiles(600)) },
			Limits{Files: 1000}, "files",
		},
		"one configuration many times": {
			func(m *memory) v1.Descriptor {
				d := m.manifest(append(configJSON("amd64"), bytes.Repeat([]byte(" "), 1000)...))
				return m.index(d, d, d)
			}, Limits{MetadataBytes: 10_000}, metadataWhat,
		},
		"build information": {
			func(m *memory) v1.Descriptor {
				frame := strings.Repeat("\xff", 16)
				var modules strings.Builder
				for i := range 100 {
					fmt.Fprintf(&modules, "dep\texample.com/m%d\tv1.0.0\n", i)
				}
				return layer(m, archive(file{name: "a", content: string(goFile(64, "go1.27.4", frame+modules.String()+frame))}))
			}, Limits{MetadataBytes: 5000}, metadataWhat,
		},
		"names": {
			func(m *memory) v1.Descriptor { return layer(m, manyFiles(1000)) },
			Limits{MetadataBytes: 1000}, metadataWhat,
		},
		"a path": {
			func(m *memory) v1.Descriptor { return layer(m, archive(file{name: strings.Repeat("x", 5000)})) },
			Limits{}, "bytes in a path",
		},
		"a link": {
			func(m *memory) v1.Descriptor {
				return layer(m, archive(file{name: "a", header: tar.Header{Typeflag: tar.TypeSymlink, Linkname: strings.Repeat("x", 5000)}}))
			}, Limits{}, "bytes in a path",
		},
		"a PAX record": {
			func(m *memory) v1.Descriptor { return layer(m, hugeRecord()) },
			Limits{}, "bytes in the header of a file",
		},
		"layers": {
			func(m *memory) v1.Descriptor { return m.image("amd64", small, small, small) },
			Limits{Layers: 2}, "layers",
		},
		"manifests": {
			func(m *memory) v1.Descriptor { d := layer(m, small); return m.index(d, d, d) },
			Limits{Manifests: 3}, "image indexes and manifests",
		},
		"a wide index": {
			func(m *memory) v1.Descriptor {
				d := m.add([]byte("x"), "text/plain")
				all := make([]v1.Descriptor, 300)
				for i := range all {
					all[i] = d
				}
				return m.index(all...)
			}, Limits{}, "image indexes and manifests",
		},
		"a deep index": {
			func(m *memory) v1.Descriptor { return m.index(m.index(m.index(m.index(layer(m, small))))) },
			Limits{}, "image indexes in each other",
		},
		"manifest": {
			func(m *memory) v1.Descriptor {
				return m.add(append(m.blobs[layer(m, small).Digest], bytes.Repeat([]byte(" "), 5<<20)...), types.OCIManifestSchema1)
			}, Limits{}, "bytes",
		},
		"manifest that states less": {
			func(m *memory) v1.Descriptor {
				d := m.add(append(m.blobs[layer(m, small).Digest], bytes.Repeat([]byte(" "), 5<<20)...), types.OCIManifestSchema1)
				d.Size = 100
				return d
			}, Limits{}, "bytes",
		},
		"configuration": {
			func(m *memory) v1.Descriptor {
				return m.manifest(append(configJSON("amd64"), bytes.Repeat([]byte(" "), 5<<20)...))
			}, Limits{}, "bytes",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newMemory()
			_, err := m.read(t, test.image(m), test.limits)
			var limit *LimitError
			if !errors.As(err, &limit) || limit.What != test.what || isDamaged(err) {
				t.Errorf("got %v, want a LimitError about %q", err, test.what)
			}
		})
	}
}

// hugeRecord is an archive whose PAX header has 2 MiB.
func hugeRecord() []byte {
	// The tar package writes no such header: it is a file of another type.
	content := fmt.Sprintf("%d comment=%s\n", 2<<20, strings.Repeat("x", 2<<20-len("2097152 comment=\n")))
	raw := archive(file{name: "pax", content: content}, file{name: "a"})
	return retype(raw, tar.TypeXHeader)
}

// retype changes the type of an archive's first entry.
func retype(raw []byte, typeflag byte) []byte {
	const at, checksum = 156, 148
	raw[at] = typeflag
	copy(raw[checksum:], "        ")
	sum := 0
	for _, b := range raw[:512] {
		sum += int(b)
	}
	copy(raw[checksum:], fmt.Sprintf("%06o\x00 ", sum))
	return raw
}
