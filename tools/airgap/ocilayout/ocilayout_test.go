package main

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"
)

// What rules_oci 2.3.0 wrote for three targets of a package //conformance; its BUILD file
// is in testdata/README.md. //tools/airgap:airgap_test compares more, built by Bazel.
func TestReference(t *testing.T) {
	t.Parallel()
	data, err := filepath.Abs("testdata/rules_oci-2.3.0")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	build := func(name, command string, inputs ...string) {
		t.Helper()
		digest := filepath.Join(dir, name+".digest")
		if err := run(append([]string{command, mkdir(t, dir, name), digest}, inputs...)); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		want := tree(t, filepath.Join(data, "expected", name))
		if diff := cmp.Diff(want, tree(t, filepath.Join(dir, name))); diff != "" {
			t.Errorf("%s: not what rules_oci writes (-want +got):\n%s", name, diff)
		}
		if got := read(t, digest); !strings.HasSuffix(got, "\n") || !strings.Contains(want["index.json"], strings.TrimSpace(got)) {
			t.Errorf("%s: digest %q is not the one in index.json", name, got)
		}
	}
	// attributes are the contents of files, other members of the spec are values.
	image := func(name string, labels []string, attributes map[string]string, s map[string]any) {
		t.Helper()
		for key, content := range attributes {
			s[key] = write(t, filepath.Join(dir, name+"."+key), content)
		}
		var layers []string
		for _, label := range labels {
			layers = append(layers, filepath.Join(data, strings.TrimPrefix(label, "//conformance:")))
		}
		s["layers"] = layers
		text, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		build(name, "image", append([]string{write(t, filepath.Join(dir, name+".json"), string(text))}, labels...)...)
	}
	image("scratch", []string{"//conformance:a.tar.gz"}, map[string]string{
		"entrypoint":    "/app/hello\n--flag",
		"exposed_ports": "8060/tcp",
		"labels":        "org.opencontainers.image.title=hello",
		"annotations":   "org.opencontainers.image.title=hello\norg.opencontainers.image.source=https://example.com/x?a=b",
		"env":           "GREETING=hi\nEMPTY=",
	}, map[string]any{"os": "linux", "architecture": "amd64", "user": "65534:65534", "workdir": "/"})
	image("two_layers", []string{"//conformance:b.tar", "//conformance:a.tar.gz"}, map[string]string{"cmd": "/app/hello"},
		map[string]any{"os": "linux", "architecture": "arm64", "variant": "v8"})
	build("index", "index", filepath.Join(dir, "scratch"), filepath.Join(dir, "two_layers"))
}

// tree returns the files below dir by path. It follows links.
func tree(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	for _, pattern := range []string{"*", "blobs/*/*"} {
		paths, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range paths {
			if filepath.Base(path) != "blobs" {
				files[strings.TrimPrefix(path, dir+"/")] = read(t, path)
			}
		}
	}
	return files
}

func mkdir(t *testing.T, elem ...string) string {
	t.Helper()
	dir := filepath.Join(elem...)
	if err := os.MkdirAll(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	return dir
}

func read(t *testing.T, file string) string {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func write(t *testing.T, file, content string) string {
	t.Helper()
	mkdir(t, filepath.Dir(file))
	if err := os.WriteFile(file, []byte(content), 0o666); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestReadLayer(t *testing.T) {
	t.Parallel()
	tar := bytes.Repeat([]byte("not really a tar archive "), 5000)
	gz := compressed(t, tar, func(w io.Writer) (io.WriteCloser, error) { return gzip.NewWriter(w), nil })
	zst := compressed(t, tar, func(w io.Writer) (io.WriteCloser, error) { return zstd.NewWriter(w) })
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
		"gzip magic only":       {file: gz[:2], err: "damaged"},
		"gzip cut":              {file: gz[:len(gz)-1], err: "damaged"},
		"gzip and more":         {file: join(gz, []byte("more")), err: "damaged"},
		"gzip and zeros":        {file: join(gz, make([]byte, 512)), err: "damaged"},
		"zstd cut":              {file: zst[:len(zst)-1], err: "damaged"},
		"zstd and more":         {file: join(zst, []byte("more")), err: "damaged"},
		"xz":                    {file: []byte("\xfd7zXZ\x00\x00\x04"), err: "use gzip, zstd or no compression"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := exec.LookPath("zstd"); err != nil && strings.HasPrefix(name, "zstd") {
				t.Skip("the program zstd, which the air-gapped build has, is not on this machine")
			}
			got, err := readLayer(write(t, filepath.Join(t.TempDir(), "layer"), string(c.file)))
			if c.err != "" {
				if err == nil || !strings.Contains(err.Error(), c.err) {
					t.Errorf("got error %v, want one with %q", err, c.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			want := layer{
				digest:      fmt.Sprintf("sha256:%x", sha256.Sum256(c.file)),
				size:        int64(len(c.file)),
				diffID:      fmt.Sprintf("sha256:%x", sha256.Sum256(c.diff)),
				compression: c.compression,
			}
			if diff := cmp.Diff(want, got, cmp.AllowUnexported(layer{})); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func compressed(t *testing.T, data []byte, newWriter func(io.Writer) (io.WriteCloser, error)) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := newWriter(&b)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// Layers of an image are relative links, so that they hold wherever the outputs are
// mounted. An image index has no links.
func TestLinks(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	tar := write(t, filepath.Join(dir, "layer.tar"), "layer")
	base, child, index := mkdir(t, dir, "base"), mkdir(t, dir, "out", "child"), mkdir(t, dir, "index")
	if _, err := writeImage(base, spec{OS: "linux", Architecture: "amd64", Layers: []string{tar}}, []string{"//a:b"}); err != nil {
		t.Fatal(err)
	}
	if _, err := writeImage(child, spec{Base: base, User: "1"}, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := writeIndex(index, []string{child}); err != nil {
		t.Fatal(err)
	}
	blob := filepath.Join("blobs", "sha256", strings.TrimPrefix(digestOf([]byte("layer")), "sha256:"))
	for image, want := range map[string]string{base: "../../../layer.tar", child: "../../../../base/" + blob} {
		if got, err := os.Readlink(filepath.Join(image, blob)); err != nil || got != want {
			t.Errorf("%s: link to %q (%v), want %q", image, got, err, want)
		}
	}
	if info, err := os.Lstat(filepath.Join(index, blob)); err != nil || !info.Mode().IsRegular() {
		t.Errorf("layer in the index: %v, %v, want a regular file", info, err)
	}
}

func TestBaseErrors(t *testing.T) {
	t.Parallel()
	const version = `{"imageLayoutVersion":"1.0.0"}`
	with := func(index string, blobs ...string) map[string]string {
		files := map[string]string{"oci-layout": version, "index.json": index}
		for _, b := range blobs {
			files["blobs/sha256/"+strings.TrimPrefix(digestOf([]byte(b)), "sha256:")] = b
		}
		return files
	}
	entry := func(blob string) string {
		return fmt.Sprintf(`{"manifests":[{"mediaType":%q,"digest":%q}]}`, typeManifest, digestOf([]byte(blob)))
	}
	// image returns a manifest with more members, and its configuration.
	image := func(members, config string) []string {
		return []string{fmt.Sprintf(`{"config":{"digest":%q}%s}`, digestOf([]byte(config)), members), config}
	}
	noType := image("", `{"os":"linux"}`)
	docker := image(`,"mediaType":"application/vnd.docker.distribution.manifest.v2+json"`, `{}`)
	subject := image(`,"subject":{}`, `{}`)
	fraction := image("", `{"x":1.5}`)
	path := image(`,"layers":[{"digest":"sha256:../../../x"}]`, `{}`)
	changed := with(entry("x"))
	changed["blobs/sha256/"+digestOf([]byte("x"))[7:]] = "y"
	for name, c := range map[string]struct {
		files map[string]string
		want  string
	}{
		"not a layout":      {map[string]string{"x": ""}, "is not an OCI image layout"},
		"other version":     {map[string]string{"oci-layout": `{"imageLayoutVersion":"2.0.0"}`, "index.json": "{}"}, `version "2.0.0" is not 1.0.0`},
		"no index.json":     {map[string]string{"oci-layout": version}, "is not an OCI image layout"},
		"bad index.json":    {with("{"), "index.json: unexpected"},
		"no manifest":       {with(`{"manifests":[]}`), "0 descriptors"},
		"two manifests":     {with(`{"manifests":[{},{}]}`), "2 descriptors"},
		"no digest":         {with(`{"manifests":[{}]}`), `"" is not a digest`},
		"digest is a path":  {with(`{"manifests":[{"digest":"sha256:../../x"}]}`), "is not a digest"},
		"blob missing":      {with(entry("x")), "reading the manifest"},
		"blob changed":      {changed, "has the digest"},
		"an image index":    {with(entry(`{"manifests":[]}`), `{"manifests":[]}`), "is not an image manifest"},
		"config missing":    {with(entry(noType[0]), noType[0]), "reading the image configuration"},
		"fraction":          {with(entry(fraction[0]), fraction...), "1.5 is not an integer"},
		"no type to tell":   {with(entry(noType[0]), noType...), `media type ""`},
		"two media types":   {with(entry(docker[0]), docker...), "in index.json and"},
		"with a subject":    {with(entry(subject[0]), subject...), "has a subject"},
		"layer with a path": {with(entry(path[0]), path...), "is not a digest"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			for file, content := range c.files {
				write(t, filepath.Join(dir, "base", file), content)
			}
			out := mkdir(t, dir, "out")
			_, err := writeImage(out, spec{Base: filepath.Join(dir, "base")}, nil)
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "base: ") {
				t.Errorf("got error %v, want one with %q", err, c.want)
			}
			if _, err := os.Stat(filepath.Join(out, "index.json")); err == nil {
				t.Error("wrote index.json nevertheless")
			}
		})
	}
}

func TestRunErrors(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := func(name, content string) string { return write(t, filepath.Join(dir, name), content) }
	latin1 := file("latin1", "a=\xe9")
	for name, c := range map[string]struct {
		args []string
		want string
	}{
		"nothing":           {nil, "usage:"},
		"unknown command":   {[]string{"push", "a", "b", "c"}, "usage:"},
		"no layouts":        {[]string{"index", "a", "b"}, "usage:"},
		"not a layout":      {[]string{"index", "a", "b", dir}, "is not an OCI image layout"},
		"unknown member":    {[]string{"image", "a", "b", file("unknown", `{"oss":"linux"}`)}, `unknown field "oss"`},
		"no platform":       {[]string{"image", "a", "b", file("half", `{"os":"linux"}`)}, "needs either a base, or"},
		"base and platform": {[]string{"image", "a", "b", file("both", `{"base":"b","os":"linux","architecture":"amd64"}`)}, "needs either a base, or"},
		"no such file":      {[]string{"image", "a", "b", file("env", `{"os":"linux","architecture":"amd64","env":"none"}`)}, "none: no such file"},
		"not UTF-8":         {[]string{"image", "a", "b", file("labels", `{"os":"linux","architecture":"amd64","labels":"`+latin1+`"}`)}, "latin1 is not valid UTF-8"},
	} {
		if err := run(c.args); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got error %v, want one with %q", name, err, c.want)
		}
	}
}

func TestJSON(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ in, want string }{
		"order":     {"{\"z\": 1, \"a\": {\"y\": true, \"b\": null}}", "{\n  \"z\": 1,\n  \"a\": {\n    \"y\": true,\n    \"b\": null\n  }\n}"},
		"empty":     {` { "a" : [ 1 , [] ] , "o":{}} ` + "\n", "{\n  \"a\": [\n    1,\n    []\n  ],\n  \"o\": {}\n}"},
		"numbers":   {`{"a":9223372036854775808,"b":-0}`, "{\n  \"a\": 9223372036854775808,\n  \"b\": -0\n}"},
		"unescaped": {`{"a":"\u0041\/\u00e9\ud83d\ude00\u003c"}`, "{\n  \"a\": \"A/é😀<\"\n}"},
		"duplicate": {`{"a":1,"b":2,"a":3}`, "{\n  \"a\": 3,\n  \"b\": 2\n}"},
		// As jq 1.7.1 wrote it.
		"escapes": {`{"\"":"\\ \\u2028 \b\f\n\r\t\u0000\u001f\u007f<>&\u2028\u2029"}`,
			"{\n  \"\\\"\": \"\\\\ \\\\u2028 \\b\\f\\n\\r\\t\\u0000\\u001f\\u007f<>&\u2028\u2029\"\n}"},
	} {
		o, err := parse([]byte(c.in))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if diff := cmp.Diff(c.want, string(marshal(o))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	for in, want := range map[string]string{
		// Versions of Go differ in how they say that the input ends too early.
		"":              "unexpected",
		"{":             "unexpected",
		`{"a":`:         "unexpected",
		"[1]":           "not a JSON object",
		"{} {}":         "data after",
		`{"a":1e3}`:     "not an integer",
		`{"a" 1}`:       "invalid character",
		"{\"a\":\"\xe9": "not valid UTF-8",
	} {
		if _, err := parse([]byte(in)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got error %v, want one with %q", in, err, want)
		}
	}
}

// What is written is read again as the same.
func FuzzJSON(f *testing.F) {
	f.Add([]byte(`{"a":[1,"\u2028\\",{}],"b":null}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		o, err := parse(data)
		if err != nil {
			return
		}
		again, err := parse(marshal(o))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(marshal(o)), string(marshal(again))); diff != "" {
			t.Error(diff)
		}
	})
}
