// Package attack abuses a web server in the ways that clients can: over many
// connections, with requests that are never whole, too large or too many.
package attack

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"
)

const (
	// pause is what a client whose connection ended waits with the next: 1000
	// clients make 2000 connections a second at most, which neither uses up
	// the ports nor leaves the server without a processor.
	pause = 500 * time.Millisecond

	dialTimeout = 5 * time.Second
)

// Attack is a way to abuse a server.
type Attack struct {
	Name string

	// begin does over a new connection what can be done at once, and keep goes
	// on until that connection is to be closed. client counts from 0. Their
	// errors are no news: a server may close any connection at any time.
	begin, keep func(conn *net.TCPConn, client int) error

	// share is how many of the clients take part: one of so many.
	// All if it is 0.
	share int
}

// Target is an address of this machine or of a private network: no others are
// to be attacked.
type Target struct{ address netip.AddrPort }

// NewTarget reads IP:PORT.
func NewTarget(address string) (Target, error) {
	target, err := netip.ParseAddrPort(address)
	if err != nil {
		return Target{}, fmt.Errorf("%q is not an address IP:PORT to attack: %w", address, err)
	}
	if ip := target.Addr().Unmap(); !ip.IsLoopback() && !ip.IsPrivate() {
		return Target{}, fmt.Errorf("%s is neither a loopback nor a private address: it will not be attacked", address)
	}
	return Target{target}, nil
}

// Stats are what the clients of an attack met.
type Stats struct {
	Clients int
	Opened  int // connections
	Refused int // connections that were not to be had
	Peak    int // connections open at a time
}

// Add adds what another time the same attack was made had.
func (s *Stats) Add(other Stats) {
	s.Opened += other.Opened
	s.Refused += other.Refused
	s.Peak = max(s.Peak, other.Peak)
}

// Problem says why the attack was none, "" if it was one. A server may close the
// connections as soon as it likes.
func (s Stats) Problem() string {
	if s.Opened < s.Clients {
		return fmt.Sprintf("%d attackers got %d connections, %d were refused", s.Clients, s.Opened, s.Refused)
	}
	return ""
}

// Running is an attack under way.
type Running struct {
	clients int
	stop    context.CancelFunc
	all     sync.WaitGroup
	strong  chan struct{}

	mu                          sync.Mutex
	opened, refused, open, peak int
	begun                       int
}

// Start starts an attack by so many clients, or the share of it that the attack
// takes. Each has one connection at a time, and opens another when it ends. It
// goes on until Stop, or the end of ctx.
func (a Attack) Start(ctx context.Context, target Target, clients int) *Running {
	ctx, stop := context.WithCancel(ctx)
	r := &Running{clients: max(1, clients/max(1, a.share)), stop: stop, strong: make(chan struct{})}
	for client := range r.clients {
		r.all.Go(func() {
			for ctx.Err() == nil {
				r.connect(ctx, target, a, client)
				wait(ctx, pause)
			}
		})
	}
	return r
}

// AtStrength is closed when as many connections have begun as there are clients.
func (r *Running) AtStrength() <-chan struct{} { return r.strong }

// Stop ends the attack, closes all its connections, and tells how it was.
func (r *Running) Stop() Stats {
	r.stop()
	r.all.Wait()
	r.mu.Lock()
	defer r.mu.Unlock()
	return Stats{Clients: r.clients, Opened: r.opened, Refused: r.refused, Peak: r.peak}
}

func (r *Running) connect(ctx context.Context, target Target, a Attack, client int) {
	conn, err := dial(ctx, target)
	if err != nil {
		if ctx.Err() == nil {
			r.change(func() { r.refused++ })
		}
		return
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	r.change(func() {
		r.opened++
		r.open++
		r.peak = max(r.peak, r.open)
	})
	defer r.change(func() { r.open-- })
	err = a.begin(conn, client)
	r.change(func() {
		if r.begun++; r.begun == r.clients {
			close(r.strong)
		}
	})
	if err == nil {
		_ = a.keep(conn, client)
	}
}

func (r *Running) change(change func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	change()
}

// Abandon begins the attack over so many connections, and does no more with
// them; release closes them. They are also closed at the end of ctx.
func (a Attack) Abandon(ctx context.Context, target Target, connections int) (release func(), err error) {
	ctx, stop := context.WithCancel(ctx)
	dials := make([]error, connections)
	var all, begun sync.WaitGroup
	begun.Add(connections)
	for i := range connections {
		all.Go(func() {
			conn, err := dial(ctx, target)
			dials[i] = err
			if err == nil {
				defer conn.Close()
				defer context.AfterFunc(ctx, func() { conn.Close() })()
				_ = a.begin(conn, i)
			}
			begun.Done()
			<-ctx.Done()
		})
	}
	begun.Wait()
	release = func() {
		stop()
		all.Wait()
	}
	for _, err := range dials {
		if err != nil {
			release()
			return nil, fmt.Errorf("abandoning %d connections, %s: %w", connections, a.Name, err)
		}
	}
	return release, nil
}

// dial opens a connection whose end, when it comes from this side, leaves
// nothing behind: neither data on its way nor a port that is not to be used for
// a minute.
func dial(ctx context.Context, target Target) (*net.TCPConn, error) {
	dialer := net.Dialer{Timeout: dialTimeout}
	conn, err := dialer.DialContext(ctx, "tcp", target.address.String())
	if err != nil {
		return nil, err
	}
	tcp := conn.(*net.TCPConn)
	if err := tcp.SetLinger(0); err != nil {
		tcp.Close()
		return nil, err
	}
	return tcp, nil
}

// wait returns after a duration, or when ctx ends.
func wait(ctx context.Context, duration time.Duration) {
	timer := time.NewTimer(duration)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
