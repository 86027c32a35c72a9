// Package load puts a server under load and abuses it, beside a bare net/http
// server under the same limits: how fast it is in comparison, whether those who
// behave are served whatever the others do, and whether anything leaks.
package load

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"syscall"
	"time"

	"example.com/reproducible-images/tools/e2e/load/attack"
	"example.com/reproducible-images/tools/e2e/load/visitor"
)

// greeting is what both servers answer at / to clients that ask for no HTML.
const greeting = "Hello, world!\n"

// Server is a running server, in a container with a memory limit.
type Server struct {
	// Address is IP:PORT, of a loopback or private address. It should be the
	// container's own: behind a published port, docker's proxy would be
	// tested as well.
	Address string

	// PID is the number of the server's process, as seen from here.
	PID int

	// Restart starts the server again once it has ended or answers nothing any
	// more; in that case it has to end it first. It is for bare, so that there
	// is more to compare; it is nil for hello, which has to last.
	Restart func(context.Context) (Server, error)
}

// Options are what to test.
type Options struct {
	Hello, Bare Server

	// Full takes 14 minutes, 10 of them abuse of hello; otherwise it is one.
	Full bool

	Log *slog.Logger // of what is under way
}

// Row is a check: a line of a table.
type Row struct {
	Check       string
	Hello, Bare string // what was measured
	Ratio       string // hello's requests per second to bare's, where that is what is measured
	Detail      string // more of what was measured
	Problem     string // why the check failed, "" if it did not
}

// OK tells whether the check passed.
func (r Row) OK() bool { return r.Problem == "" }

// plan is how long and how much.
type plan struct {
	pairs             int           // of runs of wrk, hello and bare
	few, many         int           // connections of wrk
	fewTime, manyTime time.Duration // of each run; whole seconds, manyTime over the two after which wrk sees timeouts

	attackers, visitors int
	rounds              int           // of all attacks in turn, on hello; bare has one
	slowTime            time.Duration // of slow heads: longer than hello's header timeout
	eachTime            time.Duration // of every other attack
	bareTime            time.Duration // of every attack on bare

	// Visitors are served while 99 of 100 of their requests are, within p99;
	// and no answer takes longer than slowest.
	p99, slowest time.Duration

	abandoned int           // connections of each kind
	idle      bool          // whether idle ones are among them
	settle    time.Duration // by then the server must have closed them all
}

// hello's timeouts are 5 s for heads, 10 s for answers and 60 s for idle
// connections; settle adds some seconds to the longest that counts. Whoever waits
// for 5 s may have waited for attackers to be sent away; 3 s is much, even on a
// busy machine.
var (
	short = plan{
		pairs: 3, few: 64, many: 1000, fewTime: time.Second, manyTime: 3 * time.Second,
		attackers: 1000, visitors: 16, rounds: 1,
		slowTime: 6 * time.Second, eachTime: 1500 * time.Millisecond, bareTime: time.Second,
		p99: 3 * time.Second, slowest: 5 * time.Second,
		abandoned: 200, settle: 15 * time.Second,
	}
	full = plan{
		pairs: 5, few: 64, many: 1000, fewTime: 5 * time.Second, manyTime: 5 * time.Second,
		attackers: 1000, visitors: 16, rounds: 8,
		slowTime: 10 * time.Second, eachTime: 10 * time.Second, bareTime: 5 * time.Second,
		p99: 3 * time.Second, slowest: 5 * time.Second,
		abandoned: 200, idle: true, settle: 70 * time.Second,
	}
)

// test is a run.
type test struct {
	plan
	hello, bare *endpoint
	wrk         measure
	log         *slog.Logger
}

// Run makes all checks. It returns an error if they could not be made, with the
// rows of those that were; that a server fails is no error but in the rows. All
// connections are closed when it returns, which is soon after ctx ends.
func Run(ctx context.Context, o Options) ([]Row, error) {
	plan := short
	if o.Full {
		plan = full
	}
	return run(ctx, o, plan, runWrk, os.DirFS("/"))
}

func run(ctx context.Context, o Options, plan plan, wrk measure, root fs.FS) ([]Row, error) {
	// Attackers on both servers at a time, or wrk, which inherits the limit.
	if err := needFiles(2*plan.attackers + 200); err != nil {
		return nil, err
	}
	t := &test{plan: plan, wrk: wrk, log: o.Log}
	var err error
	if t.hello, err = newEndpoint(root, "hello", o.Hello); err != nil {
		return nil, err
	}
	if t.bare, err = newEndpoint(root, "bare", o.Bare); err != nil {
		return nil, err
	}
	if o.Hello.Restart != nil {
		return nil, errors.New("hello has to last: it is not to be started again")
	}
	for _, e := range []*endpoint{t.hello, t.bare} {
		if err := e.measureAtRest(ctx); err != nil {
			return nil, err
		}
	}
	defer t.hello.watch()()
	defer t.bare.watch()()

	var rows []Row
	for _, check := range []func(context.Context) ([]Row, error){t.speed, t.abuse, t.leaks, t.memory} {
		more, err := check(ctx)
		rows = append(rows, more...)
		if ctx.Err() != nil {
			return rows, fmt.Errorf("load test: %w", context.Cause(ctx))
		}
		if err != nil {
			return rows, err
		}
	}
	return rows, nil
}

// measureAtRest asks the server once, which has everything in place that it
// needs, and counts its descriptors.
func (e *endpoint) measureAtRest(ctx context.Context) error {
	report, err := visitor.Visit(ctx, e.url, greeting, 2, time.Millisecond)
	if err == nil {
		err = report.Failure
	}
	if err != nil {
		return fmt.Errorf("%s, before any load: %w", e.name, err)
	}
	// Until it knows that the connections are closed.
	time.Sleep(100 * time.Millisecond)
	sample, err := e.process.Look()
	if err != nil {
		return fmt.Errorf("%s: %w", e.name, err)
	}
	e.atRest = sample.Files
	if e.memoryAtRest, err = e.process.Memory(); err != nil {
		return fmt.Errorf("%s: %w", e.name, err)
	}
	return nil
}

// needFiles raises the limit of open files to the most allowed, for this
// process and those that it starts: what Go does by itself it takes back for
// them.
func needFiles(n int) error {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return fmt.Errorf("reading the limit of open files: %w", err)
	}
	if limit.Max < uint64(n) {
		return fmt.Errorf("the load test needs %d open files, the hard limit is %d (ulimit -Hn)", n, limit.Max)
	}
	limit.Cur = limit.Max
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return fmt.Errorf("raising the limit of open files: %w", err)
	}
	return nil
}

// abandon leaves connections with a server; release closes them.
func (t *test) abandon(ctx context.Context, e *endpoint) (n int, release func(), err error) {
	kinds := []attack.Attack{attack.SlowHeads, attack.NotReading}
	if t.idle {
		kinds = append(kinds, attack.Idle)
	}
	var releases []func()
	release = func() {
		for _, r := range releases {
			r()
		}
	}
	for _, kind := range kinds {
		r, err := kind.Abandon(ctx, e.target, t.abandoned)
		if err != nil {
			return n, release, err
		}
		releases = append(releases, r)
		n += t.abandoned
	}
	return n, release, nil
}
