package listing

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"io"
	"slices"
	"strings"
)

// maxELF is the size of the largest file that is looked at as an ELF file, in bytes.
var maxELF int64 = 256 << 20

func isELF(content []byte) bool { return bytes.HasPrefix(content, []byte(elf.ELFMAG)) }

// describeELF says what kind of program an ELF file is, such as
// "EM_X86_64 static stripped": stripped is a file without a symbol table. It does not
// use elf.NewFile, which decompresses a table of names to whatever size the file says.
func describeELF(content []byte) string {
	if len(content) < elf.EI_NIDENT {
		return "damaged"
	}
	var order binary.ByteOrder = binary.LittleEndian
	if elf.Data(content[elf.EI_DATA]) == elf.ELFDATA2MSB {
		order = binary.BigEndian
	}
	var header elf.Header64
	var err error
	if elf.Class(content[elf.EI_CLASS]) == elf.ELFCLASS32 {
		var h elf.Header32
		_, err = binary.Decode(content, order, &h)
		header = elf.Header64{
			Machine: h.Machine,
			Phoff:   uint64(h.Phoff), Phentsize: h.Phentsize, Phnum: h.Phnum,
			Shoff: uint64(h.Shoff), Shentsize: h.Shentsize, Shnum: h.Shnum,
		}
	} else {
		_, err = binary.Decode(content, order, &header)
	}
	// In both classes, a program header begins with its type, and a section header with
	// its name and its type, of 32 bits each.
	segments, segmentsErr := column(content, order, header.Phoff, header.Phentsize, header.Phnum, 0)
	sections, sectionsErr := column(content, order, header.Shoff, header.Shentsize, header.Shnum, 4)
	if errors.Join(err, segmentsErr, sectionsErr) != nil {
		return "damaged"
	}
	linkage, symbols := "static", "stripped"
	if slices.Contains(segments, uint32(elf.PT_INTERP)) || slices.Contains(segments, uint32(elf.PT_DYNAMIC)) {
		linkage = "dynamic"
	}
	if slices.Contains(sections, uint32(elf.SHT_SYMTAB)) {
		symbols = "not stripped"
	}
	return elf.Machine(header.Machine).String() + " " + linkage + " " + symbols
}

// column reads the number at an offset of each entry of a table.
func column(content []byte, order binary.ByteOrder, table uint64, size, count uint16, offset uint64) ([]uint32, error) {
	var numbers []uint32
	for i := range uint64(count) {
		at := i*uint64(size) + offset
		if table > uint64(len(content)) || at+4 > uint64(len(content))-table {
			return nil, io.ErrUnexpectedEOF
		}
		numbers = append(numbers, order.Uint32(content[table+at:]))
	}
	return numbers, nil
}

// goVersion is the version of Go that an executable was built with, or "". It reads
// the inline form that Go writes since 1.18 (debug/buildinfo, "buildInfoHeader"), and
// not by debug/buildinfo: that allocates what a hostile file asks for.
func goVersion(content []byte) string {
	const headerSize, flagsInline = 32, 2
	for {
		start := bytes.Index(content, []byte("\xff Go buildinf:"))
		if start < 0 || len(content) < start+headerSize {
			return ""
		}
		header, rest := content[start:start+headerSize], content[start+headerSize:]
		length, n := binary.Uvarint(rest)
		if header[15]&flagsInline != 0 && n > 0 && length < 100 && int(length) <= len(rest)-n {
			version := string(rest[n : n+int(length)])
			if strings.HasPrefix(version, "go") || strings.HasPrefix(version, "devel ") {
				return version
			}
		}
		content = content[start+1:]
	}
}
