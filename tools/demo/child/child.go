// Package child runs a command that does not outlive this process.
package child

import (
	"os/exec"
	"runtime"
	"syscall"
	"time"
)

// Child is a running command, the leader of a process group of its own: a
// terminal's Ctrl-C does not reach it, Stop does.
type Child struct {
	pid  int
	done chan struct{}
	err  error
}

// Start starts the command. It gets SIGTERM if this process is killed; where
// that is not to be had, that is not on Linux, it lives on.
func Start(cmd *exec.Cmd) (*Child, error) {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Setpgid = true
	dieWithParent(cmd.SysProcAttr)
	c := &Child{done: make(chan struct{})}
	started := make(chan error)
	go func() {
		// For the kernel the parent is this thread: it must not end first.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		if err == nil {
			c.pid = cmd.Process.Pid
		}
		started <- err
		if err == nil {
			c.err = cmd.Wait()
			close(c.done)
		}
	}()
	if err := <-started; err != nil {
		return nil, err
	}
	return c, nil
}

// PID is the process id of the command.
func (c *Child) PID() int { return c.pid }

// Done is closed when the command has ended.
func (c *Child) Done() <-chan struct{} { return c.done }

// Err waits for the end of the command and says how it was: nil for exit
// status 0, else as [exec.Cmd.Wait] does.
func (c *Child) Err() error {
	<-c.done
	return c.err
}

// Stop asks the process group to end with SIGTERM, makes it with SIGKILL after
// the grace period, and returns when the command has ended.
func (c *Child) Stop(grace time.Duration) {
	c.signal(syscall.SIGTERM)
	select {
	case <-c.done:
	case <-time.After(grace):
		c.signal(syscall.SIGKILL)
		<-c.done
	}
}

func (c *Child) signal(s syscall.Signal) {
	select {
	case <-c.done:
		// The number may be somebody else's by now.
	default:
		// The only error is that the command has just ended.
		_ = syscall.Kill(-c.pid, s)
	}
}
