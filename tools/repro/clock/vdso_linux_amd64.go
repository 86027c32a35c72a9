package main

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// change is eight bytes of the vDSO that are to be written.
type change struct {
	offset uint64 // from its start, in bytes
	value  []byte
}

// vdsoChanges are what puts the stubs into the vDSO of any process: it is the
// same in all, but for its address.
func vdsoChanges(stubs map[string][]byte) ([]change, error) {
	image, err := ownVDSO()
	if err != nil {
		return nil, fmt.Errorf("reading the vDSO: %w", err)
	}
	changed := slices.Clone(image)
	if err := putStubs(changed, stubs); err != nil {
		return nil, fmt.Errorf("changing the vDSO: %w", err)
	}
	var changes []change
	for i := 0; i < len(image); i += 8 {
		if !bytes.Equal(image[i:i+8], changed[i:i+8]) {
			changes = append(changes, change{uint64(i), changed[i : i+8]})
		}
	}
	return changes, nil
}

// The ELF header (elf.Header64) has these at these offsets, in bytes.
const (
	shOff     = 0x28 // where the section headers are
	shEntSize = 0x3a // how many bytes one has
	shNum     = 0x3c // how many there are
	shEnd     = 0x40
)

// ownVDSO reads the vDSO of this process.
func ownVDSO() ([]byte, error) {
	vector, err := unix.Auxv()
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(vector, func(entry [2]uintptr) bool { return entry[0] == atSysinfoEHDR })
	if i < 0 {
		return nil, errors.New("there is none")
	}
	memory, err := os.Open("/proc/self/mem")
	if err != nil {
		return nil, err
	}
	defer memory.Close()
	base := int64(vector[i][1])
	header := make([]byte, shEnd)
	if _, err := memory.ReadAt(header, base); err != nil {
		return nil, err
	}
	// The section headers come last.
	size := binary.LittleEndian.Uint64(header[shOff:]) +
		uint64(binary.LittleEndian.Uint16(header[shEntSize:]))*uint64(binary.LittleEndian.Uint16(header[shNum:]))
	const page, most = 4096, 64 << 10
	if size > most {
		return nil, fmt.Errorf("it has %d bytes", size)
	}
	// It fills whole pages.
	image := make([]byte, (size+page-1)&^(page-1))
	_, err = memory.ReadAt(image, base)
	return image, err
}

// putStubs puts stubs into a vDSO and lets its symbols point to them. They take
// the place of the section headers, which programs that run do not use.
func putStubs(image []byte, stubs map[string][]byte) error {
	file, err := elf.NewFile(bytes.NewReader(image))
	if err != nil {
		return err
	}
	symbols, err := file.DynamicSymbols()
	if err != nil {
		return err
	}
	table := file.SectionByType(elf.SHT_DYNSYM)

	free := binary.LittleEndian.Uint64(image[shOff:])
	clear(image[shOff : shOff+8])
	clear(image[shNum:shEnd])
	placed := map[string]uint64{}
	for name, code := range stubs {
		if free+uint64(len(code)) > uint64(len(image)) {
			return errors.New("it has no room for the stubs")
		}
		copy(image[free:], code)
		placed[name] = free
		free += uint64(len(code))
	}
	for i, symbol := range symbols {
		// Each function has two names.
		address, ok := placed[strings.TrimPrefix(symbol.Name, "__vdso_")]
		if !ok {
			continue
		}
		// The table begins with an empty symbol, which is not in symbols. The
		// value of a symbol (elf.Sym64) is at its byte 8.
		value := table.Offset + uint64(i+1)*elf.Sym64Size + 8
		// The addresses of a vDSO are offsets from its start.
		binary.LittleEndian.PutUint64(image[value:], address)
	}
	return nil
}
