package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"example.com/reproducible-images/tools/repro/fakes"
	"example.com/reproducible-images/tools/repro/variation"
	"github.com/google/go-cmp/cmp"
)

// proveFake runs the program on a fake workspace, with one row.
func proveFake(t *testing.T, extra string, controls ...control) (table string, log string, same bool, err error) {
	t.Helper()
	return proveRow(t.Context(), t, extra, row{
		Row: variation.Row{
			Name: "row", Text: "everything",
			Setting: variation.Setting{Workspace: "a folder/w", OutputBase: "deep/o", Go: variation.NoGo},
		},
		controls: controls,
	})
}

func proveRow(ctx context.Context, t *testing.T, extra string, rows ...row) (table string, log string, same bool, err error) {
	t.Helper()
	dir := t.TempDir()
	var stdout, stderr bytes.Buffer
	same, err = prove(ctx, options{
		workspace: fakes.Workspace(t, extra), rows: rows, dir: dir,
		getenv: func(name string) string { return map[string]string{"REPRO_CLOCK": "/none"}[name] },
	}, &stdout, &stderr)
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	return stdout.String(), stderr.String(), same, err
}

// fakePrograms puts a git on PATH that lists all files, as the sandbox of the
// air-gapped build has none, and a diffoscope, which would take its time.
func fakePrograms(t *testing.T) {
	t.Helper()
	bin := t.TempDir()
	for name, script := range map[string]string{
		"git":        `cd "$2" && find . -type f -not -path './bazel-bin/*' -printf '%P\0'`,
		"diffoscope": `while [ $# -gt 2 ]; do shift; done; echo "diffoscope: $(cat "$1"), $(cat "$2")"; exit 1`,
	} {
		if err := os.WriteFile(filepath.Join(bin, name), []byte("#!/bin/sh\n"+script+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
}

// quickControls are those that need no network.
var quickControls = slices.DeleteFunc(slices.Clone(sourceControls), func(c control) bool { return c.name == "test module bumped" })

// times are what differs between two tables.
var times = regexp.MustCompile(`\d+\.\d s *`)

func TestProve(t *testing.T) {
	fakePrograms(t)
	table, log, same, err := proveFake(t, "", quickControls...)
	if err != nil || !same {
		t.Fatalf("same = %t, error %v\n%s", same, err, log)
	}
	var got []string
	for line := range strings.Lines(table) {
		if words := strings.Split(regexp.MustCompile(` {2,}`).ReplaceAllString(strings.TrimSpace(line), "|"), "|"); len(words) > 4 {
			got = append(got, words[0]+": "+words[3])
		}
	}
	want := []string{
		"ROW: RESULT", "baseline: –", "row: same", "comments reworded: same", "comments added: same",
		"tests changed: same", "docs changed: same", "one byte: differs in /hello, as it must",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("table (-want +got):\n%s\n%s", diff, table)
	}
	if !strings.Contains(table, "7 rows in ") || !strings.Contains(table, ": all is as it must be\n") {
		t.Errorf("table:\n%s", table)
	}
}

func TestNotReproducible(t *testing.T) {
	fakePrograms(t)
	elsewhere := control{
		name: "elsewhere", files: []string{"README.md"}, edit: appendText("more"), changes: []string{"/etc/passwd"},
	}
	nothing := control{name: "nothing", files: []string{"README.md"}, edit: appendText("more"), changes: []string{"/hello"}}
	for name, test := range map[string]struct {
		extra    string
		controls []control
		table    string
		log      string
	}{
		"another path, other bytes": {
			extra: `case "$PWD" in *folder*) page=other ;; esac`,
			table: "DIFFERENT",
			log:   "linux/amd64: layer 1: /hello: digest: sha256:",
		},
		"explained by diffoscope": {
			extra: `case "$PWD" in *folder*) page=other ;; esac`,
			log:   "  diffoscope on /hello of linux/amd64:\n    diffoscope: binary 0, binary 2\n",
		},
		"what must differ is the same": {
			controls: []control{nothing},
			table:    "SAME, MUST DIFFER",
		},
		"a comment in the image": {
			extra:    `if grep -q words hello/main.go; then page=other; fi`,
			controls: quickControls,
			table:    "comments reworded  //images:hello",
		},
		"another file than that which must differ": {
			extra:    `if grep -q more README.md; then page=other; fi`,
			controls: []control{elsewhere},
			table:    `DIFFERENT: ["/hello"]`,
		},
		"a build that fails": {
			extra: `case "$PWD" in *folder*) echo "no space left" >&2; exit 1 ;; esac`,
			table: "FAILED",
			log:   "    no space left\n",
		},
		"no digest": {
			extra: `case "$PWD" in *folder*) after() { rm bazel-bin/images/hello.digest; } ;; esac`,
			table: "FAILED",
			log:   "the build left no digest",
		},
		"another digest than the image's": {
			extra: `case "$PWD" in *folder*) after() { echo sha256:0 >bazel-bin/images/hello.digest; } ;; esac`,
			table: "FAILED",
			log:   "//images:hello.digest says sha256:0, the image index is sha256:",
		},
		"a corrupt blob": {
			extra: `case "$PWD" in *folder*) after() { for f in bazel-bin/images/hello/blobs/sha256/*; do echo >>"$f"; done; } ;; esac`,
			table: "FAILED",
			log:   "image //images:hello: ",
		},
		"a control that changes nothing": {
			controls: []control{{name: "none", files: []string{"README.md"}, edit: each(func(string) error { return nil })}},
			table:    "FAILED",
			log:      "no change of README.md was made",
		},
		"a control without files": {
			controls: []control{{name: "none", files: []string{"none/*"}}},
			table:    "FAILED",
			log:      "no file of the workspace is none/*",
		},
		"a variation that does not reach the build": {
			extra: `case "$PWD" in *folder*) output_base=/elsewhere ;; esac`,
			table: "FAILED",
			log:   "the variation did not reach the build: its actions see folder=/elsewhere/execroot",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			table, log, same, err := proveFake(t, test.extra, test.controls...)
			if same || err != nil {
				t.Errorf("same = %t, error %v", same, err)
			}
			if !strings.Contains(table, test.table) || !strings.Contains(table, "NOT all is as it must be") {
				t.Errorf("want %q in the table:\n%s", test.table, table)
			}
			if !strings.Contains(log, test.log) {
				t.Errorf("want %q in the log:\n%s", test.log, log)
			}
		})
	}
}

func TestCannotProve(t *testing.T) {
	fakePrograms(t)
	_, _, _, err := proveFake(t, "echo broken >&2; exit 1")
	if err == nil || !strings.Contains(err.Error(), "building the workspace: ") || !strings.Contains(err.Error(), "    broken") {
		t.Errorf("got error %v, want one that says why the workspace does not build", err)
	}
}

// Interrupted, it ends the build and leaves nothing behind.
func TestInterrupted(t *testing.T) {
	fakePrograms(t)
	started := filepath.Join(t.TempDir(), "started")
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		for os.Remove(started) != nil {
			time.Sleep(time.Millisecond)
		}
		cancel()
	}()
	_, _, _, err := proveRow(ctx, t, `case "$PWD" in *folder*) : >`+started+`; sleep 1000 ;; esac`, row{Row: variation.Row{
		Name: "row", Setting: variation.Setting{Workspace: "folder", OutputBase: "o"},
	}})
	if err == nil || !strings.Contains(err.Error(), context.Canceled.Error()) {
		t.Errorf("got %v, want %v", err, context.Canceled)
	}
}
