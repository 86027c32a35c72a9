package main

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

// asCommand makes the test binary behave as the command.
const asCommand = "HELLO_TEST_AS_COMMAND"

func TestMain(m *testing.M) {
	if os.Getenv(asCommand) != "" {
		main()
	}
	os.Exit(m.Run())
}

var listening = regexp.MustCompile(`msg=listening address=(\S+) `)

// awaitAddress reads a server's log up to the address it listens on, and hands
// over the rest of the log when it ends.
func awaitAddress(t *testing.T, log io.Reader) (address string, rest <-chan string) {
	t.Helper()
	reader := bufio.NewReader(log)
	line, err := reader.ReadString('\n')
	if err != nil {
		t.Fatalf("reading the log: %v", err)
	}
	match := listening.FindStringSubmatch(line)
	if match == nil {
		t.Fatalf("the log begins with %q", line)
	}
	done := make(chan string, 1)
	go func() {
		lines, _ := io.ReadAll(reader)
		done <- string(lines)
	}()
	return match[1], done
}

func get(t *testing.T, url string) string {
	t.Helper()
	response, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.Status + " " + string(body)
}

func TestServesUntilCancelled(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(context.Background())
	reader, writer := io.Pipe()
	status := make(chan int, 1)
	go func() {
		status <- run(ctx, []string{"-listen", "127.0.0.1:0"}, func(string) string { return "" }, writer)
		writer.Close()
	}()
	address, log := awaitAddress(t, reader)
	if got, want := get(t, "http://"+address+"/"), "200 OK Hello, world!\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	cancel()
	if got := <-status; got != 0 {
		t.Errorf("exit status %d, want 0", got)
	}
	if lines := <-log; !strings.Contains(lines, "msg=stopped") {
		t.Errorf("log after the stop:\n%s", lines)
	}
}

func TestStopsOnSignal(t *testing.T) {
	t.Parallel()
	for _, signal := range []os.Signal{syscall.SIGTERM, os.Interrupt} {
		t.Run(signal.String(), func(t *testing.T) {
			t.Parallel()
			command := exec.Command(os.Args[0], "-listen", "127.0.0.1:0")
			command.Env = append(os.Environ(), asCommand+"=1")
			stderr, err := command.StderrPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := command.Start(); err != nil {
				t.Fatal(err)
			}
			address, log := awaitAddress(t, stderr)
			if got, want := get(t, "http://"+address+"/healthz"), "200 OK ok\n"; got != want {
				t.Errorf("got %q, want %q", got, want)
			}
			if err := command.Process.Signal(signal); err != nil {
				t.Fatal(err)
			}
			lines := <-log
			if err := command.Wait(); err != nil {
				t.Errorf("%v, want exit status 0; log:\n%s", err, lines)
			}
		})
	}
}

// noticedListener tells when it is closed.
type noticedListener struct {
	net.Listener
	closed context.CancelFunc
}

func (l noticedListener) Close() error {
	l.closed()
	return l.Listener.Close()
}

// TestRequestInFlightFinishes stops the server while it answers.
func TestRequestInFlightFinishes(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(context.Background())
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	stopping, closed := context.WithCancel(context.Background())
	handler := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		cancel()
		<-stopping.Done()
		io.WriteString(w, "late")
	})
	served := make(chan error, 1)
	go func() {
		served <- serve(ctx, noticedListener{listener, closed}, handler, slog.New(slog.DiscardHandler))
	}()
	if got, want := get(t, "http://"+listener.Addr().String()), "200 OK late"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if err := <-served; err != nil {
		t.Error(err)
	}
}

func TestCannotServe(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { taken.Close() })
	// Whoever serves in spite of it stops at once.
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	for _, test := range []struct {
		name   string
		args   []string
		port   string
		status int
		stderr string
	}{
		{"port taken", []string{"-listen", taken.Addr().String()}, "", 1, "address already in use"},
		{"bad listen", []string{"-listen", "here"}, "", 2, "-listen"},
		{"bad PORT", nil, "here", 2, "PORT"},
		{"unknown flag", []string{"-nonsense"}, "", 2, "-nonsense"},
		{"stray argument", []string{"here"}, "", 2, `"here"`},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var stderr bytes.Buffer
			got := run(ctx, test.args, func(string) string { return test.port }, &stderr)
			if got != test.status {
				t.Errorf("exit status %d, want %d", got, test.status)
			}
			line := stderr.String()
			if !strings.HasPrefix(line, "hello: ") || !strings.Contains(line, test.stderr) || strings.Count(line, "\n") != 1 {
				t.Errorf("stderr %q, want one line with %q", line, test.stderr)
			}
		})
	}
}

func TestHelp(t *testing.T) {
	t.Parallel()
	var stderr bytes.Buffer
	if got := run(t.Context(), []string{"-help"}, os.Getenv, &stderr); got != 0 || !strings.Contains(stderr.String(), "-listen ADDR") {
		t.Errorf("exit status %d, stderr %q", got, stderr.String())
	}
}
