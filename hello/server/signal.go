package server

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// UntilSignal returns a context that is done once SIGTERM or SIGINT asks the
// process to stop. A second signal, of number N, ends the process at once, with
// exit status 128+N.
func UntilSignal() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGTERM, os.Interrupt)
	go func() {
		<-signals
		cancel()
		// Not left to the signal's default action: the kernel spares the
		// process 1 of a container that.
		if second, ok := (<-signals).(syscall.Signal); ok {
			os.Exit(128 + int(second))
		}
	}()
	return ctx
}
