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

// Listener is a listener whose connections share a limited number of files and
// a limited memory. When there is not enough, the connection goes that has not
// completed a request for longest: a new connection is never kept waiting.
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

	mu     sync.Mutex
	memory int
	order  list.List // of *connection; the first completed no request for longest
}

// Limit limits the connections that are accepted from listener by what the
// process may use: open files (RLIMIT_NOFILE), and memory
// ([runtime/debug.SetMemoryLimit]), as the limits are now. They are to be served by a
// server that [Listener.Attach] was called for.
func Limit(listener net.Listener) *Listener {
	return &Listener{Listener: listener, maxCount: maxCount(), maxMemory: maxMemory()}
}

// Attach makes server, which is not serving yet, tell what becomes of the
// connections. Its handler has to be set. It is expected to have a connection
// closed behind a request with content.
func (l *Listener) Attach(server *http.Server) {
	type key struct{}
	server.ConnContext = func(ctx context.Context, conn net.Conn) context.Context {
		return context.WithValue(ctx, key{}, conn)
	}
	server.ConnState = func(conn net.Conn, state http.ConnState) {
		if state == http.StateIdle {
			conn.(*connection).setAnswering(false)
		}
	}
	handler := server.Handler
	server.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// [http.StateActive] is no sign of this: a request that net/http
		// refuses makes a connection active as well.
		r.Context().Value(key{}).(*connection).setAnswering(true)
		handler.ServeHTTP(w, r)
	})
}

// Accept waits for the next connection, and makes room for it.
func (l *Listener) Accept() (net.Conn, error) {
	accepted, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	c := &connection{Conn: accepted, among: l}
	l.mu.Lock()
	c.place = l.order.PushBack(c)
	l.memory += c.memory()
	excess := l.takeExcess()
	l.mu.Unlock()
	closeAll(excess)
	return c, nil
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
	var waiting []*connection
	for e := l.order.Front(); e != nil; e = e.Next() {
		if c := e.Value.(*connection); !c.answering {
			waiting = append(waiting, c)
		}
	}
	l.mu.Unlock()
	closeAll(waiting)
}

func (l *Listener) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.order.Len()
}

// takeExcess forgets the connections that are too many, and returns them to be
// closed. One always stays. It is called with the mutex held.
func (l *Listener) takeExcess() (excess []*connection) {
	for l.order.Len() > 1 && (l.order.Len() > l.maxCount || l.memory > l.maxMemory) {
		c := l.order.Front().Value.(*connection)
		l.forget(c)
		excess = append(excess, c)
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
}

func closeAll(connections []*connection) {
	for _, c := range connections {
		// There is nobody to tell.
		_ = c.Close()
	}
}
