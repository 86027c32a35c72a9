package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestUsage(t *testing.T) {
	t.Parallel()
	plain := filepath.Join(t.TempDir(), "plain")
	if err := os.WriteFile(plain, []byte("text"), 0o666); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		args           []string
		code           int
		stdout, stderr string
	}{
		{[]string{"-h"}, 0, "--offset DURATION", ""},
		{[]string{"--", "true"}, exitFailed, "", "no --offset"},
		{[]string{"--offset", "10y", "--", "true"}, exitFailed, "", `invalid value "10y"`},
		{[]string{"--offset", "1h", "--clock", "true"}, exitFailed, "", "-clock"},
		{[]string{"--offset", "1500ms", "--", "true"}, exitFailed, "", "--offset 1.5s: it must be whole seconds"},
		{[]string{"--offset", "1h"}, exitFailed, "", "no command"},
		{[]string{"--offset", "1h", "--", "no-such-command"}, exitNotFound, "", `"no-such-command": executable file not found`},
		{[]string{"--offset", "1h", "--", "/no/such/command"}, exitNotFound, "", "/no/such/command"},
		{[]string{"--offset", "1h", "--", plain}, exitCannotRun, "", plain},
	} {
		t.Run(strings.Join(test.args, " "), func(t *testing.T) {
			t.Parallel()
			var stdout, stderr bytes.Buffer
			if code := run(test.args, &stdout, &stderr); code != test.code {
				t.Errorf("exit status %d, want %d", code, test.code)
			}
			if !strings.Contains(stdout.String(), test.stdout) || (test.stdout == "") != (stdout.Len() == 0) {
				t.Errorf("stdout %q, want %q", stdout.String(), test.stdout)
			}
			if !strings.Contains(stderr.String(), test.stderr) || (test.stderr == "") != (stderr.Len() == 0) {
				t.Errorf("stderr %q, want %q", stderr.String(), test.stderr)
			}
			if n := strings.Count(stderr.String(), "\n"); n > 1 {
				t.Errorf("stderr has %d lines, want one at most", n)
			}
		})
	}
}
