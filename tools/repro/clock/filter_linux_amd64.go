package main

import (
	"math"

	"golang.org/x/sys/unix"
)

// condition is a piece of a seccomp filter that lets the system call pass
// untraced if the condition does not hold, and else goes on behind its end.
type condition []unix.SockFilter

// oneOf: the argument, an int of which mask says the bits that count, is one of
// the values.
func oneOf(arg int, mask uint32, values ...uint32) condition {
	c := condition{load(16 + 8*arg), {Code: unix.BPF_ALU | unix.BPF_AND | unix.BPF_K, K: mask}}
	for i, v := range values {
		c = append(c, jumpEqual(v, len(values)-i, 0))
	}
	return append(c, ret(unix.SECCOMP_RET_ALLOW))
}

// notNull: the argument is not a null pointer.
func notNull(arg int) condition {
	return condition{
		load(16 + 8*arg), jumpEqual(0, 0, 3),
		load(20 + 8*arg), jumpEqual(0, 0, 1),
		ret(unix.SECCOMP_RET_ALLOW),
	}
}

// notFromStub: the call is not one that a stub makes, which shifts the time itself.
var notFromStub = condition{
	load(16 + 8*3), jumpEqual(stubMark&math.MaxUint32, 0, 3),
	load(20 + 8*3), jumpEqual(stubMark>>32, 0, 1),
	ret(unix.SECCOMP_RET_ALLOW),
}

// filter is the seccomp filter that stops a thread at the calls of this program
// and lets it make all others. It reads struct seccomp_data of seccomp(2).
func filter() []unix.SockFilter {
	f := []unix.SockFilter{
		load(4), // arch
		// Calls of other kinds have other numbers. The tracer refuses 32-bit
		// programs.
		jumpEqual(unix.AUDIT_ARCH_X86_64, 1, 0),
		ret(unix.SECCOMP_RET_ALLOW),
		load(0), // nr
	}
	for _, c := range calls {
		var block []unix.SockFilter
		for _, condition := range c.when {
			block = append(block, condition...)
		}
		block = append(block, ret(unix.SECCOMP_RET_TRACE))
		f = append(f, jumpEqual(uint32(c.number), 0, len(block)))
		f = append(f, block...)
	}
	return append(f, ret(unix.SECCOMP_RET_ALLOW))
}

func load(offset int) unix.SockFilter {
	return unix.SockFilter{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: uint32(offset)}
}

// jumpEqual skips as many instructions as yes or no say.
func jumpEqual(value uint32, yes, no int) unix.SockFilter {
	return unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: value, Jt: uint8(yes), Jf: uint8(no)}
}

func ret(action uint32) unix.SockFilter {
	return unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: action}
}
