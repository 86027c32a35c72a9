package main

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// asCommand makes the test binary behave as the command.
const asCommand = "HELLO_TEST_AS_COMMAND"

func TestMain(m *testing.M) {
	if os.Getenv(asCommand) != "" {
		main()
	}
	os.Exit(m.Run())
}

var listening = regexp.MustCompile(`"msg":"listening","address":"([^"]+)"`)

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
	var stderr bytes.Buffer
	if got := run(ctx, []string{"-healthcheck", "-listen", address}, os.Getenv, &stderr); got != 0 || stderr.Len() > 0 {
		t.Errorf("-healthcheck: exit status %d, want 0; stderr %q", got, stderr.String())
	}
	cancel()
	if got := <-status; got != 0 {
		t.Errorf("exit status %d, want 0", got)
	}
	if lines := <-log; !strings.Contains(lines, `"msg":"stopped"`) {
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

// TestSecondSignal ends a server that waits for requests in flight: those of a
// client that does not read.
func TestSecondSignal(t *testing.T) {
	t.Parallel()
	command := exec.Command(os.Args[0], "-listen", "127.0.0.1:0", "-shutdown-timeout", "1h")
	command.Env = append(os.Environ(), asCommand+"=1")
	stderr, err := command.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	log := bufio.NewReader(stderr)
	line, err := log.ReadString('\n')
	match := listening.FindStringSubmatch(line)
	if match == nil {
		t.Fatalf("the log begins with %q, %v", line, err)
	}
	conn, err := net.Dial("tcp", match[1])
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	// Until the server, which cannot write, does not read either.
	for err == nil {
		conn.SetWriteDeadline(time.Now().Add(time.Second))
		_, err = io.WriteString(conn, strings.Repeat("GET / HTTP/1.1\r\nHost: x\r\nAccept: text/html\r\n\r\n", 1000))
	}
	for _, next := range []string{`"msg":"stopping"`, ""} {
		if err := command.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		if line, err := log.ReadString('\n'); !strings.Contains(line, next) {
			t.Errorf("logged %q, %v, want %s", line, err, next)
		}
	}
	command.Wait()
	if got := command.ProcessState.ExitCode(); got != 128+int(syscall.SIGTERM) {
		t.Errorf("exit status %d, want 143", got)
	}
}

func TestCannotServe(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { taken.Close() })
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
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
		{"not healthy", []string{"-healthcheck", "-listen", closed.Addr().String()}, "", 1, "no server on 127.0.0.1:"},
		{"bad listen", []string{"-listen", "here"}, "", 2, "-listen"},
		{"bad PORT", nil, "here", 2, "PORT"},
		{"unknown flag", []string{"-nonsense"}, "", 2, "-nonsense"},
		{"control characters", []string{"-non\nse\x1bnse"}, "", 2, `-non\u000ase\u001bnse`},
		{"bad timeout", []string{"-shutdown-timeout", "soon"}, "", 2, `"soon" for flag -shutdown-timeout`},
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
