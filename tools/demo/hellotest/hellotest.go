// Package hellotest gives tests the hello server, the one program of this
// repository that runs in an empty root filesystem.
package hellotest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/bazelbuild/rules_go/go/runfiles"
)

// binaryEnv has the runfiles path of the binary when Bazel runs the test.
const binaryEnv = "HELLO_BINARY"

// Binary returns a statically linked hello. Bazel hands it to the test; for go
// test it is built here.
func Binary(t testing.TB) []byte {
	t.Helper()
	binary, err := read()
	if err != nil {
		t.Fatal(err)
	}
	return binary
}

var read = sync.OnceValues(func() ([]byte, error) {
	if path := os.Getenv(binaryEnv); path != "" {
		file, err := runfiles.Rlocation(path)
		if err != nil {
			return nil, err
		}
		return os.ReadFile(file)
	}
	dir, err := os.MkdirTemp("", "hellotest-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "hello")
	cmd := exec.Command("go", "build", "-ldflags=-s -w", "-o", file, "example.com/reproducible-images/hello")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("building hello (under Bazel, $%s names it): %w\n%s", binaryEnv, err, out)
	}
	return os.ReadFile(file)
})

// CanLaunch tells whether this process has what it takes to run a program in
// a chroot as nobody: root's capabilities, and a user namespace in which
// nobody exists. A sandbox as a rule has not.
func CanLaunch(t testing.TB) bool {
	t.Helper()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	ids, err := os.ReadFile("/proc/self/uid_map")
	if err != nil {
		t.Fatal(err)
	}
	_, effective, _ := strings.Cut(string(status), "\nCapEff:\t")
	effective, _, _ = strings.Cut(effective, "\n")
	// CAP_SETGID, CAP_SETUID, CAP_SETPCAP and CAP_SYS_CHROOT.
	const needed = 1<<6 | 1<<7 | 1<<8 | 1<<18
	has, err := strconv.ParseUint(effective, 16, 64)
	if err != nil {
		t.Fatal(err)
	}
	return os.Geteuid() == 0 && has&needed == needed &&
		strings.Join(strings.Fields(string(ids)), " ") == "0 0 4294967295"
}
