// Package fakes is a workspace for tests whose tools/bazel is a shell script: what it
// "builds" depends on the sources as a real build does, and on whatever else a test
// says.
package fakes

import (
	"archive/tar"
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// Image is the label of the image.
const Image = "//images:hello"

// bazel is the script. Before it builds it sources the file extra, which a test writes.
// Its images lie ready: one for each text of the page.
const bazel = `#!/bin/sh
set -eu
for arg; do
  case "$arg" in
    --output_base=*) output_base=${arg#*=} ;;
    build | query | shutdown) command=$arg ;;
  esac
done
echo "$command $*" >>%[1]s/calls
case "$command" in
  query) echo //images:hello; exit ;;
  shutdown) exit ;;
esac
page=$(cat hello/page.html)
. %[1]s/extra
rm -rf bazel-bin
mkdir -p bazel-bin/images bazel-bin/repro_probe
cp -R "%[1]s/layouts/$page/." bazel-bin/images/hello
cp "%[1]s/layouts/$page.digest" bazel-bin/images/hello.digest
{
  echo "folder=${output_base:-}/execroot"
  echo "time=$(date +%%s)"
} >bazel-bin/repro_probe/probe.txt
after
`

// Pages are the texts of hello/page.html for which there are images; the second is a
// byte away from the first.
var Pages = []string{"<title>Hello", "<title>Jello", "other"}

// Workspace makes the workspace. extra is shell code that the script runs before it
// builds: it may change the variable page, fail, or define the function after, which
// is called at the end.
func Workspace(t testing.TB, extra string) string {
	t.Helper()
	root, fake := t.TempDir(), t.TempDir()
	for i, page := range Pages {
		writeImage(t, filepath.Join(fake, "layouts", page), fmt.Sprintf("binary %d", i))
	}
	write(t, filepath.Join(fake, "extra"), "after() { :; }\n"+extra+"\n")
	write(t, filepath.Join(root, "tools/bazel"), fmt.Sprintf(bazel, fake))
	for name, content := range map[string]string{
		"hello/page.html":                    Pages[0],
		"hello/main.go":                      "// Package main is small.\npackage main\n",
		"hello/main_test.go":                 "package main\n",
		"hello/server/server.go":             "// Package server is smaller.\npackage server\n",
		"hello/server/internal/part/part.go": "// Package part is the smallest.\npackage part\n",
		"README.md":                          "# Read me\n",
		"docs/more.md":                       "More.\n",
	} {
		write(t, filepath.Join(root, name), content)
	}
	return root
}

func write(t testing.TB, file, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(content), 0o755); err != nil {
		t.Fatal(err)
	}
}

// writeImage writes an OCI image layout with the files /hello and /etc/passwd, and its
// digest beside it.
func writeImage(t testing.TB, dir, hello string) {
	t.Helper()
	var archive bytes.Buffer
	tw := tar.NewWriter(&archive)
	for _, file := range []struct{ name, content string }{{"hello", hello}, {"etc/passwd", "nobody\n"}} {
		header := &tar.Header{Name: file.name, Size: int64(len(file.content)), Mode: 0o644, Typeflag: tar.TypeReg}
		if err := tw.WriteHeader(header); err != nil {
			t.Fatal(err)
		}
		if _, err := tw.Write([]byte(file.content)); err != nil {
			t.Fatal(err)
		}
	}
	if err := tw.Close(); err != nil {
		t.Fatal(err)
	}
	platform := &v1.Platform{OS: "linux", Architecture: "amd64"}
	img, err := mutate.AppendLayers(empty.Image, static.NewLayer(archive.Bytes(), types.OCIUncompressedLayer))
	if err != nil {
		t.Fatal(err)
	}
	img, err = mutate.ConfigFile(img, &v1.ConfigFile{OS: platform.OS, Architecture: platform.Architecture, RootFS: rootFS(t, img)})
	if err != nil {
		t.Fatal(err)
	}
	img = mutate.ConfigMediaType(mutate.MediaType(img, types.OCIManifestSchema1), types.OCIConfigJSON)
	index := mutate.AppendManifests(mutate.IndexMediaType(empty.Index, types.OCIImageIndex),
		mutate.IndexAddendum{Add: img, Descriptor: v1.Descriptor{Platform: platform}})
	path, err := layout.Write(dir, empty.Index)
	if err != nil {
		t.Fatal(err)
	}
	if err := path.AppendIndex(index); err != nil {
		t.Fatal(err)
	}
	digest, err := index.Digest()
	if err != nil {
		t.Fatal(err)
	}
	write(t, dir+".digest", digest.String()+"\n")
}

func rootFS(t testing.TB, img v1.Image) v1.RootFS {
	t.Helper()
	config, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	return config.RootFS
}
