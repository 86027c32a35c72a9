package launch_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"example.com/reproducible-images/tools/demo/hellotest"
	"example.com/reproducible-images/tools/demo/launch"
)

// parentOf makes the test binary a parent that starts a child, tells its
// process id, and waits to be killed.
const parentOf = "LAUNCH_TEST_PARENT_OF"

func TestMain(m *testing.M) {
	launch.Init()
	if root := os.Getenv(parentOf); root != "" {
		c, err := launch.Start(helloIn(root), io.Discard)
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		fmt.Println(c.PID())
		select {}
	}
	os.Exit(m.Run())
}

var nobody = launch.User{UID: 65534, GID: 65534}

func helloIn(root string) launch.Spec {
	return launch.Spec{Root: root, Args: []string{"/hello", "-listen", "127.0.0.1:0"}, Dir: "/", User: nobody}
}

// newRoot makes a root filesystem that has hello and nothing else.
func newRoot(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	if err := os.WriteFile(filepath.Join(root, "hello"), hellotest.Binary(t), 0o755); err != nil {
		t.Fatal(err)
	}
	// t.TempDir heeds the umask.
	if err := os.Chmod(root, 0o755); err != nil {
		t.Fatal(err)
	}
	return root
}

// checkRefusal checks the error of a machine that cannot launch: it says in one
// line what could not be done and what to do instead.
func checkRefusal(t *testing.T, err error) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), "docker") || strings.Contains(err.Error(), "\n") {
		t.Errorf("got error %v, want one line that recommends docker", err)
	}
}

var listening = regexp.MustCompile(`"msg":"listening","address":"([^"]+)"`)

func TestStart(t *testing.T) {
	t.Parallel()
	log, logWriter, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	c, err := launch.Start(helloIn(newRoot(t)), logWriter)
	logWriter.Close()
	if !hellotest.CanLaunch(t) {
		checkRefusal(t, err)
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	defer c.Stop(time.Minute)
	if err := launch.CheckProcess(c.PID(), nobody); err != nil {
		t.Error(err)
	}
	line, err := bufio.NewReader(log).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	match := listening.FindStringSubmatch(line)
	if match == nil {
		t.Fatalf("the log begins with %q", line)
	}
	response, err := http.Get("http://" + match[1] + "/healthz")
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != http.StatusOK {
		t.Errorf("it answers %s", response.Status)
	}
	c.Stop(time.Minute)
	if err := c.Err(); err != nil {
		t.Errorf("asked to stop, it ended with %v", err)
	}
}

func TestStartFails(t *testing.T) {
	t.Parallel()
	root := newRoot(t)
	if err := os.WriteFile(filepath.Join(root, "data"), []byte("x"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root, "script"), []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root, "junk"), []byte("junk"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name string
		spec launch.Spec
		err  string
	}{
		{"no root directory", launch.Spec{Root: filepath.Join(root, "none"), Args: []string{"/hello"}, User: nobody}, "changing the root directory: no such file"},
		{"no working directory", launch.Spec{Root: root, Args: []string{"/hello"}, Dir: "/none", User: nobody}, "entering the working directory /none: no such file"},
		{"no arguments", launch.Spec{Root: root, User: nobody}, "neither an entrypoint nor a command"},
		{"no program", launch.Spec{Root: root, Args: []string{"/none"}, User: nobody}, "starting /none: "},
		{"no loader", launch.Spec{Root: root, Args: []string{"/script"}, User: nobody}, "starting /script: no such file or directory: it is not in the image, or not linked statically"},
		{"not executable", launch.Spec{Root: root, Args: []string{"/data"}, User: nobody}, "permission denied"},
		{"not a program", launch.Spec{Root: root, Args: []string{"/junk"}, User: nobody}, "starting /junk: exec format error"},
		{"not in PATH", launch.Spec{Root: root, Args: []string{"hello"}, Env: []string{"PATH=/usr/bin"}, User: nobody}, "not found"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var output bytes.Buffer
			c, err := launch.Start(test.spec, &output)
			if err == nil {
				c.Stop(0)
				t.Fatal("it started")
			}
			if !hellotest.CanLaunch(t) && !strings.Contains(err.Error(), test.err) {
				checkRefusal(t, err)
				return
			}
			if !strings.Contains(err.Error(), test.err) || strings.Contains(err.Error(), "\n") {
				t.Errorf("got error %q, want one line with %q", err, test.err)
			}
			if output.Len() > 0 {
				t.Errorf("it wrote %q", output.String())
			}
		})
	}
}

func TestSearchesPATH(t *testing.T) {
	t.Parallel()
	var output bytes.Buffer
	c, err := launch.Start(launch.Spec{
		Root: newRoot(t), Args: []string{"hello", "-help"}, Env: []string{"PATH=/bin:/"}, User: nobody,
	}, &output)
	if !hellotest.CanLaunch(t) {
		checkRefusal(t, err)
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Err(); err != nil || !strings.Contains(output.String(), "Usage: hello") {
		t.Errorf("it ended with %v and wrote %q", err, output.String())
	}
}

// TestDiesWithParent kills a parent that then cannot clean up.
func TestDiesWithParent(t *testing.T) {
	t.Parallel()
	parent := exec.Command("/proc/self/exe")
	parent.Env = append(os.Environ(), parentOf+"="+newRoot(t))
	output, err := parent.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(output).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	if err := parent.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = parent.Wait()
	line = strings.TrimSpace(line)
	if !hellotest.CanLaunch(t) {
		checkRefusal(t, fmt.Errorf("%s", line))
		return
	}
	for alive(t, line) {
		time.Sleep(time.Millisecond)
	}
}

// alive tells whether there is a process that is not a zombie.
func alive(t *testing.T, pid string) bool {
	t.Helper()
	status, err := os.ReadFile("/proc/" + pid + "/status")
	return err == nil && !strings.Contains(string(status), "\nState:\tZ")
}
