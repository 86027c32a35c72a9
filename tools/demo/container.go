package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"example.com/reproducible-images/tools/demo/child"
	"example.com/reproducible-images/tools/demo/launch"
	"example.com/reproducible-images/tools/load/engine"
)

// What --runtime knows beside the engines; auto is the first that works.
const (
	auto   = "auto"
	chroot = "chroot"
)

var runtimes = append(slices.Clone(engine.Names), chroot, auto)

// stopGrace is how long an image may take to stop when asked to.
const stopGrace = 15 * time.Second

// runner starts a program. Where it returns an error it leaves nothing behind.
type runner func(ctx context.Context, p program) (container, error)

// container is a program that runs.
type container struct {
	*child.Child
	// check says how the program runs, or returns an error if it has
	// privileges that it should not have.
	check func() (string, error)
	// ended says how it ended; nobody asked it to.
	ended func() error
	// remove removes what is left when it has stopped.
	remove func()
}

// stop stops and removes the container.
func (c container) stop() {
	c.Stop(stopGrace)
	c.remove()
}

// unusable is the error of a runtime that does not work as it is set up here,
// which says nothing about the image.
type unusable struct{ error }

// runners are the runtimes to try, the first one first.
func (d *demo) runners(ctx context.Context) ([]runner, error) {
	names := []string{d.runtime}
	switch d.runtime {
	case chroot:
		return []runner{d.runChrooted}, launch.Check()
	case auto:
		names = engine.Names
	}
	var found []runner
	var problems []error
	for _, name := range names {
		e, err := engine.Find(ctx, []string{name}, d.searchPath)
		if err != nil {
			problems = append(problems, err)
			continue
		}
		found = append(found, d.runInEngine(e))
	}
	if d.runtime == auto {
		if err := launch.Check(); err != nil {
			problems = append(problems, err)
		} else {
			if len(found) == 0 {
				d.say("the image will run in a chroot: %s", join(problems))
			}
			found = append(found, d.runChrooted)
		}
	}
	if len(found) == 0 {
		return nil, errors.New(join(problems))
	}
	return found, nil
}

// join puts errors on one line.
func join(problems []error) string {
	var lines []string
	for _, err := range problems {
		lines = append(lines, err.Error())
	}
	return strings.Join(lines, "; ")
}

// start starts the program by the first runtime that works, and returns when
// it answers.
func (d *demo) start(ctx context.Context, runners []runner, p program) (container, error) {
	for {
		began := time.Now()
		c, err := runners[0](ctx, p)
		if err == nil {
			var how string
			if how, err = d.check(ctx, c, p); err == nil {
				d.did("start", began, "/ and /healthz answer 200 OK; %s", how)
				return c, nil
			}
			c.stop()
		}
		runners = runners[1:]
		if len(runners) == 0 || !errors.As(err, new(unusable)) || ctx.Err() != nil {
			return container{}, err
		}
		d.say("%v; trying another runtime", err)
	}
}

// check waits until the program answers, and says how it runs.
func (d *demo) check(ctx context.Context, c container, p program) (how string, err error) {
	for _, path := range []string{"/", "/healthz"} {
		if err := awaitOK(ctx, fmt.Sprintf("http://127.0.0.1:%d%s", p.port, path), c); err != nil {
			return "", err
		}
	}
	select {
	case <-c.Done():
		return "", fmt.Errorf("it ended, and something else answers on port %d: %w", p.port, c.ended())
	default:
		return c.check()
	}
}
