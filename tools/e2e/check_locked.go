package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"

	"example.com/reproducible-images/tools/e2e/engines"
	"example.com/reproducible-images/tools/e2e/probe/report"
	"github.com/bazelbuild/rules_go/go/runfiles"
)

// locks are the flags of the strictest container, which docs/security.md lists, and
// one to publish its port.
func locks(e engines.Engine) []string {
	return append(unpublished(e), "--publish", published)
}

// unpublished are the locks alone.
func unpublished(e engines.Engine) []string {
	flags := []string{
		"--read-only",
		"--security-opt", "no-new-privileges",
		"--cap-drop", "ALL",
		"--pids-limit", "64",
		"--memory", "32m",
		"--network", "bridge",
		// These two take away what can be written although the root file
		// system cannot: shared memory, and the queue of POSIX messages.
		"--ipc", "none",
		"--mount", "type=tmpfs,destination=/dev/mqueue,tmpfs-mode=0555",
	}
	if e.Name == podman {
		// And this one what podman adds to read-only containers.
		flags = append(flags, "--read-only-tmpfs=false")
	}
	return flags
}

// writableAnyway is what can be written in every container of a runtime, and by
// whose choice.
var writableAnyway = map[string]string{
	"/proc/pressure/cpu":    "the kernel's: a trigger that ends with the process",
	"/proc/pressure/io":     "likewise",
	"/proc/pressure/memory": "likewise",
	"/tmp/":                 "gVisor's own, in memory",
}

// checkLocked runs a probe in the strictest container.
func checkLocked(ctx context.Context, s *session, e engines.Engine) (string, error) {
	probe, err := runfiles.Rlocation(os.Getenv("E2E_PROBE"))
	if err != nil {
		return "", err
	}
	c, err := s.launch(ctx, e, slices.Concat(locks(e), []string{"--volume", probe + ":/probe:ro"}))
	if err != nil {
		return "", err
	}
	defer c.Remove(ctx)
	output, err := c.Exec(ctx, "/probe")
	if err != nil {
		return "", err
	}
	var r report.Report
	if err := json.Unmarshal([]byte(output), &r); err != nil {
		return "", fmt.Errorf("the probe's report: %w", err)
	}
	outside, err := outsideStatus(ctx, c)
	if err != nil {
		return "", err
	}
	if err := judge(r, e.Name, outside); err != nil {
		return "", err
	}
	return fmt.Sprintf("uid %d, CapEff %s, NoNewPrivs 1, Seccomp 2; of %d files none writable but %s; no program but %s, no setuid file",
		r.UID, r.Status["CapEff"], r.Files, strings.Join(r.Writable, " "), strings.Join(r.Programs, " ")), nil
}

// noCapabilities is how proc(5) writes an empty set of them.
const noCapabilities = "0000000000000000"

// judge compares what the probe saw, and /proc/PID/status of the container as
// seen from outside, with what must be.
func judge(r report.Report, runtime, outside string) error {
	const nobody = "65534 65534 65534 65534" // real, effective, saved and file system
	seccomp := r.Status["Seccomp"]
	if runtime == runsc {
		// Its filter is around the sandbox, and not to be seen inside.
		seccomp = field(outside, "Seccomp")
	}
	var writable []string
	for _, path := range r.Writable {
		if writableAnyway[path] == "" {
			writable = append(writable, path)
		}
	}
	var problems []string
	for _, fact := range []struct{ what, got, want string }{
		{"the probe's user and group", fmt.Sprint(r.UID, r.GID), "65534 65534"},
		{"Uid", r.Status["Uid"], nobody},
		{"Gid", r.Status["Gid"], nobody},
		{"CapEff", r.Status["CapEff"], noCapabilities},
		{"CapPrm", r.Status["CapPrm"], noCapabilities},
		{"CapBnd", r.Status["CapBnd"], noCapabilities},
		{"no_new_privs", fmt.Sprint(r.NoNewPrivileges), "true"},
		{"Seccomp", seccomp, "2"}, // a filter, see proc(5)
		{"what is writable", fmt.Sprint(writable), "[]"},
		{"files with a set-user-ID or set-group-ID bit", fmt.Sprint(r.Privileged), "[]"},
		{"programs", fmt.Sprint(r.Programs), "[/hello]"},
	} {
		if fact.got != fact.want {
			problems = append(problems, fmt.Sprintf("%s: %s, not %s", fact.what, fact.got, fact.want))
		}
	}
	if len(problems) > 0 {
		return fmt.Errorf("in the container, %s", strings.Join(problems, "; "))
	}
	return nil
}

// outsideStatus is /proc/PID/status of a container's process 1 as seen from here.
func outsideStatus(ctx context.Context, c *engines.Container) (string, error) {
	pid, err := c.PID(ctx)
	if err != nil {
		return "", err
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	return string(status), err
}

// field returns a field of /proc/PID/status.
func field(status, name string) string {
	for line := range strings.Lines(status) {
		if value, ok := strings.CutPrefix(line, name+":"); ok {
			return strings.TrimSpace(value)
		}
	}
	return ""
}
