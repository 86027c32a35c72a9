package child_test

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"testing"
	"time"

	"example.com/reproducible-images/tools/demo/child"
)

// behaviour makes the test binary a child.
const behaviour = "CHILD_TEST_BEHAVIOUR"

func TestMain(m *testing.M) {
	switch os.Getenv(behaviour) {
	case "":
		os.Exit(m.Run())
	case "exit 3":
		os.Exit(3)
	case "stubborn":
		signal.Ignore(syscall.SIGTERM)
	case "orderly":
		stop := make(chan os.Signal, 1)
		signal.Notify(stop, syscall.SIGTERM)
		fmt.Println("ready")
		<-stop
		os.Exit(0)
	}
	fmt.Println("ready")
	// An empty select would be a deadlock, which ends the process.
	time.Sleep(time.Hour)
}

// start starts a child and returns when it is ready, or has ended.
func start(t *testing.T, how string) *child.Child {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), behaviour+"="+how)
	output, outputWriter, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer output.Close()
	cmd.Stdout = outputWriter
	c, err := child.Start(cmd)
	outputWriter.Close()
	if err != nil {
		t.Fatal(err)
	}
	_, _ = bufio.NewReader(output).ReadString('\n')
	return c
}

func signalOf(err error) syscall.Signal {
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		return 0
	}
	return exit.Sys().(syscall.WaitStatus).Signal()
}

func TestStop(t *testing.T) {
	t.Parallel()
	orderly := start(t, "orderly")
	orderly.Stop(time.Minute)
	if err := orderly.Err(); err != nil {
		t.Errorf("an orderly child ended with %v", err)
	}
	orderly.Stop(time.Minute)

	stubborn := start(t, "stubborn")
	stubborn.Stop(0)
	if err := stubborn.Err(); signalOf(err) != syscall.SIGKILL {
		t.Errorf("a stubborn child ended with %v", err)
	}
}

func TestEnds(t *testing.T) {
	t.Parallel()
	c := start(t, "exit 3")
	<-c.Done()
	if err := c.Err(); err == nil || err.Error() != "exit status 3" {
		t.Errorf("got %v, want exit status 3", err)
	}
}

func TestOwnProcessGroup(t *testing.T) {
	t.Parallel()
	c := start(t, "orderly")
	defer c.Stop(time.Minute)
	group, err := syscall.Getpgid(c.PID())
	if err != nil || group != c.PID() {
		t.Errorf("process %d is in group %d (%v)", c.PID(), group, err)
	}
}

func TestCannotStart(t *testing.T) {
	t.Parallel()
	if _, err := child.Start(exec.Command("/none")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}
