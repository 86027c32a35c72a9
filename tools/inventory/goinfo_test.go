package inventory

import (
	"bytes"
	"debug/buildinfo"
	"encoding/binary"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

func findGo(content []byte, chunk int) *Go {
	var g goBinary
	for len(content) > 0 {
		n := min(chunk, len(content))
		g.write(content[:n])
		content = content[n:]
	}
	return g.info()
}

// The test is a Go binary itself.
func TestGoBinary(t *testing.T) {
	t.Parallel()
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	info, err := buildinfo.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	want := &Go{Version: info.GoVersion, Path: info.Path}
	for _, s := range info.Settings {
		put(&want.Settings, s.Key, s.Value)
	}
	if info.Main.Path != "" {
		put(&want.Modules, info.Main.Path, info.Main.Version)
	}
	for _, m := range info.Deps {
		put(&want.Modules, m.Path, m.Version)
	}
	for _, chunk := range []int{1 << 16, 4099, len(raw)} {
		if diff := cmp.Diff(want, findGo(raw, chunk)); diff != "" {
			t.Errorf("in pieces of %d bytes: %s", chunk, diff)
		}
	}
	m := newMemory()
	a := archive(file{name: "test", content: string(raw)})
	img := m.mustRead(t, m.manifest(configJSON("amd64", a), m.add(a, types.OCIUncompressedLayer)))
	if diff := cmp.Diff(want, img.Platforms[0].Layers[0].Files[0].Go); diff != "" {
		t.Error(diff)
	}
}

// goFile is the start of an executable with build information at an offset.
func goFile(offset int, version, modules string) []byte {
	b := make([]byte, offset)
	copy(b, "\x7fELF")
	b = append(b, buildInfoMagic...)
	b = append(b, 8, inlineFlag)
	b = append(b, make([]byte, 16)...)
	for _, s := range []string{version, modules} {
		b = binary.AppendUvarint(b, uint64(len(s)))
		b = append(b, s...)
	}
	return b
}

func TestGoBinaryCrafted(t *testing.T) {
	t.Parallel()
	framed := func(s string) string { return strings.Repeat("\xff", 16) + s + strings.Repeat("\xfe", 16) }
	modules := framed("path\tx/y\nmod\tx\tv1.0.0\ndep\ta\tv1\n=>\tb\tv2\th1:x\ndep\tc\tv3\n=>\t../c\t\t\nbuild\tCGO_ENABLED=0\n")
	full := &Go{
		Version: "go1.2", Path: "x/y", Settings: map[string]string{"CGO_ENABLED": "0"},
		Modules: map[string]string{"x": "v1.0.0", "a": "v1 => b v2", "c": "v3 => ../c"},
	}
	good := goFile(160, "go1.2", modules)
	for name, test := range map[string]struct {
		content []byte
		want    *Go
	}{
		"all of it":             {good, full},
		"misaligned":            {goFile(161, "go1.2", modules), nil},
		"not an executable":     {bytes.Replace(good, []byte("\x7fELF"), []byte("text"), 1), nil},
		"version only":          {goFile(160, "go1.2", ""), &Go{Version: "go1.2"}},
		"no version":            {goFile(160, "", modules), nil},
		"text that is no UTF-8": {goFile(160, "go\xff", ""), &Go{Version: "go\ufffd"}},
		"modules that are none": {goFile(160, "go1.2", framed("dep\tx\n")), &Go{Version: "go1.2"}},
		"cut off":               {good[:180], nil},
		"cut off in a string":   {good[:len(good)-1], nil},
		"too long":              {goFile(160, "go1.2", framed(strings.Repeat("x", maxBuildInfo)+"\n")), nil},
		"the mark twice":        {append(goFile(160, "", "")[:176], good[160:]...), full},
		"the mark too often":    {append(bytes.Repeat(goFile(16, "", "")[:32], maxTries), good[160:]...), nil},
		"another executable":    {append([]byte("MZ"), good[2:]...), full},
		"empty":                 {nil, nil},
		"short":                 {[]byte("\x7fE"), nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, chunk := range []int{1, 13, 1 << 21} {
				if chunk == 1 && len(test.content) > 1000 {
					continue
				}
				if diff := cmp.Diff(test.want, findGo(test.content, chunk)); diff != "" {
					t.Errorf("in pieces of %d bytes: %s", chunk, diff)
				}
			}
		})
	}
}
