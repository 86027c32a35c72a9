package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/bazelbuild/buildtools/build"
	"golang.org/x/mod/modfile"
)

// module is a Go module of which something is linked.
type module struct {
	path    string
	version string // empty for what is in this repository
	sum     string // of go.sum
	license string // SPDX expression, or NOASSERTION
	comment string
}

// modules knows the modules of the build: those of go.mod, which Bazel builds from.
type modules struct {
	file     *modfile.File
	sums     map[string]string // by "PATH VERSION"
	licenses map[string]string // by "PATH VERSION"
	patched  map[string]bool   // by path; "std" for the Go SDK
}

const noAssertion = "NOASSERTION"

func readModules(i *image) (*modules, error) {
	m := &modules{patched: map[string]bool{}}
	raw, err := os.ReadFile(i.GoMod)
	if err != nil {
		return nil, err
	}
	if m.file, err = modfile.Parse("go.mod", raw, nil); err != nil {
		return nil, err
	}
	if m.sums, err = readPairs(i.GoSum); err != nil {
		return nil, err
	}
	if m.licenses, err = readPairs(i.Licenses); err != nil {
		return nil, err
	}
	if raw, err = os.ReadFile(i.Module); err != nil {
		return nil, err
	}
	bazel, err := build.ParseModule("MODULE.bazel", raw)
	if err != nil {
		return nil, err
	}
	for _, call := range bazel.Rules("") {
		switch {
		case call.Attr("patches") == nil:
		case call.Kind() == "go_deps.module_override":
			m.patched[call.AttrString("path")] = true
		case strings.HasPrefix(call.Kind(), "go_sdk."):
			m.patched["std"] = true
		}
	}
	return m, nil
}

// readPairs reads lines of a path, a version, and a value.
func readPairs(file string) (map[string]string, error) {
	raw, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	pairs := map[string]string{}
	for _, line := range strings.Split(string(raw), "\n") {
		path, rest, _ := strings.Cut(line, " ")
		version, value, ok := strings.Cut(rest, " ")
		if ok && !strings.HasPrefix(line, "#") {
			pairs[path+" "+version] = value
		}
	}
	return pairs, nil
}

// standardLibrary is the module "std", whose license is the file LICENSE of the SDK.
func (m *modules) standardLibrary(version string) module {
	std := module{path: "std", version: version, license: "BSD-3-Clause", comment: "Go's standard library."}
	if m.patched[std.path] {
		std.comment += " Patched by this repository (go_sdk in MODULE.bazel)."
	}
	return std
}

// of returns the module of a package: this repository's for a label, else the one with
// the longest path that is the import path or above it.
func (m *modules) of(importPath string) (module, error) {
	if strings.HasPrefix(importPath, "//") {
		return module{path: m.file.Module.Mod.Path, license: noAssertion, comment: "This repository."}, nil
	}
	var best, version string
	for _, r := range m.file.Require {
		if strings.HasPrefix(importPath+"/", r.Mod.Path+"/") && len(r.Mod.Path) > len(best) {
			best, version = r.Mod.Path, r.Mod.Version
		}
	}
	if best == "" {
		return module{}, fmt.Errorf("the package %s is linked, and no module of go.mod has it", importPath)
	}
	return m.describe(best, version), nil
}

// describe applies the replacement of go.mod, and adds what other files say.
func (m *modules) describe(path, version string) module {
	result := module{path: path, version: version}
	var comments []string
	for _, r := range m.file.Replace {
		if r.Old.Path != path || r.Old.Version != "" && r.Old.Version != version {
			continue
		}
		if r.New.Version == "" {
			result.version = ""
			comments = append(comments, fmt.Sprintf("Replaced by the directory %s of this repository.", r.New.Path))
		} else {
			result.path, result.version = r.New.Path, r.New.Version
			comments = append(comments, fmt.Sprintf("Replaces %s %s.", path, version))
		}
	}
	if m.patched[path] {
		comments = append(comments, "Patched by this repository (go_deps.module_override in MODULE.bazel).")
	}
	key := result.path + " " + result.version
	result.sum, result.license = m.sums[key], m.licenses[key]
	if result.license == "" {
		result.license = noAssertion
	}
	result.comment = strings.Join(comments, " ")
	return result
}
