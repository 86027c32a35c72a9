// Package launch runs a program in a root filesystem as a plain user, without
// capabilities, and such that it cannot get any: what a container engine does
// of `docker run --cap-drop ALL --security-opt no-new-privileges`, for a
// machine that has none. It neither hides the network nor other processes.
//
// It needs Linux and a root that has its capabilities.
package launch

// Spec says what to run. It crosses to the init stage as JSON.
type Spec struct {
	// Root is the directory that becomes the root directory.
	Root string
	// Args are the program and its arguments; a program without a slash is
	// looked for in Env's PATH. Paths are those within Root.
	Args []string
	// Env is the whole environment, NAME=VALUE.
	Env []string
	// Dir is the working directory within Root; empty means /.
	Dir string
	// User is who runs it.
	User User
}
