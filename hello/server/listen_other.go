//go:build !linux

package server

// deferAccept does nothing: this is Linux's.
func deferAccept(int) {}
