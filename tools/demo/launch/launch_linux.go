package launch

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"runtime"
	"strings"

	"example.com/reproducible-images/tools/demo/child"
	"golang.org/x/sys/unix"
)

const (
	// initName is argument 0 of a process that is the init stage.
	initName = "demo-init"
	// statusFD is where the init stage writes what went wrong. It closes when
	// the program starts: nothing written means that it did.
	statusFD = 3
)

// Check tells early, in one line with what to do, why Start would fail.
func Check() error {
	if os.Geteuid() != 0 {
		return errors.New("running an image without docker or podman needs root: become root, or start one of them")
	}
	return nil
}

// Start starts the program and returns when it runs. What it writes to its
// standard output and error goes to output.
//
// Start runs this very executable again as an init stage, in which Init takes
// over: main must call it first.
func Start(spec Spec, output io.Writer) (*child.Child, error) {
	encoded, err := json.Marshal(spec)
	if err != nil {
		return nil, err
	}
	status, statusWriter, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer status.Close()
	c, err := child.Start(&exec.Cmd{
		Path:       "/proc/self/exe",
		Args:       []string{initName, string(encoded)},
		Env:        []string{},
		Stdout:     output,
		Stderr:     output,
		ExtraFiles: []*os.File{statusWriter},
	})
	statusWriter.Close()
	if err != nil {
		return nil, fmt.Errorf("starting the init stage (is /proc mounted?): %w", err)
	}
	problem, err := io.ReadAll(status)
	if err == nil && len(problem) > 0 {
		err = errors.New(string(problem))
	}
	if err != nil {
		c.Stop(0)
		return nil, err
	}
	return c, nil
}

// Init turns this process into the program if Start made it; else it does
// nothing.
func Init() {
	if os.Args[0] != initName {
		return
	}
	status := os.NewFile(statusFD, "status")
	unix.CloseOnExec(statusFD)
	fmt.Fprint(status, become(os.Args[1:]))
	os.Exit(1)
}

// become returns only if it fails.
func become(args []string) error {
	var spec Spec
	if len(args) != 1 {
		return errors.New("the init stage is not to be called by hand")
	}
	if err := json.Unmarshal([]byte(args[0]), &spec); err != nil {
		return err
	}
	// Privileges are those of a thread. The one that calls exec decides.
	runtime.LockOSThread()
	parent := os.Getppid()
	for _, step := range steps(spec) {
		if err := step.do(); err != nil {
			return explain(step.doing, err)
		}
	}
	// The kernel forgot the signal when the user changed.
	if err := unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(unix.SIGKILL), 0, 0, 0); err != nil {
		return explain("arranging to die with the parent", err)
	}
	if os.Getppid() != parent {
		return errors.New("the parent died")
	}
	return execute(spec)
}

type step struct {
	doing string
	do    func() error
}

// steps give up all privileges, those last that the others need.
func steps(spec Spec) []step {
	uid, gid := int(spec.User.UID), int(spec.User.GID)
	dir := spec.Dir
	if dir == "" {
		dir = "/"
	}
	return []step{
		{"setting no_new_privs", func() error { return unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) }},
		{"emptying the capability bounding set", emptyBoundingSet},
		{"clearing the ambient capabilities", func() error {
			return unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)
		}},
		{"changing the root directory", func() error { return unix.Chroot(spec.Root) }},
		{"entering the working directory " + dir, func() error { return unix.Chdir(dir) }},
		{"leaving all groups", func() error { return unix.Setgroups(nil) }},
		{fmt.Sprintf("becoming group %d", gid), func() error { return unix.Setresgid(gid, gid, gid) }},
		{fmt.Sprintf("becoming user %d", uid), func() error { return unix.Setresuid(uid, uid, uid) }},
		// Of all sets only the inheritable one may have something left.
		{"giving up all capabilities", func() error {
			header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
			var none [2]unix.CapUserData // 64 bits in two halves
			return unix.Capset(&header, &none[0])
		}},
	}
}

func emptyBoundingSet() error {
	for capability := uintptr(0); ; capability++ {
		err := unix.Prctl(unix.PR_CAPBSET_DROP, capability, 0, 0, 0)
		if err == unix.EINVAL && capability > unix.CAP_CHOWN {
			// One more than the kernel knows.
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// execute returns only if it fails.
func execute(spec Spec) error {
	if len(spec.Args) == 0 {
		return errors.New("the image names neither an entrypoint nor a command")
	}
	os.Clearenv()
	for _, variable := range spec.Env {
		name, value, _ := strings.Cut(variable, "=")
		os.Setenv(name, value)
	}
	program, err := exec.LookPath(spec.Args[0])
	if err == nil {
		err = unix.Exec(program, spec.Args, spec.Env)
	}
	hint := ""
	switch {
	case errors.Is(err, fs.ErrPermission):
		hint = ": if the temporary directory is mounted noexec, set TMPDIR to another"
	case errors.Is(err, fs.ErrNotExist):
		hint = ": it is not in the image, or not linked statically and its loader is not there"
	}
	return fmt.Errorf("starting %s: %w%s", spec.Args[0], err, hint)
}

// explain adds to the error of a step what it means.
func explain(doing string, err error) error {
	hint := ""
	switch {
	case errors.Is(err, unix.EPERM):
		hint = ": this root lacks capabilities, as in a container or sandbox; run it outside, or start docker or podman"
	case errors.Is(err, unix.EINVAL):
		hint = ": this kernel or user namespace cannot do it; run it elsewhere, or start docker or podman"
	}
	return fmt.Errorf("%s: %w%s", doing, err, hint)
}
