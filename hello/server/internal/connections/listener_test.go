package connections

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// queue is a listener that accepts what is put into it.
type queue struct {
	net.Listener
	conns chan net.Conn
}

func (q queue) Accept() (net.Conn, error) {
	conn, ok := <-q.conns
	if !ok {
		return nil, net.ErrClosed
	}
	return conn, nil
}

func (q queue) Close() error { return nil }

// crowd is a listener with some connections.
type crowd struct {
	*Listener
	queue    queue
	accepted []*connection
}

func newCrowd(t *testing.T, maxCount, maxMemory int) *crowd {
	t.Helper()
	q := queue{conns: make(chan net.Conn, 1)}
	c := &crowd{Listener: limit(q, maxCount, maxMemory), queue: q}
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
func (c *crowd) join(t *testing.T, says string) (client net.Conn) {
	t.Helper()
	client, conn := c.accept(t)
	go io.WriteString(client, says)
	buffer := make([]byte, 4<<10)
	for read := 0; read < len(says); {
		n, err := conn.Read(buffer)
		if err != nil {
			break
		}
		read += n
	}
	return client
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

// ask has a connection complete a request.
func (c *connection) ask() {
	c.handle()
	c.handled()
	c.answered()
}

func TestOldestGoes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newCrowd(t, 3, 1<<30)
		for range 5 {
			c.join(t, "GET /")
		}
		c.wantOpen(t, "cde")
		// Who completes a request is the youngest. Who only says more is not.
		c.accepted[2].ask()
		c.join(t, "")
		c.wantOpen(t, "cef")
		c.join(t, "")
		c.wantOpen(t, "cfg")
		// Whatever net/http does meanwhile.
		c.accepted[0].SetReadDeadline(time.Time{})
		if _, err := c.accepted[0].Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("reading one that had to go: %v", err)
		}
	})
}

// TestPatience: nobody goes who had no time to ask something, or whose answer is
// not ready yet; the new one waits.
func TestPatience(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newCrowd(t, 2, 1<<30)
		start := time.Now()
		since := func() time.Duration { return time.Since(start) }
		c.join(t, "")
		time.Sleep(patience / 2)
		c.join(t, "")
		c.join(t, "")
		if got := since(); got != patience {
			t.Errorf("the third has a place after %v, want %v", got, patience)
		}
		c.wantOpen(t, "bc")
		c.accepted[1].handle()
		c.accepted[2].handle()
		go func() {
			time.Sleep(time.Minute)
			c.accepted[2].handled()
			c.accepted[2].Close()
		}()
		c.join(t, "")
		if got := since(); got != patience+time.Minute {
			t.Errorf("the fourth has a place after %v, want %v", got, patience+time.Minute)
		}
		c.wantOpen(t, "bd")
	})
}

// TestTurns: where clients wait for others that behave like them, each gets one
// answer in turn; where they wait for those who ask nothing, they keep their
// places.
func TestTurns(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		left func(*connection) // what those did that were there before
		want bool
	}{
		"crowd":  {func(c *connection) { c.ask() }, true},
		"attack": {func(*connection) {}, false},
	} {
		synctest.Test(t, func(t *testing.T) {
			c := newCrowd(t, 1, 1<<30)
			for i := range 300 {
				c.join(t, "")
				test.left(c.accepted[i])
			}
			last := c.accepted[299]
			if last.handle() {
				t.Errorf("%s: its answer is the last one though nobody waits", name)
			}
			last.handled()
			go c.join(t, "")
			time.Sleep(turn)
			synctest.Wait()
			if got := last.handle(); got != test.want {
				t.Errorf("%s: an answer is the last one: %t", name, got)
			}
			last.handled()
			time.Sleep(keptPatience)
			synctest.Wait()
		})
	}
}

// TestTurnsAfterAttack: nobody waits for good behind clients that are never idle,
// whoever had to leave before.
func TestTurnsAfterAttack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newCrowd(t, 1, 1<<30)
		c.asked = 0
		c.join(t, "")
		go c.join(t, "")
		start := time.Now()
		for !c.accepted[0].handle() {
			if time.Since(start) > time.Minute {
				t.Fatal("its place is its own for good")
			}
			c.accepted[0].handled()
			c.accepted[0].answered()
			time.Sleep(patience / 2)
		}
		c.accepted[0].handled()
		c.accepted[0].Close()
		synctest.Wait()
		c.wantOpen(t, "b")
	})
}

// TestCloseEndsWaiting: a server that stops waits for no place.
func TestCloseEndsWaiting(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newCrowd(t, 1, 1<<30)
		c.join(t, "")
		c.accepted[0].handle()
		_, server := net.Pipe()
		c.queue.conns <- server
		refused := make(chan error)
		go func() {
			_, err := c.Accept()
			refused <- err
		}()
		synctest.Wait()
		c.Listener.Close()
		if err := <-refused; !errors.Is(err, net.ErrClosed) {
			t.Errorf("got %v, want %v", err, net.ErrClosed)
		}
		if _, err := server.Write(nil); !errors.Is(err, io.ErrClosedPipe) {
			t.Errorf("the connection that waited is open: %v", err)
		}
	})
}

func TestMemoryIsShared(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newCrowd(t, 100, 6*memoryPerConnection+1<<12)
		for i := range 4 {
			c.join(t, "GET / HTTP/1.1\r\n\r\n")
			c.accepted[i].ask()
		}
		c.wantOpen(t, "abcd")
		// One that wants to take as much as three goes itself.
		c.join(t, "GET / HTTP/1.1\r\nA: "+strings.Repeat("x", memoryPerConnection))
		c.wantOpen(t, "abcd")
		// One whose answer is being prepared stays.
		c.accepted[1].handle()
		c.maxMemory = 3 * memoryPerConnection
		c.join(t, "")
		c.wantOpen(t, "bf")
		// One that takes more than there is stays alone.
		c.accepted[1].handled()
		c.maxMemory = 1
		c.join(t, "")
		c.wantOpen(t, "g")
	})
}

// TestSlowReader: who does not read the answer has to go, who reads it has not.
func TestSlowReader(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newCrowd(t, 2, 1<<30)
		c.join(t, "GET / HTTP/1.1\r\n\r\n")
		c.join(t, "GET / HTTP/1.1\r\n\r\n")
		for _, conn := range c.accepted {
			conn.handle()
		}
		written := make(chan error)
		go func() {
			_, err := c.accepted[1].Write([]byte("answer"))
			written <- err
		}()
		synctest.Wait()
		start := time.Now()
		c.join(t, "")
		c.wantOpen(t, "ac")
		if got := time.Since(start); got != patience {
			t.Errorf("it had %v for that, want %v", got, patience)
		}
		if err := <-written; !errors.Is(err, io.ErrClosedPipe) {
			t.Errorf("writing to who had to go: %v", err)
		}
	})
}

// TestDismiss: whose client has done its part, though perhaps a moment ago only,
// stays.
func TestDismiss(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	limited := limit(listener, 100, 1<<30)
	for name, test := range map[string]struct {
		change func(*connection)
		unread bool
		goes   bool
	}{
		"says nothing":         {func(*connection) {}, false, true},
		"unread":               {func(*connection) {}, true, false},
		"does not read":        {func(c *connection) { c.writing, c.answering = true, true }, true, true},
		"was just answered":    {func(c *connection) { c.ask() }, false, false},
		"is being answered":    {func(c *connection) { c.handling = true }, false, false},
		"was closed meanwhile": {func(c *connection) { c.Close() }, false, false},
	} {
		client, err := net.Dial("tcp", listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { client.Close() })
		accepted, err := limited.Accept()
		if err != nil {
			t.Fatal(err)
		}
		c := accepted.(*connection)
		t.Cleanup(func() { c.Close() })
		if test.unread {
			if _, err := io.WriteString(client, "GET"); err != nil {
				t.Fatal(err)
			}
			for !c.hasUnread() {
				time.Sleep(time.Millisecond)
			}
		}
		c.since = time.Now().Add(-time.Hour)
		test.change(c)
		limited.mu.Lock()
		before := limited.asked
		limited.dismiss(c)
		if goes := limited.asked != before; goes != test.goes || goes && c.place != nil {
			t.Errorf("%s: it goes: %v", name, goes)
		}
		if name == "unread" && c.rest() <= 0 {
			t.Errorf("%s: it is to go all the same", name)
		}
		limited.mu.Unlock()
	}
}

// busy is a connection of a busy machine: between what it takes from the kernel and
// what it returns, time passes.
type busy struct{ net.Conn }

func (b busy) Read(buffer []byte) (int, error) {
	n, err := b.Conn.Read(buffer)
	if n > 0 {
		time.Sleep(2 * patience)
	}
	return n, err
}

// TestBusy: a request that was read when its connection had to go, for another or
// because the server stops, is answered, and no other after it. Half a request is
// not.
func TestBusy(t *testing.T) {
	t.Parallel()
	const (
		request = "GET / HTTP/1.1\r\nHost: x\r\n\r\n"
		last    = "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n"
	)
	for name, test := range map[string]struct {
		first, second string // what the client says before and after
		stops         bool
		want          string
	}{
		"request":                {request, "", false, last},
		"request, server stops":  {request, "", true, last},
		"half request":           {request[:10], request[10:], false, ""},
		"half one, server stops": {request[:10], request[10:], true, ""},
	} {
		synctest.Test(t, func(t *testing.T) {
			q := queue{conns: make(chan net.Conn)}
			limited := limit(q, 1, 1<<30)
			server := &http.Server{
				ReadHeaderTimeout: time.Minute,
				ReadTimeout:       time.Hour,
				Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					select {
					case <-r.Context().Done():
						t.Errorf("%s: the request is taken back: %v", name, context.Cause(r.Context()))
					case <-time.After(time.Second):
					}
					w.Header()["Date"] = nil
					w.WriteHeader(http.StatusNoContent)
				}),
			}
			limited.Attach(server)
			go server.Serve(limited)
			client, conn := net.Pipe()
			q.conns <- busy{conn}
			if _, err := io.WriteString(client, test.first); err != nil {
				t.Fatal(err)
			}
			start := time.Now()
			other, conn := net.Pipe()
			if test.stops {
				synctest.Wait()
				stopped, stop := context.WithCancel(t.Context())
				stop()
				limited.Drain(stopped)
			} else {
				q.conns <- conn
			}
			go io.WriteString(client, test.second)
			got, err := io.ReadAll(client)
			if string(got) != test.want || err != nil {
				t.Errorf("%s: got %q, %v, want %q", name, got, err, test.want)
			}
			if took := time.Since(start); took > 2*time.Second {
				t.Errorf("%s: it had its place for %v", name, took)
			}
			client.Close()
			other.Close()
			close(q.conns)
			server.Close()
		})
	}
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
	limited := limit(listener, 40, 1<<30)
	// It has been going on for a while.
	limited.asked = 0
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
