package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/png"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"example.com/reproducible-images/tools/browser"
	"example.com/reproducible-images/tools/internal/cli"
)

// sayEnv makes the test binary a server that says this and, if it is a whole
// line, goes on.
const sayEnv = "SCREENSHOTS_TEST_SAY"

func TestMain(m *testing.M) {
	say, ok := os.LookupEnv(sayEnv)
	if !ok {
		os.Exit(m.Run())
	}
	// Bazel's test runner catches it, as a time-out.
	signal.Reset(syscall.SIGTERM)
	fmt.Print(say)
	if strings.HasSuffix(say, "\n") {
		// An empty select would be a deadlock, which ends the process.
		time.Sleep(time.Hour)
	}
}

func TestUsage(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		args   []string
		env    map[string]string
		code   int
		stderr string
	}{
		{args: []string{"-h"}, code: cli.OK},
		{args: []string{"x"}, code: cli.Usage, stderr: `unexpected argument "x"`},
		{code: cli.Usage, stderr: "say with --output DIR where to put the pictures"},
		{args: []string{"--url", "localhost:8060"}, code: cli.Usage, stderr: "it must be a URL such as http://localhost:8060/"},
		{args: []string{"--url", "http:///x"}, code: cli.Usage, stderr: "it must be a URL such as http://localhost:8060/"},
		{
			env:  map[string]string{"BUILD_WORKSPACE_DIRECTORY": "/none"},
			code: cli.Failed, stderr: "running hello: `bazel run` brings it along",
		},
	} {
		var stdout, stderr bytes.Buffer
		code := run(t.Context(), test.args, func(name string) string { return test.env[name] }, &stdout, &stderr)
		if code != test.code || !strings.Contains(stderr.String(), test.stderr) || strings.Count(stderr.String(), "\n") > 1 {
			t.Errorf("%q: %d, %s", test.args, code, &stderr)
		}
	}
}

// fake is a browser that sees a page, of a width that says how.
type fake func(view browser.View) (browser.Visit, error)

func (f fake) Visit(_ context.Context, url string, view browser.View) (browser.Visit, error) {
	if url != "http://a/" {
		return browser.Visit{}, errors.New("another page")
	}
	return f(view)
}

func fine(view browser.View) (browser.Visit, error) {
	width := view.Screen.Width
	if view.Dark {
		width++
	}
	return browser.Visit{Status: 200, Picture: image.NewRGBA(image.Rect(0, 0, width, 2))}, nil
}

func TestTakeAll(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "page-phone.png"), []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	var stdout bytes.Buffer
	if err := takeAll(t.Context(), fake(fine), "http://a/", dir, &stdout); err != nil {
		t.Fatal(err)
	}
	for name, width := range map[string]int{"page-desktop.png": 1280, "page-phone.png": 391} {
		file, err := os.Open(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		picture, err := png.DecodeConfig(file)
		if err != nil || picture.Width != width {
			t.Errorf("%s is %d px wide, want %d (%v)", name, picture.Width, width, err)
		}
		if !strings.Contains(stdout.String(), filepath.Join(dir, name)+"  ") {
			t.Errorf("%s is not in %q", name, &stdout)
		}
	}
	if files, err := os.ReadDir(dir); err != nil || len(files) != 2 {
		t.Errorf("there is %v (%v)", files, err)
	}
}

func TestTakeAllFails(t *testing.T) {
	t.Parallel()
	for want, second := range map[string]browser.Visit{
		"http://a/: refused":                     {Failure: "refused"},
		"http://a/ answers with HTTP status 503": {Status: 503},
		"crashed":                                {},
	} {
		dir := t.TempDir()
		b := fake(func(view browser.View) (browser.Visit, error) {
			if view.Screen == browser.Desktop {
				return fine(view)
			}
			if second.Failure == "" && second.Status == 0 {
				return second, errors.New("crashed")
			}
			return second, nil
		})
		if err := takeAll(t.Context(), b, "http://a/", dir, &bytes.Buffer{}); err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
		if files, err := os.ReadDir(dir); err != nil || len(files) > 0 {
			t.Errorf("%s leaves %v (%v)", want, files, err)
		}
	}
	if err := takeAll(t.Context(), fake(fine), "http://a/", "/none", &bytes.Buffer{}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}

func TestListen(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ say, url, err string }{
		{say: `{"level":"INFO","msg":"listening","address":"127.0.0.1:4711"}` + "\n", url: "http://127.0.0.1:4711/"},
		{say: "hello: no\n", err: `it said "hello: no\n", not where it listens`},
		{say: `{"msg":"other","address":"127.0.0.1:4711"}` + "\n", err: "not where it listens"},
		{say: `{"msg":"listening"}` + "\n", err: "not where it listens"},
		{say: "", err: "it ended without a word"},
	} {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), sayEnv+"="+test.say)
		s, err := listen(t.Context(), cmd)
		switch {
		case test.err != "":
			if err == nil || !strings.Contains(err.Error(), test.err) {
				t.Errorf("%q: %v", test.say, err)
			}
		case err != nil:
			t.Errorf("%q: %v", test.say, err)
		default:
			if s.url.String() != test.url {
				t.Errorf("%q: %s", test.say, s.url)
			}
			s.stop()
		}
		if cmd.ProcessState == nil {
			t.Errorf("%q: it lives on", test.say)
		}
	}
	if _, err := listen(t.Context(), exec.Command("/none")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}
