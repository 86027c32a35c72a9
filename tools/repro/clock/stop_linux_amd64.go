package main

import "golang.org/x/sys/unix"

// redZone is the memory below the stack pointer, in bytes, that a function may
// use without saying so (System V ABI for AMD64, 3.2.2).
const redZone = 128

// stop is a thread that is about to make a system call.
type stop struct {
	tid    int
	offset int64 // by how many seconds the clock is ahead
	regs   unix.PtraceRegs
	// replaced is the argument to put back when the call returns, if not nil.
	replaced *waiting
}

// waiting is a thread in a system call of which one argument was replaced.
type waiting struct {
	arg   int
	value uint64
}

// register gives the register of a system call's argument, see syscall(2).
func register(regs *unix.PtraceRegs, arg int) *uint64 {
	return [...]*uint64{&regs.Rdi, &regs.Rsi, &regs.Rdx, &regs.R10, &regs.R8, &regs.R9}[arg]
}

func (s *stop) arg(i int) uint64 { return *register(&s.regs, i) }

// load reads the thread's memory; it is not ok if it may not be read.
func (s *stop) load(address uint64, size int) (b []byte, ok bool) {
	b = make([]byte, size)
	n, err := unix.PtracePeekData(s.tid, uintptr(address), b)
	return b, err == nil && n == size
}

// store writes to the thread's memory. The result is that of a system call.
func (s *stop) store(address uint64, b []byte) (result int64) {
	if _, err := unix.PtracePokeData(s.tid, uintptr(address), b); err != nil {
		return -int64(unix.EFAULT)
	}
	return 0
}

// answer makes the system call return result without making it.
func (s *stop) answer(result int64) error {
	s.regs.Orig_rax = ^uint64(0)
	s.regs.Rax = uint64(result)
	return unix.PtraceSetRegs(s.tid, &s.regs)
}

// replace makes the system call with an argument that points to other bytes.
func (s *stop) replace(arg int, b []byte) error {
	// The caller's own bytes may be constant or in use by other threads. The
	// kernel reads these before the thread can use its stack again.
	address := (s.regs.Rsp - redZone - uint64(len(b))) &^ 15
	if result := s.store(address, b); result != 0 {
		return s.answer(result)
	}
	register := register(&s.regs, arg)
	s.replaced = &waiting{arg, *register}
	*register = address
	return unix.PtraceSetRegs(s.tid, &s.regs)
}

// finish puts the replaced argument back when the system call has returned:
// programs rely on these registers, and the call may be restarted with them.
func (w *waiting) finish(tid int) error {
	var regs unix.PtraceRegs
	if err := unix.PtraceGetRegs(tid, &regs); err != nil {
		return err
	}
	*register(&regs, w.arg) = w.value
	return unix.PtraceSetRegs(tid, &regs)
}
