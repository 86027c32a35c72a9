package connections

import (
	"bytes"
	"container/list"
	"net"
	"os"
	"runtime"
	"sync/atomic"
	"syscall"
	"time"
)

// memoryPerConnection is what a connection takes without the head of a request: a
// goroutine with its stack, buffers, the bookkeeping of net, net/http and the
// kernel, and a share of what the garbage collector has not found yet; measured
// with a thousand busy ones.
const memoryPerConnection = 24 << 10

// connection is guarded by the mutex of its listener.
type connection struct {
	net.Conn
	among     *Listener
	place     *list.Element // nil once closed
	entered   time.Time
	since     time.Time // when it entered, or last got on with a request
	head      headMemory
	handling  bool // from when a head is complete until the handler has run
	answering bool // from when the handler is called until the answer is sent
	writing   bool
	asked     bool // whether it completed a request
	fresh     bool // whether something was read for the request that comes next
	leaving   atomic.Bool
}

// isServed tells whether it is the server that has something to do: not to send
// what the client has to read.
func (c *connection) isServed() bool { return c.handling && !c.writing }

// rest is how long the client may still keep the server waiting.
func (c *connection) rest() time.Duration {
	whole := patience
	if c.asked && !c.writing {
		whole = keptPatience
	}
	return whole - time.Since(c.since)
}

func (c *connection) memory() int { return memoryPerConnection + c.head.total() }

func (c *connection) Read(buffer []byte) (int, error) {
	if c.head.tooLarge {
		// Again: net/http takes the first error for the end of a line.
		return 0, errHeadMemory
	}
	if c.leaving.Load() && c.isIdle() {
		return 0, os.ErrDeadlineExceeded
	}
	n, err := c.Conn.Read(buffer)
	c.change(func() {
		// While it is being answered that is content, or one byte of the next
		// head, with which net/http finds out whether the client is there.
		if !c.answering {
			c.fresh = true
			c.handling = c.head.read(buffer[:n]) || c.handling
		}
	})
	if c.head.tooLarge && err == nil {
		// What is read by now is not to be parsed.
		return 0, errHeadMemory
	}
	return n, err
}

const badRequest = "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n400 Bad Request"

// Write turns the errors of the server that net/http answers before a handler is
// called, in one Write each, into 400: it says 501 to transfer codings that it
// does not know, as RFC 9112, section 6.1, recommends, and 505 to versions of
// HTTP, as RFC 9110, section 15.6.6, allows. But a client must not be able to
// raise the rate of 5xx that the alarms of a service watch.
func (c *connection) Write(data []byte) (int, error) {
	if c.leaving.Load() && !c.isAnswering() {
		// net/http takes half a line for a bad request. Whoever has to go for
		// want of room did nothing wrong, and may ask again.
		return len(data), nil
	}
	if bytes.HasPrefix(data, []byte("HTTP/1.1 5")) && !c.isAnswering() {
		if _, err := c.Conn.Write([]byte(badRequest)); err != nil {
			return 0, err
		}
		return len(data), nil
	}
	c.setWriting(true)
	defer c.setWriting(false)
	return c.Conn.Write(data)
}

func (c *connection) Close() error {
	c.among.mu.Lock()
	c.among.forget(c)
	c.among.mu.Unlock()
	return c.Conn.Close()
}

// CloseWrite is what net/http uses to let a client read the answer to a
// request that was not read to its end.
func (c *connection) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}

// hasUnread tells whether the client sent what was not read yet.
func (c *connection) hasUnread() bool {
	socket, ok := c.Conn.(syscall.Conn)
	if !ok {
		return false
	}
	raw, err := socket.SyscallConn()
	if err != nil {
		return false
	}
	unread := false
	// Control instead of Read, which would wait for its turn.
	err = raw.Control(func(file uintptr) {
		n, _, err := syscall.Recvfrom(int(file), make([]byte, 1), syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		unread = err == nil && n > 0
	})
	return err == nil && unread
}

func (c *connection) setWriting(writing bool) {
	c.among.mu.Lock()
	defer c.among.mu.Unlock()
	c.writing = writing
}

func (c *connection) isAnswering() bool {
	c.among.mu.Lock()
	defer c.among.mu.Unlock()
	return c.answering
}

// isIdle tells whether there is no request that the server has to answer.
func (c *connection) isIdle() bool {
	c.among.mu.Lock()
	defer c.among.mu.Unlock()
	return !c.handling && !c.answering
}

// leave returns what ends the connection. A request that the server has taken from
// the kernel by now, though it is not noted here yet, is still answered: between
// the two, a busy machine may do a lot of other things. It is called with the
// mutex held, and what it returns without.
func (c *connection) leave() func() {
	if c.writing || c.answering {
		// There is nobody to tell.
		return func() { _ = c.Conn.Close() }
	}
	c.leaving.Store(true)
	// net/http takes it for a timeout, and closes the connection; but when it has
	// a request it sets another deadline.
	return func() { _ = c.Conn.SetReadDeadline(time.Unix(1, 0)) }
}

// handle is called when a request is complete. Its answer is to be the last, if
// last is set, as another client waits for this one's place.
func (c *connection) handle() (last bool) {
	pipelined := false
	c.change(func() {
		pipelined, c.fresh = !c.fresh, false
		c.handling, c.answering, c.asked = true, true, true
		c.touch()
		l := c.among
		if last = c.leaving.Load(); last {
			return
		}
		if last = l.waiting && l.asked >= 0.1 && time.Since(c.entered) >= turn; last {
			l.left(c)
		}
	})
	if pipelined {
		// Who sends many requests at once could have a processor to itself
		// until they are all answered.
		runtime.Gosched()
	}
	return last
}

// handled is called when the handler has done its part.
func (c *connection) handled() {
	c.change(func() {
		c.handling = false
		c.touch()
	})
}

// answered is called when the answer is sent, and the next request may come.
func (c *connection) answered() {
	c.change(func() {
		c.answering = false
		c.touch()
	})
}

// touch is called with the mutex held.
func (c *connection) touch() {
	if c.place != nil {
		c.since = time.Now()
		c.among.order.MoveToBack(c.place)
	}
}

// change makes a change to the connection, and room for what it takes then.
func (c *connection) change(change func()) {
	l := c.among
	var excess []*connection
	l.mu.Lock()
	before := c.memory()
	change()
	if c.place != nil {
		l.memory += c.memory() - before
		excess = l.takeExcess()
	}
	l.mu.Unlock()
	closeAll(excess)
}
