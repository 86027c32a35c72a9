package inventory

import (
	"bytes"
	"errors"
	"reflect"
	"testing"

	"github.com/google/go-containerregistry/pkg/v1/types"
)

// small are limits under which no input takes long.
var small = Limits{
	ManifestBytes: 1 << 16, ConfigBytes: 1 << 16, IndexDepth: 3, Manifests: 8, Layers: 8, Files: 100,
	MetadataBytes: 1 << 16, PathBytes: 256, LayerBytes: 1 << 20, ImageBytes: 1 << 21, ZstdWindow: 1 << 20,
}

// checkRead checks what Read promises whatever it was given: an error of a known
// kind, and an inventory that can be written and is equal to itself.
func checkRead(t *testing.T, img Image, err error) {
	t.Helper()
	if err != nil && !errors.As(err, new(*DamagedError)) && !errors.As(err, new(*LimitError)) && !errors.Is(err, errUnsupported) {
		t.Errorf("an error of another kind: %v", err)
	}
	toJSON(img)
	if changes := Compare(img, img); len(changes) > 0 {
		t.Errorf("differs from itself: %v", changes)
	}
	files := 0
	for _, p := range img.Platforms {
		for _, l := range p.Layers {
			files += len(l.Files)
		}
	}
	if files > small.Files {
		t.Errorf("%d files are over the limit", files)
	}
}

// FuzzLayer reads any bytes as a layer of each media type.
func FuzzLayer(f *testing.F) {
	a := archive(file{name: "a", content: "x"}, file{name: "b/"}, file{name: "c", content: string(goFile(160, "go1.2", "x"))})
	for _, raw := range [][]byte{a, gzipBytes(a), zstdBytes(a), sparse(1 << 16), hugeRecord()[:4096], retype(archive(file{name: "a", content: "29 atime=1.000000001\n"}, file{name: "b"}), 'g')} {
		for kind := range byte(4) {
			f.Add(raw, kind)
		}
	}
	mediaTypes := []types.MediaType{types.OCIUncompressedLayer, types.OCILayer, types.OCILayerZStd, "text/plain"}
	f.Fuzz(func(t *testing.T, raw []byte, kind byte) {
		m := newMemory()
		layer := m.add(raw, mediaTypes[int(kind)%len(mediaTypes)])
		img, err := m.read(t, m.manifest(configJSON("amd64", raw), layer, layer), small)
		checkRead(t, img, err)
		// Read again, it is the same.
		again, _ := m.read(t, m.root.Descriptor, small)
		if changes := Compare(img, again); len(changes) > 0 {
			t.Errorf("differs when read again: %v", changes)
		}
	})
}

// FuzzRead reads any bytes as index, manifest and configuration.
func FuzzRead(f *testing.F) {
	m := newMemory()
	a := archive(file{name: "a", content: "x"})
	index := m.index(on("amd64", m.image("amd64", a)))
	manifest := m.image("amd64", a)
	f.Add(m.blobs[index.Digest], m.blobs[manifest.Digest], configJSON("amd64", a), byte(0))
	f.Add(m.blobs[manifest.Digest], m.blobs[index.Digest], []byte("{}"), byte(1))
	f.Add([]byte(`{"schemaVersion":2,"manifests":[{}]}`), []byte(`{"schemaVersion":2,"layers":[null],"config":null}`), []byte(`[]`), byte(2))
	root := []types.MediaType{types.OCIImageIndex, types.OCIManifestSchema1, types.DockerManifestList, types.DockerManifestSchema2, "text/plain"}
	f.Fuzz(func(t *testing.T, top, below, config []byte, kind byte) {
		m := newMemory()
		layer := gzipBytes(a)
		m.add(layer, "")
		// Whatever is asked for is one of these, so that lies come up as well.
		src := anything{m, map[bool][]byte{true: below, false: config}}
		d := describeBytes(top)
		m.blobs[d.Digest] = top
		d.MediaType = root[int(kind)%len(root)]
		m.root = Root{Descriptor: d}
		img, err := Read(t.Context(), src, small)
		checkRead(t, img, err)
	})
}

// FuzzCompareConfig compares any two configurations.
func FuzzCompareConfig(f *testing.F) {
	f.Add([]byte(`{"config":{"Env":["A=1"]}}`), []byte(`{"config":{"Env":["A=2","B"]},"x":null}`))
	f.Add([]byte(`[1,[2,3]]`), []byte(`[[2,3]]`))
	f.Add([]byte(`{"a":1}`), []byte(`{ "a" : 1.0 }`))
	f.Add([]byte(`no`), []byte(`""`))
	image := func(config []byte) Image {
		return Image{Platforms: []Platform{{Platform: "linux/amd64", Config: config, ConfigDigest: describeBytes(config).Digest.String()}}}
	}
	f.Fuzz(func(t *testing.T, a, b []byte) {
		if len(diffJSON(a, a)) > 0 {
			t.Error("differs from itself")
		}
		there, back := diffJSON(a, b), diffJSON(b, a)
		if len(there) != len(back) {
			t.Errorf("%d changes there, %d back", len(there), len(back))
		}
		for i := range there {
			if there[i].Field != back[i].Field || there[i].Old != back[i].New || there[i].New != back[i].Old {
				t.Errorf("%v there, %v back", there[i], back[i])
			}
			if there[i].String() == "" || there[i].Old == there[i].New && there[i].Note == "" {
				t.Errorf("no change: %+v", there[i])
			}
		}
		x, errX := decodeJSON(a)
		y, errY := decodeJSON(b)
		if errX == nil && errY == nil && reflect.DeepEqual(x, y) != (len(there) == 0) {
			t.Errorf("equal values, but %v", there)
		}
		if changes := Compare(image(a), image(b)); (len(changes) == 0) != bytes.Equal(a, b) {
			t.Errorf("%v", changes)
		}
	})
}
