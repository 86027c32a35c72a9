// Package wrk runs wrk, the HTTP benchmark, and reads what it prints.
package wrk

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// Program is wrk's name on PATH.
const Program = "wrk"

// ErrNotFound is that wrk is not installed.
var ErrNotFound = errors.New("wrk is not installed (Debian: apt-get install wrk)")

// timeout is what wrk counts as one, and for which it looks as often: shorter
// runs have none.
const timeout = 2 * time.Second

// slow is an answer for whose time the machine is to blame.
const slow = timeout / 4

// Result is what a run of wrk measured.
type Result struct {
	Requests  int     // answered, whatever the status
	PerSecond float64 // answers per second
	Median    time.Duration
	P99       time.Duration

	// Errors, in connections or requests.
	Connect, Read, Write, Timeout int
	// Status counts answers other than 2xx and 3xx.
	Status int
}

// Problem says what failed in the run, "" if nothing did. It is also one if
// there are fewer answers than connections, as wrk takes silence for no error.
// One in a hundred connections may have had to wait too long, and one in two
// hundred requests may have met a connection that was being closed as idle, as
// HTTP allows (RFC 9112, section 9.5): other clients than wrk ask again. It may
// be one in twenty where the machine had so much else to do that wrk itself, too,
// was slow.
func (r Result) Problem(connections int) string {
	closed := r.Requests / 200
	if r.P99 > slow {
		closed = r.Requests / 20
	}
	var problems []string
	for _, count := range []struct {
		n, allowed int
		what       string
	}{
		{r.Connect, 0, "connections refused"},
		{r.Read, closed, "reads failed"},
		{r.Write, 0, "writes failed"},
		{r.Timeout, connections / 100, "requests waited over " + timeout.String()},
		{r.Status, 0, "answers neither 2xx nor 3xx"},
	} {
		if count.n > count.allowed {
			problems = append(problems, fmt.Sprintf("%d %s", count.n, count.what))
		}
	}
	if r.Requests < connections {
		problems = append(problems, fmt.Sprintf("%d answers over %d connections", r.Requests, connections))
	}
	return strings.Join(problems, ", ")
}

// Run keeps connections busy with GET requests for url, for a duration in whole
// seconds. Errors of the server are in the result, unless wrk cannot connect
// at all.
func Run(ctx context.Context, url string, connections int, duration time.Duration) (Result, error) {
	cmd := exec.CommandContext(ctx, Program,
		"--latency", "--threads", "2",
		"--connections", strconv.Itoa(connections),
		"--duration", fmt.Sprintf("%ds", int(duration.Seconds())),
		"--timeout", fmt.Sprintf("%ds", int(timeout.Seconds())),
		url)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	// wrk ends in time by itself; this is for the end of ctx.
	cmd.WaitDelay = time.Second
	err := cmd.Run()
	switch {
	case ctx.Err() != nil:
		return Result{}, context.Cause(ctx)
	case errors.Is(err, exec.ErrNotFound):
		return Result{}, ErrNotFound
	case err != nil:
		return Result{}, fmt.Errorf("wrk %s: %w: %s", url, err, bytes.TrimSpace(stderr.Bytes()))
	}
	result, err := Parse(stdout.String())
	if err != nil {
		return Result{}, fmt.Errorf("reading what wrk %s printed: %w", url, err)
	}
	return result, nil
}

// Parse reads what wrk 4 prints when run with --latency.
func Parse(output string) (Result, error) {
	var r Result
	seen := map[string]bool{}
	for line := range strings.Lines(output) {
		fields := strings.Fields(line)
		var what string
		var err error
		switch {
		case len(fields) == 2 && fields[0] == "50%":
			what = "50%"
			r.Median, err = parseTime(fields[1])
		case len(fields) == 2 && fields[0] == "99%":
			what = "99%"
			r.P99, err = parseTime(fields[1])
		case len(fields) > 2 && fields[1] == "requests" && fields[2] == "in":
			what = "requests in"
			r.Requests, err = strconv.Atoi(fields[0])
		case strings.HasPrefix(line, "Requests/sec:") && len(fields) == 2:
			what = "Requests/sec:"
			r.PerSecond, err = strconv.ParseFloat(fields[1], 64)
		case strings.HasPrefix(strings.TrimSpace(line), "Socket errors:"):
			what = "Socket errors:"
			_, err = fmt.Sscanf(strings.TrimSpace(line), "Socket errors: connect %d, read %d, write %d, timeout %d",
				&r.Connect, &r.Read, &r.Write, &r.Timeout)
		case strings.HasPrefix(strings.TrimSpace(line), "Non-2xx or 3xx responses:"):
			what = "Non-2xx or 3xx responses:"
			r.Status, err = strconv.Atoi(fields[len(fields)-1])
		default:
			continue
		}
		if err != nil {
			return Result{}, fmt.Errorf("%q: %w", strings.TrimSpace(line), err)
		}
		seen[what] = true
	}
	for _, what := range []string{"50%", "99%", "requests in", "Requests/sec:"} {
		if !seen[what] {
			return Result{}, fmt.Errorf("there is no line %q", what)
		}
	}
	return r, nil
}

// parseTime reads a time as wrk writes it: as Go does, without a second unit.
func parseTime(s string) (time.Duration, error) {
	d, err := time.ParseDuration(s)
	if err == nil && d < 0 {
		err = errors.New("time is negative")
	}
	return d, err
}
