package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"text/tabwriter"

	"example.com/reproducible-images/tools/e2e/engines"
	"example.com/reproducible-images/tools/e2e/load"
	"github.com/bazelbuild/rules_go/go/runfiles"
)

// checkLoad abuses hello in the strictest container, beside a bare net/http server
// in another one like it.
func checkLoad(ctx context.Context, s *session, e engines.Engine) (string, error) {
	if err := engines.Need("wrk"); err != nil {
		return "", err
	}
	bare, err := runfiles.Rlocation(os.Getenv("E2E_BARE"))
	if err != nil {
		return "", err
	}
	flags := append(unpublished(e), "--memory-swap", "32m")
	hello, err := e.Run(ctx, flags, s.reference())
	if err != nil {
		return "", err
	}
	defer hello.Remove(ctx)
	other, err := e.Run(ctx, append(slices.Clone(flags), "--volume", bare+":/bare:ro", "--entrypoint", "/bare"), s.reference())
	if err != nil {
		return "", err
	}
	defer other.Remove(ctx)

	o := load.Options{Full: s.full, Log: slog.New(slog.NewTextHandler(s.stderr, nil))}
	if o.Hello, err = server(ctx, hello); err != nil {
		return "", err
	}
	if o.Bare, err = server(ctx, other); err != nil {
		return "", err
	}
	o.Bare.Restart = func(ctx context.Context) (load.Server, error) {
		if err := other.Command(ctx, "restart"); err != nil {
			return load.Server{}, err
		}
		return server(ctx, other)
	}
	rows, err := load.Run(ctx, o)
	if err != nil {
		table, _ := summarize(rows)
		return "", fmt.Errorf("%w\n%s", err, table)
	}
	return summarize(append(rows, load.Goroutines(dump(ctx, hello), dump(ctx, other))))
}

// server describes a container whose program serves on port 8060, once it does.
func server(ctx context.Context, c *engines.Container) (s load.Server, err error) {
	if s.Address, err = ownAddress(ctx, c); err != nil {
		return s, err
	}
	if err := awaitOK(ctx, "http://"+s.Address+"/"); err != nil {
		return s, err
	}
	s.PID, err = c.PID(ctx)
	return s, err
}

// dump ends a container's program, and returns its log with the goroutines that it
// had; or nothing, if it had ended before.
func dump(ctx context.Context, c *engines.Container) string {
	if err := c.Command(ctx, "kill", "--signal", "QUIT"); err != nil {
		return ""
	}
	err := eventually(ctx, "an end by SIGQUIT", func() (bool, error) {
		state, err := c.Inspect(ctx, "{{.State.Status}}")
		return state == "exited", err
	})
	if err != nil {
		return ""
	}
	log, err := c.Log(ctx)
	if err != nil {
		return ""
	}
	return log
}

// summarize makes a table of the rows, or an error if one is not right.
func summarize(rows []load.Row) (string, error) {
	var table strings.Builder
	var problems []error
	tw := tabwriter.NewWriter(&table, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "\nLOAD\tHELLO\tBARE\tRATIO\tDETAIL")
	for _, r := range rows {
		fmt.Fprintf(tw, "%s\t%s\t%s\t%s\t%s\n", r.Check, r.Hello, r.Bare, r.Ratio, r.Detail)
		if !r.OK() {
			problems = append(problems, fmt.Errorf("%s: %s", r.Check, r.Problem))
		}
	}
	if err := tw.Flush(); err != nil {
		return "", err
	}
	if len(problems) > 0 {
		return "", fmt.Errorf("%w\n%s", errors.Join(problems...), table.String())
	}
	return strings.TrimRight(table.String(), "\n"), nil
}
