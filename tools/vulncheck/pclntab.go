package main

import (
	"bytes"
	"debug/elf"
	"errors"
	"fmt"
	"net/url"
	"strings"
)

// functionNames returns the names of all functions in a Go binary, those included
// that are inlined everywhere. They are in the runtime's table of functions, which
// stripping leaves in place; package debug/gosym reads that table too, but tells the
// inlined ones not. The table's header is that of Go 1.20 and later, the type
// runtime.pcHeader:
//
//	magic uint32, zero [2]byte, minimal instruction size byte, pointer size byte,
//	and as words: functions, files, start of the text, and the offsets of
//	the names of functions, of compilation units, …
func functionNames(f *elf.File) ([]string, error) {
	section := f.Section(".gopclntab")
	if section == nil {
		// Of position independent executables of older releases.
		section = f.Section(".data.rel.ro.gopclntab")
	}
	if section == nil {
		return nil, errors.New("there is no section .gopclntab")
	}
	table, err := section.Data()
	if err != nil {
		return nil, err
	}
	return parseNames(table, f)
}

func parseNames(table []byte, f *elf.File) ([]string, error) {
	const magic, fixed = 0xfffffff1, 8
	if len(table) < fixed || f.ByteOrder.Uint32(table) != magic {
		return nil, errors.New("section .gopclntab is not of the form that Go has written since 1.20")
	}
	word := func(i int) uint64 {
		if f.Class == elf.ELFCLASS32 {
			return uint64(f.ByteOrder.Uint32(table[fixed+4*i:]))
		}
		return f.ByteOrder.Uint64(table[fixed+8*i:])
	}
	if len(table) < fixed+8*8 {
		return nil, errors.New("section .gopclntab is cut short")
	}
	begin, end := word(3), word(4)
	if begin > end || end > uint64(len(table)) {
		return nil, fmt.Errorf("section .gopclntab of %d bytes has names from %d to %d", len(table), begin, end)
	}
	var out []string
	for name := range bytes.SplitSeq(table[begin:end], []byte{0}) {
		out = append(out, string(name))
	}
	return out, nil
}

// parseSymbol splits the linker's name of a function: IMPORT/PATH.Function, .Type.Method
// or .(*Type).Method, with type arguments in brackets, which advisories do not have.
// It is not ok for what belongs to no package.
func parseSymbol(name string) (s symbol, ok bool) {
	name = withoutBrackets(name)
	// The compiler's own: go:buildid, type:.eq.…
	if strings.HasPrefix(name, "go:") || strings.HasPrefix(name, "type:") {
		return symbol{}, false
	}
	slash := strings.LastIndexByte(name, '/') + 1
	dot := strings.IndexByte(name[slash:], '.')
	if dot <= 0 {
		return symbol{}, false
	}
	// Dots in the path's last element are escaped: gopkg.in/yaml%2ev3.Unmarshal.
	path, err := url.PathUnescape(name[:slash+dot])
	if err != nil {
		return symbol{}, false
	}
	return symbol{path, strings.NewReplacer("(*", "", ")", "").Replace(name[slash+dot+1:])}, true
}

func withoutBrackets(s string) string {
	depth := 0
	return strings.Map(func(r rune) rune {
		switch r {
		case '[':
			depth++
		case ']':
			depth--
			return -1
		}
		if depth > 0 {
			return -1
		}
		return r
	}, s)
}
