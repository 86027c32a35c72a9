package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"

	"example.com/reproducible-images/tools/repro/variation"
)

// need is something of the host that a variation cannot do without.
type need struct {
	wanted  func(variation.Setting) bool
	present func() bool
	// mend is what to do when it is missing.
	mend string
}

var needs = []need{
	{func(variation.Setting) bool { return true }, installed("git"), "git is not on PATH (Debian: apt-get install git)"},
	{variation.Setting.NeedsRoot, func() bool { return os.Geteuid() == 0 }, "they need root, for another user, hostname or root filesystem: use sudo, or a container's root"},
	{func(s variation.Setting) bool { return s.Reprotest }, installed("reprotest"), "reprotest is not on PATH (Debian: apt-get install reprotest)"},
	{shuffles, installed("disorderfs"), "disorderfs is not on PATH (Debian: apt-get install disorderfs)"},
	{shuffles, installed("fusermount"), "fusermount is not on PATH (Debian: apt-get install fuse)"},
	{shuffles, exists("/dev/fuse"), "there is no /dev/fuse: load the kernel's module fuse; a container needs --device /dev/fuse"},
	{func(s variation.Setting) bool { return s.Locale != "" }, installed("localedef"), "localedef is not on PATH (Debian: apt-get install libc-bin)"},
	{func(s variation.Setting) bool { return s.Locale != "" }, exists("/usr/share/i18n/locales/et_EE"), "the sources of locales are not there (Debian: apt-get install locales)"},
	{func(s variation.Setting) bool { return s.Go == variation.OtherGo }, installed("go"), "go is not on PATH, which is to be the other Go (Debian: apt-get install golang)"},
}

func shuffles(s variation.Setting) bool { return s.ShuffleFiles || s.Reprotest }

func installed(program string) func() bool {
	return func() bool { _, err := exec.LookPath(program); return err == nil }
}

func exists(path string) func() bool {
	return func() bool { _, err := os.Stat(path); return err == nil }
}

// checkHost checks that the rows can be built here, all of them: none is left out.
func checkHost(rows []row) error {
	if runtime.GOOS != "linux" {
		return errors.New("the variations need Linux")
	}
	var problems []string
	for _, n := range needs {
		var names []string
		for _, r := range rows {
			if n.wanted(r.Setting) {
				names = append(names, r.Name)
			}
		}
		if len(names) > 0 && !n.present() {
			problems = append(problems, fmt.Sprintf("cannot build the rows %s: %s", strings.Join(names, ", "), n.mend))
		}
	}
	if len(problems) > 0 {
		return errors.New(strings.Join(problems, "\nrepro: "))
	}
	return nil
}
