package rebuild

import (
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"example.com/reproducible-images/tools/repro/variation"
)

// A variation that does not reach the build proves nothing. So a further package in
// the copy of the workspace has an action that writes down what it sees.
const (
	probePackage = "repro_probe"
	probeTarget  = "//" + probePackage + ":probe"
	probeBuild   = `genrule(
    name = "probe",
    outs = ["probe.txt"],
    cmd = """{
    echo uid=$$(id -u)
    echo host=$$(uname -n)
    echo time=$$(date +%s)
    echo zone=$$(date +%z)
    echo cpus=$$(nproc)
    echo folder=$$PWD
    echo go=$$(command -v go)
    echo GOROOT=$${GOROOT-}
    echo sorted=$$(printf 't\\nz\\n' | sort | tr -d '\\n')
    echo bash=$$BASH_VERSION
    } >$@""",
)
`
)

func writeProbe(workspace string) error {
	file := filepath.Join(workspace, probePackage, "BUILD.bazel")
	if err := os.Mkdir(filepath.Dir(file), 0o777); err != nil {
		return fmt.Errorf("adding a package to the copy of the workspace: %w", err)
	}
	return os.WriteFile(file, []byte(probeBuild), 0o666)
}

// readProbe reads what the action saw.
func readProbe(workspace string) (map[string]string, error) {
	content, err := os.ReadFile(filepath.Join(workspace, "bazel-bin", probePackage, "probe.txt"))
	if err != nil {
		return nil, fmt.Errorf("what the build sees is not known: %w", err)
	}
	seen := map[string]string{}
	for line := range strings.Lines(string(content)) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		seen[key] = value
	}
	return seen, nil
}

// check checks that a build saw what its setting says.
func check(seen map[string]string, s variation.Setting, paths paths) error {
	var errs []error
	want := func(key, value string) {
		if seen[key] != value {
			errs = append(errs, fmt.Errorf("the variation did not reach the build: its actions see %s=%s, not %s", key, seen[key], value))
		}
	}
	if s.User != nil {
		want("uid", fmt.Sprint(s.User.UID))
	}
	if s.Hostname != "" {
		want("host", s.Hostname)
	}
	if s.OneCPU {
		want("cpus", "1")
	}
	if s.Locale != "" {
		want("sorted", "zt") // Estonian has z between s and t.
		want("zone", "+1400")
	}
	switch s.Go {
	case variation.FailingGo:
		want("go", filepath.Join(paths.failingGo(), "go"))
	case variation.OtherGo:
		want("go", filepath.Join(paths.otherGo(), "bin/go"))
		want("GOROOT", paths.otherGo())
	}
	if s.HostUserland {
		version, err := exec.Command("/usr/bin/bash", "-c", "echo $BASH_VERSION").Output()
		if err != nil {
			errs = append(errs, fmt.Errorf("asking bash for its version: %w", err))
		}
		want("bash", strings.TrimSpace(string(version)))
	}
	if !strings.HasPrefix(seen["folder"], paths.outputBase+"/") {
		want("folder", paths.outputBase+"/…")
	}
	now := time.Now().Add(s.ClockAhead)
	if at, err := strconv.ParseInt(seen["time"], 10, 64); err != nil || math.Abs(now.Sub(time.Unix(at, 0)).Hours()) > 24 {
		want("time", fmt.Sprint(now.Unix()))
	}
	return errors.Join(errs...)
}
