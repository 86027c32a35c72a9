package imageset_test

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"example.com/reproducible-images/tools/imageset"
	"example.com/reproducible-images/tools/imageset/imagetest"
	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

func TestLoad(t *testing.T) {
	t.Parallel()
	set, err := imageset.Load(imagetest.File(t, "localhost:5000/team", "hello", "bye"))
	if err != nil {
		t.Fatal(err)
	}
	if set.Registry != "localhost:5000/team" {
		t.Errorf("registry %q", set.Registry)
	}
	var got []string
	for _, img := range set.Images {
		got = append(got, img.Label+" "+img.Repository+":"+img.Version)
		digest, err := img.Index.Digest()
		if err != nil {
			t.Fatal(err)
		}
		if digest != img.Digest {
			t.Errorf("%s: Digest is %s, that of Index %s", img.Label, img.Digest, digest)
		}
		for _, p := range img.Platforms {
			got = append(got, p.String())
			if digest, err := p.Image.Digest(); err != nil || digest != p.Digest {
				t.Errorf("%s: Digest is %s, that of Image %s, %v", p, p.Digest, digest, err)
			}
			// Two tar archives, each of a header, a file of 100,000 bytes in
			// whole blocks of 512, and two blocks of zeros.
			const want = 2 * (512 + 100_352 + 1024)
			if n, err := p.UncompressedSize(); err != nil || n != want {
				t.Errorf("%s: UncompressedSize() = %d, %v; want %d", p, n, err, want)
			}
			if n := storedSize(t, p.Image); p.CompressedSize != n {
				t.Errorf("%s: CompressedSize = %d, want %d", p, p.CompressedSize, n)
			}
		}
	}
	want := []string{
		"//images:hello hello:v1.0.0", "linux/amd64", "linux/arm64",
		"//images:bye bye:v1.0.0", "linux/amd64", "linux/arm64",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("images (-want +got):\n%s", diff)
	}
}

// storedSize reads all layers and counts their bytes.
func storedSize(t *testing.T, img v1.Image) int64 {
	t.Helper()
	layers, err := img.Layers()
	if err != nil {
		t.Fatal(err)
	}
	var sum int64
	for _, l := range layers {
		r, err := l.Compressed()
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		n, err := io.Copy(io.Discard, r)
		if err != nil {
			t.Fatal(err)
		}
		sum += n
	}
	return sum
}

// A layer that does not unpack to what the configuration states has a right
// digest all the same.
func TestUncompressedSizeChecksDiffID(t *testing.T) {
	t.Parallel()
	p := imagetest.Load(t, "hello")[0].Platforms[0]
	config, err := p.Image.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	config = config.DeepCopy()
	config.RootFS.DiffIDs[1] = config.RootFS.DiffIDs[0]
	p.Image = otherConfig{p.Image, config}
	if _, err := p.UncompressedSize(); err == nil || !strings.Contains(err.Error(), "its content has the diff ID") {
		t.Errorf("error %v", err)
	}
}

// otherConfig is an image with another configuration.
type otherConfig struct {
	v1.Image
	config *v1.ConfigFile
}

func (o otherConfig) ConfigFile() (*v1.ConfigFile, error) { return o.config, nil }

// In a sandbox Bazel makes each file of a directory a symbolic link.
func TestLoadLinkedLayout(t *testing.T) {
	t.Parallel()
	dir, linked := imagetest.Layout(t, "hello"), t.TempDir()
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		to := filepath.Join(linked, strings.TrimPrefix(path, dir))
		if d.IsDir() {
			return os.MkdirAll(to, 0o755)
		}
		return os.Symlink(path, to)
	})
	if err != nil {
		t.Fatal(err)
	}
	set, err := imageset.Load(imagetest.Write(t, fileOf(linked)))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := set.Images[0].Platforms[0].UncompressedSize(); err != nil {
		t.Error(err)
	}
}

func fileOf(layout string) imageset.File {
	return imageset.File{Images: []imageset.Entry{{
		Label: "//images:hello", Repository: "hello", Version: "v1.0.0", Layout: layout,
	}}}
}

func TestLoadBadFile(t *testing.T) {
	t.Parallel()
	entry := func(repository, version, layout string) string {
		return `{"label": "//images:x", "repository": "` + repository + `", "version": "` + version + `", "layout": "` + layout + `"}`
	}
	for name, test := range map[string]struct{ json, want string }{
		"not JSON":           {`{`, "not the expected JSON"},
		"unknown field":      {`{"imagse": []}`, `unknown field "imagse"`},
		"two values":         {`{"images": []} {}`, "something follows"},
		"no image":           {`{"images": []}`, "it names no image"},
		"no label":           {`{"images": [{"repository": "a"}]}`, "image 1 has no label"},
		"upper case":         {`{"images": [` + entry("Hello", "v1.0.0", "/x") + `]}`, `//images:x: bad repository name "Hello"`},
		"empty repository":   {`{"images": [` + entry("", "v1.0.0", "/x") + `]}`, `bad repository name ""`},
		"path in repository": {`{"images": [` + entry("a/../b", "v1.0.0", "/x") + `]}`, `bad repository name "a/../b"`},
		"version without v":  {`{"images": [` + entry("a", "1.0.0", "/x") + `]}`, `bad version "1.0.0": it must be vMAJOR.MINOR.PATCH`},
		"short version":      {`{"images": [` + entry("a", "v1.0", "/x") + `]}`, `bad version "v1.0"`},
		"leading zero":       {`{"images": [` + entry("a", "v1.00.0", "/x") + `]}`, `bad version "v1.00.0"`},
		"no layout":          {`{"images": [` + entry("a", "v1.0.0", "") + `]}`, "no layout directory"},
		"same repository":    {`{"images": [` + entry("a", "v1.0.0", "/x") + "," + entry("a", "v1.0.1", "/y") + `]}`, `have the same repository "a"`},
		"missing layout":     {`{"images": [` + entry("a", "v1.0.0", "/nowhere/at/all") + `]}`, "OCI layout /nowhere/at/all: not an OCI layout"},
		"no such runfile":    {`{"images": [` + entry("a", "v1.0.0", "_main/no/such") + `]}`, "_main/no/such"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "images.json")
			if err := os.WriteFile(path, []byte(test.json), 0o644); err != nil {
				t.Fatal(err)
			}
			checkError(t, path, test.want)
		})
	}
	checkError(t, filepath.Join(t.TempDir(), "none.json"), "start this command with `bazel run`, or name the list with --images FILE")
}

func checkError(t *testing.T, path, want string) {
	t.Helper()
	_, err := imageset.Load(path)
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Fatalf("error %v, want %q", err, want)
	}
	if strings.Contains(err.Error(), "\n") {
		t.Errorf("the error has several lines: %v", err)
	}
}

func TestLoadBadLayout(t *testing.T) {
	t.Parallel()
	// blobs gives the paths of the index, its first manifest and that one's
	// second layer.
	blobs := func(t *testing.T, dir string) (index, image, layer string) {
		top, err := layout.ImageIndexFromPath(dir)
		if err != nil {
			t.Fatal(err)
		}
		m, err := top.IndexManifest()
		if err != nil {
			t.Fatal(err)
		}
		idx, err := top.ImageIndex(m.Manifests[0].Digest)
		if err != nil {
			t.Fatal(err)
		}
		im, err := idx.IndexManifest()
		if err != nil {
			t.Fatal(err)
		}
		img, err := idx.Image(im.Manifests[0].Digest)
		if err != nil {
			t.Fatal(err)
		}
		imgm, err := img.Manifest()
		if err != nil {
			t.Fatal(err)
		}
		blob := func(h v1.Hash) string { return filepath.Join(dir, "blobs", h.Algorithm, h.Hex) }
		return blob(m.Manifests[0].Digest), blob(im.Manifests[0].Digest), blob(imgm.Layers[1].Digest)
	}
	for name, test := range map[string]struct {
		spoil func(t *testing.T, dir string)
		want  string
	}{
		"no oci-layout": {func(t *testing.T, dir string) {
			remove(t, filepath.Join(dir, "oci-layout"))
		}, "not an OCI layout"},
		"other version": {func(t *testing.T, dir string) {
			write(t, filepath.Join(dir, "oci-layout"), `{"imageLayoutVersion": "2.0.0"}`)
		}, `unknown version "2.0.0"`},
		"no index.json": {func(t *testing.T, dir string) {
			remove(t, filepath.Join(dir, "index.json"))
		}, "not an OCI layout"},
		"index.json is no JSON": {func(t *testing.T, dir string) {
			write(t, filepath.Join(dir, "index.json"), "hello")
		}, "index.json: "},
		"index.json is empty": {func(t *testing.T, dir string) {
			write(t, filepath.Join(dir, "index.json"), `{"schemaVersion": 2, "manifests": []}`)
		}, "index.json has 0 descriptors"},
		"digest that is a path": {func(t *testing.T, dir string) {
			write(t, filepath.Join(dir, "index.json"), `{"manifests": [{"mediaType": "`+string(types.OCIImageIndex)+`", "digest": "sha256:../../etc/passwd", "size": 1}]}`)
		}, "index.json: "},
		"wrong size": {func(t *testing.T, dir string) {
			path := filepath.Join(dir, "index.json")
			raw, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			write(t, path, strings.Replace(string(raw), `"size": `, `"size": 1`, 1))
		}, "image index: blob sha256:"},
		"no index blob": {func(t *testing.T, dir string) {
			index, _, _ := blobs(t, dir)
			remove(t, index)
		}, "image index: blob sha256:"},
		"no manifest": {func(t *testing.T, dir string) {
			_, image, _ := blobs(t, dir)
			remove(t, image)
		}, "image for linux/amd64: manifest: blob sha256:"},
		"no layer": {func(t *testing.T, dir string) {
			_, _, layer := blobs(t, dir)
			remove(t, layer)
		}, "image for linux/amd64: layer: blob sha256:"},
		"truncated layer": {func(t *testing.T, dir string) {
			_, _, layer := blobs(t, dir)
			if err := os.Truncate(layer, 1000); err != nil {
				t.Fatal(err)
			}
		}, "is corrupt: it holds 1000 bytes"},
		"one changed byte": {func(t *testing.T, dir string) {
			_, image, _ := blobs(t, dir)
			raw, err := os.ReadFile(image)
			if err != nil {
				t.Fatal(err)
			}
			raw[len(raw)/2] ^= 1
			write(t, image, string(raw))
		}, "manifest: blob sha256:"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := imagetest.Layout(t, "hello")
			test.spoil(t, dir)
			checkError(t, imagetest.Write(t, fileOf(dir)), test.want)
		})
	}
}

func remove(t *testing.T, path string) {
	t.Helper()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

// Layouts whose blobs are whole, but which hold something else.
func TestLoadWrongContent(t *testing.T) {
	t.Parallel()
	img, err := random.Image(100, 1)
	if err != nil {
		t.Fatal(err)
	}
	oci := mutate.MediaType(img, types.OCIManifestSchema1)
	amd64 := v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: "amd64"}}
	index := mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	for name, test := range map[string]struct {
		content mutate.Appendable
		want    string
	}{
		"an image":    {oci, "index.json describes a application/vnd.oci.image.manifest.v1+json"},
		"empty index": {index, "the image index is empty"},
		"Docker's manifest": {
			mutate.AppendManifests(index, mutate.IndexAddendum{Add: img, Descriptor: amd64}),
			"the image index holds a application/vnd.docker.distribution.manifest.v2+json",
		},
		"no platform": {
			mutate.AppendManifests(index, mutate.IndexAddendum{Add: oci}),
			"states no platform",
		},
		"other platform in the configuration": {
			mutate.AppendManifests(index, mutate.IndexAddendum{Add: oci, Descriptor: amd64}),
			"image for linux/amd64: configuration: it is for /",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			path, err := layout.Write(dir, empty.Index)
			if err != nil {
				t.Fatal(err)
			}
			// AppendIndex does not make it for an empty index.
			if err := os.MkdirAll(filepath.Join(dir, "blobs", "sha256"), 0o755); err != nil {
				t.Fatal(err)
			}
			switch content := test.content.(type) {
			case v1.Image:
				err = path.AppendImage(content)
			case v1.ImageIndex:
				err = path.AppendIndex(content)
			}
			if err != nil {
				t.Fatal(err)
			}
			checkError(t, imagetest.Write(t, fileOf(dir)), test.want)
		})
	}
}

func TestCheckTag(t *testing.T) {
	t.Parallel()
	for tag, good := range map[string]bool{
		"latest":                 true,
		"v1.0.0":                 true,
		"_x":                     true,
		strings.Repeat("a", 128): true,
		strings.Repeat("a", 129): false,
		"":                       false,
		".x":                     false,
		"-x":                     false,
		"a b":                    false,
		"a/b":                    false,
		"ä":                      false,
		"a\n":                    false,
	} {
		if err := imageset.CheckTag(tag); (err == nil) != good {
			t.Errorf("CheckTag(%q) = %v", tag, err)
		}
	}
}
