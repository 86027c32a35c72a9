package layout

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"
)

// That images and indexes are right is tested in //tools/airgap/conformance.

func TestReadLayer(t *testing.T) {
	t.Parallel()
	tar := bytes.Repeat([]byte("not really a tar archive "), 5000)
	gz, zst := compressed(t, "gzip", tar), compressed(t, "zstd", tar)
	join := func(parts ...[]byte) []byte { return bytes.Join(parts, nil) }
	skippable := []byte("\x50\x2a\x4d\x18\x03\x00\x00\x00abc")
	for name, c := range map[string]struct {
		file, diff  []byte
		compression string
		err         string
	}{
		"plain":                 {file: tar, diff: tar},
		"empty":                 {},
		"one byte":              {file: []byte{0x1f}, diff: []byte{0x1f}},
		"gzip":                  {file: gz, diff: tar, compression: "gzip"},
		"gzip members":          {file: join(gz, gz), diff: join(tar, tar), compression: "gzip"},
		"zstd":                  {file: zst, diff: tar, compression: "zstd"},
		"zstd frames":           {file: join(zst, skippable, zst), diff: join(tar, tar), compression: "zstd"},
		"zstd, skippable first": {file: join(skippable, zst), diff: tar, compression: "zstd"},
		"gzip magic only":       {file: gz[:2], err: "damaged gzip"},
		"gzip cut":              {file: gz[:len(gz)-1], err: "damaged gzip"},
		"gzip and more":         {file: join(gz, []byte("more")), err: "damaged gzip"},
		"gzip and zeros":        {file: join(gz, make([]byte, 512)), err: "damaged gzip"},
		"zstd cut":              {file: zst[:len(zst)-1], err: "damaged zstd"},
		"zstd and more":         {file: join(zst, []byte("more")), err: "damaged zstd"},
		"xz":                    {file: []byte("\xfd7zXZ\x00\x00\x04"), err: "use gzip or zstd"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(t.TempDir(), "layer.tar")
			if err := os.WriteFile(file, c.file, 0o666); err != nil {
				t.Fatal(err)
			}
			got, err := ReadLayer(file, "//a:b")
			if c.err != "" {
				if err == nil || !strings.Contains(err.Error(), c.err) || !strings.Contains(err.Error(), file) {
					t.Errorf("got error %v, want one with %q and the file", err, c.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			want := Layer{
				Digest:      fmt.Sprintf("sha256:%x", sha256.Sum256(c.file)),
				Size:        int64(len(c.file)),
				DiffID:      fmt.Sprintf("sha256:%x", sha256.Sum256(c.diff)),
				Compression: c.compression,
				CreatedBy:   "bazel build //a:b",
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func compressed(t *testing.T, with string, data []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	var w interface {
		Write([]byte) (int, error)
		Close() error
	} = gzip.NewWriter(&b)
	if with == "zstd" {
		var err error
		if w, err = zstd.NewWriter(&b); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// An image's layers are links, relative so that they hold wherever the output goes; an
// index has none.
func TestLinks(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	tar, layer := filepath.Join(dir, "layer.tar"), filepath.Join(dir, "layer.json")
	if err := os.WriteFile(tar, []byte("layer"), 0o666); err != nil {
		t.Fatal(err)
	}
	l, err := ReadLayer(tar, "//a:b")
	if err != nil {
		t.Fatal(err)
	}
	if err := WriteLayer(layer, l); err != nil {
		t.Fatal(err)
	}
	base, child, index := filepath.Join(dir, "base"), filepath.Join(dir, "out", "child"), filepath.Join(dir, "index")
	if err := WriteImage(base, Image{OS: "linux", Architecture: "amd64", Layers: []LayerFiles{{tar, layer}}}); err != nil {
		t.Fatal(err)
	}
	if err := WriteImage(child, Image{Base: base, User: "1"}); err != nil {
		t.Fatal(err)
	}
	if err := WriteIndex(index, []string{child}); err != nil {
		t.Fatal(err)
	}
	blob := filepath.Join("blobs", "sha256", strings.TrimPrefix(l.Digest, "sha256:"))
	for image, want := range map[string]string{
		base:  "../../../layer.tar",
		child: "../../../../base/" + blob,
	} {
		got, err := os.Readlink(filepath.Join(image, blob))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("link in %s (-want +got):\n%s", image, diff)
		}
	}
	info, err := os.Lstat(filepath.Join(index, blob))
	if err != nil {
		t.Fatal(err)
	}
	if !info.Mode().IsRegular() {
		t.Errorf("layer in the index is %v, want a regular file", info.Mode())
	}
}

func TestErrors(t *testing.T) {
	t.Parallel()
	const manifestType = `"application/vnd.oci.image.manifest.v1+json"`
	good := map[string]string{"oci-layout": `{"imageLayoutVersion":"1.0.0"}`}
	with := func(index string, blobs ...string) map[string]string {
		files := map[string]string{"oci-layout": good["oci-layout"], "index.json": index}
		for _, b := range blobs {
			files["blobs/sha256/"+strings.TrimPrefix(digestOf([]byte(b)), "sha256:")] = b
		}
		return files
	}
	entry := func(blob string) string {
		return fmt.Sprintf(`{"schemaVersion":2,"manifests":[{"mediaType":%s,"digest":%q}]}`, manifestType, digestOf([]byte(blob)))
	}
	image := func(members, config string) []string {
		return []string{fmt.Sprintf(`{"config":{"digest":%q},"layers":[]%s}`, digestOf([]byte(config)), members), config}
	}
	noType := image("", `{"os":"linux"}`)
	docker := image(`,"mediaType":"application/vnd.docker.distribution.manifest.v2+json"`, `{"os":"linux"}`)
	subject := image(`,"subject":{}`, `{"os":"linux"}`)
	fraction := image("", `{"x":1.5}`)
	path := strings.Replace(noType[0], "[]", `[{"digest":"sha256:../../../x"}]`, 1)
	for name, c := range map[string]struct {
		files map[string]string
		want  string
	}{
		"not a layout":      {map[string]string{"x": ""}, "is not an OCI image layout"},
		"other version":     {map[string]string{"oci-layout": `{"imageLayoutVersion":"2.0.0"}`}, `version "2.0.0" is not 1.0.0`},
		"no index.json":     {good, "is not an OCI image layout"},
		"bad index.json":    {with("{"), "index.json"},
		"no manifest":       {with(`{"manifests":[]}`), "0 entries"},
		"two manifests":     {with(`{"manifests":[{},{}]}`), "2 entries"},
		"no digest":         {with(`{"manifests":[{}]}`), `"" is not a digest`},
		"digest is a path":  {with(`{"manifests":[{"digest":"sha256:../../x"}]}`), "is not a digest"},
		"blob missing":      {with(entry("x")), "reading the manifest"},
		"blob changed":      {map[string]string{"oci-layout": good["oci-layout"], "index.json": entry("x"), "blobs/sha256/" + digestOf([]byte("x"))[7:]: "y"}, "has other content"},
		"an image index":    {with(entry(`{"manifests":[]}`), `{"manifests":[]}`), "is not an image manifest"},
		"config missing":    {with(entry(noType[0]), noType[0]), "reading the image configuration"},
		"fraction":          {with(entry(fraction[0]), fraction...), "1.5 is not an integer"},
		"no type to tell":   {with(entry(noType[0]), noType...), `media type ""`},
		"two media types":   {with(entry(docker[0]), docker...), "index.json says"},
		"with a subject":    {with(entry(subject[0]), subject...), "has a subject"},
		"layer with a path": {with(entry(path), path, noType[1]), "is not a digest"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			base := filepath.Join(dir, "base")
			for file, content := range c.files {
				file = filepath.Join(base, file)
				if err := os.MkdirAll(filepath.Dir(file), 0o777); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(file, []byte(content), 0o666); err != nil {
					t.Fatal(err)
				}
			}
			out := filepath.Join(dir, "out")
			err := WriteImage(out, Image{Base: base})
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "base: ") {
				t.Errorf("got error %v, want one with %q", err, c.want)
			}
			if _, err := os.Stat(filepath.Join(out, "index.json")); err == nil {
				t.Error("wrote index.json all the same")
			}
		})
	}
}

func TestSpecErrors(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	latin1 := filepath.Join(dir, "latin1")
	if err := os.WriteFile(latin1, []byte("a=\xe9"), 0o666); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		image Image
		want  string
	}{
		"neither base nor platform": {Image{OS: "linux"}, "needs either a base, or"},
		"base and platform":         {Image{Base: "b", OS: "linux", Architecture: "amd64"}, "needs either a base, or"},
		"no such file":              {Image{OS: "linux", Architecture: "amd64", Env: filepath.Join(dir, "none")}, "none: no such file"},
		"labels not UTF-8":          {Image{OS: "linux", Architecture: "amd64", Labels: latin1}, "latin1 is not valid UTF-8"},
		"annotations not UTF-8":     {Image{OS: "linux", Architecture: "amd64", Annotations: latin1}, "latin1 is not valid UTF-8"},
	} {
		if err := WriteImage(filepath.Join(dir, name), c.image); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got error %v, want one with %q", name, err, c.want)
		}
	}
	if err := WriteIndex(filepath.Join(dir, "index"), nil); err == nil {
		t.Error("WriteIndex took no images")
	}
	if _, err := Digest(dir); err == nil {
		t.Error("Digest took a folder without index.json")
	}
}
