package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// roles are the programs that the tests run, clock among them. This executable
// is each of them when its first argument says so. They return an exit status.
var roles = map[string]func(args []string) int{
	"as-clock":     func(args []string) int { return run(args, os.Stdout, os.Stderr) },
	"as-hiding":    hiding,
	"as-now":       now,
	"as-threads":   threads,
	"as-parent":    parent,
	"as-exec":      execFromThread,
	"as-wait":      wait,
	"as-monotonic": monotonic,
	"as-stop":      stopAndContinue,
	"as-trap":      trap,
	"as-leave":     leave,
	"as-sleep":     func([]string) int { time.Sleep(time.Hour); return 0 },
}

func TestMain(m *testing.M) {
	if len(os.Args) > 1 {
		if role, ok := roles[os.Args[1]]; ok {
			os.Exit(role(os.Args[2:]))
		}
	}
	os.Exit(m.Run())
}

// as is the command line of a role.
func as(role string, args ...string) []string {
	return append([]string{self, "as-" + role}, args...)
}

var self = func() string {
	path, err := os.Executable()
	if err != nil {
		panic(err)
	}
	return path
}()

// failed reports an error of a role.
func failed(err error) int {
	fmt.Fprintln(os.Stderr, err)
	return 1
}

// now prints the Unix time, in all the ways to get it.
func now([]string) int {
	fmt.Println("time.Now", time.Now().Unix())
	var tv unix.Timeval
	if err := unix.Gettimeofday(&tv); err != nil {
		return failed(err)
	}
	fmt.Println("gettimeofday", tv.Sec)
	seconds, _, errno := unix.Syscall(unix.SYS_TIME, 0, 0, 0)
	if errno != 0 {
		return failed(errno)
	}
	fmt.Println("time", seconds)
	for _, clock := range []int32{unix.CLOCK_REALTIME, unix.CLOCK_REALTIME_COARSE} {
		var ts unix.Timespec
		if err := unix.ClockGettime(clock, &ts); err != nil {
			return failed(err)
		}
		fmt.Printf("clock_gettime(%d) %d\n", clock, ts.Sec)
	}
	return 0
}

// hiding is clock, ten years ahead, where the vDSO cannot be changed.
func hiding(args []string) int {
	code, err := runTraced(args[0], args, int64(tenYears/time.Second), nil)
	if err != nil {
		return failed(err)
	}
	return code
}

// threads prints the Unix time from many threads at once.
func threads([]string) int {
	var group sync.WaitGroup
	for range 20 {
		group.Go(func() {
			runtime.LockOSThread() // and so ends the thread, too
			for range 20 {
				fmt.Println("thread", time.Now().Unix())
			}
		})
	}
	group.Wait()
	return 0
}

// parent runs another program, in new namespaces if the first argument says so.
func parent(args []string) int {
	cmd := exec.Command(args[1], args[2:]...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	if args[0] == "namespaces" {
		cmd.SysProcAttr = newNamespaces()
	}
	if err := cmd.Run(); err != nil {
		return failed(err)
	}
	return 0
}

func newNamespaces() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{
		Cloneflags:  unix.CLONE_NEWUSER | unix.CLONE_NEWPID,
		UidMappings: []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}},
	}
}

// execFromThread becomes another program from a thread that is not the first,
// which the first is waiting for in a call that clock deals with.
func execFromThread(args []string) int {
	go func() {
		runtime.LockOSThread()
		time.Sleep(50 * time.Millisecond)
		os.Exit(failed(syscall.Exec(args[0], args, os.Environ())))
	}()
	runtime.LockOSThread()
	return failed(waitFutex(time.Now().Add(time.Hour)))
}

// monotonic prints the seconds of a clock that is not the wall clock.
func monotonic([]string) int {
	fmt.Println(monotonicSeconds())
	return 0
}

func monotonicSeconds() int64 {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts); err != nil {
		panic(err)
	}
	return ts.Sec
}

// stopAndContinue stops and continues a program while it waits in the way that
// the argument says, and lets it end.
func stopAndContinue(args []string) int {
	cmd := exec.Command(self, as("wait", args...)[1:]...)
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return failed(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return failed(err)
	}
	if err := cmd.Start(); err != nil {
		return failed(err)
	}
	if _, err := io.ReadFull(stdout, make([]byte, len(waitBegins))); err != nil {
		return failed(err)
	}
	time.Sleep(50 * time.Millisecond) // Now it probably waits.
	pid := cmd.Process.Pid
	if err := sendAndSee(pid, unix.SIGSTOP, unix.WaitStatus.Stopped); err != nil {
		return failed(err)
	}
	time.Sleep(50 * time.Millisecond) // It might go on by mistake.
	if stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid)); err != nil || !strings.Contains(string(stat), ") t ") {
		return failed(fmt.Errorf("it is not stopped: %s, %v", stat, err))
	}
	if err := sendAndSee(pid, unix.SIGCONT, unix.WaitStatus.Continued); err != nil {
		return failed(err)
	}
	stdin.Close()
	rest, err := io.ReadAll(stdout)
	fmt.Print(string(rest))
	if err := errors.Join(err, cmd.Wait()); err != nil {
		return failed(err)
	}
	return 0
}

// sendAndSee sends a signal to a child process and waits until it is heeded.
func sendAndSee(pid int, signal unix.Signal, seen func(unix.WaitStatus) bool) error {
	if err := unix.Kill(pid, signal); err != nil {
		return err
	}
	var status unix.WaitStatus
	if _, err := unix.Wait4(pid, &status, unix.WUNTRACED|unix.WCONTINUED, nil); err != nil || !seen(status) {
		return fmt.Errorf("after %v: status %#x, %v", signal, status, err)
	}
	return nil
}

// leave leaves a process behind, which keeps standard output open.
func leave([]string) int {
	cmd := exec.Command(self, as("sleep")[1:]...)
	cmd.Stdout = os.Stdout
	if err := cmd.Start(); err != nil {
		return failed(err)
	}
	fmt.Println("left behind")
	return 0
}

// runRole gives what a program prints and its exit status.
func runRole(t *testing.T, args ...string) (stdout string, code int) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), args[0], args[1:]...)
	var errors strings.Builder
	cmd.Stderr = &errors
	out, err := cmd.Output()
	if cmd.ProcessState == nil {
		t.Fatalf("%q: %v", args, err)
	}
	if errors.Len() > 0 {
		t.Logf("%q said: %s", args, &errors)
	}
	return string(out), cmd.ProcessState.ExitCode()
}
