package listing

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
)

// maxELF is the size of the largest file that is looked at as an ELF file, in bytes.
const maxELF = 256 << 20

// describeELF says what kind of program an ELF file is, such as
// "EM_X86_64 static stripped", or "" if it is none.
func describeELF(content []byte) string {
	if !bytes.HasPrefix(content, []byte(elf.ELFMAG)) {
		return ""
	}
	file, err := elf.NewFile(bytes.NewReader(content))
	if err != nil {
		return "damaged"
	}
	linkage, symbols := "static", "stripped"
	for _, p := range file.Progs {
		if p.Type == elf.PT_INTERP || p.Type == elf.PT_DYNAMIC {
			linkage = "dynamic"
		}
	}
	if file.Section(".symtab") != nil || file.Section(".debug_info") != nil || file.Section(".zdebug_info") != nil {
		symbols = "not stripped"
	}
	return file.Machine.String() + " " + linkage + " " + symbols
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
			if version := string(rest[n : n+int(length)]); plainText.MatchString(version) {
				return version
			}
		}
		content = content[start+1:]
	}
}
