package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"example.com/reproducible-images/tools/e2e/engines"
	"github.com/bazelbuild/rules_go/go/runfiles"
)

// restartAfterOOM has a second process in the container take all memory that the
// container may have. The kernel is to kill that one; and if it is made to kill
// hello, docker is to start the container again.
func restartAfterOOM(ctx context.Context, s *session, e engines.Engine) error {
	probe, err := runfiles.Rlocation(os.Getenv("E2E_PROBE"))
	if err != nil {
		return err
	}
	// No swap, which would only take longer to fill.
	flags := slices.Concat(locks(e), []string{"--memory-swap", "32m", "--restart", "on-failure", "--volume", probe + ":/probe:ro"})
	c, err := s.launch(ctx, e, flags)
	if err != nil {
		return err
	}
	defer c.Remove(ctx)
	began, err := c.Inspect(ctx, "{{.State.StartedAt}}")
	if err != nil {
		return err
	}
	if _, err := c.Exec(ctx, "/probe", "-hog"); err == nil {
		return errors.New("a process may take more memory than the container has")
	}
	if err := awaitHello(ctx); err != nil {
		return fmt.Errorf("after the kernel killed another process: %w", err)
	}
	after, err := c.Inspect(ctx, "{{.State.StartedAt}}")
	if err == nil && after != began {
		err = errors.New("hello was killed for another process")
	}
	if err != nil {
		return err
	}

	pid, err := c.PID(ctx)
	if err != nil {
		return err
	}
	// See proc(5): the first to be killed.
	if err := os.WriteFile(fmt.Sprintf("/proc/%d/oom_score_adj", pid), []byte("1000"), 0); err != nil {
		return err
	}
	if _, err := c.Exec(ctx, "/probe", "-hog"); err == nil {
		return errors.New("a process outlived its container")
	}
	err = eventually(ctx, "a restart after hello was killed for its memory", func() (bool, error) {
		state, err := c.Inspect(ctx, "{{.State.Status}} {{.RestartCount}}")
		return state == "running 1", err
	})
	if err != nil {
		return err
	}
	if err := awaitHello(ctx); err != nil {
		return fmt.Errorf("restarted: %w", err)
	}
	// The daemon counts in seconds, and waits for those to come.
	until := strconv.FormatInt(time.Now().Unix()+1, 10)
	events, err := e.Output(ctx, "events", "--since", began, "--until", until, "--filter", "container="+c.Name, "--format", "{{.Action}} {{.Actor.Attributes.exitCode}}")
	for _, want := range []string{"oom", "die 137"} {
		if err == nil && !strings.Contains(events, want) {
			err = fmt.Errorf("docker did not note %q, but %q", want, events)
		}
	}
	return err
}
