//go:build !(linux && amd64)

package main

import (
	"errors"
	"time"
)

func runShifted(string, []string, time.Duration) (int, error) {
	return 0, errors.New("it works on Linux on x86-64 only")
}
