package main

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/mod/modfile"
)

// goModFile is a go.mod file, read when it is needed first.
//
// Its versions are those that gazelle's go_deps extension gives to Bazel, unless
// another Bazel module asks for a newer one.
type goModFile struct {
	path   string
	parsed *modfile.File
}

// modules returns the modules that packages belong to, with their versions. Packages of
// the standard library and of the file's own module need none.
func (f *goModFile) modules(packages []string) ([]module, error) {
	var out []module
	seen := map[string]bool{}
	for _, p := range packages {
		// As in the go command: only the standard library has no dot there.
		if first, _, _ := strings.Cut(p, "/"); !strings.Contains(first, ".") {
			continue
		}
		m, err := f.module(p)
		if err != nil {
			return nil, err
		}
		if m.Version != "" && !seen[m.Path] {
			seen[m.Path] = true
			out = append(out, m)
		}
	}
	return out, nil
}

// module returns the module with the longest path that a package's path begins with;
// the file's own has no version.
func (f *goModFile) module(pkg string) (module, error) {
	if err := f.read(); err != nil {
		return module{}, fmt.Errorf("it has package %s, and does not tell of which version: %w", pkg, err)
	}
	var found module
	add := func(path, version string) {
		if (pkg == path || strings.HasPrefix(pkg, path+"/")) && len(path) > len(found.Path) {
			found = module{path, version}
		}
	}
	add(f.parsed.Module.Mod.Path, "")
	for _, r := range f.parsed.Require {
		add(r.Mod.Path, r.Mod.Version)
	}
	if found.Path == "" {
		return module{}, fmt.Errorf("it has package %s, and does not tell of which version; nor does %s: name the right go.mod with --go-mod", pkg, f.path)
	}
	for _, r := range f.parsed.Replace {
		if r.Old.Path != found.Path || r.Old.Version != "" && r.Old.Version != found.Version {
			continue
		}
		if r.New.Path != found.Path {
			return module{}, replacedError(found.Path, r.New.Path)
		}
		found.Version = r.New.Version
	}
	return found, nil
}

func (f *goModFile) read() error {
	if f.parsed != nil {
		return nil
	}
	if f.path == "" {
		return errors.New("name the go.mod file that does with --go-mod")
	}
	data, err := os.ReadFile(f.path)
	if err != nil {
		return fmt.Errorf("%w: name the right go.mod with --go-mod", err)
	}
	parsed, err := modfile.Parse(f.path, data, nil)
	if err != nil {
		return err
	}
	if parsed.Module == nil {
		return fmt.Errorf("%s has no module line", f.path)
	}
	f.parsed = parsed
	return nil
}
