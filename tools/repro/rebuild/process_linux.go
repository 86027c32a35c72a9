package rebuild

import (
	"fmt"
	"os/exec"
	"runtime"

	"golang.org/x/sys/unix"
)

// start starts a command from a thread of its own, which has the hostname, the umask
// and the CPU that the command inherits.
func (p process) start(cmd *exec.Cmd) error {
	result := make(chan error)
	go func() {
		// Never unlocked: the thread ends with the goroutine.
		runtime.LockOSThread()
		if err := p.become(); err != nil {
			result <- err
			return
		}
		result <- cmd.Start()
	}()
	return <-result
}

// become changes the calling thread.
func (p process) become() error {
	if p.umask != 0 {
		if err := unix.Unshare(unix.CLONE_FS); err != nil {
			return fmt.Errorf("setting the umask of one thread: %w", err)
		}
		unix.Umask(p.umask)
	}
	if p.hostname != "" {
		if err := unix.Unshare(unix.CLONE_NEWUTS); err != nil {
			return fmt.Errorf("setting the hostname of one process: %w", err)
		}
		if err := unix.Sethostname([]byte(p.hostname)); err != nil {
			return fmt.Errorf("setting the hostname of one process: %w", err)
		}
	}
	if p.cpu != 0 {
		var set unix.CPUSet
		set.Set(p.cpu - 1)
		if err := unix.SchedSetaffinity(0, &set); err != nil {
			return fmt.Errorf("choosing a CPU: %w", err)
		}
	}
	return nil
}

// availableCPUs are the CPUs that this program may use, counting from 1.
func availableCPUs() ([]int, error) {
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &set); err != nil {
		return nil, fmt.Errorf("asking for the CPUs: %w", err)
	}
	var cpus []int
	for cpu := range len(set) * 64 {
		if set.IsSet(cpu) {
			cpus = append(cpus, cpu+1)
		}
	}
	return cpus, nil
}
