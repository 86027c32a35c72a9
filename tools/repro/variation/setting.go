// Package variation says how the rebuilds of tools/repro differ from an ordinary
// build, and from each other.
package variation

import "time"

// Setting is one way to build. The zero value, with the two paths, is an ordinary
// build, only from a clean output base.
type Setting struct {
	// Workspace and OutputBase are paths below the rebuild's own folder.
	Workspace, OutputBase string
	// ModTime is the modification time of all sources; now if zero.
	ModTime time.Time
	// ShuffleFiles has the file system list the files of every folder of the
	// workspace in another order each time.
	ShuffleFiles bool
	// User builds as another user than root, if not nil.
	User *User
	// Hostname is the host's name; as it is if empty.
	Hostname string
	// ClockAhead is how far the wall clock goes wrong.
	ClockAhead time.Duration
	// OneCPU lets the build see, and have, one CPU.
	OneCPU bool
	// Locale, such as "et_EE.UTF-8", is made for the build and set in all its
	// processes.
	Locale string
	// Go is the Go toolchain that is first on PATH in actions and repository rules.
	Go Go
	// Env has environment variables, NAME=value, for Bazel and its repository rules.
	Env []string
	// ActionEnv has environment variables for actions.
	ActionEnv []string
	// HostUserland has sandboxed actions see the host's own /usr, shell, coreutils, C
	// library and all, where the air-gapped build shows them that of its root
	// filesystem. Any other Bazel shows them the host's anyway.
	HostUserland bool
	// FreshSuite makes a whole new air-gapped build, from that suite of Debian.
	FreshSuite string
	// Reprotest has Debian's reprotest vary things as well.
	Reprotest bool
	// Flags are Bazel's.
	Flags []string
}

// User is who builds.
type User struct {
	UID, GID uint32
	// Umask is for Bazel's files and for the sources.
	Umask int
}

// Go is a Go toolchain that has no business in the build.
type Go int

const (
	// NoGo is none.
	NoGo Go = iota
	// FailingGo is a program named go that says so and fails.
	FailingGo
	// OtherGo is the machine's own, and GOROOT names it.
	OtherGo
)

// NeedsRoot tells whether only root can build so.
func (s Setting) NeedsRoot() bool {
	return s.User != nil || s.Hostname != "" || s.FreshSuite != ""
}
