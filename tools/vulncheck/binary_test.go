package main

import (
	"debug/buildinfo"
	"debug/elf"
	"debug/gosym"
	"encoding/binary"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseSymbol(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]symbol{
		"main.main":                                    {"main", "main"},
		"fmt.Fprintf":                                  {"fmt", "Fprintf"},
		"net/http.Get":                                 {"net/http", "Get"},
		"bytes.(*Buffer).X":                            {"bytes", "Buffer.X"},
		"time.Time.Add":                                {"time", "Time.Add"},
		"vendor/golang.org/x/net/idna.ToASCII":         {"vendor/golang.org/x/net/idna", "ToASCII"},
		"go.opentelemetry.io/otel.Tracer":              {"go.opentelemetry.io/otel", "Tracer"},
		"gopkg.in/yaml%2ev3.Unmarshal":                 {"gopkg.in/yaml.v3", "Unmarshal"},
		"slices.Sort[go.shape.[]string,example.org/x]": {"slices", "Sort"},
		"a.org/b.(*List[a.org/b.T[int]]).Map[a.org/c]": {"a.org/b", "List.Map"},
		"main.run.func1":                               {"main", "run.func1"},
		"go:buildid":                                   {},
		"type:.eq.net/http.Client":                     {},
		"gosave_systemstack_switch":                    {},
		"":                                             {},
		"a/.b":                                         {},
		"a%zz.b":                                       {},
	} {
		if got, ok := parseSymbol(name); got != want || ok != (want != symbol{}) {
			t.Errorf("parseSymbol(%q) = %v, %t; want %v", name, got, ok, want)
		}
	}
}

// A function that is inlined everywhere has its name in the binary all the same.
func TestInlined(t *testing.T) {
	t.Parallel()
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	file, err := elf.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	names, err := functionNames(file)
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(names, func(name string) bool { return strings.HasSuffix(name, "/vulncheck.inlined") })
	if i < 0 {
		t.Fatalf("the function is missing in %d names, which have %d bytes", len(names), inlined(names))
	}
	table, err := file.Section(".gopclntab").Data()
	if err != nil {
		t.Fatal(err)
	}
	symbols, err := gosym.NewTable(nil, gosym.NewLineTable(table, file.Section(".text").Addr))
	if err != nil {
		t.Fatal(err)
	}
	if symbols.LookupFunc(names[i]) != nil {
		t.Errorf("%s is not inlined: this test tests nothing", names[i])
	}
}

func inlined(names []string) (n int) {
	for _, name := range names {
		n += len(name)
	}
	return n
}

func TestParseNamesErrors(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		table []byte
		want  string
	}{
		"empty":     {nil, "not of the form"},
		"older Go":  {table(0xfffffff0, 72, 80, 8), "not of the form"},
		"short":     {table(0xfffffff1, 72, 80, 0)[:40], "cut short"},
		"too long":  {table(0xfffffff1, 72, 81, 8), "names from 72 to 81"},
		"backwards": {table(0xfffffff1, 80, 72, 8), "names from 80 to 72"},
	} {
		if _, err := parseNames(test.table, little); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: error %v, want one with %q", name, err, test.want)
		}
	}
}

var little = &elf.File{FileHeader: elf.FileHeader{Class: elf.ELFCLASS64, ByteOrder: binary.LittleEndian}}

// table is a table of functions with n bytes of names.
func table(magic uint32, begin, end uint64, n int) []byte {
	b := binary.LittleEndian.AppendUint32(nil, magic)
	b = append(b, 0, 0, 1, 8)
	for _, word := range []uint64{0, 0, 0, begin, end, 0, 0, 0} {
		b = binary.LittleEndian.AppendUint64(b, word)
	}
	return append(b, make([]byte, n)...)
}

func FuzzParseNames(f *testing.F) {
	f.Add(table(0xfffffff1, 72, 80, 8), true, false)
	f.Add(table(0xfffffff1, 72, 1<<63, 0), true, false)
	f.Add([]byte{0xff, 0xff, 0xff, 0xf1}, false, true)
	f.Fuzz(func(t *testing.T, table []byte, wide, big bool) {
		file := &elf.File{FileHeader: elf.FileHeader{Class: elf.ELFCLASS32, ByteOrder: binary.LittleEndian}}
		if wide {
			file.Class = elf.ELFCLASS64
		}
		if big {
			file.ByteOrder = binary.BigEndian
		}
		names, err := parseNames(table, file)
		if err != nil {
			return
		}
		for _, name := range names {
			if s, ok := parseSymbol(name); ok && s.Package == "" {
				t.Errorf("parseSymbol(%q) = %v: no package", name, s)
			}
		}
	})
}

func TestGoVersion(t *testing.T) {
	t.Parallel()
	for version, want := range map[string]bool{
		"go1.27.4":                     true,
		"go1.27":                       true,
		"go1.27rc2":                    true,
		"go1.27.4 X:jsonv2":            true,
		"devel go1.28-0123456789":      false,
		"go1.28-devel_0123456789":      false,
		"go1.27.4-ours":                false,
		"go1.27.4ours":                 false,
		"":                             false,
		"unknown":                      false,
		"go1.27.4\ngo1.27.5":           false,
		"gccgo (GCC) 15.0 go1.18 less": false,
	} {
		if got := goVersionRE.MatchString(version); got != want {
			t.Errorf("%q: %t, want %t", version, got, want)
		}
	}
}

// The modules that a binary lists itself.
func TestListed(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		dep  debug.Module
		want []module
		err  string
	}{
		"version":           {debug.Module{Path: "a.org/b", Version: "v1.0.0"}, []module{{"a.org/b", "v1.0.0"}}, ""},
		"replaced version":  {debug.Module{Path: "a.org/b", Version: "v1.0.0", Replace: &debug.Module{Path: "a.org/b", Version: "v1.1.0"}}, []module{{"a.org/b", "v1.1.0"}}, ""},
		"replaced by other": {debug.Module{Path: "a.org/b", Version: "v1.0.0", Replace: &debug.Module{Path: "a.org/c", Version: "v1.1.0"}}, nil, "replaced by a.org/c"},
		"replaced by files": {debug.Module{Path: "a.org/b", Version: "v1.0.0", Replace: &debug.Module{Path: "./b"}}, nil, "replaced by ./b"},
		"of a workspace":    {debug.Module{Path: "a.org/b", Version: "(devel)"}, nil, "does not tell the version of module a.org/b"},
	} {
		got, err := listed(&buildinfo.BuildInfo{Deps: []*debug.Module{&test.dep}})
		checkModules(t, name, got, err, test.want, test.err)
	}
}

func checkModules(t *testing.T, name string, got []module, err error, want []module, wantErr string) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s: modules (-want +got):\n%s", name, diff)
	}
	if wantErr == "" && err != nil || wantErr != "" && (err == nil || !strings.Contains(err.Error(), wantErr)) {
		t.Errorf("%s: error %v, want one with %q", name, err, wantErr)
	}
}

// The modules of a binary that lists none, by go.mod.
func TestGoMod(t *testing.T) {
	t.Parallel()
	const head = "module example.org/ours\n"
	for name, test := range map[string]struct {
		file     string
		packages []string
		want     []module
		err      string
	}{
		"standard library": {"", []string{"main", "net/http", "vendor/golang.org/x/net/idna"}, nil, ""},
		"ours":             {head, []string{"example.org/ours", "example.org/ours/x"}, nil, ""},
		"two of a module":  {head + "require a.org/b v1.0.0", []string{"a.org/b", "a.org/b/c"}, []module{{"a.org/b", "v1.0.0"}}, ""},
		"nested modules":   {head + "require (\na.org/b v1.0.0\na.org/b/v2 v2.0.0 // indirect\n)", []string{"a.org/b/c", "a.org/b/v2/c"}, []module{{"a.org/b", "v1.0.0"}, {"a.org/b/v2", "v2.0.0"}}, ""},
		"likeness":         {head + "require a.org/b v1.0.0", []string{"a.org/bc"}, nil, "it has package a.org/bc, and does not tell of which version; nor does"},
		"replaced":         {head + "require a.org/b v1.0.0\nreplace a.org/b => a.org/b v1.1.0", []string{"a.org/b"}, []module{{"a.org/b", "v1.1.0"}}, ""},
		"another replaced": {head + "require a.org/b v1.0.0\nreplace a.org/b v0.9.0 => a.org/c v1.1.0", []string{"a.org/b"}, []module{{"a.org/b", "v1.0.0"}}, ""},
		"fork":             {head + "require a.org/b v1.0.0\nreplace a.org/b => a.org/c v1.1.0", []string{"a.org/b"}, nil, "replaced by a.org/c"},
		"not go.mod":       {"?", []string{"a.org/b"}, nil, "go.mod:1"},
		"no module":        {"go 1.26", []string{"a.org/b"}, nil, "has no module line"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(t.TempDir(), "go.mod")
			if err := os.WriteFile(file, []byte(test.file), 0o644); err != nil {
				t.Fatal(err)
			}
			got, err := (&goModFile{path: file}).modules(test.packages)
			checkModules(t, name, got, err, test.want, test.err)
		})
	}
	for _, path := range []string{"", filepath.Join(t.TempDir(), "none")} {
		_, err := (&goModFile{path: path}).modules([]string{"a.org/b"})
		checkModules(t, "no file", nil, err, nil, "with --go-mod")
	}
}

func TestMend(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		path, fixed, want string
	}{
		{stdlib, "v1.27.5", "go get toolchain@go1.27.5`"},
		{stdlib, "v1.28.0-rc.2", "go get toolchain@go1.28rc2`"},
		{"a.org/v", "v1.2.0", "go get a.org/v@v1.2.0`"},
		{stdlib, "", "no version is without it"},
	} {
		a := advisory{module: module{Path: test.path}, fixed: test.fixed}
		if got := a.mend(); !strings.Contains(got, test.want) {
			t.Errorf("%v: %q, want %q in it", test, got, test.want)
		}
	}
}
