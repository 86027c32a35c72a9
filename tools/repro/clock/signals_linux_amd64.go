package main

import (
	"os"
	"os/signal"

	"golang.org/x/sys/unix"
)

// forwardSignals passes on to a process what is sent to this one, until it is
// told to stop.
func forwardSignals(pid int) (stop func()) {
	signals := make(chan os.Signal, 16)
	for _, s := range []os.Signal{unix.SIGHUP, unix.SIGINT, unix.SIGQUIT, unix.SIGTERM, unix.SIGUSR1, unix.SIGUSR2} {
		// What is ignored (as nohup does) is so for the command too.
		if !signal.Ignored(s) {
			signal.Notify(signals, s)
		}
	}
	go func() {
		for s := range signals {
			if (s == unix.SIGINT || s == unix.SIGQUIT) && inForeground() {
				continue // The terminal has sent it to the command too.
			}
			unix.Kill(pid, s.(unix.Signal))
		}
	}()
	return func() {
		signal.Stop(signals)
		close(signals)
	}
}

// inForeground tells whether a terminal sends its signals to this process.
func inForeground() bool {
	tty, err := os.Open("/dev/tty")
	if err != nil {
		return false
	}
	defer tty.Close()
	group, err := unix.IoctlGetInt(int(tty.Fd()), unix.TIOCGPGRP)
	return err == nil && group == unix.Getpgrp()
}
