package load

import (
	"errors"
	"testing"
	"time"

	"example.com/reproducible-images/tools/e2e/load/attack"
	"example.com/reproducible-images/tools/e2e/load/process"
	"example.com/reproducible-images/tools/e2e/load/visitor"
	"example.com/reproducible-images/tools/e2e/load/wrk"
	"github.com/google/go-cmp/cmp"
)

func TestCompare(t *testing.T) {
	t.Parallel()
	at := func(rate float64) outcome {
		return outcome{result: wrk.Result{PerSecond: rate, P99: 1234567}}
	}
	broken := outcome{problem: "3 reads failed"}
	for name, test := range map[string]struct {
		bareToo     bool
		hello, bare []outcome
		want        Row
	}{
		"good": {
			hello: []outcome{at(90), at(80), at(50)}, bare: []outcome{at(100), at(100), at(100)},
			want: Row{Hello: "80 requests/s, p99 1.23ms", Bare: "100 requests/s, p99 1.23ms", Ratio: "0.80", Detail: "ratios 0.90, 0.80, 0.50"},
		},
		"hello fails once": {
			hello: []outcome{at(90), broken, at(50)}, bare: []outcome{at(100), at(100), at(100)},
			want: Row{Hello: "70 requests/s, p99 1.23ms; 1 of 3 runs: 3 reads failed", Bare: "100 requests/s, p99 1.23ms", Ratio: "0.70", Detail: "ratios 0.90, 0.50", Problem: "3 reads failed"},
		},
		"bare may fail": {
			hello: []outcome{at(90), at(80), at(50)}, bare: []outcome{at(10), broken, broken},
			want: Row{Hello: "80 requests/s, p99 1.23ms", Bare: "10 requests/s, p99 1.23ms; 2 of 3 runs: 3 reads failed"},
		},
		"bare may not": {
			bareToo: true,
			hello:   []outcome{at(90)}, bare: []outcome{broken},
			want: Row{Hello: "90 requests/s, p99 1.23ms", Bare: "3 reads failed", Problem: "there is nothing to compare with, bare failed: 3 reads failed"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test.want.Check = "wrk, 64 connections"
			if diff := cmp.Diff(test.want, compare(64, test.bareToo, test.hello, test.bare)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestSiege(t *testing.T) {
	t.Parallel()
	attacked := []attack.Stats{{Clients: 2, Opened: 3, Peak: 2}}
	served := func(slowest ...time.Duration) (times []time.Duration) {
		for range 1000 - len(slowest) {
			times = append(times, time.Millisecond)
		}
		return append(times, slowest...)
	}
	slow := make([]time.Duration, 11)
	for i := range slow {
		slow[i] = 3500 * time.Millisecond
	}
	failed := errors.New("EOF")
	for name, test := range map[string]struct {
		siege         siege
		strict, loose string
	}{
		"good": {siege: siege{visits: visitor.Report{Times: served()}, stats: attacked}},
		"one of a hundred fails": {
			siege:  siege{visits: visitor.Report{Times: served(), Failures: 10, Failure: failed}, stats: attacked},
			strict: "10 requests failed, over 0, the first: EOF",
		},
		"more fail": {
			siege:  siege{visits: visitor.Report{Times: served(), Failures: 11, Failure: failed}, stats: attacked},
			strict: "11 requests failed, over 0, the first: EOF",
			loose:  "11 requests failed, over 10, the first: EOF",
		},
		"p99":     both(siege{visits: visitor.Report{Times: served(slow...)}, stats: attacked}, "p99 is 3.5s, over 3s"),
		"slowest": both(siege{visits: visitor.Report{Times: served(5100 * time.Millisecond)}, stats: attacked}, "a request took 5.1s, over 5s"),
		"silence": both(siege{stats: attacked}, "4 visitors got 0 answers"),
		"ended":   both(siege{visits: visitor.Report{Times: served()}, stats: attacked, ended: true}, "the process ended"),
		"no attack": both(siege{visits: visitor.Report{Times: served()}, stats: []attack.Stats{{Clients: 2, Opened: 1, Refused: 9}}},
			"the attack was none: 2 attackers got 1 connections, 9 were refused"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := test.siege.problem(tiny, true); got != test.strict {
				t.Errorf("strict: %q, want %q", got, test.strict)
			}
			if got := test.siege.problem(tiny, false); got != test.loose {
				t.Errorf("loose: %q, want %q", got, test.loose)
			}
		})
	}
}

func both(s siege, problem string) struct {
	siege         siege
	strict, loose string
} {
	return struct {
		siege         siege
		strict, loose string
	}{s, problem, problem}
}

func TestCounts(t *testing.T) {
	t.Parallel()
	for problem, c := range map[string]counts{
		"": {atRest: 10, abandoned: 400, most: 410, end: 10},
		"after 15s there are 2 descriptors more than before the load":       {atRest: 10, abandoned: 400, most: 410, end: 12, after: 15 * time.Second},
		"the test is none: with 400 connections there were 110 descriptors": {atRest: 10, abandoned: 400, most: 110, end: 10},
		process.ErrGone.Error(): {err: process.ErrGone},
	} {
		if got := c.problem(); got != problem {
			t.Errorf("%+v: %q, want %q", c, got, problem)
		}
	}
}

func TestUse(t *testing.T) {
	t.Parallel()
	limited := process.Memory{Limit: 32 << 20, Usage: 20 << 20, Peak: 32 << 20, Reached: 1000}
	killed, unlimited := limited, limited
	killed.Kills = 2
	unlimited.Limit = process.Unlimited
	for problem, u := range map[string]use{
		"":    {memory: limited},
		ended: {ends: 1, err: process.ErrGone},
		"2 processes of its cgroup were killed for want of memory": {memory: killed},
		"its cgroup has no memory limit to hold":                   {memory: unlimited},
		process.ErrGone.Error():                                    {err: process.ErrGone},
	} {
		if got := u.problem(); got != problem {
			t.Errorf("%+v: %q, want %q", u, got, problem)
		}
	}
}

func TestGoroutines(t *testing.T) {
	t.Parallel()
	const (
		start      = "SIGQUIT: quit\nPC=0x1\n\ngoroutine 1 [select]:\nmain.main()\n\t/src/main.go:3\n\n"
		connection = "goroutine 5 [IO wait]:\nnet.(*netFD).Read(0x1)\n\t/go/src/net/fd.go:5\ncreated by net/http.(*Server).Serve in goroutine 1\n\n"
		end        = "rax 0x0\n"
	)
	const check = "goroutines after the abuse"
	for _, test := range []struct {
		hello, bare string
		want        Row
	}{
		{start + end, start + connection + end, Row{Check: check, Hello: "1", Bare: "2"}},
		{start + connection + end, "", Row{Check: check, Hello: "2", Bare: "unknown",
			Problem: "1 are not of a server at rest, the first: goroutine of net/http.(*Server).Serve in net.(*netFD).Read [IO wait]"}},
		{"", "", Row{Check: check, Hello: "unknown", Bare: "unknown",
			Problem: "there is no goroutine dump (a line SIGQUIT: quit) in the program's output of 0 bytes"}},
	} {
		if diff := cmp.Diff(test.want, Goroutines(test.hello, test.bare)); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	}
}

func TestShort3(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		0: "0s", 7: "7ns", 1234567: "1.23ms", 98765432: "98.8ms", 1500 * time.Millisecond: "1.5s", 99999 * time.Millisecond: "1m40s",
	} {
		if got := short3(d); got != want {
			t.Errorf("%d: %s, want %s", d, got, want)
		}
	}
}
