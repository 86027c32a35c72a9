package server

import "syscall"

// deferAccept has the kernel keep new connections to itself until their clients
// have said something, or for about as long as they may take for a head (see
// TCP_DEFER_ACCEPT in tcp(7)). Where many wait, no connection takes a place whose
// client is not ready yet.
func deferAccept(file int) {
	// Where this is not to be had, as in some sandboxes, all is well without it.
	_ = syscall.SetsockoptInt(file, syscall.IPPROTO_TCP, syscall.TCP_DEFER_ACCEPT, int(readHeaderTimeout.Seconds()))
}
