package main

import (
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"runtime"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// waits are the ways to wait for a moment of the wall clock. They end without an
// error when it has come.
var waits = map[string]func(deadline time.Time) error{
	"clock_nanosleep": waitNanosleep,
	"futex":           waitFutex,
	"futex_waitv":     waitFutexWaitv,
	"futex_wait":      waitFutexWait,
	"mq_timedreceive": waitMessage,
	"timerfd":         waitTimer,
}

// TestWaits: a program that computes a deadline from the clock waits until then,
// neither shorter nor for ten years.
func TestWaits(t *testing.T) {
	t.Parallel()
	for name := range waits {
		for _, offset := range []string{"87600h", "-87600h"} {
			t.Run(name+" "+offset, func(t *testing.T) {
				t.Parallel()
				out, code := runRole(t, as("clock", append([]string{"--offset", offset, "--"}, as("wait", name)...)...)...)
				if out == waitBegins+"not here\n" {
					t.Skip("the kernel lacks this system call")
				}
				if out != waitBegins+"waited\n" || code != 0 {
					t.Errorf("it printed %q and ended with status %d", out, code)
				}
			})
		}
	}
}

// waitBegins is what wait prints first.
const waitBegins = "waiting\n"

// wait waits in the way that the argument says, and then for the end of its
// standard input.
func wait(args []string) int {
	fmt.Print(waitBegins)
	deadline := time.Now().Add(300 * time.Millisecond).Round(0) // without the monotonic time
	err := waits[args[0]](deadline)
	for errors.Is(err, unix.EINTR) {
		err = waits[args[0]](deadline)
	}
	switch {
	case errors.Is(err, unix.ENOSYS):
		fmt.Println("not here")
		return 0
	case err != nil:
		return failed(fmt.Errorf("waiting by %s: %w", args[0], err))
	case time.Now().Before(deadline):
		return failed(fmt.Errorf("by %s it did not wait until %s", args[0], deadline))
	}
	fmt.Println("waited")
	io.Copy(io.Discard, os.Stdin)
	return 0
}

func waitNanosleep(deadline time.Time) error {
	ts := unix.NsecToTimespec(deadline.UnixNano())
	return unix.ClockNanosleep(unix.CLOCK_REALTIME, unix.TIMER_ABSTIME, &ts, nil)
}

func waitFutex(deadline time.Time) error {
	var word uint32
	ts := unix.NsecToTimespec(deadline.UnixNano())
	const op = futexWaitBitset | futexPrivate | futexRealtime
	return timeout(unix.SYS_FUTEX, uintptr(unsafe.Pointer(&word)), op, 0, uintptr(unsafe.Pointer(&ts)), 0, math.MaxUint32)
}

// futex32 is the flag FUTEX2_SIZE_U32 of futex_waitv and futex_wait.
const futex32 = 2

func waitFutexWaitv(deadline time.Time) error {
	var word uint32
	ts := unix.NsecToTimespec(deadline.UnixNano())
	waiters := [1]struct { // struct futex_waitv
		value, address  uint64
		flags, reserved uint32
	}{{0, uint64(uintptr(unsafe.Pointer(&word))), futex32, 0}}
	err := timeout(unix.SYS_FUTEX_WAITV,
		uintptr(unsafe.Pointer(&waiters)), 1, 0, uintptr(unsafe.Pointer(&ts)), unix.CLOCK_REALTIME, 0)
	runtime.KeepAlive(&word)
	return err
}

func waitFutexWait(deadline time.Time) error {
	var word uint32
	ts := unix.NsecToTimespec(deadline.UnixNano())
	return timeout(unix.SYS_FUTEX_WAIT, uintptr(unsafe.Pointer(&word)), 0, math.MaxUint32, futex32,
		uintptr(unsafe.Pointer(&ts)), unix.CLOCK_REALTIME)
}

// waitMessage waits for a message that nobody sends.
func waitMessage(deadline time.Time) error {
	name, err := unix.BytePtrFromString(fmt.Sprintf("clock-test-%d", unix.Getpid()))
	if err != nil {
		return err
	}
	queue, _, errno := unix.Syscall6(unix.SYS_MQ_OPEN, uintptr(unsafe.Pointer(name)), unix.O_CREAT|unix.O_RDONLY|unix.O_CLOEXEC, 0o600, 0, 0, 0)
	if errno != 0 {
		return errno
	}
	defer unix.Close(int(queue))
	if _, _, errno := unix.Syscall(unix.SYS_MQ_UNLINK, uintptr(unsafe.Pointer(name)), 0, 0); errno != 0 {
		return errno
	}
	message := make([]byte, 8192) // the default size
	ts := unix.NsecToTimespec(deadline.UnixNano())
	return timeout(unix.SYS_MQ_TIMEDRECEIVE, queue, uintptr(unsafe.Pointer(&message[0])), uintptr(len(message)),
		0, uintptr(unsafe.Pointer(&ts)), 0)
}

func waitTimer(deadline time.Time) error {
	fd, err := unix.TimerfdCreate(unix.CLOCK_REALTIME, unix.TFD_CLOEXEC)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	expiration := unix.ItimerSpec{Value: unix.NsecToTimespec(deadline.UnixNano())}
	if err := unix.TimerfdSettime(fd, unix.TFD_TIMER_ABSTIME, &expiration, nil); err != nil {
		return err
	}
	_, err = unix.Read(fd, make([]byte, 8))
	return err
}

// timeout makes a system call that is to time out.
//
//go:uintptrescapes
func timeout(number, a, b, c, d, e, f uintptr) error {
	_, _, errno := unix.Syscall6(number, a, b, c, d, e, f)
	if errno == 0 {
		return errors.New("it was woken up")
	}
	if errno == unix.ETIMEDOUT {
		return nil
	}
	return errno
}
