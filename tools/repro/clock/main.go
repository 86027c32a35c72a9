// Command clock runs a command with the wall clock shifted, to show that what
// the command makes does not depend on the time.
//
//	clock --offset 87600h -- COMMAND ARGS...
//
// All processes that the command starts have the shifted clock, whatever they
// are linked with: clock shifts the system calls that read the wall clock.
// (libfaketime, the usual tool, replaces functions of the C library. It cannot
// reach statically linked programs, such as the compiler and linker of Go.)
//
// # How it works
//
// The command runs under ptrace(2) and with a seccomp(2) filter. Both pass on to
// every process it starts, in namespaces of their own too. The filter stops a
// thread only at the calls below, so that all others run at full speed.
//
//   - Calls that read the wall clock are answered by clock: clock_gettime of
//     CLOCK_REALTIME and its kin, gettimeofday and time.
//   - Calls that wait for a moment of the wall clock, which programs compute
//     from what they read, get the true moment: clock_nanosleep, futex,
//     timerfd_settime and mq_timedsend and mq_timedreceive with an absolute time.
//
// Programs usually read the clock without a system call, by functions that the
// kernel maps into every process, the vDSO (see vdso(7)). In each program that
// starts, clock replaces them, in the program's own copy, by stubs that make the
// system call and add the offset. No thread stops for that: Go's compiler reads
// the clock millions of times. Where the vDSO cannot be changed, clock hides it,
// and programs make the system calls that clock answers.
//
// # Limits
//
//   - Linux on x86-64 only. A 32-bit program ends the run with an error.
//   - The kernel's own timestamps stay true: those of files that are written or
//     touched without an explicit time, /proc, logs. A new file so seems as old
//     as the offset, and caches that drop old files may drop it: give the command
//     caches of its own.
//   - Not shifted: adjtimex(2), POSIX timers with an absolute time
//     (timer_settime(2)), absolute timeouts of io_uring, and the machine's own
//     devices (/dev/rtc). The monotonic clocks are true on purpose.
//   - Set-user-ID programs such as sudo get no privileges (no_new_privs), and the
//     command cannot use ptrace: no strace, no debugger, no clock within clock.
//   - When the command ends, the processes that it left behind are killed, as in
//     a container: nobody would be left to shift their clock. The same happens
//     when clock is killed. Bazel's server is one, so use bazel --batch.
//
// # Exit status
//
// The exit status is that of the command, or 128+N if signal N ended it. It is
// 125 if clock failed (or was used wrongly), 126 if the command cannot be run and
// 127 if there is no such command, as with env(1) and timeout(1). SIGHUP, SIGINT,
// SIGQUIT, SIGTERM, SIGUSR1 and SIGUSR2 are passed on to the command.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"time"
)

const usage = `Runs a command with the wall clock of all its processes shifted.

  clock --offset 87600h -- COMMAND ARGS...

Flags:
  --offset DURATION  how far, in whole seconds, for example 87600h (ten years ahead) or -24h

What the kernel itself writes, such as the times of files, is not shifted.

Exit status: that of the command, 128+N if signal N ended it, 125 if clock
failed, 126 if the command cannot be run, 127 if it was not found.
`

// Exit codes, besides those of the command.
const (
	exitFailed    = 125
	exitCannotRun = 126
	exitNotFound  = 127
	exitSignal    = 128
)

func main() {
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

// run is the command; it returns its exit status.
func run(args []string, stdout, stderr io.Writer) int {
	fail := func(code int, err error) int {
		fmt.Fprintf(stderr, "clock: %v\n", err)
		return code
	}
	flags := flag.NewFlagSet("clock", flag.ContinueOnError)
	// The flag package would print the whole usage text after each error.
	flags.SetOutput(io.Discard)
	offset := flags.Duration("offset", 0, "")
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprint(stdout, usage)
		return 0
	case err != nil:
		return fail(exitFailed, fmt.Errorf("%w (-h shows how to use it)", err))
	case *offset == 0:
		return fail(exitFailed, errors.New("no --offset: say how far to shift the clock, for example --offset 87600h"))
	case *offset%time.Second != 0:
		return fail(exitFailed, fmt.Errorf("--offset %s: it must be whole seconds", *offset))
	case flags.NArg() == 0:
		return fail(exitFailed, errors.New("no command: say clock --offset DURATION -- COMMAND ARGS..."))
	}

	program, err := exec.LookPath(flags.Arg(0))
	switch {
	case errors.Is(err, exec.ErrNotFound), errors.Is(err, fs.ErrNotExist):
		return fail(exitNotFound, err)
	case err != nil:
		return fail(exitCannotRun, err)
	}
	code, err := runShifted(program, flags.Args(), *offset)
	if err != nil {
		return fail(exitFailed, err)
	}
	return code
}
