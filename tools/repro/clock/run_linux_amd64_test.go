package main

import (
	"bufio"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

const tenYears = 87600 * time.Hour

// clockCommand is the command line of clock, ten years ahead.
func clockCommand(command ...string) []string {
	return as("clock", append([]string{"--offset", tenYears.String(), "--"}, command...)...)
}

// TestShifts: all that programs print, the last word of each line, is the time
// in ten years.
func TestShifts(t *testing.T) {
	t.Parallel()
	for name, command := range map[string][]string{
		"Go":                       as("now"),
		"threads":                  as("threads"),
		"child":                    append(as("parent", "plain"), as("now")...),
		"grandchild":               append(append(as("parent", "plain"), as("parent", "plain")...), as("now")...),
		"exec from another thread": append(as("exec"), as("now")...),
		"date":                     {"date", "+%s"},
		"shell":                    {"sh", "-c", "date +%s; (date +%s) & wait"},
		"bash":                     {"bash", "-c", `printf '%(%s)T\n' -1; echo "${EPOCHREALTIME%[.,]*}"`},
		"python":                   {"python3", "-c", "import time; print(int(time.time())); print(int(time.clock_gettime(5)))"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := exec.LookPath(command[0]); err != nil {
				t.Skip(err)
			}
			testShifts(t, command...)
		})
	}
}

// TestShiftsInNamespaces is for sandboxes such as Bazel's.
func TestShiftsInNamespaces(t *testing.T) {
	t.Parallel()
	cmd := exec.Command(self, as("now")[1:]...)
	cmd.SysProcAttr = newNamespaces()
	if err := cmd.Run(); err != nil {
		t.Skipf("namespaces are not allowed here: %v", err)
	}
	testShifts(t, append(as("parent", "namespaces"), as("now")...)...)
}

// TestHides: the clock is shifted where the vDSO cannot be changed, too.
func TestHides(t *testing.T) {
	t.Parallel()
	testOutput(t, append(as("hiding"), as("now")...)...)
}

func testShifts(t *testing.T, command ...string) {
	t.Helper()
	testOutput(t, clockCommand(command...)...)
}

// testOutput checks that a command prints times in ten years.
func testOutput(t *testing.T, command ...string) {
	t.Helper()
	// Some clocks are as coarse as a tick, and seem to lag.
	before := time.Now().Add(tenYears - time.Second).Unix()
	out, code := runRole(t, command...)
	after := time.Now().Add(tenYears).Unix()
	if code != 0 || out == "" {
		t.Errorf("exit status %d, output %q", code, out)
	}
	for line := range strings.Lines(out) {
		words := strings.Fields(line)
		seconds, err := strconv.ParseInt(words[len(words)-1], 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		if seconds < before || seconds > after {
			t.Errorf("%q is not between %d and %d", line, before, after)
		}
	}
}

// TestMonotonic: the clocks that are not the wall clock stay true.
func TestMonotonic(t *testing.T) {
	t.Parallel()
	for name, command := range map[string][]string{
		"system call": as("monotonic"),
		"vDSO":        {"python3", "-c", "import time; print(int(time.clock_gettime(time.CLOCK_MONOTONIC)))"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := exec.LookPath(command[0]); err != nil {
				t.Skip(err)
			}
			before := monotonicSeconds()
			out, code := runRole(t, clockCommand(command...)...)
			after := monotonicSeconds()
			seconds, err := strconv.ParseInt(strings.TrimSpace(out), 10, 64)
			if err != nil || seconds < before || seconds > after || code != 0 {
				t.Errorf("it printed %q and ended with status %d, want a number from %d to %d", out, code, before, after)
			}
		})
	}
}

func TestExitStatus(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	// A script without an interpreter is one that only shells can run.
	noFormat := filepath.Join(dir, "no-format")
	if err := os.WriteFile(noFormat, []byte("exit 0\n"), 0o777); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		command []string
		code    int
	}{
		"success":       {[]string{"sh", "-c", "exit 0"}, 0},
		"failure":       {[]string{"sh", "-c", "exit 7"}, 7},
		"signal":        {[]string{"sh", "-c", "kill -KILL $$"}, exitSignal + 9},
		"cannot be run": {[]string{noFormat}, exitCannotRun},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if out, code := runRole(t, clockCommand(test.command...)...); code != test.code || out != "" {
				t.Errorf("exit status %d, want %d; it printed %q", code, test.code, out)
			}
		})
	}
}

// TestSignal: what is sent to clock reaches the command.
func TestSignal(t *testing.T) {
	t.Parallel()
	for _, s := range []unix.Signal{unix.SIGTERM, unix.SIGINT, unix.SIGHUP, unix.SIGUSR1} {
		t.Run(s.String(), func(t *testing.T) {
			t.Parallel()
			cmd, stdout := start(t, clockCommand(as("trap")...)...)
			if line, err := stdout.ReadString('\n'); err != nil {
				t.Fatalf("%q, %v", line, err)
			}
			if err := cmd.Process.Signal(s); err != nil {
				t.Fatal(err)
			}
			rest, err := io.ReadAll(stdout)
			if want := "got " + s.String() + "\n"; err != nil || string(rest) != want {
				t.Errorf("got %q, %v; want %q", rest, err, want)
			}
			if cmd.Wait(); cmd.ProcessState.ExitCode() != 5 {
				t.Errorf("it ended with %v, want exit status 5", cmd.ProcessState)
			}
		})
	}
}

// trap says which signal it got.
func trap([]string) int {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals)
	os.Stdout.WriteString("ready\n")
	for s := range signals {
		if s != unix.SIGURG { // which the Go runtime sends to itself
			os.Stdout.WriteString("got " + s.String() + "\n")
			return 5
		}
	}
	return 1
}

// TestStopAndContinue: stopping is not undone by the tracer, and a wait that was
// interrupted goes on until its time has come.
func TestStopAndContinue(t *testing.T) {
	t.Parallel()
	for name := range waits {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			out, code := runRole(t, clockCommand(as("stop", name)...)...)
			if out == "not here\n" {
				t.Skip("the kernel lacks this system call")
			}
			if out != "waited\n" || code != 0 {
				t.Errorf("it printed %q and ended with status %d", out, code)
			}
		})
	}
}

// TestLeftBehind: nothing goes on with the true clock when the command has
// ended. Standard output is at its end only when no process has it.
func TestLeftBehind(t *testing.T) {
	t.Parallel()
	out, code := runRole(t, clockCommand(as("leave")...)...)
	if out != "left behind\n" || code != 0 {
		t.Errorf("it printed %q and ended with status %d", out, code)
	}
}

// TestKilled: nothing goes on with the true clock when clock is killed.
func TestKilled(t *testing.T) {
	t.Parallel()
	cmd, stdout := start(t, clockCommand(as("trap")...)...)
	if line, err := stdout.ReadString('\n'); err != nil {
		t.Fatalf("%q, %v", line, err)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if rest, err := io.ReadAll(stdout); err != nil || len(rest) > 0 {
		t.Errorf("the command said %q, %v", rest, err)
	}
}

// start starts a program and gives its standard output.
func start(t *testing.T, args ...string) (*exec.Cmd, *bufio.Reader) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), args[0], args[1:]...)
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd, bufio.NewReader(stdout)
}

// exit32 is a 32-bit program that ends at once: an ELF header, a program header
// and exit(0) by int 0x80.
var exit32 = []byte("\x7fELF\x01\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00" +
	"\x02\x00\x03\x00\x01\x00\x00\x00\x54\x80\x04\x08\x34\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00" +
	"\x34\x00\x20\x00\x01\x00\x00\x00\x00\x00\x00\x00" +
	"\x01\x00\x00\x00\x00\x00\x00\x00\x00\x80\x04\x08\x00\x80\x04\x08" +
	"\x5d\x00\x00\x00\x5d\x00\x00\x00\x05\x00\x00\x00\x00\x10\x00\x00" +
	"\x31\xc0\x40\x31\xdb\xcd\x80\x90\x90")

// Test32Bit: a program that clock cannot shift does not run with the true clock.
func Test32Bit(t *testing.T) {
	t.Parallel()
	program := filepath.Join(t.TempDir(), "exit32")
	if err := os.WriteFile(program, exit32, 0o777); err != nil {
		t.Fatal(err)
	}
	if err := exec.Command(program).Run(); err != nil {
		t.Skipf("32-bit programs do not run here: %v", err)
	}
	cmd := clockCommand(program)
	out, err := exec.CommandContext(t.Context(), cmd[0], cmd[1:]...).CombinedOutput()
	want := "clock: " + strconv.Quote(program) + " is a 32-bit program, whose clock cannot be shifted: use one for x86-64\n"
	if string(out) != want || err == nil || err.Error() != "exit status 125" {
		t.Errorf("got %q, %v; want %q", out, err, want)
	}
}
