package rebuild

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestProcess(t *testing.T) {
	t.Parallel()
	cpus, err := availableCPUs()
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		process process
		script  string
	}{
		"umask":    {process{umask: 0o027}, `[ "$(umask)" = 0027 ]`},
		"CPU":      {process{cpu: cpus[0]}, `[ "$(nproc)" = 1 ]`},
		"hostname": {process{hostname: "elsewhere"}, `[ "$(uname -n)" = elsewhere ]`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := run(t.Context(), exec.Command("sh", "-c", test.script), test.process)
			if errors.Is(err, unix.EPERM) {
				t.Skipf("only root can: %v", err)
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	// Not for anyone else.
	if err := run(t.Context(), exec.Command("sh", "-c", `[ "$(umask)" != 0027 ] && [ "$(uname -n)" != elsewhere ]`), process{}); err != nil {
		t.Error(err)
	}
}

func TestRunFails(t *testing.T) {
	t.Parallel()
	script := `i=0; while [ $i -lt 100 ]; do i=$((i+1)); echo line $i; done; exit 3`
	err := run(t.Context(), exec.Command("sh", "-c", script), process{})
	if err == nil {
		t.Fatal("no error")
	}
	if text := err.Error(); !strings.Contains(text, "exit status 3") || !strings.HasSuffix(text, "    line 99\n    line 100") || strings.Contains(text, "line 70\n") {
		t.Errorf("want the exit status and the last lines, got:\n%v", err)
	}
}

// What the command started is ended with it.
func TestRunIsInterrupted(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	cmd := exec.Command("sh", "-c", `echo started >&3; sleep 1000; true`)
	cmd.ExtraFiles = append(cmd.ExtraFiles, writer)
	done := make(chan error)
	go func() { done <- run(ctx, cmd, process{}) }()
	started := make([]byte, 8)
	if _, err := reader.Read(started); err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want %v", err, context.Canceled)
	}
	writer.Close()
	// The end of the pipe is when nobody has it open any more.
	reader.SetReadDeadline(time.Now().Add(time.Minute))
	if n, err := reader.Read(started); n != 0 || err == nil {
		t.Errorf("something still runs: read %d bytes, %v", n, err)
	}
}
