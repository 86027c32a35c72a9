package load

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"example.com/reproducible-images/tools/e2e/load/wrk"
)

// measure is [wrk.Run].
type measure func(ctx context.Context, url string, connections int, duration time.Duration) (wrk.Result, error)

var runWrk measure = wrk.Run

// outcome is a run of wrk: what it measured, and what failed.
type outcome struct {
	result  wrk.Result
	problem string
}

// speed compares the servers with few connections and with many.
func (t *test) speed(ctx context.Context) ([]Row, error) {
	var rows []Row
	for _, load := range []struct {
		connections int
		duration    time.Duration
		// bareToo demands the same of bare. With many connections it may need
		// more memory than it has, which is its affair.
		bareToo bool
	}{{t.few, t.fewTime, true}, {t.many, t.manyTime, false}} {
		var hello, bare []outcome
		for range t.pairs {
			for _, side := range []struct {
				e  *endpoint
				to *[]outcome
			}{{t.hello, &hello}, {t.bare, &bare}} {
				t.log.Info("wrk", "server", side.e.name, "connections", load.connections)
				run, err := t.measure(ctx, side.e, load.connections, load.duration)
				if err != nil {
					return rows, err
				}
				*side.to = append(*side.to, run)
			}
		}
		rows = append(rows, compare(load.connections, load.bareToo, hello, bare))
	}
	return rows, nil
}

func (t *test) measure(ctx context.Context, e *endpoint, connections int, duration time.Duration) (outcome, error) {
	alive, err := e.revive(ctx)
	switch {
	case err != nil:
		return outcome{}, err
	case !alive:
		return outcome{problem: ended}, nil
	}
	result, err := t.wrk(ctx, e.url, connections, duration)
	e.stuck = result.Requests == 0
	switch {
	case ctx.Err() != nil, errors.Is(err, wrk.ErrNotFound):
		return outcome{}, err
	case e.noteEnd():
		return outcome{result, ended}, nil
	case err != nil:
		return outcome{problem: err.Error()}, nil
	}
	return outcome{result, result.Problem(connections)}, nil
}

// compare makes the row of pairs of runs. The ratio is the median of those pairs
// in which nothing failed, if they are most. No ratio is wrong: it says what the
// limits and headers cost, on this machine.
func compare(connections int, bareToo bool, hello, bare []outcome) Row {
	row := Row{
		Check: fmt.Sprintf("wrk, %d connections", connections),
		Hello: rate(hello),
		Bare:  rate(bare),
	}
	var ratios []float64
	var each []string
	for i := range hello {
		if hello[i].problem == "" && bare[i].problem == "" {
			ratio := hello[i].result.PerSecond / bare[i].result.PerSecond
			ratios = append(ratios, ratio)
			each = append(each, fmt.Sprintf("%.2f", ratio))
		}
	}
	// From fewer pairs it would be one of a server out of breath.
	if len(ratios) > len(hello)/2 {
		row.Ratio = fmt.Sprintf("%.2f", median(ratios))
		row.Detail = "ratios " + strings.Join(each, ", ")
	}
	row.Problem = firstProblem(hello)
	if problem := firstProblem(bare); bareToo && row.Problem == "" && problem != "" {
		row.Problem = "there is nothing to compare with, bare failed: " + problem
	}
	return row
}

// rate writes the medians of runs, and what failed first.
func rate(runs []outcome) string {
	var rates, times []float64
	for _, run := range runs {
		if run.problem == "" {
			rates = append(rates, run.result.PerSecond)
			times = append(times, float64(run.result.P99))
		}
	}
	problem := firstProblem(runs)
	if len(rates) == 0 {
		return problem
	}
	text := fmt.Sprintf("%.0f requests/s, p99 %s", median(rates), short3(time.Duration(median(times))))
	if problem != "" {
		text = fmt.Sprintf("%s; %d of %d runs: %s", text, len(runs)-len(rates), len(runs), problem)
	}
	return text
}

func firstProblem(runs []outcome) string {
	for _, run := range runs {
		if run.problem != "" {
			return run.problem
		}
	}
	return ""
}

// median is not for an empty slice.
func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[middle]
	}
	return (sorted[middle-1] + sorted[middle]) / 2
}

// short3 writes a time with two or three digits.
func short3(d time.Duration) string {
	unit := time.Duration(math.Pow10(max(0, int(math.Log10(float64(max(d, 1))))-2)))
	return d.Round(unit).String()
}
