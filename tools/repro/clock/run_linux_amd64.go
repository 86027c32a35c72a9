package main

import (
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// runShifted runs a program with the clock shifted by offset, in whole seconds,
// and returns its exit status, or 128+N if signal N ended it. args includes the
// program's name.
func runShifted(program string, args []string, offset time.Duration) (int, error) {
	seconds := int64(offset / time.Second)
	changes, err := vdsoChanges(stubs(seconds))
	if err != nil {
		changes = nil // It works without, but slower.
	}
	return runTraced(program, args, seconds, changes)
}

// runTraced is runShifted with what to change in the vDSO.
func runTraced(program string, args []string, offset int64, changes []change) (int, error) {
	// ptrace works only from the thread that attached.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()

	pid, err := startTraced(program, args)
	if err != nil {
		return 0, err
	}
	defer forwardSignals(pid)()
	// Every stop would send one, for nothing. The command was started before,
	// as it would inherit this.
	signal.Ignore(unix.SIGCHLD)
	t := tracer{main: pid, offset: offset, changes: changes, threads: map[int]*waiting{}}
	status, err := t.run()
	switch {
	case err != nil:
		return 0, err
	case status.Signaled():
		return exitSignal + int(status.Signal()), nil
	default:
		return status.ExitStatus(), nil
	}
}

// startTraced starts the launch stage for the program and attaches to it.
func startTraced(program string, args []string) (pid int, err error) {
	attached, release, err := os.Pipe()
	if err != nil {
		return 0, err
	}
	defer attached.Close()
	defer release.Close()
	self, err := os.Executable()
	if err != nil {
		return 0, err
	}
	// The pipe keeps its number: the command is to inherit all other files
	// that are open, as they are.
	if _, err := unix.FcntlInt(attached.Fd(), unix.F_SETFD, 0); err != nil {
		return 0, fmt.Errorf("passing on a pipe: %w", err)
	}
	pid, err = syscall.ForkExec(self, launchArgs(attached.Fd(), program, args), &syscall.ProcAttr{
		Env:   os.Environ(),
		Files: []uintptr{0, 1, 2},
	})
	if err != nil {
		return 0, fmt.Errorf("starting the launch stage: %w", err)
	}
	if err := attach(pid); err != nil {
		return 0, fmt.Errorf("tracing a process (is it forbidden, by kernel.yama.ptrace_scope or in a container?): %w", err)
	}
	if _, err := release.Write([]byte{0}); err != nil {
		return 0, fmt.Errorf("starting %s: %w", program, err)
	}
	return pid, nil
}
