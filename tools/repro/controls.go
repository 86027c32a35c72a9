package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"example.com/reproducible-images/tools/repro/checkout"
	"example.com/reproducible-images/tools/repro/rebuild"
)

// control is a change of the sources, of which it is known whether the image of hello
// changes.
type control struct {
	name, text string
	// files are what edit changes, relative to the workspace; patterns of package
	// filepath.
	files []string
	edit  func(ctx context.Context, s *rebuild.Session, files []string) error
	// changes are the files of the image that must change; nothing else may. Nil if
	// the digest must stay.
	changes []string
}

// image is the one that the controls are about.
const image = "//images:hello"

// helloFiles are the Go files of hello, of all its packages.
var helloFiles = []string{"hello/*.go", "hello/server/*.go", "hello/server/internal/*/*.go"}

// sourceControls take seconds each, in a workspace that was just built.
var sourceControls = []control{
	{
		name: "comments reworded", text: "every comment in the Go files of hello has other words",
		files: helloFiles,
		edit:  each(checkout.Reword),
	},
	{
		name: "comments added", text: "one more comment at the end of each Go file of hello",
		files: helloFiles,
		edit:  appendText("\n// One more comment.\n"),
	},
	{
		name: "tests changed", text: "one more test in hello",
		files: []string{"hello/main_test.go"},
		edit:  appendText("\nfunc TestAdded(t *testing.T) { t.Parallel() }\n"),
	},
	{
		name: "docs changed", text: "one more line in README.md and docs/*.md",
		files: []string{"README.md", "docs/*.md"},
		edit:  appendText("\nOne more line.\n"),
	},
	{
		name: "test module bumped", text: "go-cmp v0.6.0, which only tests use",
		files: []string{"go.mod", "go.sum"},
		edit: func(ctx context.Context, s *rebuild.Session, _ []string) error {
			const module = "github.com/google/go-cmp"
			if err := goCommand(ctx, s, ".", "mod", "edit", "-replace="+module+"="+module+"@v0.6.0"); err != nil {
				return err
			}
			return goCommand(ctx, s, ".", "mod", "download", module)
		},
	},
	{
		name: "one byte", text: "one letter of hello/page.html is another",
		files: []string{"hello/page.html"},
		edit: func(_ context.Context, s *rebuild.Session, _ []string) error {
			return checkout.Replace(s.Workspace(), "hello/page.html", "<title>Hello", "<title>Jello")
		},
		changes: []string{"/hello"},
	},
}

// toolchainControl needs a cold rebuild, and a Go SDK to download.
var toolchainControl = control{
	name: "Go bumped", text: "the patch release of Go before that of go.mod",
	files: []string{"go.mod", "tools/airgap/proxy/go.mod", "tools/airgap/proxy/go.sum"},
	edit: func(ctx context.Context, s *rebuild.Session, _ []string) error {
		version, err := earlierGo(filepath.Join(s.Workspace(), "go.mod"))
		if err != nil {
			return err
		}
		if err := goCommand(ctx, s, ".", "mod", "edit", "-toolchain=go"+version); err != nil {
			return err
		}
		return goCommand(ctx, s, "tools/airgap/proxy", "get", "golang.org/toolchain@v0.0.1-go"+version+".linux-amd64")
	},
	changes: []string{"/hello"},
}

var toolchainLine = regexp.MustCompile(`(?m)^toolchain go(\d+\.\d+)\.(\d+)$`)

// earlierGo returns the patch release before that which go.mod asks for.
func earlierGo(goMod string) (string, error) {
	content, err := os.ReadFile(goMod)
	if err != nil {
		return "", err
	}
	line := toolchainLine.FindSubmatch(content)
	if line == nil {
		return "", fmt.Errorf("%s has no line `toolchain goX.Y.Z`", goMod)
	}
	patch, err := strconv.Atoi(string(line[2]))
	if err != nil || patch == 0 {
		return "", fmt.Errorf("there is no patch release before go%s.%s", line[1], line[2])
	}
	return fmt.Sprintf("%s.%d", line[1], patch-1), nil
}

// goCommand runs the machine's go command in a folder of the session's workspace.
func goCommand(ctx context.Context, s *rebuild.Session, dir string, args ...string) error {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = filepath.Join(s.Workspace(), dir)
	// What it downloads is for the build, and can be removed.
	cmd.Env = append(os.Environ(), "GOTOOLCHAIN=local", "GOFLAGS=-modcacherw")
	if cache := s.ModuleCache(); cache != "" {
		cmd.Env = append(cmd.Env, "GOMODCACHE="+cache)
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("go %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(string(out)))
	}
	return nil
}

// each edits all files of a control.
func each(edit func(file string) error) func(context.Context, *rebuild.Session, []string) error {
	return func(_ context.Context, s *rebuild.Session, files []string) error {
		for _, name := range files {
			if err := edit(filepath.Join(s.Workspace(), name)); err != nil {
				return err
			}
		}
		return nil
	}
}

func appendText(text string) func(context.Context, *rebuild.Session, []string) error {
	return each(func(file string) error { return checkout.Append(file, text) })
}
