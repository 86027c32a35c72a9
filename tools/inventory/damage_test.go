package inventory

import (
	"archive/tar"
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// damageImage is the image that the cases of TestDamage spoil.
type damageImage struct {
	*memory
	index, manifest, config, layer v1.Descriptor
	archive                        []byte
}

func newDamageImage() damageImage {
	m := newMemory()
	// The content of b does not compress, so that many bytes of it are read
	// before a decoder can notice anything.
	a := archive(file{name: "a", content: "aaaa"}, file{name: "b", content: noise(10_000)}, file{name: "c", content: "cccc"})
	d := damageImage{memory: m, archive: a}
	d.layer = m.add(gzipBytes(a), types.OCILayer)
	d.config = m.add(configJSON("amd64", a), types.OCIConfigJSON)
	d.manifest = m.manifest(configJSON("amd64", a), d.layer)
	d.index = m.index(on("amd64", d.manifest))
	return d
}

func noise(n int) string {
	var b strings.Builder
	for x := uint32(1); b.Len() < n; {
		x = x*1664525 + 1013904223
		b.WriteByte(byte(x >> 24))
	}
	return b.String()
}

// replace has other bytes under a digest.
func (d damageImage) replace(of v1.Descriptor, change func([]byte) []byte) {
	d.blobs[of.Digest] = change(bytes.Clone(d.blobs[of.Digest]))
}

func flip(at int) func([]byte) []byte {
	return func(b []byte) []byte {
		b[at] ^= 1
		return b
	}
}

func substitute(old, new string) func([]byte) []byte {
	return func(b []byte) []byte { return bytes.Replace(b, []byte(old), []byte(new), 1) }
}

func cutTo(n int) func([]byte) []byte { return func(b []byte) []byte { return b[:n] } }

func constant(s string) func([]byte) []byte { return func([]byte) []byte { return []byte(s) } }

func TestDamage(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		spoil func(d *damageImage)
		// want is what the error says, in this order; part and file where.
		want       []string
		part, file string
		// changes is what a comparison with the right image tells, without what
		// follows.
		changes []string
	}{
		"a byte in a file": {
			spoil: func(d *damageImage) {
				a := bytes.Clone(d.archive)
				a[bytes.Index(a, []byte("cccc"))] = 'X'
				d.replace(d.layer, constant(string(gzipBytes(a))))
			},
			want:    []string{"image for linux/amd64: layer 1 (sha256:", "its bytes have the digest sha256:"},
			part:    "layer 1",
			changes: []string{"linux/amd64: layer 1: /c: digest: "},
		},
		"a byte of a compressed file": {
			spoil:   func(d *damageImage) { d.replace(d.layer, flip(5000)) },
			want:    []string{"its bytes have the digest sha256:"},
			part:    "layer 1",
			changes: []string{"linux/amd64: layer 1: /b: digest: "},
		},
		"truncated gzip": {
			spoil:   func(d *damageImage) { d.replace(d.layer, cutTo(5000)) },
			want:    []string{"it has 5000 bytes, not ", "; in /b: gzip: truncated after 5000 bytes"},
			part:    "layer 1",
			file:    "/b",
			changes: []string{"linux/amd64: layer 1: /b: digest: removed: "},
		},
		"truncated at the very start": {
			spoil:   func(d *damageImage) { d.replace(d.layer, cutTo(0)) },
			want:    []string{"it has 0 bytes, not ", "truncated after 0 bytes"},
			part:    "layer 1",
			changes: []string{"linux/amd64: layer 1: /a: file: removed: 0644, owner 0:0, 4 bytes, "},
		},
		"a byte by which a limit is passed": {
			spoil: func(d *damageImage) {
				raw := zstdBytes(d.archive)
				l := d.add(raw, types.OCILayerZStd)
				d.manifest = d.memory.manifest(configJSON("amd64", d.archive), l)
				d.index = d.memory.index(on("amd64", d.manifest))
				// The window's size (RFC 8878, section 3.1.1.1.2).
				raw = bytes.Clone(raw)
				raw[4], raw[5] = 0, 0xff
				d.blobs[l.Digest] = raw
			},
			want: []string{"layer 1", "its bytes have the digest", "bytes in the window of zstd"},
			part: "layer 1",
		},
		"trailing garbage": {
			spoil: func(d *damageImage) { d.replace(d.layer, func(b []byte) []byte { return append(b, "garbage"...) }) },
			want:  []string{"it has more than the "},
			part:  "layer 1",
		},
		"trailing garbage within the size": {
			spoil: func(d *damageImage) {
				raw := append(gzipBytes(d.archive), "garbage"...)
				d.manifest = d.memory.manifest(configJSON("amd64", d.archive), d.add(raw, types.OCILayer))
				d.index = d.memory.index(on("amd64", d.manifest))
			},
			want:    []string{"layer 1", "gzip: something follows its end that is no gzip stream"},
			part:    "layer 1",
			changes: []string{"linux/amd64: layer 1: diffID: removed: "},
		},
		"checksum of gzip": {
			spoil:   func(d *damageImage) { d.replace(d.layer, func(b []byte) []byte { b[len(b)-8] ^= 1; return b }) },
			want:    []string{"its bytes have the digest", "the content does not have the stated checksum"},
			part:    "layer 1",
			changes: []string{},
		},
		"not what the media type says": {
			spoil: func(d *damageImage) {
				d.manifest = d.memory.manifest(configJSON("amd64", d.archive), d.add(zstdBytes(d.archive), types.OCILayer))
				d.index = d.memory.index(on("amd64", d.manifest))
			},
			want:    []string{"its media type application/vnd.oci.image.layer.v1.tar+gzip stands for gzip, but its bytes are those of zstd"},
			part:    "layer 1",
			changes: []string{"linux/amd64: layer 1: digest: "},
		},
		"no tar archive": {
			spoil: func(d *damageImage) {
				text := []byte(strings.Repeat("no tar archive. ", 100))
				d.manifest = d.memory.manifest(configJSON("amd64", text), d.add(gzipBytes(text), types.OCILayer))
				d.index = d.memory.index(on("amd64", d.manifest))
			},
			want: []string{"layer 1", "tar: what follows is no header of a file"},
			part: "layer 1",
		},
		"diff ID": {
			spoil: func(d *damageImage) {
				d.manifest = d.memory.manifest(configJSON("amd64", []byte("other")), d.layer)
				d.index = d.memory.index(on("amd64", d.manifest))
			},
			want:    []string{"layer 1", "its uncompressed content has the diff ID sha256:", ", not sha256:", " as the configuration says"},
			part:    "layer 1",
			changes: []string{"linux/amd64: configuration: rootfs.diff_ids[0]: "},
		},
		"number of diff IDs": {
			spoil: func(d *damageImage) {
				d.manifest = d.memory.manifest(configJSON("amd64"), d.layer)
				d.index = d.memory.index(on("amd64", d.manifest))
			},
			want:    []string{"configuration", "rootfs.diff_ids has 0 entries, but the manifest has 1 layers"},
			part:    "configuration",
			changes: []string{"linux/amd64: configuration: rootfs.diff_ids[0]: removed: "},
		},
		"a byte of the configuration": {
			spoil:   func(d *damageImage) { d.replace(d.config, substitute(`"A=1"`, `"A=2"`)) },
			want:    []string{"image for linux/amd64: configuration (sha256:", "its bytes have the digest"},
			part:    "configuration",
			changes: []string{`linux/amd64: configuration: config.Env[0]: "A=1" → "A=2"`},
		},
		"the configuration is no JSON": {
			spoil:   func(d *damageImage) { d.replace(d.config, flip(0)) },
			want:    []string{"configuration", "its bytes have the digest", "; not the JSON of an image configuration: "},
			part:    "configuration",
			changes: []string{"linux/amd64: configuration: digest: "},
		},
		"a deeply nested configuration": {
			spoil: func(d *damageImage) {
				deep := []byte(`{"a":` + strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000) + `}`)
				d.manifest = d.memory.manifest(deep, d.layer)
				d.index = d.memory.index(on("amd64", d.manifest))
			},
			want:    []string{"configuration", "not the JSON of an image configuration: ", "exceeded max depth"},
			part:    "configuration",
			changes: []string{"linux/amd64: configuration: digest: "},
		},
		"a byte of the manifest": {
			spoil:   func(d *damageImage) { d.replace(d.manifest, substitute(`"who":"manifest"`, `"who":"stranger"`)) },
			want:    []string{"image for linux/amd64: manifest (sha256:", "its bytes have the digest"},
			part:    "manifest",
			changes: []string{`linux/amd64: annotations.who: "manifest" → "stranger"`},
		},
		"the manifest is of another type": {
			spoil: func(d *damageImage) {
				raw := bytes.Replace(d.blobs[d.manifest.Digest], []byte(types.OCIManifestSchema1), []byte(types.DockerManifestSchema2), 1)
				d.manifest = d.add(raw, types.OCIManifestSchema1)
				d.index = d.memory.index(on("amd64", d.manifest))
			},
			want: []string{"manifest", `it says that it is a "application/vnd.docker.distribution.manifest.v2+json", but what refers to it says "application/vnd.oci.image.manifest.v1+json"`},
			part: "manifest",
		},
		"a manifest that is an index too": {
			spoil: func(d *damageImage) {
				raw := bytes.Replace(d.blobs[d.manifest.Digest], []byte(`"layers":`), []byte(`"manifests":[],"layers":`), 1)
				d.manifest = d.add(raw, types.OCIManifestSchema1)
				d.index = d.memory.index(on("amd64", d.manifest))
			},
			want: []string{"manifest", "it is an image manifest, but has manifests too"},
			part: "manifest",
		},
		"negative size": {
			spoil: func(d *damageImage) {
				d.layer.Size = -1
				d.manifest = d.memory.manifest(configJSON("amd64", d.archive), d.layer)
				d.index = d.memory.index(on("amd64", d.manifest))
			},
			want: []string{"manifest", "layers[0]: the descriptor states a size of -1 bytes"},
			part: "manifest",
		},
		"another size": {
			spoil: func(d *damageImage) {
				d.layer.Size++
				d.manifest = d.memory.manifest(configJSON("amd64", d.archive), d.layer)
				d.index = d.memory.index(on("amd64", d.manifest))
			},
			want:    []string{"layer 1", "it has ", " bytes, not "},
			part:    "layer 1",
			changes: []string{"linux/amd64: layer 1: size: "},
		},
		"a digest that is a path": {
			spoil: func(d *damageImage) {
				raw := bytes.Replace(d.blobs[d.manifest.Digest], []byte(d.layer.Digest.String()), []byte("sha256:../../../etc/passwd"), 1)
				d.manifest = d.add(raw, types.OCIManifestSchema1)
				d.index = d.memory.index(on("amd64", d.manifest))
			},
			want: []string{"manifest", "layers[0]: not a descriptor: "},
			part: "manifest",
		},
		"no digest": {
			spoil: func(d *damageImage) {
				d.manifest = d.add([]byte(`{"schemaVersion": 2, "config": {"size": 1}}`), types.OCIManifestSchema1)
				d.index = d.memory.index(on("amd64", d.manifest))
			},
			want: []string{"manifest", "config: the descriptor has no digest"},
			part: "manifest",
		},
		"a byte of the index": {
			spoil:   func(d *damageImage) { d.replace(d.index, substitute(`"who":"index"`, `"who":"thief"`)) },
			want:    []string{"image index (sha256:", "its bytes have the digest"},
			part:    "image index",
			changes: []string{`annotations.who: "index" → "thief"`},
		},
		"the index is no JSON": {
			spoil: func(d *damageImage) { d.replace(d.index, constant("<html>")) },
			want:  []string{"image index", "it has 6 bytes, not ", "; not the JSON of a manifest"},
			part:  "image index",
		},
		"schema version": {
			spoil: func(d *damageImage) { d.index = d.add([]byte(`{"manifests": []}`), types.OCIImageIndex) },
			want:  []string{"image index", "schemaVersion is 0, not 2"},
			part:  "image index",
		},
		"cut off between files": {
			spoil: func(d *damageImage) {
				a := append(archive(file{name: "a", content: "aaaa"})[:1024], bytes.Repeat([]byte("x"), 512)...)
				d.manifest = d.memory.manifest(configJSON("amd64", a), d.add(a, types.OCIUncompressedLayer))
				d.index = d.memory.index(on("amd64", d.manifest))
			},
			want: []string{"layer 1", "after /a: tar: what follows is no header of a file"},
			part: "layer 1",
		},
		"a size that tar has no bytes for": {
			spoil: func(d *damageImage) {
				var b bytes.Buffer
				if err := tar.NewWriter(&b).WriteHeader(&tar.Header{Name: "huge", Size: 1 << 30}); err != nil {
					t.Error(err)
				}
				d.manifest = d.memory.manifest(configJSON("amd64", b.Bytes()), d.add(gzipBytes(b.Bytes()), types.OCILayer))
				d.index = d.memory.index(on("amd64", d.manifest))
			},
			want: []string{"layer 1", "in /huge: gzip: truncated after "},
			part: "layer 1",
			file: "/huge",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			right := newDamageImage()
			d := newDamageImage()
			test.spoil(&d)
			img, err := d.read(t, d.index, Limits{})
			var damage *DamagedError
			if !errors.As(err, &damage) {
				t.Fatalf("error %v, want a DamagedError", err)
			}
			if damage.Place.Part != test.part || damage.Place.File != test.file {
				t.Errorf("it is in %q, file %q; want %q, %q", damage.Place.Part, damage.Place.File, test.part, test.file)
			}
			inOrder(t, err.Error(), test.want)
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("more than one line: %q", err)
			}
			if test.changes == nil {
				return
			}
			got := []string{}
			for i, c := range Compare(right.mustRead(t, right.index), img) {
				if c.Follows {
					continue
				}
				got = append(got, c.String())
				if i < len(test.changes) && strings.HasPrefix(got[i], test.changes[i][:min(len(test.changes[i]), 60)]) {
					got[i] = test.changes[i]
				}
			}
			if diff := cmp.Diff(test.changes, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// inOrder checks that s has all of want, one after the other.
func inOrder(t *testing.T, s string, want []string) {
	t.Helper()
	rest := s
	for _, w := range want {
		_, after, ok := strings.Cut(rest, w)
		if !ok {
			t.Fatalf("%q is not in %q, or not in this order", w, s)
		}
		rest = after
	}
}

// A source that lies can show an index as part of itself.
func TestDamageCycle(t *testing.T) {
	t.Parallel()
	m := newMemory()
	own := describeBytes([]byte("itself"))
	own.MediaType = types.OCIImageIndex
	m.blobs[own.Digest] = m.blobs[m.index(own, own, own).Digest]
	img, err := m.read(t, own, Limits{})
	var limit *LimitError
	if !isDamaged(err) || !errors.As(err, &limit) || limit.What != "image indexes in each other" {
		t.Errorf("got %v", err)
	}
	if len(img.Platforms) != 0 {
		t.Errorf("got %+v", img)
	}
}
