package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParse(t *testing.T) {
	t.Parallel()
	env := map[string]string{"BUILD_WORKSPACE_DIRECTORY": "/src", "BUILD_WORKING_DIRECTORY": "/home/me", "TMPDIR": "/tmp/x"}
	for name, test := range map[string]struct {
		args        []string
		unset       string
		rows        int
		code        int
		dir, stderr string
	}{
		"quick":             {rows: 1, dir: "/var/tmp"},
		"full":              {args: []string{"--full"}, rows: len(allRows()), dir: "/var/tmp"},
		"one row":           {args: []string{"--row=fresh", "--dir", "here"}, rows: 1, dir: "/home/me/here"},
		"two rows":          {args: []string{"--row", "quick", "--row", "pairs-1"}, rows: 2, dir: "/var/tmp"},
		"no such row":       {args: []string{"--row", "none"}, code: 2, stderr: `invalid value "none" for flag -row: no row has this name; --list shows them`},
		"no workspace":      {unset: "BUILD_WORKSPACE_DIRECTORY", code: 2, stderr: "run it by `bazel run //tools/repro`"},
		"a hidden folder":   {args: []string{"--dir", "/tmp/x"}, code: 2, stderr: "--dir /tmp/x: it is below /tmp, which Bazel's sandbox hides"},
		"an argument":       {args: []string{"full"}, code: 2, stderr: `unexpected argument "full"`},
		"list, without one": {args: []string{"--list"}, unset: "BUILD_WORKSPACE_DIRECTORY", rows: len(allRows()), dir: "/var/tmp"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			getenv := func(variable string) string {
				if variable == test.unset {
					return ""
				}
				return env[variable]
			}
			var stderr bytes.Buffer
			opts, code, ok := parse(test.args, getenv, &bytes.Buffer{}, &stderr)
			if code != test.code || ok != (test.code == 0) || !strings.Contains(stderr.String(), test.stderr) {
				t.Fatalf("exit %d, stderr %q; want %d, %q", code, stderr.String(), test.code, test.stderr)
			}
			if !ok {
				return
			}
			if len(opts.rows) != test.rows || opts.dir != test.dir {
				t.Errorf("%d rows, folder %s; want %d, %s", len(opts.rows), opts.dir, test.rows, test.dir)
			}
		})
	}
}

func TestList(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	if err := list(&out, allRows()); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"quick ", "pairs-1 ", "fresh ",
		"+ one byte: one letter of hello/page.html is another; must change /hello and nothing else",
		"+ docs changed: one more line in README.md and docs/*.md; must not change the digest",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in:\n%s", want, out.String())
		}
	}
}

func TestAirgapCache(t *testing.T) {
	t.Parallel()
	for want, env := range map[string]map[string]string{
		"/a":                           {"AIRGAP_CACHE": "/a", "XDG_CACHE_HOME": "/x", "HOME": "/home/me"},
		"/x/bazel-airgap":              {"XDG_CACHE_HOME": "/x", "HOME": "/home/me"},
		"/home/me/.cache/bazel-airgap": {"HOME": "/home/me"},
		"/root/.cache/bazel-airgap":    {},
	} {
		if diff := cmp.Diff(want, airgapCache(func(name string) string { return env[name] })); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
}
