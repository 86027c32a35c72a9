package main

import (
	"bytes"
	"cmp"
	"debug/buildinfo"
	"debug/elf"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"example.com/reproducible-images/tools/imageset"
)

// program is what govulncheck is told of a Go binary. The names in JSON are those of
// `govulncheck -mode extract`, whose output -mode binary takes in place of a binary.
//
// The binary itself would not do. The linker of rules_go writes the Go version into
// it (package debug/buildinfo), but neither the modules nor the platform: govulncheck
// would look at the standard library only and say that all is well, and would report
// what only Windows has. And of stripped binaries it does not read the functions.
// The form is govulncheck's own and may change with its version, which go.mod fixes:
// then every test here fails.
type program struct {
	GoVersion string   `json:"goVersion"`
	GOOS      string   `json:"goos"`
	GOARCH    string   `json:"goarch"`
	Modules   []module `json:"modules"`
	// Symbols are the functions, sorted.
	Symbols []symbol `json:"pkgSymbols"`
}

type module struct {
	Path, Version string
}

// symbol is a function.
type symbol struct {
	// Package is the import path; "main" for that of the program.
	Package string `json:"pkg"`
	// Name is Function or Type.Method.
	Name string `json:"name"`
}

// goVersionRE is a release of Go, perhaps with the experiments it was built with. Of
// any other govulncheck does not know which vulnerabilities it has, and finds none.
var goVersionRE = regexp.MustCompile(`^go1\.[0-9]+(\.[0-9]+|(rc|beta)[0-9]+)?( |$)`)

// readBinary reads what a Go binary in ELF form holds. Modules that the binary does
// not list get their versions from goMod.
func readBinary(content []byte, p imageset.Platform, goMod *goModFile) (program, error) {
	info, err := buildinfo.Read(bytes.NewReader(content))
	if err != nil {
		return program{}, fmt.Errorf("govulncheck knows Go binaries only: %w", err)
	}
	if !goVersionRE.MatchString(info.GoVersion) {
		return program{}, fmt.Errorf("it is built with %q, which is no release of Go: the database does not tell which vulnerabilities that has", info.GoVersion)
	}
	file, err := elf.NewFile(bytes.NewReader(content))
	if err != nil {
		return program{}, fmt.Errorf("reading it: %w", err)
	}
	names, err := functionNames(file)
	if err != nil {
		return program{}, fmt.Errorf("reading the names of its functions: %w", err)
	}
	symbols := map[symbol]bool{}
	packages := map[string]bool{}
	for _, name := range names {
		if s, ok := parseSymbol(name); ok {
			symbols[s] = true
			packages[s.Package] = true
		}
	}
	b := program{GoVersion: info.GoVersion, GOOS: p.OS, GOARCH: p.Architecture}
	b.Symbols = slices.SortedFunc(maps.Keys(symbols), func(a, b symbol) int {
		return cmp.Or(strings.Compare(a.Package, b.Package), strings.Compare(a.Name, b.Name))
	})
	if !symbols[symbol{"main", "main"}] {
		return program{}, errors.New("the names of its functions do not have main.main: this form of Go binary is not known here")
	}
	if info.Main.Path != "" || len(info.Deps) > 0 {
		b.Modules, err = listed(info)
	} else {
		b.Modules, err = goMod.modules(slices.Sorted(maps.Keys(packages)))
	}
	return b, err
}

// listed are the modules that a binary lists, but for its main module.
func listed(info *buildinfo.BuildInfo) ([]module, error) {
	var out []module
	for _, d := range info.Deps {
		m := module{d.Path, d.Version}
		if d.Replace != nil {
			if d.Replace.Path != d.Path {
				return nil, replacedError(d.Path, d.Replace.Path)
			}
			m.Version = d.Replace.Version
		}
		// Such as in a workspace (go.work), which govulncheck would pass over.
		if m.Version == "" || m.Version == "(devel)" {
			return nil, fmt.Errorf("it does not tell the version of module %s", m.Path)
		}
		out = append(out, m)
	}
	return out, nil
}

func replacedError(path, by string) error {
	return fmt.Errorf("module %s is replaced by %s: the database does not tell which vulnerabilities that has", path, by)
}
