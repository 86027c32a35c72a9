package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"runtime"
	"strings"

	"example.com/reproducible-images/tools/e2e/engines"
)

// checkLimits compares the limits that hello works with, as it logs them, with
// those of its container.
func checkLimits(ctx context.Context, s *session, e engines.Engine) (string, error) {
	type limits struct {
		Memory int64 `json:"memory_limit"`
		CPUs   int   `json:"cpus"`
	}
	all := runtime.NumCPU()
	var seen []string
	for _, row := range []struct {
		flags []string
		want  limits
	}{
		{nil, limits{math.MaxInt64, all}},
		{[]string{"--memory", "32m"}, limits{20 << 20, all}},
		{[]string{"--memory", "1g"}, limits{640 << 20, all}},
		{[]string{"--memory", "32m", "--env", "GOMEMLIMIT=10MiB"}, limits{10 << 20, all}},
		{[]string{"--cpuset-cpus", "0"}, limits{math.MaxInt64, 1}},
		// Go takes a share of a processor for two at least.
		{[]string{"--cpus", "0.5"}, limits{math.MaxInt64, min(2, all)}},
	} {
		c, err := s.launch(ctx, e, append([]string{"--publish", published}, row.flags...))
		if err != nil {
			return "", err
		}
		log, err := c.Log(ctx)
		c.Remove(ctx)
		if err != nil {
			return "", err
		}
		var got limits
		line, _, _ := strings.Cut(log, "\n")
		if err := json.Unmarshal([]byte(line), &got); err != nil {
			return "", fmt.Errorf("the first line of the log, %q: %w", line, err)
		}
		flags := strings.Join(row.flags, " ")
		if got != row.want {
			return "", fmt.Errorf("with %q: %+v, not %+v", flags, got, row.want)
		}
		if flags != "" {
			seen = append(seen, flags)
		}
	}
	return "with " + strings.Join(seen, ", "), nil
}
