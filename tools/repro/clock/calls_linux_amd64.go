package main

import (
	"fmt"
	"math"
	"os"
	"regexp"

	"golang.org/x/sys/unix"
)

// call is a system call that has to do with the wall clock.
type call struct {
	number uint64
	when   []condition       // all must hold, or the call is left alone
	shift  func(*stop) error // called when a thread is about to make the call
}

// Commands and flags of futex(2).
const (
	futexLockPI        = 6
	futexWaitBitset    = 9
	futexWaitRequeuePI = 11
	futexLockPI2       = 13
	futexPrivate       = 1 << 7
	futexRealtime      = 1 << 8
)

// wallClocks are the clocks of clock_gettime(2) that are shifted.
var wallClocks = []uint32{unix.CLOCK_REALTIME, unix.CLOCK_REALTIME_COARSE, unix.CLOCK_REALTIME_ALARM, unix.CLOCK_TAI}

// calls are all system calls that are shifted, the most common ones first.
var calls = []call{
	{unix.SYS_CLOCK_GETTIME, []condition{notFromStub, oneOf(0, math.MaxUint32, wallClocks...)}, clockGettime},
	{unix.SYS_GETTIMEOFDAY, []condition{notNull(0)}, gettimeofday},
	{unix.SYS_TIME, nil, timeSeconds},

	{unix.SYS_CLOCK_NANOSLEEP, []condition{
		oneOf(0, math.MaxUint32, wallClocks...),
		oneOf(1, unix.TIMER_ABSTIME, unix.TIMER_ABSTIME),
	}, deadline(2)},
	{unix.SYS_FUTEX, []condition{
		oneOf(1, ^uint32(futexPrivate),
			futexWaitBitset|futexRealtime, futexWaitRequeuePI|futexRealtime, futexLockPI2|futexRealtime, futexLockPI),
		// Waiting without a timeout is far more common.
		notNull(3),
	}, deadline(3)},
	{unix.SYS_FUTEX_WAITV, []condition{notNull(3), oneOf(4, math.MaxUint32, unix.CLOCK_REALTIME)}, deadline(3)},
	{unix.SYS_FUTEX_WAIT, []condition{notNull(4), oneOf(5, math.MaxUint32, unix.CLOCK_REALTIME)}, deadline(4)},
	{unix.SYS_MQ_TIMEDSEND, []condition{notNull(4)}, deadline(4)},
	{unix.SYS_MQ_TIMEDRECEIVE, []condition{notNull(4)}, deadline(4)},
	{unix.SYS_TIMERFD_SETTIME, []condition{oneOf(1, unix.TFD_TIMER_ABSTIME, unix.TFD_TIMER_ABSTIME)}, timerfdSettime},
}

// clockGettime answers clock_gettime(2).
func clockGettime(s *stop) error {
	var now unix.Timespec
	if err := unix.ClockGettime(int32(s.arg(0)), &now); err != nil {
		return nil // The kernel will say the same.
	}
	now.Sec += s.offset
	return s.answer(s.store(s.arg(1), encode(now)))
}

// gettimeofday answers gettimeofday(2). Its time zone, which nobody sets, is UTC.
func gettimeofday(s *stop) error {
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_REALTIME, &now); err != nil {
		return err
	}
	now.Sec += s.offset
	now.Nsec /= 1000
	result := s.store(s.arg(0), encode(now))
	if zone := s.arg(1); zone != 0 && result == 0 {
		result = s.store(zone, make([]byte, 8))
	}
	return s.answer(result)
}

// timeSeconds answers time(2).
func timeSeconds(s *stop) error {
	var now unix.Timespec
	// The kernel too has this clock for time(2).
	if err := unix.ClockGettime(unix.CLOCK_REALTIME_COARSE, &now); err != nil {
		return err
	}
	seconds := now.Sec + s.offset
	if p := s.arg(0); p != 0 {
		if result := s.store(p, encode(unix.Timespec{Sec: seconds})[:8]); result != 0 {
			return s.answer(result)
		}
	}
	return s.answer(seconds)
}

// deadline is for a call that waits until the time to which argument arg
// points, a timespec.
func deadline(arg int) func(*stop) error {
	return func(s *stop) error {
		b, ok := s.load(s.arg(arg), 16)
		if !ok {
			return nil // The kernel will say that the pointer is bad.
		}
		return s.replace(arg, encode(toTrue(decode(b), s.offset)))
	}
}

// timerfdSettime shifts the expiration that timerfd_settime(2) sets.
func timerfdSettime(s *stop) error {
	const arg = 2
	if !onWallClock(s.tid, int32(s.arg(0))) {
		return nil
	}
	// struct itimerspec: the interval and the first expiration.
	b, ok := s.load(s.arg(arg), 32)
	if !ok {
		return nil
	}
	first := decode(b[16:])
	if first == (unix.Timespec{}) {
		return nil // disarms the timer
	}
	return s.replace(arg, append(b[:16], encode(toTrue(first, s.offset))...))
}

var clockID = regexp.MustCompile(`(?m)^clockid: (\d+)$`)

// onWallClock tells whether a timer's file descriptor is on the wall clock, see
// proc_pid_fdinfo(5).
func onWallClock(tid int, fd int32) bool {
	info, err := os.ReadFile(fmt.Sprintf("/proc/%d/fdinfo/%d", tid, fd))
	if err != nil {
		return false // The kernel will say that the descriptor is bad.
	}
	id := clockID.FindSubmatch(info)
	return id != nil && (string(id[1]) == fmt.Sprint(unix.CLOCK_REALTIME) || string(id[1]) == fmt.Sprint(unix.CLOCK_REALTIME_ALARM))
}
