package rebuild

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"example.com/reproducible-images/tools/repro/variation"
)

// command is Bazel as a setting says, without the clock.
func (s *Session) command(startup []string, command string, args ...string) (*exec.Cmd, process) {
	argv := append([]string{"--output_base=" + s.outputBase}, startup...)
	env, p := environment(os.Environ()), process{hostname: s.setting.Hostname, cpu: s.cpu}
	switch suite := s.setting.FreshSuite; {
	case suite != "":
		env = append(env, "AIRGAP=1", "AIRGAP_CACHE="+s.cache(), "AIRGAP_DEBIAN_SUITE="+suite)
	case s.airgapped():
		// By default the cache is below HOME, which may be another here.
		env = append(env, "AIRGAP=1", "AIRGAP_CACHE="+s.runner.Cache)
	}
	if s.airgapped() && s.setting.HostUserland {
		env = append(env, "AIRGAP_USERLAND=/usr")
	}
	if user := s.setting.User; user != nil {
		argv = append(argv, "--output_user_root="+s.userRoot())
		p.umask = user.Umask
		if s.airgapped() {
			env = append(env, fmt.Sprintf("AIRGAP_USER=%d:%d", user.UID, user.GID))
		} else {
			p.credential = &syscall.Credential{Uid: user.UID, Gid: user.GID}
		}
	}
	argv = append(append(argv, command), args...)
	if command == "build" {
		argv = append(argv, s.flags()...)
	}
	cmd := exec.Command(filepath.Join(s.workspace, "tools/bazel"), argv...)
	cmd.Dir = s.workspace
	cmd.Env = append(append(env, s.setting.Env...), s.localeEnv()...)
	return cmd, p
}

// airgapped tells whether the Bazel of the session is the air-gapped build's.
func (s *Session) airgapped() bool { return s.runner.Airgapped || s.setting.FreshSuite != "" }

// flags are those of `bazel build`.
func (s *Session) flags() []string {
	// Nothing that was built elsewhere.
	flags := []string{"--disk_cache=", "--remote_cache=", "--remote_executor=", "--color=no", "--curses=no", "--noshow_progress"}
	actionEnv := append(slices.Clone(s.setting.ActionEnv), s.localeEnv()...)
	path := ""
	switch s.setting.Go {
	case variation.FailingGo:
		path = s.failingGo()
	case variation.OtherGo:
		path = filepath.Join(s.otherGo(), "bin")
		actionEnv = append(actionEnv, "GOROOT="+s.otherGo())
		flags = append(flags, "--repo_env=GOROOT="+s.otherGo())
	}
	if path != "" {
		actionEnv = append(actionEnv, "PATH="+path+":/usr/bin:/bin")
		flags = append(flags, "--repo_env=PATH="+path+":/usr/bin:/bin")
	}
	for _, variable := range actionEnv {
		flags = append(flags, "--action_env="+variable, "--host_action_env="+variable)
	}
	return append(flags, s.setting.Flags...)
}

func (s *Session) localeEnv() []string {
	if s.setting.Locale == "" {
		return nil
	}
	return []string{"LANG=" + s.setting.Locale, "LC_ALL=" + s.setting.Locale, "LOCPATH=" + s.locales()}
}

// environment leaves out what `bazel run` and the air-gapped build have set for this
// program itself.
func environment(all []string) []string {
	return slices.DeleteFunc(slices.Clone(all), func(variable string) bool {
		name, _, _ := strings.Cut(variable, "=")
		return strings.HasPrefix(name, "BUILD_WORK") || strings.HasPrefix(name, "RUNFILES_") || name == "JAVA_RUNFILES"
	})
}
