package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"example.com/reproducible-images/tools/e2e/engines"
)

// startRuns is how often the start is timed, for the median.
const startRuns = 20

// checkStart times the start: from the engine's run command to the first answer,
// and how much of it was over when that command returned.
func checkStart(ctx context.Context, s *session, e engines.Engine) (string, error) {
	var whole, command []time.Duration
	for range startRuns {
		began := time.Now()
		c, err := e.Run(ctx, locks(e), s.reference())
		if err != nil {
			return "", err
		}
		returned := time.Since(began)
		err = awaitHello(ctx)
		answered := time.Since(began)
		c.Remove(ctx)
		if err != nil {
			return "", err
		}
		whole, command = append(whole, answered), append(command, returned)
	}
	return fmt.Sprintf("%s to the first answer, median of %d; %.0f %% of it the engine's run command",
		milliseconds(median(whole)), startRuns, 100*float64(median(command))/float64(median(whole))), nil
}

func median(durations []time.Duration) time.Duration {
	slices.Sort(durations)
	return durations[len(durations)/2]
}
