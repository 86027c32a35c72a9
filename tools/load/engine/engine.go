// Package engine drives the container engine of this machine, docker or
// podman, by its command line.
package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// Names are the engines in the order in which they are tried.
var Names = []string{"docker", "podman"}

// checkTimeout bounds the wait for an engine that does not answer.
const checkTimeout = 20 * time.Second

// Engine is a container engine that answers.
type Engine struct {
	// Name is one of Names.
	Name string
	path string
}

// Find returns the first of the named engines that is on the search path, a
// list like $PATH, and answers. The error says in one line for each what is
// missing.
func Find(ctx context.Context, names []string, path string) (Engine, error) {
	var problems []string
	for _, n := range names {
		e := Engine{Name: n, path: lookPath(n, path)}
		if e.path == "" {
			problems = append(problems, n+" is not installed (not on PATH)")
			continue
		}
		err := e.check(ctx)
		if err == nil {
			return e, nil
		}
		problems = append(problems, fmt.Sprintf("%s does not work: %v", n, err))
	}
	return Engine{}, errors.New(strings.Join(problems, "; "))
}

// lookPath is exec.LookPath for a given search path.
func lookPath(name, path string) string {
	for _, dir := range filepath.SplitList(path) {
		if !filepath.IsAbs(dir) {
			continue
		}
		if file, err := exec.LookPath(filepath.Join(dir, name)); err == nil {
			return file
		}
	}
	return ""
}

// check runs a command that fails unless the engine can work: docker's client
// has to reach its daemon, podman its storage. The error is the engine's own.
func (e Engine) check(ctx context.Context) error {
	command := "version"
	if e.Name == "podman" {
		command = "info"
	}
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	var stderr strings.Builder
	cmd := e.Command(ctx, command)
	cmd.Stderr = &stderr
	err := engineError(cmd.Run(), &stderr)
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return fmt.Errorf("it does not answer within %v", checkTimeout)
	}
	return err
}

// Command is a command of the engine, such as "run", to be started. It is
// killed when ctx ends.
func (e Engine) Command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, e.path, args...)
	// Others that still hold the output then are not waited for.
	cmd.WaitDelay = time.Second
	return cmd
}

// Load streams an image as a docker archive, tagged with tags, to the engine's
// load command. What the engine prints goes to log.
func (e Engine) Load(ctx context.Context, img v1.Image, tags []name.Tag, log io.Writer) error {
	refs := map[name.Reference]v1.Image{}
	for _, tag := range tags {
		refs[tag] = img
	}
	var stderr strings.Builder
	archive, w := io.Pipe()
	cmd := e.Command(ctx, "load")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = archive, log, &stderr
	written := make(chan error, 1)
	go func() {
		err := tarball.MultiRefWrite(refs, w)
		w.CloseWithError(err)
		written <- err
	}()
	err := engineError(cmd.Run(), &stderr)
	// An engine that fails may leave the archive unread.
	archive.Close()
	if writeErr := <-written; writeErr != nil && !errors.Is(writeErr, io.ErrClosedPipe) {
		return fmt.Errorf("writing the image to `%s load`: %w", e.Name, writeErr)
	}
	if err != nil {
		return fmt.Errorf("%s load: %w", e.Name, err)
	}
	return nil
}

// engineError is nil if err is. Otherwise it is the last line of what the
// engine said, which tells the cause, or else err.
func engineError(err error, stderr fmt.Stringer) error {
	if err == nil {
		return nil
	}
	said := strings.TrimSpace(stderr.String())
	if said == "" {
		return err
	}
	return errors.New(said[strings.LastIndex(said, "\n")+1:])
}
