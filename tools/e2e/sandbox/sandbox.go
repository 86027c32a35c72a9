// Package sandbox runs this program again in Linux namespaces of its own (see
// namespaces(7)): container engines started there find no other engine's bridge
// or firewall rules and leave none behind, every port is free, nothing outside
// is reached, and when the program ends, however it does, the kernel ends all
// that it started.
package sandbox

import (
	"errors"
	"os"
	"time"
)

// dirVariable tells the inner stages, by its presence, that they are it, and the
// folder for all their files.
const (
	dirVariable   = "E2E_SANDBOX_DIR"
	stageVariable = "E2E_SANDBOX_STAGE"
)

// grace is how long the program inside has to end when it is asked to. Then the
// kernel ends it, and all others there.
const grace = 30 * time.Second

// Inside tells whether this process runs in the sandbox, and names the folder
// that its files go to. It is on a file system of the host, and is removed when
// the program ends.
func Inside() (dir string, ok bool) {
	return os.Getenv(dirVariable), os.Getenv(stageVariable) == "inside"
}

// check tells early, in one line with what to do, why Run would fail.
func check() error {
	if os.Geteuid() != 0 {
		return errors.New("container engines need root here: become root, or use sudo")
	}
	return nil
}
