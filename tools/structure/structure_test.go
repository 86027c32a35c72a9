package main

import (
	"archive/tar"
	"bytes"
	"debug/elf"
	"encoding/json"
	"io"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// fixture is an image as go_image makes it, to be spoiled by a test.
type fixture struct {
	label       string
	entries     []tar.Header
	binary      []byte
	config      v1.Config
	annotations map[string]string // of the image index and the manifest
	created     time.Time
	layerType   types.MediaType
}

func good() fixture {
	header := func(name string, mode int64) tar.Header {
		return tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: mode, ModTime: time.Unix(0, 0), Format: tar.FormatUSTAR}
	}
	return fixture{
		label:   "//images:hello",
		entries: []tar.Header{header("etc/passwd", 0o644), header("hello", 0o755)},
		binary:  executable(elf.EM_X86_64, elf.ET_EXEC, elf.PT_LOAD, ".text"),
		config: v1.Config{
			Entrypoint: []string{"/hello"}, ExposedPorts: map[string]struct{}{"8060/tcp": {}},
			Labels: map[string]string{"title": "hello"}, User: "65534:65534", WorkingDir: "/",
		},
		annotations: map[string]string{"title": "hello"},
		created:     time.Unix(0, 0).UTC(),
		layerType:   types.OCILayer,
	}
}

// executable is the smallest ELF file that debug/elf reads: a header, one segment,
// and one section besides the one that holds the sections' names.
func executable(machine elf.Machine, kind elf.Type, segment elf.ProgType, section string) []byte {
	const headerSize, segmentSize, sectionSize = 64, 56, 64
	names := "\x00" + section + "\x00"
	sections := uint64(headerSize + segmentSize + len(names))
	var b bytes.Buffer
	// le writes pairs of a size in bytes and a value in little-endian order.
	le := func(pairs ...uint64) {
		for i := 0; i < len(pairs); i += 2 {
			for n := range pairs[i] {
				b.WriteByte(byte(pairs[i+1] >> (8 * n)))
			}
		}
	}
	b.WriteString("\x7fELF\x02\x01\x01" + strings.Repeat("\x00", 9))
	// type, machine, version, entry, phoff, shoff, flags, ehsize, phentsize, phnum, shentsize, shnum, shstrndx
	le(2, uint64(kind), 2, uint64(machine), 4, 1, 8, 0, 8, headerSize, 8, sections, 4, 0,
		2, headerSize, 2, segmentSize, 2, 1, 2, sectionSize, 2, 2, 2, 1)
	// type, flags, offset, vaddr, paddr, filesz, memsz, align
	le(4, uint64(segment), 4, 5, 8, 0, 8, 0, 8, 0, 8, 0, 8, 0, 8, 0)
	b.WriteString(names)
	// name, type, flags, addr, offset, size, link, info, addralign, entsize
	le(4, 0, 4, 0, 8, 0, 8, 0, 8, 0, 8, 0, 4, 0, 4, 0, 8, 0, 8, 0)
	le(4, 1, 4, uint64(elf.SHT_STRTAB), 8, 0, 8, 0, 8, headerSize+segmentSize, 8, uint64(len(names)), 4, 0, 4, 0, 8, 0, 8, 0)
	return b.Bytes()
}

// write writes the fixture as a layout and its expected.json, which says what good() is.
func (f fixture) write(t *testing.T) string {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	var archive bytes.Buffer
	tw := tar.NewWriter(&archive)
	for _, header := range f.entries {
		content := []byte("users")
		if header.Name == "hello" {
			content = f.binary
		}
		if header.Typeflag != tar.TypeReg {
			content = nil
		}
		header.Size = int64(len(content))
		must(tw.WriteHeader(&header))
		_, err := tw.Write(content)
		must(err)
	}
	must(tw.Close())
	layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(archive.Bytes())), nil
	}, tarball.WithMediaType(f.layerType))
	must(err)
	img := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	img, err = mutate.Append(img, mutate.Addendum{Layer: layer, History: v1.History{Created: v1.Time{Time: f.created}}})
	must(err)
	config, err := img.ConfigFile()
	must(err)
	config = config.DeepCopy()
	config.OS, config.Architecture, config.Config = "linux", "amd64", f.config
	config.Created = v1.Time{Time: f.created}
	img, err = mutate.ConfigFile(img, config)
	must(err)
	img = mutate.Annotations(img, f.annotations).(v1.Image)
	index := mutate.AppendManifests(mutate.IndexMediaType(empty.Index, types.OCIImageIndex), mutate.IndexAddendum{
		Add:        img,
		Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: "amd64"}},
	})
	index = mutate.Annotations(index, f.annotations).(v1.ImageIndex)
	dir := t.TempDir()
	path, err := layout.Write(filepath.Join(dir, "layout"), empty.Index)
	must(err)
	must(path.AppendIndex(index))

	want := good()
	published := filepath.Join(dir, "published.images.json")
	must(os.WriteFile(published, []byte(`{"images":[{"label":"//images:other"},{"label":"//images:hello"}]}`), 0o644))
	data, err := json.Marshal(expected{
		Label: f.label, Layout: string(path), Published: published,
		Platform: v1.Platform{OS: "linux", Architecture: "amd64"},
		Config:   want.config, Annotations: want.annotations,
		Files: map[string]string{"/etc/passwd": "0644", "/hello": "0755"},
	})
	must(err)
	file := filepath.Join(dir, "expected.json")
	must(os.WriteFile(file, data, 0o644))
	return file
}

func TestGood(t *testing.T) {
	t.Parallel()
	problems, err := run(good().write(t))
	if err != nil {
		t.Fatal(err)
	}
	if len(problems) > 0 {
		t.Errorf("problems in a good image: %q", problems)
	}
}

func TestProblems(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		spoil func(*fixture)
		want  string
	}{
		"not published":  {func(f *fixture) { f.label = "//svc:api" }, "//images:published leaves out //svc:api"},
		"root":           {func(f *fixture) { f.config.User = "" }, `65534:65534`},
		"entrypoint":     {func(f *fixture) { f.config.Entrypoint = []string{"/bin/sh"} }, `/bin/sh`},
		"port":           {func(f *fixture) { f.config.ExposedPorts = nil }, `8060/tcp`},
		"label":          {func(f *fixture) { f.config.Labels = nil }, "Labels"},
		"annotations":    {func(f *fixture) { f.annotations = nil }, "annotations of the image index"},
		"created":        {func(f *fixture) { f.created = time.Unix(1e9, 0).UTC() }, "created"},
		"docker layer":   {func(f *fixture) { f.layerType = types.DockerLayer }, "media type of a layer"},
		"missing file":   {func(f *fixture) { f.entries = f.entries[1:] }, `/etc/passwd`},
		"mode":           {func(f *fixture) { f.entries[1].Mode = 0o777 }, "0777"},
		"setuid":         {func(f *fixture) { f.entries[1].Mode = 0o4755 }, "04755"},
		"owner":          {func(f *fixture) { f.entries[0].Uid = 1000 }, "Uid"},
		"owner's name":   {func(f *fixture) { f.entries[0].Uname = "root" }, "Uname"},
		"time":           {func(f *fixture) { f.entries[0].ModTime = time.Unix(1, 0) }, "ModTime"},
		"order":          {func(f *fixture) { f.entries[0], f.entries[1] = f.entries[1], f.entries[0] }, "entries are not sorted"},
		"link":           {func(f *fixture) { f.entries[0].Typeflag, f.entries[0].Linkname = tar.TypeSymlink, "x" }, "Typeflag"},
		"other machine":  {func(f *fixture) { f.binary = executable(elf.EM_AARCH64, elf.ET_EXEC, elf.PT_LOAD, ".text") }, "the binary is for EM_AARCH64"},
		"interpreter":    {func(f *fixture) { f.binary = executable(elf.EM_X86_64, elf.ET_EXEC, elf.PT_INTERP, ".text") }, "not static: it has a segment PT_INTERP"},
		"dynamic":        {func(f *fixture) { f.binary = executable(elf.EM_X86_64, elf.ET_DYN, elf.PT_DYNAMIC, ".text") }, "not static: it has a segment PT_DYNAMIC"},
		"position indep": {func(f *fixture) { f.binary = executable(elf.EM_X86_64, elf.ET_DYN, elf.PT_LOAD, ".text") }, "not a plain executable but ET_DYN"},
		"symbols":        {func(f *fixture) { f.binary = executable(elf.EM_X86_64, elf.ET_EXEC, elf.PT_LOAD, ".symtab") }, "not stripped: it has a section .symtab"},
		"script":         {func(f *fixture) { f.binary = []byte("#!/bin/sh") }, "the binary is not ELF"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := good()
			f.annotations = maps.Clone(f.annotations)
			test.spoil(&f)
			problems, err := run(f.write(t))
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(strings.Join(problems, "\n"), test.want) {
				t.Errorf("problems %q, want one with %q", problems, test.want)
			}
		})
	}
}

func TestBadExpected(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "expected.json")
	if err := os.WriteFile(file, []byte("{"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{file, file + ".no"} {
		if _, err := run(name); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("got the error %v, want one that names %s", err, name)
		}
	}
}
