//go:build !linux

package sandbox

import (
	"context"
	"errors"
)

// Run returns an error: namespaces are Linux.
func Run(context.Context) (status int, err error) {
	if err := check(); err != nil {
		return 0, err
	}
	return 0, errors.New("this needs Linux")
}

// Init does nothing.
func Init() {}
