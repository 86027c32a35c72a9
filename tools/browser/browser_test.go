package browser

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// These change the environment, so they are not parallel.

func TestNoChromium(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	if _, err := Start(t.Context()); !errors.Is(err, errMissing) {
		t.Errorf("got %v", err)
	}
}

func TestBrokenChromium(t *testing.T) {
	programs, temp := t.TempDir(), t.TempDir()
	script := "#!/bin/sh\necho a library >&2\necho is missing >&2\nexit 127\n"
	if err := os.WriteFile(filepath.Join(programs, "chromium"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", programs)
	t.Setenv("TMPDIR", temp)
	_, err := Start(t.Context())
	if err == nil || !strings.Contains(err.Error(), "a library is missing") || strings.Contains(err.Error(), "\n") {
		t.Errorf("got %v", err)
	}
	if left, err := os.ReadDir(temp); err != nil || len(left) > 0 {
		t.Errorf("it leaves %v (%v)", left, err)
	}
}

func TestResolve(t *testing.T) {
	t.Parallel()
	if got, want := resolve([]string{"10.0.0.7"}), "MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1, EXCLUDE 10.0.0.7"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
