package main

import (
	"encoding/binary"

	"golang.org/x/sys/unix"
)

// stubMark is in the fourth argument of clock_gettime, which the kernel ignores,
// when a stub makes the call: the filter lets it pass.
const stubMark = 0x8f3a_61d7_c25b_94e0

// stubs are the machine code that takes the place of functions of the vDSO, by
// their names. offset is how many seconds the clock is ahead.
//
// The stub of clock_gettime shifts the time itself: to stop a thread takes a
// hundred times longer, and compilers read the clock millions of times. The
// others are rare, and make the system calls that they stand for.
func stubs(offset int64) map[string][]byte {
	return map[string][]byte{
		"clock_gettime": clockGettimeStub(offset),
		"gettimeofday":  {0xb8, unix.SYS_GETTIMEOFDAY, 0, 0, 0, 0x0f, 0x05, 0xc3}, // mov eax, NR; syscall; ret
		"time":          {0xb8, unix.SYS_TIME, 0, 0, 0, 0x0f, 0x05, 0xc3},
	}
}

// clockGettimeStub is int clock_gettime(clockid_t edi, struct timespec *rsi), by
// the calling conventions of the System V ABI for AMD64.
func clockGettimeStub(offset int64) []byte {
	var clocks uint32 // has a bit for each of the wall clocks
	for _, clock := range wallClocks {
		clocks |= 1 << clock
	}
	var code []byte
	add := func(instruction ...byte) { code = append(code, instruction...) }
	imm32 := func(v uint32) { code = binary.LittleEndian.AppendUint32(code, v) }
	imm64 := func(v uint64) { code = binary.LittleEndian.AppendUint64(code, v) }

	add(0xb8) // mov eax, SYS_clock_gettime
	imm32(unix.SYS_CLOCK_GETTIME)
	add(0x49, 0xba) // mov r10, stubMark
	imm64(stubMark)
	add(0x0f, 0x05)     // syscall
	add(0x85, 0xc0)     // test eax, eax
	add(0x75, 28)       // jnz end
	add(0x83, 0xff, 32) // cmp edi, 32
	add(0x73, 23)       // jae end
	add(0xba)           // mov edx, clocks
	imm32(clocks)
	add(0x0f, 0xa3, 0xfa) // bt edx, edi
	add(0x73, 13)         // jnc end
	add(0x48, 0xba)       // mov rdx, offset
	imm64(uint64(offset))
	add(0x48, 0x01, 0x16) // add [rsi], rdx
	add(0xc3)             // end: ret
	return code
}
