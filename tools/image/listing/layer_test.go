package listing

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/klauspost/compress/zstd"
)

// facts lists one layer, as layer "L".
func facts(t testing.TB, layer *testLayer, stored bool) (Listing, error) {
	t.Helper()
	l := &layerReader{lister: &lister{ctx: t.Context()}, subject: "L", stored: stored}
	if err := l.read(layer); err != nil {
		return nil, err
	}
	return l.finish()
}

func TestEntries(t *testing.T) {
	long := strings.Repeat("long/", 60) + "x"
	empty := hashOf(nil).String()
	for _, test := range []struct {
		name  string
		entry entry
		want  string // the lines without "L "
	}{
		{"file", entry{tar.Header{Name: "bin/app", Mode: 0o4755, Uid: 5, Gid: 6, ModTime: time.Unix(1, 0)}, "hello\n"}, `
/bin/app digest: sha256:5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03
/bin/app mode: 4755
/bin/app modified: 1970-01-01T00:00:01Z
/bin/app owner: 5:6
/bin/app size: 6
/bin/app type: file`},
		{"directory", entry{Header: tar.Header{Name: "tmp/", Mode: 0o1777, Typeflag: tar.TypeDir, Uname: "a\u0085", Gname: "b"}}, `
/tmp mode: 1777
/tmp owner name: "a\u0085:b"
/tmp owner: 0:0
/tmp pax uname: "a\u0085"
/tmp type: directory`},
		{"symlink", entry{Header: tar.Header{Name: "l", Linkname: "../a b\n", Mode: 0o777, Typeflag: tar.TypeSymlink}}, `
/l link: "../a b\n"
/l mode: 0777
/l owner: 0:0
/l type: symlink`},
		{"hard link", entry{Header: tar.Header{Name: "l", Linkname: "a", Typeflag: tar.TypeLink}}, `
/l link: "a"
/l mode: 0000
/l owner: 0:0
/l type: hard link`},
		{"device", entry{Header: tar.Header{Name: "null", Mode: 0o666, Typeflag: tar.TypeChar, Devmajor: 1, Devminor: 3}}, `
/null device: 1:3
/null mode: 0666
/null owner: 0:0
/null type: character device`},
		{"other type", entry{Header: tar.Header{Name: "x", Typeflag: 'Z'}}, `
/x mode: 0000
/x owner: 0:0
/x type: type 'Z'`},
		{"PAX", entry{Header: tar.Header{Name: long, Typeflag: tar.TypeFifo, PAXRecords: map[string]string{
			"SCHILY.xattr.security.capability": "\x01\x02", "V.a b: c": "d",
		}}}, `
/` + long + ` mode: 0000
/` + long + ` owner: 0:0
/` + long + ` pax "V.a b: c": "d"
/` + long + ` pax SCHILY.xattr.security.capability: "\u0001\u0002"
/` + long + ` type: fifo`},
		{"blank", file("a b", ""), named(`"/a b"`, empty)},
		{"newline", file("a\nb: c", ""), named(`"/a\nb: c"`, empty)},
		{"not ASCII", file("grüße", ""), named(`"/gr\u00fc\u00dfe"`, empty)},
		{"not UTF-8", entry{Header: tar.Header{Name: "\xff", Mode: 0o644, Format: tar.FormatGNU}}, named(`"/\xff"`, empty)},
		{"quote", file(`a"b`, ""), named(`"/a\"b"`, empty)},
		{"colon at the end", file("a:", ""), named(`"/a:"`, empty)},
		{"colon", file("a:b", ""), named("/a:b", empty)},
		{"absolute", file("/x", ""), named("//x", empty)},
		{"dot", file("./x", ""), named("/./x", empty)},
		{"parent", file("../x", ""), named("/../x", empty)},
	} {
		t.Run(test.name, func(t *testing.T) {
			if test.entry.ModTime.IsZero() {
				test.entry.ModTime = time.Unix(0, 0)
			}
			content := tarOf(t, test.entry)
			l, err := facts(t, plainLayer(content), false)
			check(t, err)
			lines := strings.Split(strings.TrimPrefix(test.want, "\n"), "\n")
			lines = append(lines, "diff ID: "+hashOf(content).String())
			want, err := Parse(strings.NewReader("L " + strings.Join(lines, "\nL ")))
			check(t, err)
			if diff := cmp.Diff(want, l); diff != "" {
				t.Errorf("facts (-want +got):\n%s", diff)
			}
		})
	}
}

// named are the lines of an empty file of this name.
func named(name, digest string) string {
	return fmt.Sprintf("%[1]s type: file\n%[1]s mode: 0644\n%[1]s owner: 0:0\n%[1]s size: 0\n%[1]s digest: %[2]s", name, digest)
}

func gzipped(t testing.TB, content []byte) []byte {
	t.Helper()
	var buffer bytes.Buffer
	w := gzip.NewWriter(&buffer)
	_, err := w.Write(content)
	check(t, err)
	check(t, w.Close())
	return buffer.Bytes()
}

func zstandard(t testing.TB, content []byte) []byte {
	t.Helper()
	w, err := zstd.NewWriter(nil)
	check(t, err)
	return w.EncodeAll(content, nil)
}

func TestCompression(t *testing.T) {
	content := tarOf(t, file("app", "hello\n"))
	want, err := facts(t, plainLayer(content), false)
	check(t, err)
	for _, layer := range []*testLayer{
		{mediaType: types.OCIUncompressedLayer, stored: content},
		{mediaType: types.OCILayer, stored: gzipped(t, content)},
		{mediaType: types.OCILayer, stored: append(gzipped(t, content[:700]), gzipped(t, content[700:])...)},
		{mediaType: types.OCILayerZStd, stored: zstandard(t, content)},
		{mediaType: types.DockerLayer, stored: zstandard(t, content)}, // seen in registries
	} {
		got, err := facts(t, layer, true)
		check(t, err)
		digest, size := hashOf(layer.stored).String(), strconv.Itoa(len(layer.stored))
		all := append(Listing{{"L digest", digest}, {"L size", size}}, want...)
		all.sort()
		if diff := cmp.Diff(all, got); diff != "" {
			t.Errorf("%s, %s bytes (-want +got):\n%s", layer.mediaType, size, diff)
		}
	}
	// The layer of an attestation is not an archive.
	statement := &testLayer{mediaType: "application/vnd.in-toto+json", stored: []byte("{}")}
	got, err := facts(t, statement, true)
	check(t, err)
	if diff := cmp.Diff(Listing{{"L digest", hashOf(statement.stored).String()}, {"L size", "2"}}, got); diff != "" {
		t.Errorf("attestation (-want +got):\n%s", diff)
	}
}

func TestELF(t *testing.T) {
	self, err := os.ReadFile(must(os.Executable()))
	check(t, err)
	// A program of no instructions: an ELF header, and one program and one section header.
	program := func(class elf.Class, order binary.ByteOrder, machine elf.Machine, segment elf.ProgType, section elf.SectionType) string {
		ident := [elf.EI_NIDENT]byte{0x7f, 'E', 'L', 'F', byte(class), byte(elf.ELFDATA2LSB)}
		if order == binary.BigEndian {
			ident[elf.EI_DATA] = byte(elf.ELFDATA2MSB)
		}
		parts := []any{
			elf.Header64{Ident: ident, Machine: uint16(machine), Phoff: 64, Phentsize: 56, Phnum: 1, Shoff: 64 + 56, Shentsize: 64, Shnum: 1},
			elf.Prog64{Type: uint32(segment)}, elf.Section64{Type: uint32(section)},
		}
		if class == elf.ELFCLASS32 {
			parts = []any{
				elf.Header32{Ident: ident, Machine: uint16(machine), Phoff: 52, Phentsize: 32, Phnum: 1, Shoff: 52 + 32, Shentsize: 40, Shnum: 1},
				elf.Prog32{Type: uint32(segment)}, elf.Section32{Type: uint32(section)},
			}
		}
		var content []byte
		for _, part := range parts {
			content, err = binary.Append(content, order, part)
			check(t, err)
		}
		return string(content)
	}
	static := program(elf.ELFCLASS64, binary.LittleEndian, elf.EM_AARCH64, elf.PT_LOAD, elf.SHT_PROGBITS)
	buildInfo := "\xff Go buildinf:\x08\x00" + strings.Repeat("\x00", 16) // before Go 1.18
	buildInfo += "\xff Go buildinf:\x08\x02" + strings.Repeat("\x00", 16) + "\x12go1.27.4 X:nodwarf"
	for _, test := range []struct{ name, content, elf, goVersion string }{
		{"static", static, "EM_AARCH64 static stripped", ""},
		{"Go", static + buildInfo, "EM_AARCH64 static stripped", `"go1.27.4 X:nodwarf"`},
		{"Go, cut off", static + buildInfo[:len(buildInfo)-1], "EM_AARCH64 static stripped", ""},
		{"interpreter", program(elf.ELFCLASS64, binary.BigEndian, elf.EM_S390, elf.PT_INTERP, elf.SHT_NULL), "EM_S390 dynamic stripped", ""},
		{"symbols", program(elf.ELFCLASS32, binary.LittleEndian, elf.EM_ARM, elf.PT_LOAD, elf.SHT_SYMTAB), "EM_ARM static not stripped", ""},
		{"dynamic", program(elf.ELFCLASS32, binary.BigEndian, elf.EM_MIPS, elf.PT_DYNAMIC, elf.SHT_NULL), "EM_MIPS dynamic stripped", ""},
		{"cut off", static[:len(static)-60], "damaged", ""},
		{"header cut off", static[:30], "damaged", ""},
		{"magic number", "\x7fELF", "damaged", ""},
		{"no ELF", "\x7fELk" + buildInfo, "", ""},
		{"short", "\x7fE", "", ""},
		{"large", static + strings.Repeat("\x00", 1<<20), "more than 1048576 bytes", ""},
		{"self", string(self), "EM_", runtime.Version()},
	} {
		t.Run(test.name, func(t *testing.T) {
			if test.name == "large" {
				set(t, &maxELF, 1<<20)
			}
			l, err := facts(t, plainLayer(tarOf(t, file("app", test.content))), false)
			check(t, err)
			kind, version := l.Value("L /app elf"), l.Value("L /app go")
			if test.name == "self" {
				if runtime.GOOS != "linux" {
					t.Skip("not an ELF file")
				}
				kind = kind[:min(3, len(kind))]
			}
			if kind != test.elf || version != test.goVersion {
				t.Errorf("elf: %q, go: %q; want %q, %q", kind, version, test.elf, test.goVersion)
			}
			if got, want := l.Value("L /app digest"), hashOf([]byte(test.content)).String(); got != want {
				t.Errorf("digest: %s, want %s", got, want)
			}
		})
	}
}

func set[T any](t testing.TB, variable *T, value T) {
	before := *variable
	*variable = value
	t.Cleanup(func() { *variable = before })
}

// sparse is an archive of one file, which is a hole of so many bytes (GNU tar's manual,
// "Basic Tar Format", oldgnu_header).
func sparse(t testing.TB, name string, size int64) []byte {
	t.Helper()
	content := tarOf(t, entry{Header: tar.Header{Name: name, Format: tar.FormatGNU}})
	header := content[:512]
	header[156] = tar.TypeGNUSparse
	copy(header[386:], fmt.Sprintf("%011o\x00%011o\x00", size, 0))
	copy(header[483:], fmt.Sprintf("%011o\x00", size))
	copy(header[148:], "        ")
	sum := 0
	for _, b := range header {
		sum += int(b)
	}
	copy(header[148:], fmt.Sprintf("%06o\x00 ", sum))
	return content
}

func TestLimits(t *testing.T) {
	set(t, &maxUnpacked, 1<<16)
	set(t, &maxText, 1<<12)
	var many []entry
	for i := range 100 {
		many = append(many, file(fmt.Sprintf("file-%d", i), ""))
	}
	zeros := make([]byte, 1<<20)
	for _, test := range []struct {
		name, want string
		content    []byte
	}{
		{"gzip", "more than 65536 bytes unpacked", gzipped(t, zeros)},
		{"zstd", "more than 65536 bytes unpacked", zstandard(t, zeros)},
		{"large file", "more than 65536 bytes unpacked", tarOf(t, file("x", string(zeros)))},
		{"sparse file", "more than 65536 bytes unpacked", sparse(t, "x", 4<<30)},
		{"many entries", "its listing has more than 4096 bytes", tarOf(t, many...)},
		{"long name", "its listing has more than 4096 bytes", tarOf(t, file(strings.Repeat("x", 5000), ""))},
	} {
		l := &layerReader{lister: &lister{ctx: t.Context()}, subject: "L", stored: true}
		err := l.read(&testLayer{mediaType: types.OCILayer, stored: test.content})
		if !errors.Is(err, errTooLarge) || !strings.Contains(err.Error(), test.want) || l.unpacked > maxUnpacked+1 {
			t.Errorf("%s: error %v after %d bytes, want %q", test.name, err, l.unpacked, test.want)
		}
	}
	// What does not end.
	for _, mediaType := range []types.MediaType{types.OCILayer, "application/x"} {
		layer := &testLayer{mediaType: mediaType, stored: tarOf(t), read: func(r io.Reader) io.Reader { return io.MultiReader(r, endless{}) }}
		if _, err := facts(t, layer, true); !errors.Is(err, errTooLarge) {
			t.Errorf("endless %s: error %v, want %v", mediaType, err, errTooLarge)
		}
	}
	// All layers together, and all files.
	for _, content := range [][]byte{append(tarOf(t), zeros[:30_000]...), sparse(t, "x", 30_000)} {
		layer := plainLayer(content)
		if _, err := OfIndex(t.Context(), indexOf(imageOf(t, "amd64", layer, layer))); err != nil {
			t.Errorf("two layers: %v", err)
		}
		if _, err := OfIndex(t.Context(), indexOf(imageOf(t, "amd64", layer, layer, layer))); !errors.Is(err, errTooLarge) {
			t.Errorf("three layers: error %v, want %v", err, errTooLarge)
		}
	}
	set(t, &maxUnpacked, 1<<30)
	l, err := facts(t, plainLayer(sparse(t, "x", 1<<20)), false)
	if err != nil || l.Value("L /x digest") != hashOf(zeros).String() {
		t.Errorf("sparse file: %s%v, want %s", textOf(l), err, hashOf(zeros))
	}
}

type endless struct{}

func (endless) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func FuzzLayer(f *testing.F) {
	content := tarOf(f, file("app", "\x7fELF"+strings.Repeat("\x01", 60)), file(`a "b: `, "x"))
	f.Add(content)
	f.Add(gzipped(f, content))
	f.Add(zstandard(f, content))
	f.Add(sparse(f, "x", 1<<10))
	set(f, &maxUnpacked, 1<<20)
	set(f, &maxText, 1<<20)
	f.Fuzz(func(t *testing.T, content []byte) {
		layer := plainLayer(content)
		l, err := facts(t, layer, true)
		if err != nil && !errors.Is(err, errTooLarge) {
			t.Fatalf("error %v, want damage", err)
		}
		if err == nil && l.Value("L digest") != hashOf(content).String() {
			t.Errorf("digest %s, want %s", l.Value("L digest"), hashOf(content))
		}
		checkRoundTrip(t, l)
	})
}
