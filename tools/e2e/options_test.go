package main

import (
	"bytes"
	"strings"
	"testing"

	"example.com/reproducible-images/tools/internal/cli"
	"github.com/google/go-cmp/cmp"
)

func TestOptions(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		args   string
		checks string // RUNTIME/NAME each
		code   int
		stderr string
	}{
		{args: "--check locked", checks: "docker/locked podman/locked runsc/locked"},
		{args: "--check drain --check restart --runtime docker", checks: "docker/drain docker/restart"},
		{args: "--check controls", checks: "docker/controls"},
		{args: "--check restart --runtime podman", code: cli.Usage, stderr: "none of the checks has this --check and this --runtime"},
		{args: "--check nothing", code: cli.Usage, stderr: "there is none; --list shows them"},
		{args: "--runtime lxc", code: cli.Usage, stderr: "there is none; --list shows them"},
		{args: "more", code: cli.Usage, stderr: `unexpected argument "more"`},
	} {
		var stdout, stderr bytes.Buffer
		o, code, ok := parseOptions(strings.Fields(test.args), func(string) string { return "" }, &stdout, &stderr)
		if code != test.code || ok != (code == cli.OK) || !strings.Contains(stderr.String(), test.stderr) {
			t.Errorf("%s: %d, %t, %s", test.args, code, ok, &stderr)
		}
		var names []string
		if ok {
			for _, c := range o.checks {
				names = append(names, c.runtime+"/"+c.name)
			}
		}
		if diff := cmp.Diff(test.checks, strings.Join(names, " ")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.args, diff)
		}
	}
}

func TestListAndFull(t *testing.T) {
	t.Parallel()
	var stdout, stderr bytes.Buffer
	none := func(string) string { return "" }
	if _, code, ok := parseOptions([]string{"--list"}, none, &stdout, &stderr); code != cli.OK || ok {
		t.Fatalf("%d, %t, %s", code, ok, &stderr)
	}
	if lines := strings.Count(stdout.String(), "\n"); lines != len(allChecks) {
		t.Errorf("%d lines for %d checks:\n%s", lines, len(allChecks), &stdout)
	}
	usual, _, _ := parseOptions(nil, none, &stdout, &stderr)
	full, _, _ := parseOptions([]string{"--full"}, none, &stdout, &stderr)
	if len(usual.checks) >= len(full.checks) || len(full.checks) != len(allChecks) {
		t.Errorf("%d checks, and with --full %d of %d", len(usual.checks), len(full.checks), len(allChecks))
	}
}
