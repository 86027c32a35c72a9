package connections

import (
	"bytes"
	"container/list"
	"net"
)

const (
	// memoryPerConnection is what a connection takes without the head of a
	// request: a goroutine with its stack, buffers, and the bookkeeping of
	// net and net/http; measured.
	memoryPerConnection = 16 << 10

	// memoryPerAnswer is what it takes more while a request is answered, a
	// long time if the client does not read: a deeper stack, and a full
	// buffer in the kernel.
	memoryPerAnswer = 8 << 10
)

// connection is guarded by the mutex of its listener.
type connection struct {
	net.Conn
	among     *Listener
	place     *list.Element // nil once closed
	head      headMemory
	answering bool // from when the handler is called until the answer is sent
}

func (c *connection) memory() int {
	memory := memoryPerConnection + c.head.total()
	if c.answering {
		memory += memoryPerAnswer
	}
	return memory
}

func (c *connection) Read(buffer []byte) (int, error) {
	if c.head.tooLarge {
		// Again: net/http takes the first error for the end of a line.
		return 0, errHeadMemory
	}
	n, err := c.Conn.Read(buffer)
	c.change(func() {
		// While it is being answered that is content, or one byte of the next
		// head, with which net/http finds out whether the client is there.
		if !c.answering {
			c.head.read(buffer[:n])
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
	if bytes.HasPrefix(data, []byte("HTTP/1.1 5")) && !c.isAnswering() {
		if _, err := c.Conn.Write([]byte(badRequest)); err != nil {
			return 0, err
		}
		return len(data), nil
	}
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

func (c *connection) isAnswering() bool {
	c.among.mu.Lock()
	defer c.among.mu.Unlock()
	return c.answering
}

// setAnswering is called when a request is complete, and when its answer is.
func (c *connection) setAnswering(answering bool) {
	c.change(func() {
		c.answering = answering
		if c.place != nil {
			c.among.order.MoveToBack(c.place)
		}
	})
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
