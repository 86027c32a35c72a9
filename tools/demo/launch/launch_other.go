//go:build !linux

package launch

import (
	"errors"
	"io"

	"example.com/reproducible-images/tools/demo/child"
)

// Check tells that Start fails.
func Check() error {
	return errors.New("only Linux can run an image without docker or podman: start one of them")
}

// Start fails.
func Start(Spec, io.Writer) (*child.Child, error) { return nil, Check() }

// Init does nothing.
func Init() {}
