package inventory

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

func digestOf(s string) string { return describeBytes([]byte(s)).Digest.String() }

func TestRead(t *testing.T) {
	t.Parallel()
	m := newMemory()
	base := archive(file{name: "etc/", header: tar.Header{Typeflag: tar.TypeDir, Mode: 0o755}}, file{name: "etc/passwd", content: "root"})
	app := archive(file{name: "hello", content: "binary", header: tar.Header{Mode: 0o4755, Uid: 1, Gid: 2, ModTime: time.Unix(1, 0)}})
	amd64, arm64 := m.image("amd64", base, app), m.image("arm64", base)
	index := m.index(on("amd64", amd64), on("arm64", arm64))

	sharedLayer := Layer{
		Digest: describeBytes(gzipBytes(base)).Digest.String(), Size: int64(len(gzipBytes(base))),
		MediaType: string(types.OCILayer), DiffID: describeBytes(base).Digest.String(),
		Files: []File{
			{Path: "/etc", Type: "directory", Mode: "0755", Owner: "0:0"},
			{Path: "/etc/passwd", Type: "file", Mode: "0644", Owner: "0:0", Size: 4, Digest: digestOf("root")},
		},
	}
	modTime := time.Unix(1, 0).UTC()
	appLayer := Layer{
		Digest: describeBytes(gzipBytes(app)).Digest.String(), Size: int64(len(gzipBytes(app))),
		MediaType: string(types.OCILayer), DiffID: describeBytes(app).Digest.String(),
		Files: []File{{Path: "/hello", Type: "file", Mode: "4755", Owner: "1:2", ModTime: &modTime, Size: 6, Digest: digestOf("binary")}},
	}
	platform := func(arch string, d v1.Descriptor, config []byte, layers ...Layer) Platform {
		return Platform{
			Platform: "linux/" + arch, Digest: d.Digest.String(), MediaType: string(d.MediaType),
			Annotations: map[string]string{"who": "manifest"},
			Config:      config, ConfigDigest: describeBytes(config).Digest.String(), Layers: layers,
		}
	}
	want := Image{
		Digest: index.Digest.String(), MediaType: string(types.OCIImageIndex),
		Annotations: map[string]string{"who": "index"},
		Platforms: []Platform{
			platform("amd64", amd64, configJSON("amd64", base, app), sharedLayer, appLayer),
			platform("arm64", arm64, configJSON("arm64", base), sharedLayer),
		},
	}
	if diff := cmp.Diff(want, m.mustRead(t, index)); diff != "" {
		t.Error(diff)
	}
	for d, n := range m.opened {
		if n != 1 {
			t.Errorf("blob %s was opened %d times", d, n)
		}
	}

	nested := m.mustRead(t, m.index(on("amd64", amd64), m.index(on("arm64", arm64))))
	if diff := cmp.Diff(want.Platforms, nested.Platforms); diff != "" {
		t.Error("nested index:", diff)
	}
	alone := Image{Digest: amd64.Digest.String(), MediaType: string(amd64.MediaType), Platforms: want.Platforms[:1]}
	if diff := cmp.Diff(alone, m.mustRead(t, amd64)); diff != "" {
		t.Error("manifest alone:", diff)
	}
}

func TestReadEntries(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("long/", 60) + "name"
	for name, test := range map[string]struct {
		file file
		want File
	}{
		"symlink":                          {file{name: "bin/sh", header: tar.Header{Typeflag: tar.TypeSymlink, Linkname: "../x", Mode: 0o777}}, File{Path: "/bin/sh", Type: "symlink", Mode: "0777", Link: "../x"}},
		"hardlink":                         {file{name: "a", header: tar.Header{Typeflag: tar.TypeLink, Linkname: "b"}}, File{Path: "/a", Type: "hardlink", Mode: "0644", Link: "b"}},
		"device":                           {file{name: "null", header: tar.Header{Typeflag: tar.TypeChar, Devmajor: 1, Devminor: 3}}, File{Path: "/null", Type: "character device", Mode: "0644", Extra: map[string]string{"device": "1:3"}}},
		"block device":                     {file{name: "sda", header: tar.Header{Typeflag: tar.TypeBlock, Devmajor: 8}}, File{Path: "/sda", Type: "block device", Mode: "0644", Extra: map[string]string{"device": "8:0"}}},
		"fifo":                             {file{name: "pipe", header: tar.Header{Typeflag: tar.TypeFifo}}, File{Path: "/pipe", Type: "fifo", Mode: "0644"}},
		"user names":                       {file{name: "a", header: tar.Header{Typeflag: tar.TypeFifo, Uname: "root", Gname: "wheel"}}, File{Path: "/a", Type: "fifo", Mode: "0644", Extra: map[string]string{"user": "root", "group": "wheel"}}},
		"extended attribute":               {file{name: "a", header: tar.Header{Typeflag: tar.TypeFifo, PAXRecords: map[string]string{"SCHILY.xattr.user.x": "\x01\xff"}}}, File{Path: "/a", Type: "fifo", Mode: "0644", Extra: map[string]string{"SCHILY.xattr.user.x": `"\x01\xff"`}}},
		"file type in the mode":            {file{name: "a", header: tar.Header{Typeflag: tar.TypeFifo, Mode: 0o10644}}, File{Path: "/a", Type: "fifo", Mode: "0644", Extra: map[string]string{"mode": "010644"}}},
		"outside":                          {file{name: "../../etc/passwd", header: tar.Header{Typeflag: tar.TypeFifo}}, File{Path: "/etc/passwd", Type: "fifo", Mode: "0644", Extra: map[string]string{"name": "../../etc/passwd"}}},
		"absolute":                         {file{name: "/etc/passwd", header: tar.Header{Typeflag: tar.TypeFifo}}, File{Path: "/etc/passwd", Type: "fifo", Mode: "0644", Extra: map[string]string{"name": "/etc/passwd"}}},
		"with a dot":                       {file{name: "./a", header: tar.Header{Typeflag: tar.TypeFifo}}, File{Path: "/a", Type: "fifo", Mode: "0644", Extra: map[string]string{"name": "./a"}}},
		"not UTF-8":                        {file{name: "a\xff", header: tar.Header{Typeflag: tar.TypeFifo}}, File{Path: "/a\ufffd", Type: "fifo", Mode: "0644", Extra: map[string]string{"name": `"a\xff"`}}},
		"long name":                        {file{name: long, header: tar.Header{Typeflag: tar.TypeFifo}}, File{Path: "/" + long, Type: "fifo", Mode: "0644"}},
		"times":                            {file{name: "a", header: tar.Header{Typeflag: tar.TypeFifo, AccessTime: time.Unix(2, 3), Format: tar.FormatPAX}}, File{Path: "/a", Type: "fifo", Mode: "0644", Extra: map[string]string{"accessTime": "2.000000003"}}},
		"a year that JSON has not":         {file{name: "a", header: tar.Header{Typeflag: tar.TypeFifo, ModTime: time.Unix(1<<40, 0), Format: tar.FormatGNU}}, File{Path: "/a", Type: "fifo", Mode: "0644", Extra: map[string]string{"modTime": "1099511627776.000000000"}}},
		"empty file with a cont. typeflag": {file{name: "a", header: tar.Header{Typeflag: tar.TypeCont}}, File{Path: "/a", Type: "file", Mode: "0644", Digest: digestOf("")}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newMemory()
			img := m.mustRead(t, m.image("amd64", archive(test.file)))
			test.want.Owner = "0:0"
			if diff := cmp.Diff([]File{test.want}, img.Platforms[0].Layers[0].Files); diff != "" {
				t.Error(diff)
			}
			toJSON(img)
		})
	}
}

func TestReadMediaTypes(t *testing.T) {
	t.Parallel()
	a := archive(file{name: "a", content: "x"})
	for mediaType, raw := range map[types.MediaType][]byte{
		types.OCILayer:                       gzipBytes(a),
		types.DockerLayer:                    gzipBytes(a),
		types.OCILayerZStd:                   zstdBytes(a),
		types.OCIUncompressedLayer:           a,
		types.DockerUncompressedLayer:        a,
		types.OCIRestrictedLayer:             gzipBytes(a),
		types.DockerForeignLayer:             gzipBytes(a),
		types.OCIUncompressedRestrictedLayer: a,
	} {
		m := newMemory()
		img := m.mustRead(t, m.manifest(configJSON("amd64", a), m.add(raw, mediaType)))
		if n := len(img.Platforms[0].Layers[0].Files); n != 1 {
			t.Errorf("%s: %d files, want 1", mediaType, n)
		}
	}
	// Some members in a row are one gzip file (RFC 1952, section 2.2).
	m := newMemory()
	half := len(a) / 2
	m.mustRead(t, m.manifest(configJSON("amd64", a), m.add(append(gzipBytes(a[:half]), gzipBytes(a[half:])...), types.OCILayer)))
}

// An index may list things that are no images, as attestations are.
func TestReadArtifacts(t *testing.T) {
	t.Parallel()
	m := newMemory()
	statement := []byte(`{"_type": "https://in-toto.io/Statement/v1"}`)
	attestation := m.manifest(toJSON(object{"rootfs": object{"diff_ids": []string{describeBytes(statement).Digest.String()}}}),
		m.add(statement, "application/vnd.in-toto+json"))
	attestation.Platform = &v1.Platform{OS: "unknown", Architecture: "unknown"}
	artifact := m.add(toJSON(object{
		"schemaVersion": 2, "config": m.add([]byte(`[1]`), "application/vnd.example"), "layers": []v1.Descriptor{m.add([]byte("x"), "text/plain")},
	}), types.OCIManifestSchema1)
	other := m.add([]byte("anything"), "application/vnd.example+json")
	img := m.mustRead(t, m.index(attestation, artifact, other))
	var got []string
	for _, p := range img.Platforms {
		got = append(got, p.Platform+" "+string(p.Config))
	}
	if diff := cmp.Diff([]string{"unknown/unknown " + string(img.Platforms[0].Config), " [1]", " "}, got); diff != "" {
		t.Error(diff)
	}
	if m.opened[other.Digest] != 0 {
		t.Error("something of an unknown type was opened")
	}
}

func TestReadDocker(t *testing.T) {
	t.Parallel()
	a, b := archive(file{name: "a", content: "x"}), archive(file{name: "b", content: "y"})
	blob := func(raw []byte) Blob {
		return Blob{Size: int64(len(raw)), Open: func(context.Context) (io.ReadCloser, error) {
			return io.NopCloser(bytes.NewReader(raw)), nil
		}}
	}
	m := newMemory()
	m.root.Docker = &DockerImage{Config: blob(configJSON("amd64", a, b)), Layers: []Blob{blob(a), blob(gzipBytes(b))}}
	img, err := Read(t.Context(), m, Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if img.Digest != "" || img.MediaType != "" || img.Platforms[0].Platform != "linux/amd64" {
		t.Errorf("got %+v", img)
	}
	for i, raw := range [][]byte{a, b} {
		l := img.Platforms[0].Layers[i]
		if l.Digest != "" || l.Size != 0 || l.DiffID != describeBytes(raw).Digest.String() || len(l.Files) != 1 {
			t.Errorf("layer %d: %+v", i+1, l)
		}
	}
}

// What could not be had is not damaged.
func TestReadTransportErrors(t *testing.T) {
	t.Parallel()
	m := newMemory()
	a := archive(file{name: "a", content: strings.Repeat("x", 10_000)})
	d := m.image("amd64", a)
	layer := describeBytes(gzipBytes(a)).Digest

	cut := &broken{memory: m, digest: layer, err: io.ErrUnexpectedEOF}
	m.root = Root{Descriptor: d}
	img, err := Read(t.Context(), cut, Limits{})
	if !errors.Is(err, io.ErrUnexpectedEOF) || isDamaged(err) {
		t.Errorf("broken connection: %v", err)
	}
	if len(img.Platforms) != 1 {
		t.Error("what was read before is not returned")
	}
	delete(m.blobs, layer)
	if _, err := Read(t.Context(), m, Limits{}); !errors.Is(err, fs.ErrNotExist) || isDamaged(err) {
		t.Errorf("missing blob: %v", err)
	}
}

func isDamaged(err error) bool { return errors.As(err, new(*DamagedError)) }

// broken is a source of which one blob ends with an error.
type broken struct {
	*memory
	digest v1.Hash
	err    error
}

func (b *broken) Open(ctx context.Context, d v1.Descriptor) (io.ReadCloser, error) {
	r, err := b.memory.Open(ctx, d)
	if d.Digest == b.digest {
		return io.NopCloser(io.MultiReader(io.LimitReader(r, 50), errReader{b.err})), err
	}
	return r, err
}

type errReader struct{ err error }

func (r errReader) Read([]byte) (int, error) { return 0, r.err }

// A source that never ends is left when the context ends.
func TestReadContext(t *testing.T) {
	t.Parallel()
	m := newMemory()
	layer := v1.Descriptor{Digest: describeBytes(nil).Digest, Size: 1 << 40, MediaType: types.OCIUncompressedLayer}
	d := m.manifest(configJSON("amd64", nil), layer)
	m.root = Root{Descriptor: d}
	ctx, cancel := context.WithCancel(t.Context())
	src := &endless{memory: m, digest: layer.Digest, after: func(n int64) {
		if n > 1<<20 {
			cancel()
		}
	}}
	_, err := Read(ctx, src, Limits{LayerBytes: 1 << 50, ImageBytes: 1 << 50})
	if !errors.Is(err, context.Canceled) || isDamaged(err) {
		t.Errorf("got %v", err)
	}
}

// endless is a source of which one blob is a file without end.
type endless struct {
	*memory
	digest v1.Hash
	after  func(n int64)
	n      int64
}

func (e *endless) Open(ctx context.Context, d v1.Descriptor) (io.ReadCloser, error) {
	if d.Digest != e.digest {
		return e.memory.Open(ctx, d)
	}
	var b bytes.Buffer
	if err := tar.NewWriter(&b).WriteHeader(&tar.Header{Name: "a", Size: 1 << 39}); err != nil {
		return nil, err
	}
	return io.NopCloser(io.MultiReader(&b, e)), nil
}

func (e *endless) Read(p []byte) (int, error) {
	e.n += int64(len(p))
	e.after(e.n)
	clear(p)
	return len(p), nil
}

func TestForPlatform(t *testing.T) {
	t.Parallel()
	m := newMemory()
	a := archive(file{name: "a", content: "x"})
	amd64, arm64 := m.image("amd64", a), m.image("arm64", a)
	m.root.Descriptor = m.index(on("amd64", amd64), m.index(on("arm64", arm64)))
	src, err := ForPlatform(t.Context(), m, "linux/arm64", Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if got := src.Root().Descriptor.Digest; got != arm64.Digest {
		t.Errorf("got %s, want %s", got, arm64.Digest)
	}
	if m.opened[amd64.Digest] != 0 {
		t.Error("another platform was read")
	}
	_, err = ForPlatform(t.Context(), m, "linux/s390x", Limits{})
	if want := "there is no image for linux/s390x; there is linux/amd64, linux/arm64"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	m.root.Descriptor = amd64
	if src, err = ForPlatform(t.Context(), m, "linux/arm64", Limits{}); err != nil || src.Root().Descriptor.Digest != amd64.Digest {
		t.Errorf("a manifest alone: %v, %v", src, err)
	}
}
