package server

import (
	"context"
	"errors"
	"net"
	"syscall"
)

// What the kernel keeps of a connection, in bytes; it takes twice as much. An
// answer fits, and the head of a usual request. By default it would keep
// megabytes of what a client sends but the server does not read, or the other
// way round.
const (
	receiveBuffer = 8 << 10
	sendBuffer    = 4 << 10
)

// Listen listens on a TCP address, [HOST]:PORT, with small buffers in the
// kernel, for clients that speak first. Port 0 is any free one; without a host it
// is all interfaces.
//
// The connections inherit the buffers, which have to be there before the
// connections to count in what they announce (see tcp(7)).
func Listen(address string) (net.Listener, error) {
	config := net.ListenConfig{Control: func(_, _ string, socket syscall.RawConn) error {
		var receive, send error
		err := socket.Control(func(file uintptr) {
			receive = syscall.SetsockoptInt(int(file), syscall.SOL_SOCKET, syscall.SO_RCVBUF, receiveBuffer)
			send = syscall.SetsockoptInt(int(file), syscall.SOL_SOCKET, syscall.SO_SNDBUF, sendBuffer)
			deferAccept(int(file))
		})
		return errors.Join(err, receive, send)
	}}
	return config.Listen(context.Background(), "tcp", address)
}
