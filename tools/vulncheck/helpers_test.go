package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"example.com/reproducible-images/tools/imageset"
	"example.com/reproducible-images/tools/imageset/imagetest"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// self is the running test: a Go binary, with modules besides the standard library.
func self(t *testing.T) []byte {
	t.Helper()
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// goVersion is the version of the standard library in self, as the database has it.
func goVersion() string {
	version, _, _ := strings.Cut(strings.TrimPrefix(runtime.Version(), "go"), " ")
	return version
}

// images writes an image for linux/amd64 with these files, and returns the list of it.
func images(t *testing.T, files map[string][]byte) string {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	var archive bytes.Buffer
	tw := tar.NewWriter(&archive)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		must(tw.WriteHeader(&tar.Header{Name: name, Mode: 0o755, Size: int64(len(files[name]))}))
		_, err := tw.Write(files[name])
		must(err)
	}
	must(tw.Close())
	layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(archive.Bytes())), nil
	}, tarball.WithMediaType(types.OCILayer), tarball.WithCompressionLevel(gzip.NoCompression))
	must(err)
	img := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	img, err = mutate.AppendLayers(img, layer)
	must(err)
	config, err := img.ConfigFile()
	must(err)
	config = config.DeepCopy()
	config.OS, config.Architecture = "linux", "amd64"
	img, err = mutate.ConfigFile(img, config)
	must(err)
	index := mutate.AppendManifests(mutate.IndexMediaType(empty.Index, types.OCIImageIndex), mutate.IndexAddendum{
		Add:        img,
		Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: "amd64"}},
	})
	dir := t.TempDir()
	path, err := layout.Write(dir, empty.Index)
	must(err)
	must(path.AppendIndex(index))
	return imagetest.Write(t, imageset.File{Images: []imageset.Entry{{
		Label: "//images:hello", Repository: "hello", Version: "v1.0.0", Layout: dir,
	}}})
}

// object is a JSON object.
type object = map[string]any

// entry is an advisory about all versions of a module before fixed, or all if that is
// empty, and about the functions in imports, or all if there are none.
func entry(id, module, fixed string, imports ...object) object {
	events := []object{{"introduced": "0"}}
	if fixed != "" {
		events = append(events, object{"fixed": fixed})
	}
	return object{
		"schema_version": "1.3.1", "id": id, "modified": "2026-01-02T03:04:05Z", "published": "2026-01-02T03:04:05Z",
		"summary": "Made up for a test",
		"affected": []object{{
			"package":            object{"name": module, "ecosystem": "Go"},
			"ranges":             []object{{"type": "SEMVER", "events": events}},
			"ecosystem_specific": object{"imports": imports},
		}},
	}
}

// old is an advisory that no Go release of today is subject to.
var old = entry("GO-0000-0001", stdlib, "1.2.0")

// database is a vulnerability database in the form of
// https://go.dev/doc/security/vuln/database#api, as paths and contents.
func database(t *testing.T, entries ...object) map[string][]byte {
	t.Helper()
	vulns := map[string][]object{}
	db := map[string][]byte{}
	put := func(path string, value any) {
		data, err := json.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		db[path] = data
	}
	for _, e := range entries {
		id := e["id"].(string)
		module := e["affected"].([]object)[0]["package"].(object)["name"].(string)
		vulns[module] = append(vulns[module], object{"id": id, "modified": e["modified"]})
		put("ID/"+id+".json", e)
	}
	modules := []object{}
	for path, v := range vulns {
		modules = append(modules, object{"path": path, "vulns": v})
	}
	put("index/modules.json", modules)
	put("index/db.json", object{"modified": "2026-01-02T03:04:05Z"})
	return db
}

// write writes a database to a folder.
func write(t *testing.T, db map[string][]byte) string {
	t.Helper()
	dir := t.TempDir()
	for path, data := range db {
		file := filepath.Join(dir, path)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}
