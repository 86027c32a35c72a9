package main

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// tracer shifts the clock of a process and all that it starts.
type tracer struct {
	main    int      // the process that decides when it is over
	offset  int64    // how many seconds the clock is ahead
	changes []change // to every vDSO; if there are none, it is hidden
	// threads are those that were seen alive; the value is not nil while the
	// thread waits in a call of which the arguments were changed.
	threads map[int]*waiting
	over    bool
}

const options = unix.PTRACE_O_TRACEFORK | unix.PTRACE_O_TRACEVFORK | unix.PTRACE_O_TRACECLONE | unix.PTRACE_O_TRACEEXEC |
	unix.PTRACE_O_TRACESECCOMP | unix.PTRACE_O_TRACESYSGOOD | unix.PTRACE_O_EXITKILL

// attach begins to trace a process. PTRACE_SEIZE is the way of attaching that
// keeps SIGSTOP and SIGCONT working.
func attach(pid int) error { return ptrace(unix.PTRACE_SEIZE, pid, options) }

// run traces until the main process has ended, kills what it left behind, and
// returns its status. It must run on the thread that attached.
func (t *tracer) run() (main unix.WaitStatus, err error) {
	for {
		var status unix.WaitStatus
		tid, werr := unix.Wait4(-1, &status, unix.WALL, nil)
		switch {
		case errors.Is(werr, unix.EINTR):
			continue
		case errors.Is(werr, unix.ECHILD): // All have ended.
			return main, err
		case werr != nil:
			return main, fmt.Errorf("waiting for the processes: %w", werr)
		}
		if status.Stopped() {
			// A thread that is gone was killed, and the end of it is yet to come.
			if serr := t.stopped(tid, status); serr != nil && !errors.Is(serr, unix.ESRCH) {
				err = serr
				t.end()
			}
			continue
		}
		delete(t.threads, tid)
		if tid == t.main {
			main = status
			t.end()
		}
	}
}

// end kills all processes.
func (t *tracer) end() {
	t.over = true
	for tid := range t.threads {
		unix.Kill(tid, unix.SIGKILL)
	}
}

// stopped deals with a stop of a thread and lets it go on; see ptrace(2) for the
// kinds of stops.
func (t *tracer) stopped(tid int, status unix.WaitStatus) error {
	if t.over {
		return unix.Kill(tid, unix.SIGKILL)
	}
	if _, ok := t.threads[tid]; !ok {
		t.threads[tid] = nil
	}
	signal := status.StopSignal()
	switch event := int(status) >> 16; {
	case event == unix.PTRACE_EVENT_SECCOMP:
		return t.entered(tid)
	case signal == unix.SIGTRAP|0x80:
		return t.returned(tid)
	case event == unix.PTRACE_EVENT_EXEC:
		// The thread that made the call has become the first thread, and the
		// others are gone.
		former, err := unix.PtraceGetEventMsg(tid)
		if err != nil {
			return err
		}
		delete(t.threads, int(former))
		t.threads[tid] = nil
		if err := t.started(tid); err != nil {
			return err
		}
		return unix.PtraceCont(tid, 0)
	case event == unix.PTRACE_EVENT_STOP && signal != unix.SIGTRAP:
		// Stopped by SIGSTOP or its like: it stays so until SIGCONT.
		return ptrace(unix.PTRACE_LISTEN, tid, 0)
	case event != 0:
		return unix.PtraceCont(tid, 0)
	default:
		return unix.PtraceCont(tid, int(signal))
	}
}

// entered shifts the system call that the thread is about to make.
func (t *tracer) entered(tid int) error {
	s := stop{tid: tid, offset: t.offset}
	if err := unix.PtraceGetRegs(tid, &s.regs); err != nil {
		return err
	}
	for _, c := range calls {
		if c.number == s.regs.Orig_rax {
			if err := c.shift(&s); err != nil {
				return err
			}
		}
	}
	if s.replaced == nil {
		return unix.PtraceCont(tid, 0)
	}
	t.threads[tid] = s.replaced
	return unix.PtraceSyscall(tid, 0)
}

// returned ends what entered began.
func (t *tracer) returned(tid int) error {
	if w := t.threads[tid]; w != nil {
		t.threads[tid] = nil
		if err := w.finish(tid); err != nil {
			return err
		}
	}
	return unix.PtraceCont(tid, 0)
}

// ptrace makes the requests that package unix lacks.
func ptrace(request, pid int, data uintptr) error {
	if _, _, errno := unix.Syscall6(unix.SYS_PTRACE, uintptr(request), uintptr(pid), 0, data, 0, 0); errno != 0 {
		return errno
	}
	return nil
}
