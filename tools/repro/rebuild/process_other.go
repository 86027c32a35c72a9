//go:build !linux

package rebuild

import (
	"errors"
	"os/exec"
)

func (p process) start(cmd *exec.Cmd) error {
	if p.hostname != "" || p.umask != 0 || p.cpu != 0 {
		return errors.New("only Linux can give a process a hostname, umask and CPU of its own")
	}
	return cmd.Start()
}

func availableCPUs() ([]int, error) { return []int{1}, nil }
