package connections

import (
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"strings"
	"testing"
	"time"
)

// queue is a listener that accepts what is put into it.
type queue struct {
	net.Listener
	conns chan net.Conn
}

func (q queue) Accept() (net.Conn, error) { return <-q.conns, nil }

// crowd is a listener with some connections.
type crowd struct {
	*Listener
	queue    queue
	accepted []*connection
}

func newCrowd(t *testing.T, maxCount, maxMemory int) *crowd {
	t.Helper()
	q := queue{conns: make(chan net.Conn, 1)}
	c := &crowd{Listener: &Listener{Listener: q, maxCount: maxCount, maxMemory: maxMemory}, queue: q}
	t.Cleanup(func() {
		for _, conn := range c.accepted {
			conn.Close()
		}
		if c.count() != 0 || c.memory != 0 {
			t.Errorf("when all are closed there are %d that take %d bytes", c.count(), c.memory)
		}
	})
	return c
}

// accept adds a connection, and returns its two ends.
func (c *crowd) accept(t *testing.T) (client net.Conn, accepted *connection) {
	t.Helper()
	client, server := net.Pipe()
	t.Cleanup(func() { client.Close() })
	c.queue.conns <- server
	conn, err := c.Accept()
	if err != nil {
		t.Fatal(err)
	}
	accepted = conn.(*connection)
	c.accepted = append(c.accepted, accepted)
	return client, accepted
}

// join adds a connection whose client says something, which is read.
func (c *crowd) join(t *testing.T, says string) {
	t.Helper()
	client, conn := c.accept(t)
	go io.WriteString(client, says)
	buffer := make([]byte, 4<<10)
	for read := 0; read < len(says); {
		n, err := conn.Read(buffer)
		if err != nil {
			return
		}
		read += n
	}
}

// open tells, a letter for each, which connections are.
func (c *crowd) open() string {
	var letters strings.Builder
	for i, conn := range c.accepted {
		if conn.place != nil {
			letters.WriteByte('a' + byte(i))
		}
	}
	return letters.String()
}

func (c *crowd) wantOpen(t *testing.T, want string) {
	t.Helper()
	if got := c.open(); got != want {
		t.Errorf("%q are open, want %q", got, want)
	}
}

func TestOldestGoes(t *testing.T) {
	t.Parallel()
	c := newCrowd(t, 3, 1<<30)
	for range 5 {
		c.join(t, "GET /")
	}
	c.wantOpen(t, "cde")
	// Who completes a request is the youngest. Who only says more is not.
	c.accepted[2].setAnswering(true)
	c.accepted[2].setAnswering(false)
	c.join(t, "")
	c.wantOpen(t, "cef")
	c.join(t, "")
	c.wantOpen(t, "cfg")
	if _, err := c.accepted[0].Read(make([]byte, 1)); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("reading one that had to go: %v", err)
	}
}

func TestMemoryIsShared(t *testing.T) {
	t.Parallel()
	c := newCrowd(t, 100, 5*memoryPerConnection)
	for range 4 {
		c.join(t, "GET / HTTP/1.1\r\n\r\n")
	}
	c.wantOpen(t, "abcd")
	// One that takes as much as two and a half makes two go.
	c.join(t, "GET / HTTP/1.1\r\nA: "+strings.Repeat("x", memoryPerConnection*3/4))
	c.wantOpen(t, "cde")
	// One takes more while it is answered.
	c.accepted[4].setAnswering(true)
	c.wantOpen(t, "de")
	c.accepted[4].setAnswering(false)
	c.wantOpen(t, "de")
	// One that takes more than there is stays alone.
	c.maxMemory = 1
	c.join(t, "")
	c.wantOpen(t, "f")
}

// TestSlowloris keeps the server busy with half requests, more of them than it
// has places, and asks something over new and over kept connections all the
// while. The connections of two rounds fit, as it is not known in which order
// those of one are accepted.
func TestSlowloris(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	limited := &Listener{Listener: listener, maxCount: 40, maxMemory: 1 << 30}
	server := &http.Server{Handler: http.NotFoundHandler(), ReadHeaderTimeout: time.Hour}
	limited.Attach(server)
	go server.Serve(limited)
	t.Cleanup(func() { server.Close() })
	address := listener.Addr().String()

	kept := &http.Client{Transport: &http.Transport{MaxConnsPerHost: 1}}
	fresh := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	for round := range 10 {
		for range 10 {
			conn, err := net.Dial("tcp", address)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { conn.Close() })
			if _, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\n"); err != nil {
				t.Fatal(err)
			}
		}
		for _, client := range []*http.Client{kept, fresh} {
			var reused bool
			trace := &httptrace.ClientTrace{GotConn: func(info httptrace.GotConnInfo) { reused = info.Reused }}
			request, err := http.NewRequestWithContext(httptrace.WithClientTrace(t.Context(), trace), "GET", "http://"+address, nil)
			if err != nil {
				t.Fatal(err)
			}
			response, err := client.Do(request)
			if err != nil {
				t.Fatal(err)
			}
			io.Copy(io.Discard, response.Body)
			response.Body.Close()
			if response.StatusCode != http.StatusNotFound {
				t.Errorf("got %s", response.Status)
			}
			if want := client == kept && round > 0; reused != want {
				t.Errorf("round %d: over a kept connection: %v, want %v", round, reused, want)
			}
		}
		if got := limited.count(); got > 40 {
			t.Errorf("%d connections, want at most 40", got)
		}
	}
}
