package main

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// launchName is argument 0 of a process that is the launch stage: this very
// executable, which sets up the process and then becomes the command.
const launchName = "clock-launch"

// launchArgs are the arguments of the launch stage. It reads one byte from the
// pipe as soon as it is traced.
func launchArgs(pipe uintptr, program string, args []string) []string {
	return append([]string{launchName, strconv.Itoa(int(pipe)), program}, args...)
}

// The launch stage is an init function because only those are sure to run on
// the process's first thread, which is the one that is traced.
func init() {
	if os.Args[0] != launchName {
		return
	}
	err := launch(os.Args[1:])
	fmt.Fprintf(os.Stderr, "clock: %v\n", err)
	if errors.Is(err, errExec) {
		os.Exit(exitCannotRun)
	}
	os.Exit(exitFailed)
}

var errExec = errors.New("the command cannot be run")

// launch becomes the command. It returns only when it fails.
func launch(args []string) error {
	pipe, err := strconv.Atoi(args[0])
	if err != nil {
		return err
	}
	if n, _ := unix.Read(pipe, make([]byte, 1)); n != 1 {
		os.Exit(exitFailed) // The tracer has said why.
	}
	unix.Close(pipe)
	if err := setFilter(); err != nil {
		return err
	}
	err = syscall.Exec(args[1], args[2:], os.Environ())
	return fmt.Errorf("%w: %s: %w", errExec, args[1], err)
}

// setFilter sets the filter for this thread and all that it starts.
func setFilter() error {
	// Without privileges, a filter may be set only by a process that cannot
	// gain any; it is the same for all, so that root sees nothing else.
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("setting no_new_privs: %w", err)
	}
	program := filter()
	fprog := unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]}
	if err := unix.Prctl(unix.PR_SET_SECCOMP, unix.SECCOMP_MODE_FILTER, uintptr(unsafe.Pointer(&fprog)), 0, 0); err != nil {
		return fmt.Errorf("setting a seccomp filter: %w", err)
	}
	return nil
}
