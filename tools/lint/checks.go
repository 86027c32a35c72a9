package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"go/format"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/bazelbuild/rules_go/go/runfiles"
)

// check is one of the checks; run gets the repository's root and its files,
// relative to root.
type check struct {
	name string
	run  func(ctx context.Context, root string, files []string, fix bool) error
}

var checks = []check{
	{"gofmt", gofmt},
	{"buildifier", buildifier},
	{"gazelle", gazelle},
	{"shellcheck", shellcheck},
}

// list gives the files that git knows or would add.
func list(ctx context.Context, root string) ([]string, error) {
	cmd := exec.CommandContext(ctx, "git", "-C", root, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("listing the files with git: %w", err)
	}
	var files []string
	for name := range strings.SplitSeq(strings.TrimSuffix(string(out), "\x00"), "\x00") {
		// A file that is deleted and not yet committed is still listed.
		if info, err := os.Lstat(filepath.Join(root, name)); err == nil && info.Mode().IsRegular() {
			files = append(files, name)
		}
	}
	return files, nil
}

func gofmt(_ context.Context, root string, files []string, fix bool) error {
	var unformatted []string
	for _, name := range files {
		if filepath.Ext(name) != ".go" {
			continue
		}
		file := filepath.Join(root, name)
		source, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		formatted, err := format.Source(source)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if bytes.Equal(source, formatted) {
			continue
		}
		if !fix {
			unformatted = append(unformatted, name)
		} else if err := os.WriteFile(file, formatted, 0o666); err != nil {
			return err
		}
	}
	if len(unformatted) > 0 {
		return fmt.Errorf("not formatted: %s", strings.Join(unformatted, " "))
	}
	return nil
}

func buildifier(ctx context.Context, root string, files []string, fix bool) error {
	args := []string{"-mode=check", "-lint=warn"}
	if fix {
		args = []string{"-mode=fix", "-lint=fix"}
	}
	for _, name := range files {
		switch filepath.Base(name) {
		case "BUILD", "BUILD.bazel", "MODULE.bazel":
			args = append(args, name)
		default:
			if filepath.Ext(name) == ".bzl" {
				args = append(args, name)
			}
		}
	}
	return tool(ctx, root, os.Getenv("BUILDIFIER"), args)
}

func gazelle(ctx context.Context, root string, _ []string, fix bool) error {
	mode := "diff"
	if fix {
		mode = "fix"
	}
	return tool(ctx, root, "_main/gazelle", []string{"-mode=" + mode})
}

func shellcheck(ctx context.Context, root string, files []string, _ bool) error {
	program, err := exec.LookPath("shellcheck")
	if err != nil {
		return errors.New("shellcheck is not on PATH: install it (Debian: apt-get install shellcheck)")
	}
	args := []string{"--external-sources"}
	for _, name := range files {
		is, err := isShell(filepath.Join(root, name))
		if err != nil {
			return err
		}
		if is {
			args = append(args, name)
		}
	}
	return execute(ctx, root, program, args)
}

// isShell tells whether a file is a shell script, by its name or first line.
func isShell(file string) (bool, error) {
	if filepath.Ext(file) == ".sh" {
		return true, nil
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return false, err
	}
	line, _, _ := bytes.Cut(data, []byte("\n"))
	return bytes.HasPrefix(line, []byte("#!")) && bytes.HasSuffix(line, []byte("sh")), nil
}

// tool runs a program that was built with this one; path is its runfiles path.
func tool(ctx context.Context, root, path string, args []string) error {
	program, err := runfiles.Rlocation(path)
	if err != nil {
		return fmt.Errorf("finding it: %w", err)
	}
	env, err := runfiles.Env()
	if err != nil {
		return fmt.Errorf("finding its files: %w", err)
	}
	return execute(ctx, root, program, args, env...)
}

// execute runs a program in the repository and lets it speak for itself.
func execute(ctx context.Context, root, program string, args []string, env ...string) error {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Env = append(os.Environ(), env...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = root, os.Stderr, os.Stderr
	return cmd.Run()
}
