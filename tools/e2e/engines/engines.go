// Package engines starts container engines of its own, docker with a daemon and
// podman with a storage that nobody else uses, and runs containers by them.
//
// It sets environment variables of this process, as the engines' clients and
// whatever calls them are told by those which engine they are to talk to.
package engines

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"example.com/reproducible-images/tools/load/engine"
)

// commandTimeout bounds every command of an engine.
const commandTimeout = time.Minute

// Engine runs containers.
type Engine struct {
	// Name is what people call it: docker, podman or runsc.
	Name     string
	client   engine.Engine
	runFlags []string // those that choose the runtime
}

// Client is the engine's command line.
func (e Engine) Client() engine.Engine { return e.client }

// Output runs a command of the engine, such as "pull", and returns what it
// printed, without the last newline. An error has the last line of what the
// engine said.
func (e Engine) Output(ctx context.Context, args ...string) (string, error) {
	output, _, err := e.run(ctx, args...)
	return strings.TrimSuffix(output, "\n"), err
}

// run returns also what went to standard error.
func (e Engine) run(ctx context.Context, args ...string) (stdout, stderr string, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, commandTimeout, fmt.Errorf("no end within %v", commandTimeout))
	defer cancel()
	var out, errs strings.Builder
	cmd := e.client.Command(ctx, args...)
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err = cmd.Run(); err != nil {
		if cause := context.Cause(ctx); cause != nil {
			err = cause
		}
		if said := strings.TrimSpace(errs.String()); said != "" {
			lines := strings.Split(strings.TrimSuffix(said, "\n\nRun 'docker run --help' for more information"), "\n")
			err = fmt.Errorf("%w: %s", err, lines[len(lines)-1])
		}
		err = fmt.Errorf("%s %s: %w", e.client.Name, args[0], err)
	}
	return out.String(), errs.String(), err
}

// debianPackages have the programs that are looked for.
var debianPackages = map[string]string{
	"catatonit":           "catatonit",
	"chromium":            "chromium",
	"containerd":          "containerd",
	"docker":              "docker.io",
	"docker-compose":      "docker-compose",
	"dockerd":             "docker.io",
	"iptables":            "iptables",
	"podman":              "podman",
	"qemu-aarch64-static": "qemu-user-static",
	"runc":                "runc",
	"runsc":               "runsc",
	"wrk":                 "wrk",
}

// Need returns an error that says which of these programs are not installed, and
// how Debian has them.
func Need(programs ...string) error {
	var missing, packages []string
	for _, program := range programs {
		if _, err := exec.LookPath(program); err != nil {
			missing = append(missing, program)
			packages = append(packages, debianPackages[program])
		}
	}
	if len(missing) == 0 {
		return nil
	}
	slices.Sort(packages)
	return fmt.Errorf("%s not installed: apt-get install %s", strings.Join(missing, ", "), strings.Join(slices.Compact(packages), " "))
}

// find returns the client of an engine whose programs are installed.
func find(ctx context.Context, name string) (engine.Engine, error) {
	return engine.Find(ctx, []string{name}, os.Getenv("PATH"))
}

// writeFiles writes files, by their paths.
func writeFiles(files map[string]string) error {
	for path, text := range files {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// setEnvironment sets environment variables of this process.
func setEnvironment(variables map[string]string) error {
	var errs []error
	for name, value := range variables {
		errs = append(errs, os.Setenv(name, value))
	}
	return errors.Join(errs...)
}
