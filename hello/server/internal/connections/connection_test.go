package connections

import (
	"errors"
	"io"
	"net"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
)

func TestTooManyFields(t *testing.T) {
	t.Parallel()
	client, conn := newCrowd(t, 1, 1<<30).accept(t)
	go io.WriteString(client, "GET / HTTP/1.1\r\n"+strings.Repeat("a:\n", maxHeadMemory/memoryPerHeadLine))
	if _, err := io.Copy(io.Discard, conn); !errors.Is(err, errHeadMemory) {
		t.Errorf("got %v, want %v", err, errHeadMemory)
	}
	// It stays that way: nothing is left to read.
	if _, err := conn.Read(make([]byte, 1)); !errors.Is(err, errHeadMemory) {
		t.Errorf("the second time: got %v, want %v", err, errHeadMemory)
	}
}

// TestContentIsNoHead reads content while the request is answered that it
// belongs to.
func TestContentIsNoHead(t *testing.T) {
	t.Parallel()
	client, conn := newCrowd(t, 1, 1<<30).accept(t)
	conn.handle()
	go io.WriteString(client, strings.Repeat("\n", maxHeadMemory))
	if n, err := io.ReadFull(conn, make([]byte, maxHeadMemory)); err != nil {
		t.Errorf("after %d bytes: %v", n, err)
	}
	if got := conn.head.total(); got != 0 {
		t.Errorf("the content is taken for a head of %d bytes", got)
	}
}

// TestErrorsOfNetHTTP writes what net/http answers itself, and what handlers do.
func TestErrorsOfNetHTTP(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		data      string
		answering bool
		want      string
	}{
		{"HTTP/1.1 501 Not Implemented\r\n\r\nUnsupported transfer encoding", false, badRequest},
		{"HTTP/1.1 505 HTTP Version Not Supported: unsupported protocol version\r\n\r\n", false, badRequest},
		{"HTTP/1.1 431 Request Header Fields Too Large\r\n\r\n", false, ""},
		{"HTTP/1.1 501 Not Implemented\r\n\r\n", true, ""},
		{"HTTP/1.1 5", true, ""},
	} {
		client, conn := newCrowd(t, 1, 1<<30).accept(t)
		if test.answering {
			conn.handle()
		}
		go func() {
			if n, err := io.WriteString(conn, test.data); n != len(test.data) || err != nil {
				t.Errorf("%q: writing: %d, %v", test.data, n, err)
			}
			conn.Close()
		}()
		got, err := io.ReadAll(client)
		want := test.want
		if want == "" {
			want = test.data
		}
		if string(got) != want || err != nil {
			t.Errorf("%q while answering is %v: got %q, %v, want %q", test.data, test.answering, got, err, want)
		}
	}
	_, conn := newCrowd(t, 1, 1<<30).accept(t)
	conn.Close()
	if n, err := io.WriteString(conn, "HTTP/1.1 505 "); n != 0 || !errors.Is(err, net.ErrClosed) && !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("writing to a closed connection: %d, %v", n, err)
	}
}

// TestPipelining: between requests that were read at once, others have their turn.
func TestPipelining(t *testing.T) {
	// Not in parallel, so that the one processor is between these two.
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	const requests = 5
	text := strings.Repeat("GET / HTTP/1.1\r\n\r\n", requests)
	client, conn := newCrowd(t, 1, 1<<30).accept(t)
	go io.WriteString(client, text)
	if _, err := conn.Read(make([]byte, len(text))); err != nil {
		t.Fatal(err)
	}
	conn.ask()
	var turn atomic.Bool
	go turn.Store(true)
	for range requests - 1 {
		conn.ask()
	}
	if !turn.Load() {
		t.Error("all are answered before anything else happens")
	}
}
