package main

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"example.com/reproducible-images/tools/e2e/engines"
)

// checkDrain stops a container while clients ask it.
func checkDrain(ctx context.Context, s *session, e engines.Engine) (string, error) {
	c, err := s.launch(ctx, e, locks(e))
	if err != nil {
		return "", err
	}
	defer c.Remove(ctx)
	address, err := ownAddress(ctx, c)
	if err != nil {
		return "", err
	}
	traffic := startTraffic(ctx, address, 16)
	select {
	case <-time.After(time.Second):
	case <-ctx.Done():
	}
	before := traffic.answered.Load()
	took, stopErr := stop(ctx, c)
	failed := traffic.wait()
	total := traffic.answered.Load()
	switch {
	case stopErr != nil:
		return "", stopErr
	case failed != nil:
		return "", fmt.Errorf("of %d requests, %d of them while stopping, one failed: %w", total, total-before, failed)
	case before == 0 || total == before:
		return "", fmt.Errorf("%d requests before the stop and %d after it show nothing", before, total-before)
	}
	return fmt.Sprintf("stopped in %s; %d requests answered meanwhile, none failed; %d connections not accepted any more",
		milliseconds(took), total-before, traffic.unaccepted.Load()), nil
}

// checkSecondSignal asks a container that is stopping to stop at once.
func checkSecondSignal(ctx context.Context, s *session, e engines.Engine) (string, error) {
	c, err := s.launch(ctx, e, locks(e))
	if err != nil {
		return "", err
	}
	defer c.Remove(ctx)
	// A connection that is kept alive makes the server wait for a last request.
	client := http.Client{Transport: &http.Transport{}, Timeout: startTimeout}
	defer client.CloseIdleConnections()
	response, err := client.Head(url)
	if err != nil {
		return "", err
	}
	response.Body.Close()
	// As many signals as there is time for: the engine may be slow with them.
	err = eventually(ctx, "an end by a second signal", func() (bool, error) {
		// It fails once there is nothing to be killed any more.
		_ = c.Command(ctx, "kill", "--signal", "TERM")
		status, running := c.Ended(ctx)
		if running == nil && status != 143 {
			return false, fmt.Errorf("it ended with status %d, not 143", status)
		}
		return running == nil, nil
	})
	return "exit status 143", err
}

// checkRestart lets containers end in several ways, and looks what docker makes
// of it.
func checkRestart(ctx context.Context, s *session, e engines.Engine) (string, error) {
	for _, part := range []func(context.Context, *session, engines.Engine) error{restartAfterFailures, restartAfterStop, restartAfterOOM} {
		if err := part(ctx, s, e); err != nil {
			return "", err
		}
	}
	return "wrong usage is tried again as often as allowed, a stopped one never; out of memory, the greedy process is killed, and if that is hello it comes back", nil
}

// eventually asks until the answer is yes.
func eventually(ctx context.Context, what string, ask func() (bool, error)) error {
	ctx, cancel := context.WithTimeoutCause(ctx, startTimeout, fmt.Errorf("%s: not within %v", what, startTimeout))
	defer cancel()
	for {
		if yes, err := ask(); yes || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func restartAfterFailures(ctx context.Context, s *session, e engines.Engine) error {
	c, err := e.Run(ctx, []string{"--restart", "on-failure:2"}, s.reference(), "-no-such-flag")
	if err != nil {
		return err
	}
	defer c.Remove(ctx)
	return eventually(ctx, "two restarts after wrong usage, and no more", func() (bool, error) {
		state, err := c.Inspect(ctx, "{{.State.Status}} {{.RestartCount}} {{.State.ExitCode}}")
		return state == "exited 2 2", err
	})
}

func restartAfterStop(ctx context.Context, s *session, e engines.Engine) error {
	c, err := s.launch(ctx, e, append([]string{"--restart", "always"}, locks(e)...))
	if err != nil {
		return err
	}
	defer c.Remove(ctx)
	if _, err := stop(ctx, c); err != nil {
		return err
	}
	// Longer than docker waits before a restart.
	time.Sleep(500 * time.Millisecond)
	_, err = c.Ended(ctx)
	return err
}
