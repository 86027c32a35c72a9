package source_test

import (
	"bytes"
	"strings"
	"testing"

	"example.com/reproducible-images/tools/imageset/imagetest"
	"example.com/reproducible-images/tools/inventory"
	"example.com/reproducible-images/tools/inventory/source"
)

// memoryFile is an archive in memory.
type memoryFile struct{ *bytes.Reader }

func (memoryFile) Close() error { return nil }

// FuzzArchive opens any bytes as an archive, with any choice, and reads what it
// finds.
func FuzzArchive(f *testing.F) {
	const config, layer = `{"rootfs":{"diff_ids":["sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"]}}`, "layer.tar"
	manifest := `[{"Config":"c.json","RepoTags":["hello:v1.0.0"],"Layers":["layer.tar"]}]`
	seeds := [][]byte{
		tarBytes(entry{name: "manifest.json", content: manifest}, entry{name: "c.json", content: config}, entry{name: layer, content: ""}),
		tarBytes(entry{name: "manifest.json", content: manifest}, entry{name: "./c.json", content: config}, entry{name: layer, typeflag: '2', link: "x/../y"}, entry{name: "y", typeflag: '1', link: layer}),
		tarBytes(entry{name: "oci-layout", content: `{"imageLayoutVersion":"1.0.0"}`}, entry{name: "index.json", content: `{"manifests":[]}`}, entry{name: "manifest.json", content: "[]"}),
	}
	var small []entry
	for _, e := range dirEntries(f, imagetest.Layout(f, "hello")) {
		if len(e.content) < 10_000 {
			small = append(small, e)
		}
	}
	seeds = append(seeds, tarBytes(small...))
	for _, seed := range seeds {
		f.Add(seed, "")
		f.Add(seed, "hello:v1.0.0")
		f.Add(seed, "@\x1b")
		f.Add(seed, "@sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
	}
	limits := inventory.Limits{
		ManifestBytes: 1 << 16, ConfigBytes: 1 << 16, Manifests: 8, Layers: 8, Files: 100, MetadataBytes: 1 << 16,
		LayerBytes: 1 << 20, ImageBytes: 1 << 21, ZstdWindow: 1 << 20,
	}
	f.Fuzz(func(t *testing.T, raw []byte, choice string) {
		src, err := source.ReadArchive(t.Context(), memoryFile{bytes.NewReader(raw)}, "image.tar", choice)
		if err != nil {
			if strings.ContainsAny(err.Error(), "\n\x1b") {
				t.Errorf("error %q", err)
			}
			return
		}
		img, err := inventory.Read(t.Context(), src, limits)
		if err != nil && strings.ContainsAny(err.Error(), "\n\x1b") {
			t.Errorf("error %q", err)
		}
		if changes := inventory.Compare(img, img); len(changes) > 0 {
			t.Errorf("differs from itself: %v", changes)
		}
		if err := src.Close(); err != nil {
			t.Error(err)
		}
	})
}
