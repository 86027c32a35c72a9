package load

import (
	"context"
	"fmt"
	"strings"
	"time"

	"example.com/reproducible-images/tools/e2e/load/attack"
	"example.com/reproducible-images/tools/e2e/load/visitor"
)

const (
	// ended is what there is to say of a server whose process has ended.
	ended = "the process ended"

	// strength is how long an attack may take to have all its connections.
	strength = 5 * time.Second
)

// siege is what happened to a server that was under attack.
type siege struct {
	visits visitor.Report
	stats  []attack.Stats
	ended  bool
}

// abuse attacks both servers in all ways, one after another and then in all at
// once, while visitors use them.
func (t *test) abuse(ctx context.Context) ([]Row, error) {
	type stage struct {
		name        string
		strict      bool // no request may fail
		attacks     []attack.Attack
		duration    time.Duration
		hello, bare siege
		met         bool // whether it took place
	}
	var stages []*stage
	for _, a := range attack.All {
		s := &stage{name: a.Name, attacks: []attack.Attack{a}, duration: t.eachTime}
		if a.Name == attack.SlowHeads.Name {
			s.strict, s.duration = true, t.slowTime
		}
		stages = append(stages, s)
	}
	stages = append(stages, &stage{name: "all of these at once", attacks: attack.All, duration: t.eachTime})

	var err error
attacking:
	for round := range t.rounds {
		for _, s := range stages {
			if t.hello.gone() {
				break attacking
			}
			t.log.Info("attack", "kind", s.name, "round", round+1, "of", t.rounds)
			if err = t.besiege(ctx, t.hello, s.attacks, s.duration, &s.hello); err != nil {
				break attacking
			}
			s.met = true
			if round > 0 {
				continue
			}
			if err = t.besiege(ctx, t.bare, s.attacks, t.bareTime, &s.bare); err != nil {
				break attacking
			}
		}
	}
	var rows []Row
	for _, s := range stages {
		row := Row{Check: "attack: " + s.name, Hello: s.hello.String(), Bare: s.bare.String(), Detail: s.hello.attackers()}
		if s.met {
			row.Problem = s.hello.problem(t.plan, s.strict)
		} else {
			row.Problem = "it did not take place"
		}
		rows = append(rows, row)
	}
	return rows, err
}

// besiege attacks a server, lets visitors use it once the attack has all its
// connections, and adds to what happened so far.
func (t *test) besiege(ctx context.Context, e *endpoint, attacks []attack.Attack, duration time.Duration, s *siege) error {
	alive, err := e.revive(ctx)
	if err != nil {
		return err
	}
	if !alive {
		s.ended = true
		return nil
	}
	var running []*attack.Running
	for _, a := range attacks {
		running = append(running, a.Start(ctx, e.target, t.attackers/len(attacks)))
	}
	ready, cancel := context.WithTimeout(ctx, strength)
	for _, r := range running {
		select {
		case <-r.AtStrength():
		case <-ready.Done():
		}
	}
	cancel()
	visits, err := visitor.Visit(ctx, e.url, greeting, t.visitors, duration)
	for i, r := range running {
		stats := r.Stop()
		if i < len(s.stats) {
			s.stats[i].Add(stats)
		} else {
			s.stats = append(s.stats, stats)
		}
	}
	e.stuck = len(visits.Times) == 0
	s.visits.Add(visits)
	s.ended = s.ended || e.noteEnd()
	return err
}

// problem says what a server should have done better, "" if nothing. With
// strict, no request may fail; else one in a hundred may, as where each
// connection takes much memory, closing some is all that a server can do.
func (s *siege) problem(p plan, strict bool) string {
	tolerated := (s.visits.Failures + len(s.visits.Times)) / 100
	if strict {
		tolerated = 0
	}
	switch p99, slowest := s.visits.Quantile(0.99), s.visits.Quantile(1); {
	case s.ended:
		return ended
	case s.visits.Failures > tolerated:
		return fmt.Sprintf("%d requests failed, over %d, the first: %v", s.visits.Failures, tolerated, s.visits.Failure)
	case len(s.visits.Times) < p.visitors:
		return fmt.Sprintf("%d visitors got %d answers", p.visitors, len(s.visits.Times))
	case p99 > p.p99:
		return fmt.Sprintf("p99 is %s, over %s", short3(p99), p.p99)
	case slowest > p.slowest:
		return fmt.Sprintf("a request took %s, over %s", short3(slowest), p.slowest)
	}
	for _, stats := range s.stats {
		if problem := stats.Problem(); problem != "" {
			return "the attack was none: " + problem
		}
	}
	return ""
}

// String tells how the visitors were served.
func (s *siege) String() string {
	var parts []string
	if s.visits.Failures > 0 {
		parts = append(parts, fmt.Sprintf("%d of %d requests failed", s.visits.Failures, s.visits.Failures+len(s.visits.Times)))
	}
	if len(s.visits.Times) > 0 {
		parts = append(parts, fmt.Sprintf("p99 %s, slowest %s", short3(s.visits.Quantile(0.99)), short3(s.visits.Quantile(1))))
	}
	if s.ended {
		parts = append(parts, ended)
	}
	return strings.Join(parts, "; ")
}

// attackers tells how many requests the visitors made, against how many
// connections.
func (s *siege) attackers() string {
	clients, opened, peak := 0, 0, 0
	for _, stats := range s.stats {
		clients += stats.Clients
		opened += stats.Opened
		peak += stats.Peak
	}
	return fmt.Sprintf("%d requests beside %d attackers with %d connections, %d at a time",
		len(s.visits.Times)+s.visits.Failures, clients, opened, peak)
}
