package sandbox

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"time"

	"example.com/reproducible-images/tools/demo/child"
	"golang.org/x/sys/unix"
)

// Run runs this program, with the same arguments, in a sandbox, and returns its
// exit status. When ctx ends it is asked to end by SIGTERM. Main must call [Init]
// first.
func Run(ctx context.Context) (status int, err error) {
	if err := check(); err != nil {
		return 0, err
	}
	dir, err := os.MkdirTemp("", "e2e-")
	if err != nil {
		return 0, fmt.Errorf("making a temporary directory, in $TMPDIR if that is set: %w", err)
	}
	// At its end the mounts in it are gone, together with their namespace.
	defer os.RemoveAll(dir)
	inner, err := child.Start(&exec.Cmd{
		Path:   "/proc/self/exe",
		Args:   os.Args,
		Env:    append(os.Environ(), dirVariable+"="+dir, stageVariable+"=init"),
		Stdin:  os.Stdin,
		Stdout: os.Stdout,
		Stderr: os.Stderr,
		SysProcAttr: &syscall.SysProcAttr{
			Cloneflags: unix.CLONE_NEWNS | unix.CLONE_NEWPID | unix.CLONE_NEWNET | unix.CLONE_NEWIPC | unix.CLONE_NEWUTS,
		},
	})
	if err != nil {
		hint := ""
		if errors.Is(err, unix.EPERM) {
			hint = ": this root lacks capabilities, as in a container; run it outside"
		}
		return 0, fmt.Errorf("making namespaces: %w%s", err, hint)
	}
	select {
	case <-inner.Done():
	case <-ctx.Done():
		inner.Stop(grace + 5*time.Second)
	}
	var exit *exec.ExitError
	switch err := inner.Err(); {
	case err == nil:
		return 0, nil
	case errors.As(err, &exit) && exit.Exited():
		return exit.ExitCode(), nil
	default:
		return 0, err
	}
}

// Init makes this process what Run needs inside, process 1, which never returns;
// else it does nothing.
func Init() {
	if os.Getenv(stageVariable) != "init" {
		return
	}
	status, err := initialize()
	if err != nil {
		fmt.Fprintln(os.Stderr, "e2e: in the new namespaces:", err)
		status = 1
	}
	os.Exit(status)
}

// initialize sets the namespaces up, starts the program, and waits for its end
// and that of all orphans, as process 1 has to.
func initialize() (status int, err error) {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM)
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return 0, fmt.Errorf("keeping mounts to ourselves: %w", err)
	}
	if err := unix.Mount("proc", "/proc", "proc", 0, ""); err != nil {
		return 0, fmt.Errorf("mounting /proc: %w", err)
	}
	if err := raiseLoopback(); err != nil {
		return 0, fmt.Errorf("setting up the loopback interface: %w", err)
	}
	cmd := &exec.Cmd{
		Path:   "/proc/self/exe",
		Args:   os.Args,
		Env:    append(os.Environ(), stageVariable+"=inside"),
		Stdin:  os.Stdin,
		Stdout: os.Stdout,
		Stderr: os.Stderr,
	}
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	go func() {
		<-signals
		// The only error is that it has just ended.
		_ = cmd.Process.Signal(syscall.SIGTERM)
		time.Sleep(grace)
		os.Exit(1)
	}()
	for {
		var how unix.WaitStatus
		pid, err := unix.Wait4(-1, &how, 0, nil)
		switch {
		case errors.Is(err, unix.EINTR):
		case err != nil:
			return 0, fmt.Errorf("waiting: %w", err)
		case pid == cmd.Process.Pid && how.Signaled():
			return 128 + int(how.Signal()), nil
		case pid == cmd.Process.Pid:
			return how.ExitStatus(), nil
		}
	}
}

func raiseLoopback() error {
	socket, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(socket)
	request, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	request.SetUint16(unix.IFF_UP)
	return unix.IoctlIfreq(socket, unix.SIOCSIFFLAGS, request)
}
