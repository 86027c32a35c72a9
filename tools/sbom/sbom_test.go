package main

import (
	"bytes"
	encodingjson "encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spdx/tools-golang/json"
	"github.com/spdx/tools-golang/spdx/v2/common"
	spdx "github.com/spdx/tools-golang/spdx/v2/v2_3"
	"github.com/spdx/tools-golang/spdxlib"
)

const testGoMod = `module example.com/service

go 1.26.0

require (
	example.org/plain v1.2.3
	example.org/plain/nested/v2 v2.0.0
	example.org/replaced v1.0.0
	example.org/patched v0.1.0+incompatible
	example.org/local v1.0.0
	example.org/only_tests v1.0.0
)

replace example.org/replaced => example.net/fork v1.0.1

replace example.org/local => ./third_party/local
`

var testFiles = map[string]string{
	"go.mod": testGoMod,
	"go.sum": "example.org/plain v1.2.3 h1:AAAA=\nexample.org/plain v1.2.3/go.mod h1:BBBB=\nexample.net/fork v1.0.1 h1:CCCC=\n",
	"MODULE.bazel": `go_deps.module_override(
    patch_strip = 1,
    patches = ["//:a.patch"],
    path = "example.org/patched",
)
go_deps.gazelle_override(
    path = "example.org/plain",
)
go_deps.module_override(
    patch_strip = 1,
    path = "example.org/plain",
)
go_sdk.from_file(
    go_mod = "//:go.mod",
    patches = [
        "//tools/sdk:a.patch",
    ],
)
`,
	"licenses.txt": "# comment\nexample.org/plain v1.2.3 MIT\nexample.net/fork v1.0.1 Apache-2.0 AND MIT\n",
	"layer":        "layer",
}

// write makes an SBOM of this very test program, as if it had these packages.
func write(t *testing.T, packages ...string) ([]byte, error) {
	t.Helper()
	directory := t.TempDir()
	path := func(name string) string { return filepath.Join(directory, name) }
	for name, content := range testFiles {
		if err := os.WriteFile(path(name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	executable, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	raw, err := encodingjson.Marshal(image{
		Name: "app", Version: "v1.0.0", Platform: "linux/amd64", Layer: path("layer"),
		GoMod: path("go.mod"), GoSum: path("go.sum"), Module: path("MODULE.bazel"), Licenses: path("licenses.txt"),
		Programs: []program{{Path: "/app", File: executable, Packages: packages}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path("image.json"), raw, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := run([]string{path("out"), path("image.json")}); err != nil {
		if _, statErr := os.Stat(path("out")); statErr == nil {
			t.Error("a failed run left its output behind")
		}
		return nil, err
	}
	return os.ReadFile(path("out"))
}

func TestSBOM(t *testing.T) {
	t.Parallel()
	packages := []string{
		"//", "//internal/x", "example.org/plain", "example.org/plain/deep/inside",
		"example.org/plain/nested/v2/x", "example.org/replaced/y", "example.org/patched", "example.org/local/z",
	}
	content, err := write(t, packages...)
	if err != nil {
		t.Fatal(err)
	}
	again, err := write(t, packages...)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(content, again) {
		t.Error("the same image in another directory has another SBOM")
	}
	var doc spdx.Document
	if err := json.ReadInto(bytes.NewReader(content), &doc); err != nil {
		t.Fatal(err)
	}
	if err := spdxlib.ValidateDocument(&doc); err != nil {
		t.Error(err)
	}
	var got []string
	for _, p := range doc.Packages {
		line := fmt.Sprintf("%s %s %s", p.PackageName, p.PackageVersion, p.PackageLicenseDeclared)
		for _, reference := range p.PackageExternalReferences {
			line += " " + reference.Locator
		}
		if p.PackageSourceInfo != "" {
			line += " " + p.PackageSourceInfo
		}
		if p.PackageComment != "" {
			line += " " + p.PackageComment
		}
		if p.PackageName == "std" {
			line = "std: " + p.PackageComment
		}
		got = append(got, line)
	}
	want := []string{
		"app v1.0.0 NOASSERTION The image for linux/amd64.",
		"app layer  NOASSERTION",
		"/app  NOASSERTION",
		"example.com/service  NOASSERTION This repository.",
		"example.net/fork v1.0.1 Apache-2.0 AND MIT pkg:golang/example.net/fork@v1.0.1 go.sum: h1:CCCC= Replaces example.org/replaced v1.0.0.",
		"example.org/local  NOASSERTION Replaced by the directory ./third_party/local of this repository.",
		"example.org/patched v0.1.0+incompatible NOASSERTION pkg:golang/example.org/patched@v0.1.0%2Bincompatible Patched by this repository (go_deps.module_override in MODULE.bazel).",
		"example.org/plain v1.2.3 MIT pkg:golang/example.org/plain@v1.2.3 go.sum: h1:AAAA=",
		"example.org/plain/nested/v2 v2.0.0 NOASSERTION pkg:golang/example.org/plain/nested/v2@v2.0.0",
		"std: Go's standard library. Patched by this repository (go_sdk in MODULE.bazel).",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("packages (-want +got):\n%s", diff)
	}
	if doc.CreationInfo.Created != created || !strings.HasPrefix(doc.DocumentNamespace, namespace) {
		t.Errorf("created %s as %s", doc.CreationInfo.Created, doc.DocumentNamespace)
	}
	kinds := map[string]int{}
	for _, r := range doc.Relationships {
		kinds[r.Relationship]++
	}
	if diff := cmp.Diff(map[string]int{common.TypeRelationshipDescribe: 1, common.TypeRelationshipContains: 2, common.TypeRelationshipStaticLink: 7}, kinds); diff != "" {
		t.Errorf("relationships (-want +got):\n%s", diff)
	}
	for _, p := range doc.Packages[1:3] {
		if len(p.PackageChecksums) != 1 || p.PackageChecksums[0].Algorithm != common.SHA256 {
			t.Errorf("%s has the checksums %v", p.PackageName, p.PackageChecksums)
		}
	}
	other, err := write(t, packages[:2]...)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(other, []byte("example.org")) {
		t.Error("a module that is not linked is named")
	}
}

func TestErrors(t *testing.T) {
	t.Parallel()
	if _, err := write(t, "example.edu/unknown"); err == nil || !strings.Contains(err.Error(), "no module of go.mod has it") {
		t.Errorf("error %v", err)
	}
	if err := run([]string{"a"}); err == nil || !strings.Contains(err.Error(), "usage:") {
		t.Errorf("error %v", err)
	}
}

// A package is of a module that is above it, whatever the files say.
func FuzzModules(f *testing.F) {
	for _, importPath := range []string{"example.org/plain/deep/inside", "example.org/replaced", "//internal/x", ""} {
		f.Add(testFiles["go.mod"], testFiles["go.sum"], testFiles["MODULE.bazel"], importPath)
	}
	directory := f.TempDir()
	f.Fuzz(func(t *testing.T, goMod, goSum, bazel, importPath string) {
		i := &image{
			GoMod: filepath.Join(directory, "go.mod"), GoSum: filepath.Join(directory, "go.sum"),
			Module: filepath.Join(directory, "MODULE.bazel"), Licenses: filepath.Join(directory, "go.sum"),
		}
		for path, content := range map[string]string{i.GoMod: goMod, i.GoSum: goSum, i.Module: bazel} {
			if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		m, err := readModules(i)
		if err != nil {
			return
		}
		found, err := m.of(importPath)
		if err != nil || strings.HasPrefix(importPath, "//") || len(m.file.Replace) > 0 {
			return
		}
		if !strings.HasPrefix(importPath+"/", found.path+"/") {
			t.Errorf("%q is said to be in the module %q", importPath, found.path)
		}
	})
}
