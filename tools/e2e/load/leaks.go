package load

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"example.com/reproducible-images/tools/e2e/load/process"
	"example.com/reproducible-images/tools/e2e/load/stacks"
	"example.com/reproducible-images/tools/internal/cli"
)

// counts are a server's descriptors: at rest before all load, the most with
// abandoned connections, and in the end, with these still open on the other side.
type counts struct {
	atRest, abandoned, most, end int
	after                        time.Duration
	err                          error
}

// look adds a sample.
func (c *counts) look(e *endpoint, start time.Time) {
	if c.err != nil {
		return
	}
	var sample process.Sample
	sample, c.err = e.look()
	c.most, c.end, c.after = max(c.most, sample.Files), sample.Files, time.Since(start)
}

// leaks leaves connections with both servers that nobody uses or closes, and
// waits for hello to have as many descriptors as before all load.
func (t *test) leaks(ctx context.Context) ([]Row, error) {
	t.log.Info("waiting for abandoned connections to be closed", "at_most", t.settle)
	hello, releaseHello := t.leave(ctx, t.hello)
	defer releaseHello()
	bare, releaseBare := t.leave(ctx, t.bare)
	defer releaseBare()
	start := time.Now()
	for {
		hello.look(t.hello, start)
		bare.look(t.bare, start)
		if hello.err != nil || ctx.Err() != nil || hello.end <= hello.atRest || hello.after > t.settle {
			break
		}
		time.Sleep(interval)
	}
	return []Row{{
		Check:   "descriptors after the abuse",
		Hello:   hello.String(),
		Bare:    bare.String(),
		Detail:  fmt.Sprintf("%d connections that the clients left open", hello.abandoned),
		Problem: hello.problem(),
	}}, nil
}

func (t *test) leave(ctx context.Context, e *endpoint) (c counts, release func()) {
	c.atRest = e.atRest
	if alive, err := e.revive(ctx); err != nil || !alive {
		c.err = process.ErrGone
		return c, func() {}
	}
	c.abandoned, release, c.err = t.abandon(ctx, e)
	c.look(e, time.Now())
	return c, release
}

func (c counts) problem() string {
	switch {
	case c.err != nil:
		return c.err.Error()
	case c.most <= c.atRest+c.abandoned/4:
		// It may close some, but then it does not wait for anything.
		return fmt.Sprintf("the test is none: with %d connections there were %d descriptors", c.abandoned, c.most)
	case c.end > c.atRest:
		return fmt.Sprintf("after %s there are %d descriptors more than before the load", short3(c.after), c.end-c.atRest)
	}
	return ""
}

func (c counts) String() string {
	if c.err != nil {
		return c.err.Error()
	}
	return fmt.Sprintf("%d before, %d with abandoned connections, %d after %s", c.atRest, c.most, c.end, short3(c.after))
}

// use is the memory of a server over the whole run.
type use struct {
	memory  process.Memory
	highest process.Sample
	ends    int
	err     error
}

// memory checks that hello was never short of memory.
func (t *test) memory(context.Context) ([]Row, error) {
	hello, bare := t.hello.use(), t.bare.use()
	return []Row{{
		Check:   "memory over the whole run",
		Hello:   hello.String(),
		Bare:    bare.String(),
		Detail:  fmt.Sprintf("hello's limit reached %d times, %d threads", hello.memory.Reached, hello.highest.Threads),
		Problem: hello.problem(),
	}}, nil
}

func (e *endpoint) use() (u use) {
	e.noteEnd()
	e.mu.Lock()
	defer e.mu.Unlock()
	u.highest, u.ends = e.highest, e.ends
	if u.memory, u.err = e.process.Memory(); u.err == nil {
		u.memory.Kills -= e.memoryAtRest.Kills
		u.memory.Reached -= e.memoryAtRest.Reached
	}
	return u
}

func (u use) problem() string {
	switch {
	case u.ends > 0:
		return ended
	case u.err != nil:
		return u.err.Error()
	case u.memory.Kills > 0:
		return fmt.Sprintf("%d processes of its cgroup were killed for want of memory", u.memory.Kills)
	case u.memory.Limit >= process.Unlimited:
		return "its cgroup has no memory limit to hold"
	}
	return ""
}

func (u use) String() string {
	text := fmt.Sprintf("%s of its own", cli.Bytes(u.highest.Anonymous))
	if u.err == nil {
		limit := "no limit"
		if u.memory.Limit < process.Unlimited {
			limit = cli.Bytes(u.memory.Limit)
		}
		text += fmt.Sprintf(", cgroup %s of %s", cli.Bytes(max(u.memory.Peak, u.memory.Usage)), limit)
	}
	if u.ends > 0 {
		text += fmt.Sprintf("; ended %d times", u.ends)
	}
	return text
}

// Goroutines makes the last row, out of what the servers wrote to stderr when
// they got SIGQUIT, after [Run]: their own goroutines at rest, and those that
// they should not have. Pass "" for bare if there is nothing.
func Goroutines(hello, bare string) Row {
	row := Row{Check: "goroutines after the abuse"}
	row.Bare, _ = goroutines(bare)
	row.Hello, row.Problem = goroutines(hello)
	return row
}

func goroutines(output string) (text, problem string) {
	all, err := stacks.Parse(output)
	if err != nil {
		return "unknown", err.Error()
	}
	if unexpected := stacks.Unexpected(all); len(unexpected) > 0 {
		problem = fmt.Sprintf("%d are not of a server at rest, the first: %s", len(unexpected), unexpected[0])
	}
	return strconv.Itoa(len(all)), problem
}
