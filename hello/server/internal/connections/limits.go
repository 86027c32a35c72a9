package connections

import (
	"math"
	"runtime/debug"
	"syscall"
)

const (
	// otherFiles are what the process has open beside its connections.
	otherFiles = 32

	// enoughMemory is what all connections together take at most, however much
	// there is: some 6000 browsers.
	enoughMemory = 160 << 20
)

// maxCount returns how many connections the limit of open files leaves
// room for. (Go raises it to the hard limit.)
func maxCount() int {
	var files syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files); err != nil {
		return math.MaxInt
	}
	return max(1, int(min(files.Cur, math.MaxInt32))-otherFiles)
}

// maxMemory returns how many bytes all connections together may take: half of what
// the garbage collector keeps to, or it would be busy all the time. That is 10 MiB,
// or 370 connections, where the cgroup has 32 MiB.
func maxMemory() int {
	return int(min(debug.SetMemoryLimit(-1)/2, enoughMemory))
}
