package main

import (
	"bufio"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

// asCommand makes the test binary behave as the command.
const asCommand = "TEST_AS_COMMAND"

func TestMain(m *testing.M) {
	if os.Getenv(asCommand) != "" {
		main()
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func command(args ...string) *exec.Cmd {
	cmd := exec.Command(os.Args[0], args...)
	cmd.Env = append(os.Environ(), asCommand+"=1")
	return cmd
}

// startCommand starts a server and returns its address and the rest of its log.
func startCommand(t *testing.T) (cmd *exec.Cmd, address string, log *bufio.Reader) {
	t.Helper()
	cmd = command("-addr", "127.0.0.1:0", "-shutdown-timeout", "1h")
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	log = bufio.NewReader(stderr)
	line, err := log.ReadString('\n')
	address, ok := strings.CutPrefix(line, "hello: listening on ")
	if !ok {
		t.Fatalf("the log begins with %q, %v", line, err)
	}
	return cmd, strings.TrimSuffix(address, "\n"), log
}

func TestSignals(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name    string
		signals []syscall.Signal
		// inFlight is a request that is never complete.
		inFlight string
		status   int
		log      string
	}{
		{"SIGTERM", []syscall.Signal{syscall.SIGTERM}, "", 0, "hello: stopped\n"},
		{"SIGINT", []syscall.Signal{syscall.SIGINT}, "", 0, "hello: stopped\n"},
		{"twice", []syscall.Signal{syscall.SIGTERM, syscall.SIGINT}, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\n",
			1, "hello: interrupt again: not waiting for requests in flight\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			cmd, address, log := startCommand(t)
			conn, err := net.Dial("tcp", address)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			// The response to the first request shows that the server has read the other.
			if _, err := io.WriteString(conn, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"+test.inFlight); err != nil {
				t.Fatal(err)
			}
			if _, err := conn.Read(make([]byte, 1)); err != nil {
				t.Fatal(err)
			}
			var line string
			for _, signal := range test.signals {
				if err := cmd.Process.Signal(signal); err != nil {
					t.Fatal(err)
				}
				if line, err = log.ReadString('\n'); err != nil {
					t.Fatal(err)
				}
			}
			rest, err := io.ReadAll(log)
			if err != nil {
				t.Fatal(err)
			}
			_ = cmd.Wait()
			if got := cmd.ProcessState.ExitCode(); got != test.status {
				t.Errorf("exit status %d, want %d", got, test.status)
			}
			if !strings.HasSuffix(line+string(rest), test.log) {
				t.Errorf("the log ends with %q, want %q", line+string(rest), test.log)
			}
		})
	}
}

func TestHealthCheck(t *testing.T) {
	t.Parallel()
	cmd, address, _ := startCommand(t)
	if output, err := command("-healthcheck", "-addr", address).CombinedOutput(); err != nil || len(output) > 0 {
		t.Errorf("healthy: %v, %s", err, output)
	}
	_ = cmd.Process.Kill()
	_ = cmd.Wait()

	// Another server, which is not healthy.
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	go func() {
		for _, answer := range []string{"HTTP/1.0 503 Service Unavailable\r\n\r\n", "HTTP/1.0 2", ""} {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			_, _ = bufio.NewReader(conn).ReadString('\n')
			_, _ = io.WriteString(conn, answer)
			conn.Close()
		}
	}()
	for _, problem := range []string{`the server answers "HTTP/1.0 503"`, "unexpected EOF", ""} {
		other := listener.Addr().String()
		check(t, 1, "hello: -healthcheck -addr "+other+": "+problem, "-healthcheck", "-addr", other)
	}
	check(t, 1, "hello: -healthcheck -addr "+address, "-healthcheck", "-addr", address)
}

func TestUsage(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	check(t, 1, "hello: -addr "+taken.Addr().String(), "-addr", taken.Addr().String())
	check(t, 1, "hello: -addr 1:2:3: ", "-addr", "1:2:3")
	check(t, 2, `hello: unexpected argument "here"`, "here")
	check(t, 2, "flag provided but not defined: -port", "-port", "80")
	check(t, 2, `invalid value "soon" for flag -shutdown-timeout`, "-shutdown-timeout", "soon")
	check(t, 0, "Usage of", "-help")
}

// check runs the command and compares its exit status and the beginning of its
// output.
func check(t *testing.T, status int, prefix string, args ...string) {
	t.Helper()
	cmd := command(args...)
	output, _ := cmd.CombinedOutput()
	if got := cmd.ProcessState.ExitCode(); got != status {
		t.Errorf("%q: exit status %d, want %d", args, got, status)
	}
	if !strings.HasPrefix(string(output), prefix) {
		t.Errorf("%q: output %q, want %q first", args, output, prefix)
	}
}
