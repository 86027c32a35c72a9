package rebuild

import (
	"context"
	"fmt"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// process is what a process and all that it starts can be made to see, beyond its
// arguments and environment.
type process struct {
	hostname   string // as it is if empty
	umask      int    // as it is if zero
	cpu        int    // the only CPU to use, counting from 1; all if zero
	credential *syscall.Credential
}

// run runs a command. When ctx ends, the command and what it started get SIGINT, at
// which Bazel stops in order, and SIGKILL if that does not do.
func run(ctx context.Context, cmd *exec.Cmd, p process) error {
	var output tail
	cmd.Stdout, cmd.Stderr = &output, &output
	// A process group of its own: Ctrl-C must not come to it by two ways.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Credential: p.credential}
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := p.start(cmd); err != nil {
		return fmt.Errorf("starting %s: %w", strings.Join(cmd.Args, " "), err)
	}
	done := make(chan struct{})
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		select {
		case <-done:
			return
		case <-ctx.Done():
		}
		syscall.Kill(-cmd.Process.Pid, syscall.SIGINT)
		select {
		case <-done:
		case <-time.After(20 * time.Second):
			syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		}
	}()
	err := cmd.Wait()
	close(done)
	<-stopped
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		return fmt.Errorf("%s: %w\n%s", strings.Join(cmd.Args, " "), err, &output)
	}
	return nil
}
