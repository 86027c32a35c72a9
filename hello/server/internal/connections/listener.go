// Package connections keeps what the connections of an HTTP server take within
// bounds, without shutting anybody out.
package connections

import (
	"container/list"
	"context"
	"net"
	"net/http"
	"sync"
	"time"
)

// When there is no room for a new connection, one has to go that kept the server
// waiting for so long: with its first request or with reading an answer, or with
// another request. Clients send their first request together with what completes
// the handshake; between two they may have something to do.
const (
	patience     = 250 * time.Millisecond
	keptPatience = time.Second
)

// turn is how long a client keeps its place when others wait for theirs.
const turn = 100 * time.Millisecond

// Listener is a listener whose connections share a limited number of files and
// a limited memory. When there is not enough for a new connection, the one goes
// that has not completed a request for longest, provided that it had time to.
// As long as there is none, the new one waits, and others behind it in the kernel,
// where they take little. If that is not for clients that leave without an answer,
// but for others that behave as well, answers end their connections after a while,
// so that all get their turn. When heads grow beyond the memory there is, the
// largest goes.
//
// The alternative, to accept no more than so many, would give the server to
// whoever takes all places and says nothing, until a timeout frees them. Here
// such a client loses its places to those that ask something, whose requests
// take much less time than it takes to open all these connections anew. And the
// memory is bounded whatever the heads of the requests look like.
type Listener struct {
	net.Listener
	maxCount  int
	maxMemory int

	mu      sync.Mutex
	memory  int
	order   list.List // of *connection, by since
	asked   float64   // how many of those that had to leave lately had asked something, 0 to 1
	waiting bool      // whether a connection waits for its place
	closed  bool
	room    chan struct{} // something was forgotten, or the listener closed
}

// Limit limits the connections that are accepted from listener by what the
// process may use: open files (RLIMIT_NOFILE), and memory
// ([runtime/debug.SetMemoryLimit]), as the limits are now. They are to be served by a
// server that [Listener.Attach] was called for.
func Limit(listener net.Listener) *Listener { return limit(listener, maxCount(), maxMemory()) }

func limit(listener net.Listener, maxCount, maxMemory int) *Listener {
	return &Listener{Listener: listener, maxCount: maxCount, maxMemory: maxMemory, asked: 1, room: make(chan struct{}, 1)}
}

// Attach makes server, which is not serving yet, tell what becomes of the
// connections. Its handler has to be set, and its ReadTimeout, to another time than
// ReadHeaderTimeout. It is expected to have a connection closed behind a request
// with content.
func (l *Listener) Attach(server *http.Server) {
	type key struct{}
	server.ConnContext = func(ctx context.Context, conn net.Conn) context.Context {
		return context.WithValue(ctx, key{}, conn)
	}
	server.ConnState = func(conn net.Conn, state http.ConnState) {
		if state == http.StateIdle {
			conn.(*connection).answered()
		}
	}
	handler := server.Handler
	server.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// [http.StateActive] is no sign of this: a request that net/http
		// refuses makes a connection active as well.
		c := r.Context().Value(key{}).(*connection)
		if c.handle() {
			w.Header().Set("Connection", "close")
		}
		defer c.handled()
		handler.ServeHTTP(w, r)
	})
}

// Accept waits for the next connection, and for room for it.
func (l *Listener) Accept() (net.Conn, error) {
	accepted, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	c := &connection{Conn: accepted, among: l}
	if !l.enter(c) {
		accepted.Close()
		return nil, net.ErrClosed
	}
	return c, nil
}

// Close closes the listener; connections that are accepted stay.
func (l *Listener) Close() error {
	err := l.Listener.Close()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	l.signal()
	return err
}

// enter adds a connection once there is room for it; entered is false if the
// listener was closed before.
func (l *Listener) enter(c *connection) (entered bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	defer func() { l.waiting = false }()
	inVain := false
	// An eighth is for the heads that those inside may yet send.
	for l.order.Len() > 0 && (l.order.Len() >= l.maxCount || l.memory+c.memory() > l.maxMemory/8*7) {
		if l.closed {
			return false
		}
		longest, wait := l.longest()
		if longest != nil {
			l.dismiss(longest)
			continue
		}
		if inVain {
			// All ask something all the time: none is an attacker.
			l.asked = 1
		}
		l.waiting = true
		l.unlocked(func() {
			select {
			case <-l.room:
			case <-time.After(wait):
				inVain = true
			}
		})
	}
	c.entered = time.Now()
	c.since = c.entered
	c.place = l.order.PushBack(c)
	l.memory += c.memory()
	return true
}

// unlocked does something without the mutex, with which it is called.
func (l *Listener) unlocked(do func()) {
	l.mu.Unlock()
	defer l.mu.Lock()
	do()
}

// longest returns the connection that has not completed a request for longest,
// and for too long; or nil, and when to ask again. It is called with the mutex
// held.
func (l *Listener) longest() (*connection, time.Duration) {
	wait := patience
	for e := l.order.Front(); e != nil; e = e.Next() {
		c := e.Value.(*connection)
		if c.isServed() {
			continue
		}
		rest := c.rest()
		if rest <= 0 {
			return c, 0
		}
		wait = min(wait, rest)
	}
	return nil, wait
}

// dismiss sends a connection away that longest returned, unless its client has
// done its part by now and waits for the server. It is called with the mutex held,
// and gives it up meanwhile.
func (l *Listener) dismiss(c *connection) {
	unread := false
	l.unlocked(func() { unread = c.hasUnread() })
	switch {
	case c.place == nil || c.isServed() || c.rest() > 0:
		// This has changed meanwhile.
	case unread && !c.writing:
		c.touch()
	default:
		l.left(c)
		l.forget(c)
		leave := c.leave()
		l.unlocked(leave)
	}
}

// Drain gives the clients until ctx is done to send another request, and closes
// the connections that are not being answered then. It returns early when there
// are no connections left.
func (l *Listener) Drain(ctx context.Context) {
	// Looking again and again is what http.Server.Shutdown does as well.
	again := time.NewTicker(5 * time.Millisecond)
	defer again.Stop()
	for l.count() > 0 {
		select {
		case <-again.C:
			continue
		case <-ctx.Done():
		}
		break
	}
	l.mu.Lock()
	var waiting []func()
	for e := l.order.Front(); e != nil; e = e.Next() {
		if c := e.Value.(*connection); !c.answering {
			waiting = append(waiting, c.leave())
		}
	}
	l.mu.Unlock()
	for _, leave := range waiting {
		leave()
	}
}

func (l *Listener) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.order.Len()
}

// takeExcess forgets connections until the others do not take too much memory,
// and returns them to be closed: those that take most. One always stays. It is
// called with the mutex held.
func (l *Listener) takeExcess() (excess []*connection) {
	for l.order.Len() > 1 && l.memory > l.maxMemory {
		var greediest *connection
		for e := l.order.Front(); e != nil; e = e.Next() {
			c := e.Value.(*connection)
			if !c.isServed() && (greediest == nil || c.memory() > greediest.memory()) {
				greediest = c
			}
		}
		if greediest == nil {
			break
		}
		l.left(greediest)
		l.forget(greediest)
		excess = append(excess, greediest)
	}
	return excess
}

// forget is called with the mutex held.
func (l *Listener) forget(c *connection) {
	if c.place == nil {
		return
	}
	l.order.Remove(c.place)
	c.place = nil
	l.memory -= c.memory()
	l.signal()
}

// left notes that a connection has to leave. It is called with the mutex held.
func (l *Listener) left(c *connection) {
	const lately = 64 // connections
	l.asked -= l.asked / lately
	if c.asked {
		l.asked += 1. / lately
	}
}

// signal wakes the connection that waits for its place.
func (l *Listener) signal() {
	select {
	case l.room <- struct{}{}:
	default:
	}
}

func closeAll(connections []*connection) {
	for _, c := range connections {
		// There is nobody to tell.
		_ = c.Close()
	}
}
