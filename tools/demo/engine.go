package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"

	"example.com/reproducible-images/tools/demo/child"
	"example.com/reproducible-images/tools/load/engine"
	reference "github.com/google/go-containerregistry/pkg/name"
)

// cleanTimeout bounds the wait for an engine that is to clean up.
const cleanTimeout = 20 * time.Second

// runInEngine runs a program by a container engine.
func (d *demo) runInEngine(e engine.Engine) runner {
	return func(ctx context.Context, p program) (container, error) {
		// A name of its own: removing it takes nothing from the user.
		name := fmt.Sprintf("demo-%s-%d", strings.ReplaceAll(p.name, "/", "-"), os.Getpid())
		tag, err := reference.NewTag("localhost/" + name + ":demo")
		if err != nil {
			return container{}, err
		}
		remove := func() {
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanTimeout)
			defer cancel()
			// As a rule the container is gone already.
			_ = e.Command(ctx, "rm", "--force", name).Run()
			_ = e.Command(ctx, "rmi", tag.String()).Run()
		}
		if err := e.Load(ctx, p.image, []reference.Tag{tag}, io.Discard); err != nil {
			remove()
			return container{}, unusable{err}
		}
		// The end of ctx does not kill it: stopping it is orderly work.
		cmd := e.Command(context.WithoutCancel(ctx), "run", "--rm", "--name", name,
			"--cap-drop", "ALL", "--security-opt", "no-new-privileges",
			"--publish", fmt.Sprintf("%d:%d", p.port, p.exposed), tag.String())
		cmd.Stdout, cmd.Stderr = d.stderr, d.stderr
		// Asked to stop, the command stops the container.
		running, err := child.Start(cmd)
		if err != nil {
			remove()
			return container{}, err
		}
		return container{
			Child: running,
			check: func() (string, error) {
				return fmt.Sprintf("in %s as %s with --cap-drop ALL and no-new-privileges", e.Name, p.user), nil
			},
			ended:  func() error { return engineEnd(e, running) },
			remove: remove,
		}, nil
	}
}

// engineEnd says how an engine's run command ended that should not have. With
// these statuses it is the engine that failed, see docker-run(1).
func engineEnd(e engine.Engine, c *child.Child) error {
	err := endOf(c)
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() >= 125 && exit.ExitCode() <= 127 {
		return unusable{fmt.Errorf("%s run failed with %w", e.Name, err)}
	}
	return err
}
