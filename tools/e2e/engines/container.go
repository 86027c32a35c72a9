package engines

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
)

// Container is one that was started and is not removed yet.
type Container struct {
	Name   string
	engine Engine
}

var started atomic.Int64

// Run starts a container with these flags of the engine's run command, and the
// image with its arguments after them. Remove removes it.
func (e Engine) Run(ctx context.Context, flags []string, image string, args ...string) (*Container, error) {
	c := &Container{Name: fmt.Sprintf("e2e-%d", started.Add(1)), engine: e}
	command := slices.Concat([]string{"run", "--detach", "--name", c.Name}, e.runFlags, flags, []string{image}, args)
	if _, err := e.Output(ctx, command...); err != nil {
		// It may be there although it did not start.
		c.Remove(ctx)
		return nil, err
	}
	return c, nil
}

// Named returns a container that something else started.
func (e Engine) Named(name string) *Container { return &Container{Name: name, engine: e} }

// Remove removes the container, whether it runs or not, even if ctx ended.
func (c *Container) Remove(ctx context.Context) {
	// What is left goes with the engine's folder.
	_, _ = c.engine.Output(context.WithoutCancel(ctx), "rm", "--force", c.Name)
}

// Inspect returns what the engine tells by a template, such as
// "{{.State.Status}}".
func (c *Container) Inspect(ctx context.Context, template string) (string, error) {
	return c.engine.Output(ctx, "inspect", "--format", template, c.Name)
}

// PID is the number, in the namespace of this process, of the container's
// process 1, or with runsc that of the sandbox around it.
func (c *Container) PID(ctx context.Context) (int, error) {
	text, err := c.Inspect(ctx, "{{.State.Pid}}")
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(text)
}

// Address is that of the container in the engine's network.
func (c *Container) Address(ctx context.Context) (netip.Addr, error) {
	text, err := c.Inspect(ctx, "{{.NetworkSettings.IPAddress}}")
	if err != nil {
		return netip.Addr{}, err
	}
	return netip.ParseAddr(text)
}

// Exec runs a program in the container and returns what it printed.
func (c *Container) Exec(ctx context.Context, args ...string) (string, error) {
	return c.engine.Output(ctx, append([]string{"exec", c.Name}, args...)...)
}

// Command runs a command of the engine on the container, such as "stop" with
// its flags.
func (c *Container) Command(ctx context.Context, command string, flags ...string) error {
	_, err := c.engine.Output(ctx, slices.Concat([]string{command}, flags, []string{c.Name})...)
	return err
}

// Log returns what the program in the container wrote so far to its standard
// error.
func (c *Container) Log(ctx context.Context) (string, error) {
	_, stderr, err := c.engine.run(ctx, "logs", c.Name)
	return stderr, err
}

// Ended returns the exit status of a container that ended, or an error if it
// runs.
func (c *Container) Ended(ctx context.Context) (status int, err error) {
	text, err := c.Inspect(ctx, "{{.State.Status}} {{.State.ExitCode}}")
	if err != nil {
		return 0, err
	}
	state, code, _ := strings.Cut(text, " ")
	if state != "exited" {
		return 0, fmt.Errorf("container %s is %s, not exited", c.Name, state)
	}
	return strconv.Atoi(code)
}
