package source_test

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"example.com/reproducible-images/tools/imageset"
	"example.com/reproducible-images/tools/imageset/imagetest"
	"example.com/reproducible-images/tools/inventory"
	"example.com/reproducible-images/tools/inventory/source"
)

// hello is an image for linux/amd64 and linux/arm64.
func hello(t testing.TB) imageset.Image {
	t.Helper()
	return imagetest.Load(t, "hello")[0]
}

func open(t testing.TB, spec string, o source.Options) (inventory.Source, error) {
	t.Helper()
	src, err := source.Open(t.Context(), spec, o)
	if err == nil {
		t.Cleanup(func() {
			if err := src.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	return src, err
}

func read(t testing.TB, spec string, o source.Options) (inventory.Image, error) {
	t.Helper()
	src, err := open(t, spec, o)
	if err != nil {
		return inventory.Image{}, err
	}
	return inventory.Read(t.Context(), src, inventory.Limits{})
}

func mustRead(t testing.TB, spec string, o source.Options) inventory.Image {
	t.Helper()
	img, err := read(t, spec, o)
	if err != nil {
		t.Fatal(err)
	}
	return img
}

// sameImage checks that nothing differs.
func sameImage(t testing.TB, want, got inventory.Image) {
	t.Helper()
	for _, c := range inventory.Compare(want, got) {
		t.Error(c)
	}
}

// checkError checks an error's text and that it is one line.
func checkError(t testing.TB, err error, want ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want one with %q", want)
	}
	for _, w := range want {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("error %q, want %q in it", err, w)
		}
	}
	if strings.Contains(err.Error(), "\n") {
		t.Errorf("more than one line: %q", err)
	}
}

// entry is an entry of a test archive.
type entry struct {
	name, content string
	typeflag      byte
	link          string
}

func tarBytes(entries ...entry) []byte {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, e := range entries {
		h := &tar.Header{Name: e.name, Typeflag: e.typeflag, Linkname: e.link, Size: int64(len(e.content)), Mode: 0o644}
		if err := w.WriteHeader(h); err != nil {
			panic(err)
		}
		if _, err := io.WriteString(w, e.content); err != nil {
			panic(err)
		}
	}
	if err := w.Close(); err != nil {
		panic(err)
	}
	return b.Bytes()
}

// dirEntries are the files of a directory.
func dirEntries(t testing.TB, dir string) []entry {
	t.Helper()
	var out []entry
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		raw, err := os.ReadFile(path)
		out = append(out, entry{name: filepath.ToSlash(name), content: string(raw)})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func writeFile(t testing.TB, name string, content []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, content, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func toJSON(v any) string {
	raw, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(raw)
}

// dockerEntries is the image for a platform as `docker save` writes it from
// version 10 on: a folder with a layer.tar for each layer.
func dockerEntries(t testing.TB, img imageset.Image, arch string, tags ...string) (entries []entry, manifest map[string]any) {
	t.Helper()
	for _, p := range img.Platforms {
		if p.Architecture != arch {
			continue
		}
		config, err := p.Image.RawConfigFile()
		if err != nil {
			t.Fatal(err)
		}
		id, err := p.Image.ConfigName()
		if err != nil {
			t.Fatal(err)
		}
		layers, err := p.Image.Layers()
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for i, l := range layers {
			r, err := l.Uncompressed()
			if err != nil {
				t.Fatal(err)
			}
			raw, err := io.ReadAll(r)
			if err != nil {
				t.Fatal(err)
			}
			name := fmt.Sprintf("%s%d/layer.tar", arch, i)
			names = append(names, name)
			entries = append(entries, entry{name: name, content: string(raw)})
		}
		entries = append(entries, entry{name: id.Hex + ".json", content: string(config)})
		return entries, map[string]any{"Config": id.Hex + ".json", "RepoTags": tags, "Layers": names}
	}
	t.Fatalf("no platform %s", arch)
	return nil, nil
}
