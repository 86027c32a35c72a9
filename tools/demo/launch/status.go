package launch

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"strings"
)

// field is a line of /proc/PID/status, see proc_pid_status(5).
type field struct{ name, value string }

// harmless are the lines that say what a process may do, as they must be.
func harmless(user User) []field {
	const noCapability = "0000000000000000"
	// Real, effective, saved, and that of the file system.
	ids := func(id uint32) string { return fmt.Sprintf("%d %[1]d %[1]d %[1]d", id) }
	return []field{
		{"Uid", ids(user.UID)},
		{"Gid", ids(user.GID)},
		{"Groups", ""},
		{"CapInh", noCapability},
		{"CapPrm", noCapability},
		{"CapEff", noCapability},
		{"CapBnd", noCapability},
		{"CapAmb", noCapability},
		{"NoNewPrivs", "1"},
	}
}

// CheckProcess asks the kernel whether a process runs as the user, in no other
// group, with no capability in any set, and with no_new_privs. The error names
// what is not so.
func CheckProcess(pid int, user User) error {
	file, err := os.Open(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return err
	}
	defer file.Close()
	return checkStatus(file, user)
}

func checkStatus(status io.Reader, user User) error {
	got := map[string]string{}
	lines := bufio.NewScanner(status)
	for lines.Scan() {
		name, value, _ := strings.Cut(lines.Text(), ":")
		got[name] = strings.Join(strings.Fields(value), " ")
	}
	if err := lines.Err(); err != nil {
		return err
	}
	for _, want := range harmless(user) {
		value, ok := got[want.name]
		if !ok {
			return fmt.Errorf("the kernel does not tell %s of the process", want.name)
		}
		if value != want.value {
			return fmt.Errorf("the process has %s %q, not %q", want.name, value, want.value)
		}
	}
	return nil
}
