package load

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/fstest"
	"time"

	"example.com/reproducible-images/tools/demo/child"
	"example.com/reproducible-images/tools/e2e/load/wrk"
)

// stall is how long the server that stalls does.
const stall = 200 * time.Millisecond

// behaviour makes the test binary a server, for which the tests are to find
// what is wrong with it.
const behaviour = "LOAD_TEST_BEHAVIOUR"

func TestMain(m *testing.M) {
	name := os.Getenv(behaviour)
	if name == "" {
		os.Exit(m.Run())
	}
	greet := func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, greeting) }
	var n atomic.Int64
	handler := greet
	switch name {
	case "fails":
		handler = func(w http.ResponseWriter, r *http.Request) {
			if n.Add(1)%20 == 0 {
				http.Error(w, "no", http.StatusInternalServerError)
				return
			}
			greet(w, r)
		}
	case "ends":
		handler = func(w http.ResponseWriter, r *http.Request) {
			if n.Add(1) == 10 {
				os.Exit(1)
			}
			greet(w, r)
		}
	case "stalls":
		handler = func(w http.ResponseWriter, r *http.Request) {
			if n.Add(1) > 10 {
				time.Sleep(stall)
			}
			greet(w, r)
		}
	case "leaks":
		handler = func(w http.ResponseWriter, r *http.Request) {
			if n.Add(1)%10 == 0 {
				if _, err := syscall.Dup(0); err != nil {
					panic(err)
				}
			}
			greet(w, r)
		}
	}
	server := http.Server{Handler: http.HandlerFunc(handler)}
	if name != "waits" && name != "stalls" {
		server.ReadHeaderTimeout = 200 * time.Millisecond
		server.WriteTimeout = 200 * time.Millisecond
		server.IdleTimeout = 500 * time.Millisecond
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	fmt.Println(listener.Addr())
	panic(server.Serve(listener))
}

// start starts a server with a behaviour.
func start(t *testing.T, name string) Server {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), behaviour+"="+name)
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	server, err := child.Start(cmd)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Stop(0) })
	var address string
	if _, err := fmt.Fscanln(stdout, &address); err != nil {
		t.Fatalf("reading the address of the server: %v", err)
	}
	return Server{Address: address, PID: server.PID()}
}

var tiny = plan{
	pairs: 1, few: 2, many: 4, fewTime: time.Second, manyTime: time.Second,
	attackers: 16, visitors: 4, rounds: 1,
	slowTime: 300 * time.Millisecond, eachTime: 100 * time.Millisecond, bareTime: time.Millisecond,
	p99: 3 * time.Second, slowest: 5 * time.Second,
	abandoned: 4, idle: true, settle: 10 * time.Second,
}

// fakeWrk answers without wrk, which may not be installed.
func fakeWrk(_ context.Context, _ string, connections int, _ time.Duration) (wrk.Result, error) {
	return wrk.Result{Requests: 10 * connections, PerSecond: 100, P99: time.Millisecond}, nil
}

// machine is this one, but every process has a memory limit of 32 MiB, of which
// it used some: the test's own processes may have none, or not be told of it.
type machine struct{ fs.FS }

func (m machine) Open(name string) (fs.File, error) {
	file, err := m.FS.Open(name)
	var text string
	switch {
	case strings.HasPrefix(name, "proc/") && path.Base(name) == "cgroup" && err == nil:
		file.Close()
		text = "1:memory:/\n"
	case strings.HasPrefix(name, "sys/fs/cgroup/"):
		if err == nil {
			file.Close()
		}
		text = map[string]string{
			"memory.limit_in_bytes": "33554432", "memory.usage_in_bytes": "1000", "memory.max_usage_in_bytes": "2000",
			"memory.failcnt": "0", "memory.oom_control": "oom_kill 0\n",
		}[path.Base(name)]
	default:
		return file, err
	}
	return fstest.MapFS{"file": {Data: []byte(text)}}.Open("file")
}

var quiet = slog.New(slog.DiscardHandler)

// TestRun has one server with each fault, and one without.
func TestRun(t *testing.T) {
	t.Parallel()
	for name, problem := range map[string]struct{ check, text string }{
		"is good": {},
		"fails":   {"attack: slow heads", "500 Internal Server Error"},
		"ends":    {"attack: slow heads", ended},
		"stalls":  {"attack: slow heads", "over 199.999999ms"},
		"leaks":   {"descriptors after the abuse", "descriptors more than before the load"},
		"waits":   {"descriptors after the abuse", "descriptors more than before the load"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			plan := tiny
			switch name {
			case "stalls":
				plan.p99 = stall - 1
			case "leaks", "waits":
				plan.settle = time.Second
			}
			rows, err := run(t.Context(), Options{Hello: start(t, name), Bare: start(t, "is good"), Log: quiet}, plan, fakeWrk, machine{os.DirFS("/")})
			if err != nil {
				t.Fatal(err)
			}
			if len(rows) != 12 {
				t.Errorf("%d rows, want 12", len(rows))
			}
			found := problem.check == ""
			for _, row := range rows {
				t.Logf("%+v", row)
				if row.Hello == "" && row.OK() || row.Check == "" {
					t.Errorf("a row says nothing: %+v", row)
				}
				found = found || row.Check == problem.check && strings.Contains(row.Problem, problem.text)
				if problem.check == "" && !row.OK() {
					t.Errorf("%s: %s", row.Check, row.Problem)
				}
			}
			if !found {
				t.Errorf("%s: no problem %q", problem.check, problem.text)
			}
		})
	}
}

func TestRunRestartsBare(t *testing.T) {
	t.Parallel()
	bare, restarts := start(t, "ends"), 0
	bare.Restart = func(context.Context) (Server, error) {
		restarts++
		return start(t, "is good"), nil
	}
	plan := tiny
	plan.bareTime = 100 * time.Millisecond
	rows, err := run(t.Context(), Options{Hello: start(t, "is good"), Bare: bare, Log: quiet}, plan, fakeWrk, machine{os.DirFS("/")})
	if err != nil {
		t.Fatal(err)
	}
	if restarts != 1 || !strings.Contains(rows[2].Bare, ended) || strings.Contains(rows[3].Bare, ended) || !rows[2].OK() {
		t.Errorf("%d restarts, rows %+v and %+v", restarts, rows[2], rows[3])
	}
}

func TestRunErrors(t *testing.T) {
	t.Parallel()
	good := start(t, "is good")
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	elsewhere := silent.Addr().String()
	silent.Close()
	for name, test := range map[string]struct {
		hello Server
		err   string
	}{
		"public address": {Server{Address: "192.0.2.1:80", PID: good.PID}, "hello: 192.0.2.1:80 is neither a loopback nor a private address: it will not be attacked"},
		"no process":     {Server{Address: good.Address, PID: 0}, "hello: looking at process 0: the process has ended"},
		"nobody there":   {Server{Address: elsewhere, PID: good.PID}, "hello, before any load: "},
		"restart":        {Server{Address: good.Address, PID: good.PID, Restart: func(context.Context) (Server, error) { return good, nil }}, "hello has to last: it is not to be started again"},
	} {
		t.Run(name, func(t *testing.T) {
			rows, err := run(t.Context(), Options{Hello: test.hello, Bare: good, Log: quiet}, tiny, fakeWrk, machine{os.DirFS("/")})
			if err == nil || !strings.Contains(err.Error(), test.err) || len(rows) > 0 {
				t.Errorf("%d rows, error %v, want %q", len(rows), err, test.err)
			}
		})
	}
	t.Run("no wrk", func(t *testing.T) {
		_, err := run(t.Context(), Options{Hello: good, Bare: good, Log: quiet}, tiny,
			func(context.Context, string, int, time.Duration) (wrk.Result, error) {
				return wrk.Result{}, wrk.ErrNotFound
			}, machine{os.DirFS("/")})
		if !errors.Is(err, wrk.ErrNotFound) {
			t.Errorf("error %v, want %v", err, wrk.ErrNotFound)
		}
	})
	t.Run("end of context", func(t *testing.T) {
		cause := errors.New("enough")
		ctx, cancel := context.WithCancelCause(t.Context())
		plan := tiny
		plan.slowTime = time.Hour
		rows, err := run(ctx, Options{Hello: good, Bare: good, Log: slog.New(slog.NewTextHandler(canceller{cancel, cause}, nil))}, plan, fakeWrk, machine{os.DirFS("/")})
		if !errors.Is(err, cause) || len(rows) < 2 {
			t.Errorf("%d rows, error %v, want %v", len(rows), err, cause)
		}
	})
	t.Run("files", func(t *testing.T) {
		if err := needFiles(1 << 40); err == nil || !strings.Contains(err.Error(), "ulimit -Hn") {
			t.Errorf("error %v", err)
		}
	})
}

// canceller ends a context once an attack is logged.
type canceller struct {
	cancel context.CancelCauseFunc
	cause  error
}

func (c canceller) Write(line []byte) (int, error) {
	if strings.Contains(string(line), "attack") {
		c.cancel(c.cause)
	}
	return len(line), nil
}
