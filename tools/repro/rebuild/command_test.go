package rebuild

import (
	"os"
	"slices"
	"strings"
	"testing"

	"example.com/reproducible-images/tools/repro/variation"
	"github.com/google/go-cmp/cmp"
)

// newSession is a session that builds nothing.
func newSession(setting variation.Setting, airgapped bool) *Session {
	setting.Workspace, setting.OutputBase = "w", "o"
	runner := &Runner{Config: Config{Images: []string{"//images:a", "//x/y:b"}, Airgapped: airgapped, Cache: "/cache", Baseline: "/baseline"}}
	return &Session{runner: runner, setting: setting, paths: newPaths("/d", setting)}
}

func TestCommand(t *testing.T) {
	t.Parallel()
	plain := []string{
		"/d/w/tools/bazel", "--output_base=/d/o", "--batch", "build", "//images:a",
		"--disk_cache=", "--remote_cache=", "--remote_executor=", "--color=no", "--curses=no", "--noshow_progress",
	}
	user := &variation.User{UID: 1, GID: 2, Umask: 0o77}
	for name, test := range map[string]struct {
		setting   variation.Setting
		airgapped bool
		args      []string // beside those of plain
		env       []string
		process   process
	}{
		"plain":     {},
		"airgapped": {airgapped: true, env: []string{"AIRGAP=1", "AIRGAP_CACHE=/cache"}},
		"user": {
			setting: variation.Setting{User: user}, airgapped: true,
			args:    []string{"--output_user_root=/d/o/repro/user_root"},
			env:     []string{"AIRGAP=1", "AIRGAP_CACHE=/cache", "AIRGAP_USER=1:2"},
			process: process{umask: 0o77},
		},
		"the host's userland": {
			setting: variation.Setting{HostUserland: true}, airgapped: true,
			env: []string{"AIRGAP=1", "AIRGAP_CACHE=/cache", "AIRGAP_USERLAND=/usr"},
		},
		"the host's userland, as always": {setting: variation.Setting{HostUserland: true}},
		"a fresh air-gapped build": {
			setting: variation.Setting{FreshSuite: "sid"},
			env:     []string{"AIRGAP=1", "AIRGAP_CACHE=/d/airgap", "AIRGAP_DEBIAN_SUITE=sid"},
		},
		"host and flags": {
			setting: variation.Setting{Hostname: "h", Flags: []string{"--stamp"}, Env: []string{"TZ=X"}, ActionEnv: []string{"A=b"}},
			args:    []string{"--action_env=A=b", "--host_action_env=A=b", "--stamp"},
			env:     []string{"TZ=X"},
			process: process{hostname: "h"},
		},
		"locale": {
			setting: variation.Setting{Locale: "et_EE.UTF-8"},
			args: []string{
				"--action_env=LANG=et_EE.UTF-8", "--action_env=LC_ALL=et_EE.UTF-8", "--action_env=LOCPATH=/d/o/repro/locale",
				"--host_action_env=LANG=et_EE.UTF-8", "--host_action_env=LC_ALL=et_EE.UTF-8", "--host_action_env=LOCPATH=/d/o/repro/locale",
			},
			env: []string{"LANG=et_EE.UTF-8", "LC_ALL=et_EE.UTF-8", "LOCPATH=/d/o/repro/locale"},
		},
		"a failing go": {
			setting: variation.Setting{Go: variation.FailingGo},
			args: []string{
				"--repo_env=PATH=/d/o/repro/bin:/usr/bin:/bin",
				"--action_env=PATH=/d/o/repro/bin:/usr/bin:/bin", "--host_action_env=PATH=/d/o/repro/bin:/usr/bin:/bin",
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSession(test.setting, test.airgapped)
			cmd, process := s.command([]string{"--batch"}, "build", "//images:a")
			if diff := cmp.Diff(sorted(plain, test.args), sorted(cmd.Args)); diff != "" {
				t.Errorf("arguments (-want +got):\n%s", diff)
			}
			env := slices.DeleteFunc(cmd.Env, func(variable string) bool { return slices.Contains(os.Environ(), variable) })
			if got, want := last(env), last(test.env); !cmp.Equal(want, got) {
				t.Errorf("environment (-want +got):\n%s", cmp.Diff(want, got))
			}
			if process != test.process {
				t.Errorf("process %+v, want %+v", process, test.process)
			}
			if cmd.Dir != "/d/w" {
				t.Errorf("run in %s", cmd.Dir)
			}
		})
	}
}

func sorted(lists ...[]string) []string { return slices.Sorted(slices.Values(slices.Concat(lists...))) }

// last has the value of each variable that counts.
func last(env []string) map[string]string {
	m := map[string]string{}
	for _, variable := range env {
		name, value, _ := strings.Cut(variable, "=")
		m[name] = value
	}
	return m
}

// Outside the air-gapped build, the kernel makes Bazel run as another user.
func TestCredential(t *testing.T) {
	t.Parallel()
	_, p := newSession(variation.Setting{User: &variation.User{UID: 1, GID: 2}}, false).command(nil, "build")
	if p.credential == nil || p.credential.Uid != 1 || p.credential.Gid != 2 {
		t.Errorf("credential %+v, want 1:2", p.credential)
	}
}

func TestUnderReprotest(t *testing.T) {
	t.Parallel()
	s := newSession(variation.Setting{Reprotest: true}, true)
	cmd, _ := s.command([]string{"--batch"}, "build", "a'b")
	cmd = s.underReprotest(cmd)
	want := `'tools/bazel' '--output_base=/d/o' '--batch' 'build' 'a'\''b' '--disk_cache=' '--remote_cache=' '--remote_executor=' '--color=no' '--curses=no' '--noshow_progress'` +
		` && mkdir repro_images && cp -RL --parents 'bazel-bin/images/a' 'bazel-bin/images/a.digest' 'bazel-bin/x/y/b' 'bazel-bin/x/y/b.digest' repro_images` +
		` && cp -R repro_images/. '/d/w' && cp -L --parents bazel-bin/repro_probe/probe.txt '/d/w'`
	got := ""
	for _, arg := range cmd.Args {
		if script, ok := strings.CutPrefix(arg, "--build-command="); ok {
			got = script
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("build command (-want +got):\n%s", diff)
	}
	if !slices.Contains(cmd.Args, "--control-build=/baseline") || !slices.Equal(cmd.Args[len(cmd.Args)-2:], []string{"/d/sources", artifacts}) {
		t.Errorf("arguments %q", cmd.Args)
	}
}

func TestEnvironment(t *testing.T) {
	t.Parallel()
	got := environment([]string{"HOME=/h", "BUILD_WORKSPACE_DIRECTORY=/w", "BUILD_WORKING_DIRECTORY=/w", "RUNFILES_DIR=/r", "JAVA_RUNFILES=/r", "GOPROXY=p"})
	if diff := cmp.Diff([]string{"HOME=/h", "GOPROXY=p"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
