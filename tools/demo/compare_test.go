package main

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"example.com/reproducible-images/tools/imageset/imagetest"
	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// index has no method of its own name, and so can be embedded.
type index = v1.ImageIndex

// changedIndex is an index whose images differ from the original ones.
type changedIndex struct {
	index
	image func(v1.Image) v1.Image
}

func (c changedIndex) Image(digest v1.Hash) (v1.Image, error) {
	image, err := c.index.Image(digest)
	return c.image(image), err
}

type changedIndexManifest struct{ index }

func (changedIndexManifest) RawManifest() ([]byte, error) { return []byte("{}"), nil }

type changedManifest struct{ v1.Image }

func (changedManifest) RawManifest() ([]byte, error) { return []byte("{}"), nil }

type changedConfig struct{ v1.Image }

func (changedConfig) RawConfigFile() ([]byte, error) { return []byte("{}"), nil }

type changedLayers struct {
	v1.Image
	change func([]v1.Layer) []v1.Layer
}

func (c changedLayers) Layers() ([]v1.Layer, error) {
	layers, err := c.Image.Layers()
	return c.change(layers), err
}

func TestCompareIndex(t *testing.T) {
	t.Parallel()
	images := imagetest.Load(t, "hello", "bye")
	built, other := images[0].Index, images[1].Index
	image := func(change func(v1.Image) v1.Image) v1.ImageIndex { return changedIndex{built, change} }
	layers := func(change func([]v1.Layer) []v1.Layer) v1.ImageIndex {
		return image(func(i v1.Image) v1.Image { return changedLayers{i, change} })
	}
	for _, test := range []struct {
		name   string
		pulled v1.ImageIndex
		err    string
	}{
		{"same", built, ""},
		{"another image", other, "image index: "},
		{"index", changedIndexManifest{built}, "image index: not the bytes"},
		{"manifest", image(func(i v1.Image) v1.Image { return changedManifest{i} }), "linux/amd64: manifest: not the bytes"},
		{"configuration", image(func(i v1.Image) v1.Image { return changedConfig{i} }), "linux/amd64: configuration: not the bytes"},
		{"fewer layers", layers(func(l []v1.Layer) []v1.Layer { return l[:1] }), "linux/amd64: 2 layers were built, 1 came back"},
		{"order of layers", layers(func(l []v1.Layer) []v1.Layer { return []v1.Layer{l[1], l[0]} }), "linux/amd64: layer 1: not the bytes"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			err := compareIndex(built, test.pulled)
			if test.err == "" {
				if err != nil {
					t.Error(err)
				}
			} else if err == nil || !strings.Contains(err.Error(), test.err) {
				t.Errorf("got error %v, want one with %q", err, test.err)
			}
		})
	}
}

func TestCompare(t *testing.T) {
	t.Parallel()
	text := func(s string) io.Reader { return strings.NewReader(s) }
	broken := iotest.ErrReader(errors.New("broken"))
	for _, test := range []struct {
		name          string
		built, pulled io.Reader
		err           string
	}{
		{"empty", text(""), text(""), ""},
		{"same", text("abc"), text("abc"), ""},
		{"one byte", text("abc"), text("abd"), "from byte 2 on"},
		{"shorter", text("abc"), text("ab"), "from byte 2 on"},
		{"longer", text("abc"), text("abc\x00"), "from byte 3 on"},
		{"shorter by a zero", text("abc\x00"), text("abc"), "from byte 3 on"},
		{"built is broken", io.MultiReader(text("a"), broken), text("ab"), "broken"},
		{"pulled is broken", text("ab"), io.MultiReader(text("a"), broken), "broken"},
		{"broken at the end", text("a"), io.MultiReader(text("a"), broken), "broken"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			open := func(r io.Reader) func() (io.ReadCloser, error) {
				return func() (io.ReadCloser, error) { return io.NopCloser(r), nil }
			}
			err := compare(open(test.built), open(test.pulled))
			if test.err == "" {
				if err != nil {
					t.Error(err)
				}
			} else if err == nil || !strings.Contains(err.Error(), test.err) {
				t.Errorf("got error %v, want one with %q", err, test.err)
			}
		})
	}
}
