package server

import (
	"io"
	"net"
	"testing"
)

// TestDeferAccept: who asks is accepted before who came first and says nothing.
func TestDeferAccept(t *testing.T) {
	t.Parallel()
	listener, err := Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	var clients [2]net.Conn
	for i := range clients {
		if clients[i], err = net.Dial("tcp", listener.Addr().String()); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { clients[i].Close() })
	}
	for i := len(clients) - 1; i >= 0; i-- {
		if _, err := io.WriteString(clients[i], "GET"); err != nil {
			t.Fatal(err)
		}
		accepted, err := listener.Accept()
		if err != nil {
			t.Fatal(err)
		}
		defer accepted.Close()
		if got, want := accepted.RemoteAddr().String(), clients[i].LocalAddr().String(); got != want {
			t.Errorf("%s is accepted, want %s, which said something", got, want)
		}
	}
}
