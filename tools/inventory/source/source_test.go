package source_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"example.com/reproducible-images/tools/imageset/imagetest"
	"example.com/reproducible-images/tools/inventory"
	"example.com/reproducible-images/tools/inventory/source"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

func TestLayout(t *testing.T) {
	t.Parallel()
	img := hello(t)
	want := mustRead(t, img.Layout, source.Options{})
	if want.Digest != img.Digest.String() || len(want.Platforms) != 2 || len(want.Platforms[0].Layers) != 2 {
		t.Fatalf("got %+v", want)
	}
	src, err := source.Layout(img.Layout)
	if err != nil {
		t.Fatal(err)
	}
	got, err := inventory.Read(t.Context(), src, inventory.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	sameImage(t, want, got)
	sameImage(t, want, mustRead(t, filepath.Base(img.Layout), source.Options{Dir: filepath.Dir(img.Layout)}))
	sameImage(t, want, mustRead(t, img.Layout+"@"+want.Digest, source.Options{}))
	arm64, _ := want.Only("linux/arm64")
	got = mustRead(t, img.Layout+"@"+arm64.Digest, source.Options{})
	if changes := inventory.Compare(arm64, got); len(changes) > 0 || got.Digest != arm64.Digest {
		t.Errorf("manifest by digest: %v", changes)
	}
	sameImage(t, want, mustRead(t, writeFile(t, "layout.tar", tarBytes(dirEntries(t, img.Layout)...)), source.Options{}))

	// As Bazel lays out the files of a directory.
	linked := t.TempDir()
	for _, e := range dirEntries(t, img.Layout) {
		path := filepath.Join(linked, e.name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(filepath.Join(img.Layout, e.name), path); err != nil {
			t.Fatal(err)
		}
	}
	sameImage(t, want, mustRead(t, linked, source.Options{}))
}

func TestDockerArchive(t *testing.T) {
	t.Parallel()
	img := hello(t)
	want := mustRead(t, img.Layout, source.Options{})
	amd64, amd64Manifest := dockerEntries(t, img, "amd64", "hello:v1.0.0", "hello:latest")
	arm64, arm64Manifest := dockerEntries(t, img, "arm64", "hello:arm64")
	archive := func(entries []entry, manifests ...any) string {
		return writeFile(t, "hello.tar", tarBytes(append(entries, entry{name: "manifest.json", content: toJSON(manifests)})...))
	}
	one := archive(amd64, amd64Manifest)
	sameImage(t, want, mustRead(t, one, source.Options{}))
	sameImage(t, want, mustRead(t, one+":hello:v1.0.0", source.Options{}))
	sameImage(t, want, mustRead(t, one+"@"+want.Platforms[0].ConfigDigest, source.Options{}))

	both := archive(append(amd64, arm64...), amd64Manifest, arm64Manifest)
	got := mustRead(t, both+":hello:arm64", source.Options{})
	sameImage(t, want, got)
	if got.Platforms[0].Platform != "linux/arm64" {
		t.Errorf("got %s", got.Platforms[0].Platform)
	}
	_, err := open(t, both, source.Options{})
	checkError(t, err, "several images", both+":NAME", "hello:v1.0.0, hello:latest, hello:arm64")
	_, err = open(t, both+":other", source.Options{})
	checkError(t, err, `there is no image "other"`, "choose one of hello:v1.0.0")
	if !errors.Is(err, source.ErrNotFound) {
		t.Errorf("%v is not ErrNotFound", err)
	}

	// Old versions of docker have equal layers once, and links to them.
	linked := append([]entry{{name: "real/layer.tar", content: amd64[0].content}, {name: "amd640/layer.tar", typeflag: '2', link: "../real/layer.tar"}, {name: "amd641/layer.tar", typeflag: '1', link: "copy"}, {name: "copy", content: amd64[1].content}}, amd64[2:]...)
	sameImage(t, want, mustRead(t, archive(linked, amd64Manifest), source.Options{}))

	// go-containerregistry's archives have compressed layers.
	compressed := filepath.Join(t.TempDir(), "compressed.tar")
	tag, err := name.NewTag("hello:v1.0.0")
	if err != nil {
		t.Fatal(err)
	}
	if err := tarball.WriteToFile(compressed, tag, img.Platforms[0].Image); err != nil {
		t.Fatal(err)
	}
	sameImage(t, want, mustRead(t, compressed, source.Options{}))
}

// Docker from version 25 on writes archives that are layouts too.
func TestDockerAndLayout(t *testing.T) {
	t.Parallel()
	img := hello(t)
	want := mustRead(t, img.Layout, source.Options{})
	layout := dirEntries(t, img.Layout)
	amd64, manifest := dockerEntries(t, img, "amd64")

	// With layers that are not compressed, its manifests are made up.
	made := writeFile(t, "made.tar", tarBytes(append(append(layout, amd64...), entry{name: "manifest.json", content: toJSON([]any{manifest})})...))
	got := mustRead(t, made, source.Options{})
	sameImage(t, want, got)
	if got.Digest != "" {
		t.Error("the manifests are used, which docker made up")
	}

	// With compressed layers they are the image's own.
	m, err := img.Platforms[0].Image.Manifest()
	if err != nil {
		t.Fatal(err)
	}
	var layers []string
	for _, l := range m.Layers {
		layers = append(layers, "blobs/sha256/"+l.Digest.Hex)
	}
	own := writeFile(t, "own.tar", tarBytes(append(layout, entry{name: "manifest.json", content: toJSON([]any{map[string]any{
		"Config": "blobs/sha256/" + m.Config.Digest.Hex, "Layers": layers,
	}})})...))
	got = mustRead(t, own, source.Options{})
	sameImage(t, want, got)
	if got.Digest != want.Digest {
		t.Errorf("got %q, want %s", got.Digest, want.Digest)
	}
}

// What reads the one half must not see another image than what reads the other.
func TestDockerAndOtherLayout(t *testing.T) {
	t.Parallel()
	hello, other := imagetest.Load(t, "hello")[0], imagetest.Load(t, "other")[0]
	docker, manifest := dockerEntries(t, hello, "amd64")
	archive := writeFile(t, "both.tar", tarBytes(append(append(dirEntries(t, other.Layout), docker...), entry{name: "manifest.json", content: toJSON([]any{manifest})})...))
	_, err := read(t, archive, source.Options{})
	checkError(t, err, archive, "its manifest.json and its index.json name different images")
}

func TestSeveralInLayout(t *testing.T) {
	t.Parallel()
	hello, other := imagetest.Load(t, "hello")[0], imagetest.Load(t, "other")[0]
	entries := dirEntries(t, other.Layout)
	for _, e := range dirEntries(t, hello.Layout) {
		if strings.HasPrefix(e.name, "blobs/") && !hasEntry(entries, e.name) {
			entries = append(entries, e)
		}
	}
	index := func(descriptors ...v1.Descriptor) entry {
		return entry{name: "index.json", content: toJSON(map[string]any{"schemaVersion": 2, "manifests": descriptors})}
	}
	describe := func(of v1.Hash, dir, name string) v1.Descriptor {
		src, err := source.Layout(dir)
		if err != nil {
			t.Fatal(err)
		}
		d := src.Root().Descriptor
		if d.Digest != of {
			t.Fatal(d)
		}
		d.Annotations = map[string]string{"org.opencontainers.image.ref.name": name}
		return d
	}
	without := entries[:0:0]
	for _, e := range entries {
		if e.name != "index.json" {
			without = append(without, e)
		}
	}
	a, b := describe(hello.Digest, hello.Layout, "v1"), describe(other.Digest, other.Layout, "v2")
	path := writeFile(t, "two.tar", tarBytes(append(without, index(a, b))...))
	if got := mustRead(t, path+":v2", source.Options{}); got.Digest != other.Digest.String() {
		t.Errorf("got %s", got.Digest)
	}
	_, err := open(t, path, source.Options{})
	checkError(t, err, "several images", "v1 ("+hello.Digest.String()+"), v2 ("+other.Digest.String()+")")
	_, err = open(t, path+":v3", source.Options{})
	checkError(t, err, `there is no image "v3"`)
	_, err = open(t, path+"@sha256:"+strings.Repeat("0", 64), source.Options{})
	checkError(t, err, "there is no image sha256:0000")
	// Two names of one image leave no choice.
	a2 := describe(hello.Digest, hello.Layout, "latest")
	mustRead(t, writeFile(t, "same.tar", tarBytes(append(without, index(a, a2))...)), source.Options{})
	_, err = open(t, writeFile(t, "none.tar", tarBytes(append(without, index())...)), source.Options{})
	checkError(t, err, "has no image")
}

func hasEntry(entries []entry, name string) bool {
	for _, e := range entries {
		if e.name == name {
			return true
		}
	}
	return false
}

func TestBadArchives(t *testing.T) {
	t.Parallel()
	img := hello(t)
	good, manifest := dockerEntries(t, img, "amd64")
	good = append(good, entry{name: "manifest.json", content: toJSON([]any{manifest})})
	with := func(more ...entry) []byte { return tarBytes(append(more, good...)...) }
	without := func(name string, more ...entry) []byte {
		for _, e := range good {
			if e.name != name {
				more = append(more, e)
			}
		}
		return tarBytes(more...)
	}
	var zipped bytes.Buffer
	w := gzip.NewWriter(&zipped)
	if _, err := w.Write(with()); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	layout := `{"imageLayoutVersion":"1.0.0"}`
	for name, test := range map[string]struct {
		content []byte
		want    string
	}{
		"compressed":              {zipped.Bytes(), "it is compressed with gzip: unpack it first with gunzip"},
		"no archive":              {[]byte("hello"), "not a tar archive, or a damaged one"},
		"empty":                   {nil, "neither an OCI layout (index.json, oci-layout) nor an image of docker (manifest.json) is in it"},
		"another archive":         {tarBytes(entry{name: "a"}), "neither an OCI layout"},
		"cut off":                 {with()[:5000], "the archive is cut off"},
		"parent":                  {with(entry{name: "../x"}), `the entry "../x": leads out of the archive`},
		"deeper parent":           {with(entry{name: "a/../../x"}), "leads out of the archive"},
		"absolute":                {with(entry{name: "/etc/passwd"}), `the entry "/etc/passwd": leads out of the archive`},
		"link out":                {with(entry{name: "a", typeflag: '2', link: "../x"}), `the entry "a": its link leads out of the archive`},
		"absolute link":           {with(entry{name: "a", typeflag: '2', link: "/etc/passwd"}), "its link leads out of the archive"},
		"hardlink out":            {with(entry{name: "a", typeflag: '1', link: "../x"}), "its link leads out of the archive"},
		"two entries":             {with(entry{name: "manifest.json"}), `it has two entries "manifest.json"`},
		"two spellings":           {with(entry{name: "./manifest.json"}), `it has two entries "manifest.json"`},
		"link to itself":          {without("amd640/layer.tar", entry{name: "amd640/layer.tar", typeflag: '2', link: "layer.tar"}), "layer 1: amd640/layer.tar: too many links lead to each other"},
		"link to nothing":         {without("amd640/layer.tar", entry{name: "amd640/layer.tar", typeflag: '2', link: "x"}), "layer 1: amd640/layer.tar: file does not exist"},
		"layer is a device":       {without("amd640/layer.tar", entry{name: "amd640/layer.tar", typeflag: '3'}), "layer 1: amd640/layer.tar is not a regular file"},
		"layer is a pipe":         {without("amd640/layer.tar", entry{name: "amd640/layer.tar", typeflag: '6'}), "layer 1: amd640/layer.tar is not a regular file"},
		"no layer":                {without("amd640/layer.tar"), "layer 1: amd640/layer.tar: file does not exist"},
		"manifest is no JSON":     {without("manifest.json", entry{name: "manifest.json", content: "x"}), "manifest.json: invalid character"},
		"image is no object":      {without("manifest.json", entry{name: "manifest.json", content: "[1]"}), "manifest.json: image 1: "},
		"no image":                {without("manifest.json", entry{name: "manifest.json", content: "[]"}), "has no image: its manifest.json is empty"},
		"layer outside":           {without("manifest.json", entry{name: "manifest.json", content: `[{"Config": "../../etc/passwd"}]`}), "configuration: ../../etc/passwd: file does not exist"},
		"huge manifest":           {without("manifest.json", entry{name: "manifest.json", content: strings.Repeat(" ", 5<<20)}), "manifest.json has 5242880 bytes: more than 4194304 are too much"},
		"many images":             {without("manifest.json", entry{name: "manifest.json", content: "[" + strings.Repeat("0,", 20_000) + "0]"}), "it has 20001 images: more than 10000 are too much"},
		"unknown layout version":  {tarBytes(entry{name: "index.json"}, entry{name: "oci-layout", content: `{"imageLayoutVersion":"2"}`}), `unknown version "2"`},
		"index is no JSON":        {tarBytes(entry{name: "index.json", content: "x"}, entry{name: "oci-layout", content: layout}), "index.json: invalid character"},
		"index with a path":       {tarBytes(entry{name: "index.json", content: `{"manifests": [{"digest": "sha256:../x"}]}`}, entry{name: "oci-layout", content: layout}), "index.json: manifests[0]: "},
		"index without digest":    {tarBytes(entry{name: "index.json", content: `{"manifests": [{}]}`}, entry{name: "oci-layout", content: layout}), "manifests[0] is not a descriptor"},
		"index with many entries": {tarBytes(entry{name: "index.json", content: `{"manifests": [` + strings.Repeat("0,", 20_000) + `0]}`}, entry{name: "oci-layout", content: layout}), "it has 20001 descriptors"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := writeFile(t, "image.tar", test.content)
			_, err := open(t, path, source.Options{})
			checkError(t, err, path, test.want)
		})
	}
}

func TestManyEntries(t *testing.T) {
	t.Parallel()
	// Entries without content, one header each.
	one := tarBytes(entry{name: "x", typeflag: '5'})[:512]
	path := writeFile(t, "many.tar", bytes.Repeat(one, 100_001))
	_, err := open(t, path, source.Options{})
	checkError(t, err, path, "it has more than 100000 entries")
}

func TestBadLayouts(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		spoil func(t *testing.T, dir string)
		want  string
	}{
		"no layout":  {func(t *testing.T, dir string) { remove(t, dir, "index.json") }, "index.json"},
		"no version": {func(t *testing.T, dir string) { remove(t, dir, "oci-layout") }, "is not an OCI layout: "},
		"index is a pipe": {func(t *testing.T, dir string) {
			remove(t, dir, "index.json")
			if err := syscall.Mkfifo(filepath.Join(dir, "index.json"), 0o600); err != nil {
				t.Fatal(err)
			}
		}, "index.json is not a regular file"},
		"index is a device": {func(t *testing.T, dir string) { link(t, dir, "index.json", "/dev/zero") }, "index.json is not a regular file"},
		"index is a folder": {func(t *testing.T, dir string) { link(t, dir, "index.json", "/") }, "index.json is not a regular file"},
		"a loop of links":   {func(t *testing.T, dir string) { link(t, dir, "index.json", "index.json") }, "too many"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := imagetest.Layout(t, "hello")
			test.spoil(t, dir)
			_, err := open(t, dir, source.Options{})
			checkError(t, err, dir, test.want)
		})
	}
}

func remove(t *testing.T, dir, name string) {
	t.Helper()
	if err := os.Remove(filepath.Join(dir, name)); err != nil {
		t.Fatal(err)
	}
}

func link(t *testing.T, dir, name, target string) {
	t.Helper()
	remove(t, dir, name)
	if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
		t.Fatal(err)
	}
}

// Blobs of a layout are read only if they are regular files.
func TestBadBlobs(t *testing.T) {
	t.Parallel()
	img := hello(t)
	config, err := img.Platforms[0].Image.ConfigName()
	if err != nil {
		t.Fatal(err)
	}
	blob := filepath.Join("blobs", "sha256", config.Hex)
	dir := imagetest.Layout(t, "hello")
	link(t, dir, blob, "/dev/zero")
	_, err = read(t, dir, source.Options{})
	checkError(t, err, "image for linux/amd64: configuration", "is not a regular file")
	link(t, dir, blob, writeFile(t, "secret", []byte("root:$6$secret")))
	_, err = read(t, dir, source.Options{})
	checkError(t, err, "configuration", "it has 14 bytes, not ")
	if strings.Contains(err.Error(), "secret") {
		t.Errorf("the file's content is told: %v", err)
	}
	remove(t, dir, blob)
	_, err = read(t, dir, source.Options{})
	checkError(t, err, "there is no blob "+config.String()+" in "+dir)
	if !errors.Is(err, source.ErrNotFound) {
		t.Errorf("%v is not ErrNotFound", err)
	}
}

func TestSpecs(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "hello"), 0o755); err != nil {
		t.Fatal(err)
	}
	for spec, want := range map[string]string{
		"":                         "an image has no name",
		"./none":                   "there is no file or folder ./none",
		"../none:v1":               "there is no file or folder ../none:v1",
		"/none/at/all":             "there is no file or folder /none/at/all",
		"hello":                    "not an OCI layout",
		"hello:v1":                 "a registry is not named in it",
		"user/hello:v1":            `"user" is not a registry`,
		"localhost/hello":          "it has neither a tag nor a digest",
		"localhost/hello:a b":      "neither a path that exists nor a reference",
		"localhost/Hello:v1":       "neither a path that exists nor a reference",
		"localhost/hello@sha256:1": "neither a path that exists nor a reference",
		"localhost/x:v1\x1b[2J":    `"localhost/x:v1\x1b[2J"`,
	} {
		_, err := open(t, spec, source.Options{Dir: dir})
		checkError(t, err, want)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := source.Open(ctx, writeFile(t, "a.tar", tarBytes(entry{name: "a"})), source.Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
