package main

import (
	"encoding/binary"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// Entries of the auxiliary vector, see getauxval(3).
const (
	atNull        = 0
	atIgnore      = 1
	atSysinfoEHDR = 33 // where the vDSO is
)

// code64 is the code segment of a 64-bit program. Of a 32-bit program, the kernel
// gives the registers in another form, which does not reach to this one.
const code64 = 0x33

// started changes the vDSO of a program that is about to start.
func (t *tracer) started(tid int) error {
	var regs unix.PtraceRegs
	if err := unix.PtraceGetRegs(tid, &regs); err != nil {
		return err
	}
	if regs.Cs != code64 {
		name, _ := os.Readlink(fmt.Sprintf("/proc/%d/exe", tid))
		return fmt.Errorf("%q is a 32-bit program, whose clock cannot be shifted: use one for x86-64", name)
	}
	at, err := findVDSO(tid, regs.Rsp)
	if at == 0 || err != nil {
		return err
	}
	if len(t.changes) == 0 {
		// Programs that do not find it make system calls.
		return setWord(tid, at, binary.LittleEndian.AppendUint64(nil, atIgnore))
	}
	base, err := word(tid, at+8)
	if err != nil {
		return err
	}
	for _, c := range t.changes {
		if err := setWord(tid, base+c.offset, c.value); err != nil {
			return err
		}
	}
	return nil
}

// findVDSO finds the entry of the vDSO in a new program's auxiliary vector. It is
// 0 if there is none.
func findVDSO(tid int, stack uint64) (at uint64, err error) {
	// The stack holds argc, argv, NULL, envp, NULL and the vector.
	argc, err := word(tid, stack)
	if err != nil {
		return 0, err
	}
	at = stack + 8*(argc+2)
	for variable := uint64(1); variable != 0; at += 8 {
		if variable, err = word(tid, at); err != nil {
			return 0, err
		}
	}
	for ; ; at += 16 {
		key, err := word(tid, at)
		switch {
		case err != nil || key == atNull:
			return 0, err
		case key == atSysinfoEHDR:
			return at, nil
		}
	}
}

// word reads the memory of a program.
func word(tid int, address uint64) (uint64, error) {
	var b [8]byte
	if _, err := unix.PtracePeekData(tid, uintptr(address), b[:]); err != nil {
		return 0, fmt.Errorf("reading the memory of a new program: %w", err)
	}
	return binary.LittleEndian.Uint64(b[:]), nil
}

// setWord writes to the memory of a program, even where the program may not.
func setWord(tid int, address uint64, value []byte) error {
	if _, err := unix.PtracePokeData(tid, uintptr(address), value); err != nil {
		return fmt.Errorf("changing the memory of a new program: %w", err)
	}
	return nil
}
