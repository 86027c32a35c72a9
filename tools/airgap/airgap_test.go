// Package airgap tests what the scripts do before there is anything to run: which
// Bazel they choose, and how they fail on a host that will not do.
package airgap

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// repository copies what the scripts read into a folder of its own, and returns it.
func repository(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	for _, name := range []string{
		".bazelversion", "go.mod", "MODULE.bazel", "tools/bazel",
		"tools/airgap/bazel", "tools/airgap/clean", "tools/airgap/enter", "tools/airgap/lib.sh", "tools/airgap/setup",
		"tools/airgap/proxy/go.mod", "tools/airgap/proxy/go.sum", "tools/airgap/packages.txt", "tools/airgap/rules_go.patch",
	} {
		data, err := os.ReadFile(filepath.Join("../..", name))
		if err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(root, name), string(data))
	}
	return root
}

func write(t *testing.T, file, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(content), 0o755); err != nil {
		t.Fatal(err)
	}
}

// host is a machine as the scripts see it: programs by name, each a shell script
// put before the real ones on PATH.
type host map[string]string

// able is a host that passes every check; it says nothing and does nothing.
func able() host {
	return host{
		"uname": "echo Linux x86_64", "id": "echo 0", "df": "echo Avail; echo 100",
		"apt-get": "", "dpkg-deb": "", "dpkg": "echo amd64", "go": "echo https://proxy.invalid", "git": "", "unshare": "", "pivot_root": "",
	}
}

// run runs a script of the repository on the host.
func (h host) run(t *testing.T, root string, env []string, script string, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	bin := t.TempDir()
	for name, content := range h {
		write(t, filepath.Join(bin, name), "#!/bin/sh\n"+content+"\n")
	}
	cmd := exec.Command(filepath.Join(root, script), args...)
	cmd.Env = append([]string{
		"PATH=" + bin + ":/usr/bin:/bin", "AIRGAP_CACHE=" + filepath.Join(root, "cache"),
		"AIRGAP_DEBIAN_MIRROR=http://mirror.invalid/debian",
	}, env...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}

func TestWhichBazel(t *testing.T) {
	t.Parallel()
	version, err := os.ReadFile("../../.bazelversion")
	if err != nil {
		t.Fatal(err)
	}
	right := `[ "$1" = --version ] && echo bazel ` + strings.TrimSpace(string(version)) + ` || echo from PATH "$@"`
	for name, test := range map[string]struct {
		path host
		env  []string
		want string
	}{
		"none on PATH":            {host{}, nil, "airgap test //a b"},
		"bazelisk":                {host{"bazelisk": right}, nil, "from PATH test //a b"},
		"bazel":                   {host{"bazel": right}, nil, "from PATH test //a b"},
		"another version":         {host{"bazel": "echo bazel 4.2.3"}, nil, "airgap test //a b"},
		"one that cannot fetch":   {host{"bazelisk": "exit 1"}, nil, "airgap test //a b"},
		"bazelisk runs this file": {host{}, []string{"BAZEL_REAL=/bin/echo"}, "test //a b"},
		"asked for":               {host{"bazel": right}, []string{"AIRGAP=1", "BAZEL_REAL=/bin/echo"}, "airgap test //a b"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			root := repository(t)
			write(t, filepath.Join(root, "tools/airgap/bazel"), "#!/bin/sh\necho airgap \"$@\"\n")
			stdout, stderr, code := test.path.run(t, root, test.env, "tools/bazel", "test", "//a b")
			if diff := cmp.Diff(test.want+"\n", stdout); diff != "" || code != 0 {
				t.Errorf("exit %d, stdout (-want +got):\n%s\nstderr: %s", code, diff, stderr)
			}
		})
	}
}

// With tools/ on PATH, `bazel` is the script itself.
func TestItselfOnPath(t *testing.T) {
	t.Parallel()
	root := repository(t)
	write(t, filepath.Join(root, "tools/airgap/bazel"), "#!/bin/sh\necho airgap \"$@\"\n")
	stdout, stderr, code := host{}.run(t, root, []string{"PATH=" + filepath.Join(root, "tools") + ":/usr/bin:/bin"}, "tools/bazel", "info")
	if stdout != "airgap info\n" || code != 0 {
		t.Errorf("exit %d, stdout %q, stderr %q", code, stdout, stderr)
	}
}

func TestUnableHosts(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		program, content string
		env              string
		want             string
	}{
		"another system": {"uname", "echo Darwin arm64", "", "runs on x86-64 Linux, this is Darwin arm64: install bazelisk"},
		"another CPU":    {"uname", "echo Linux aarch64", "", "runs on x86-64 Linux, this is Linux aarch64: install bazelisk"},
		"not root":       {"id", "echo 1000", "", "must run as root: use sudo"},
		"no namespaces":  {"unshare", "exit 1", "", "refuses a mount namespace (unshare --mount): in a container, start it with --privileged"},
		"full disk":      {"df", "echo Avail; echo 1", "", "has 1 GB free, the air-gapped build needs 6 GB: free some, or set AIRGAP_CACHE"},
		"no cache":       {"true", "", "AIRGAP_CACHE=/proc/none", "cannot make the cache folder /proc/none: set AIRGAP_CACHE"},
		"no keyring":     {"true", "", "AIRGAP_DEBIAN_KEYRING=/none.gpg", "no /none.gpg to check Debian's signature with: install debian-archive-keyring"},
		"no network":     {"apt-get", "exit 100", "AIRGAP_DEBIAN_KEYRING=/dev/null", "cannot read the package lists of http://mirror.invalid/debian: check the network, or set AIRGAP_DEBIAN_MIRROR"},
		"no packages":    {"apt-get", `case "$*" in *--download-only*) exit 100; esac`, "AIRGAP_DEBIAN_KEYRING=/dev/null", "cannot download Debian's packages from http://mirror.invalid/debian"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			root, h := repository(t), able()
			h[test.program] = test.content
			stdout, stderr, code := h.run(t, root, []string{test.env}, "tools/airgap/bazel", "build", "//...")
			if !strings.Contains(stderr, "airgap: error: ") || !strings.Contains(stderr, test.want) || code != 1 || stdout != "" {
				t.Errorf("exit %d, stdout %q, stderr %q, want an error with %q", code, stdout, stderr, test.want)
			}
			// Nothing half-made has a name that a later run would take for complete.
			for _, pattern := range []string{"rootfs-*", "go-*", "modules-*", "scratch-*"} {
				if left, _ := filepath.Glob(filepath.Join(root, "cache", pattern)); left != nil {
					t.Errorf("left behind: %q", left)
				}
			}
		})
	}
}

// Without AIRGAP_DEBIAN_MIRROR the archive is the one that the host's own apt uses.
func TestHostMirror(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		files map[string]string
		want  string
	}{
		"paragraph": {
			map[string]string{"sources.list.d/debian.sources": "Types: deb\nURIs: http://a.invalid/debian\nSuites: bookworm bookworm-updates\nComponents: main\n"},
			"from http://a.invalid/debian (forky)",
		},
		"paragraph in another order, no newline at the end": {
			map[string]string{"sources.list.d/mirror.sources": "Suites: bookworm\nURIs: http://b.invalid/d"},
			"from http://b.invalid/d (forky)",
		},
		"line with options": {
			map[string]string{"sources.list": "# deb http://no.invalid bookworm main\ndeb [arch=amd64 signed-by=/a b] http://c.invalid/ bookworm main contrib\n"},
			"from http://c.invalid/ (forky)",
		},
		"Debian's own file first, other repositories not at all": {
			map[string]string{
				"sources.list.d/a.list":         "deb http://other.invalid/ bookworm main\ndeb http://docker.invalid/ bookworm stable\n",
				"sources.list.d/b.sources":      "URIs: http://node.invalid\nSuites: nodistro\n",
				"sources.list.d/debian.sources": "URIs: http://security.invalid\nSuites: bookworm-security\n\nURIs: http://d.invalid\nSuites: bookworm\n",
			},
			"from http://d.invalid (forky)",
		},
		"none": {
			map[string]string{"sources.list.d/node.sources": "URIs: http://node.invalid\nSuites: nodistro\n"},
			"apt on this host has no archive of Debian to go by: set AIRGAP_DEBIAN_MIRROR",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			root, etc, h := repository(t), t.TempDir(), able()
			write(t, filepath.Join(etc, "os-release"), "ID=debian\nVERSION_CODENAME=bookworm\n")
			for file, content := range test.files {
				write(t, filepath.Join(etc, "apt", file), content)
			}
			h["apt-get"] = "exit 100"
			env := []string{"AIRGAP_DEBIAN_MIRROR=", "AIRGAP_HOST_ETC=" + etc, "AIRGAP_DEBIAN_KEYRING=/dev/null"}
			_, stderr, code := h.run(t, root, env, "tools/airgap/bazel", "info")
			if !strings.Contains(stderr, test.want) || code != 1 {
				t.Errorf("exit %d, stderr %q, want %q", code, stderr, test.want)
			}
		})
	}
}

func TestMissingTools(t *testing.T) {
	t.Parallel()
	root := repository(t)
	// A PATH with the fakes and what the script itself needs, and no more.
	bin := t.TempDir()
	for _, name := range []string{"bash", "cat", "cut", "dirname", "env", "sed", "sha256sum"} {
		real, err := exec.LookPath(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(real, filepath.Join(bin, name)); err != nil {
			t.Fatal(err)
		}
	}
	h := able()
	delete(h, "git")
	fakes := t.TempDir()
	for name, content := range h {
		write(t, filepath.Join(fakes, name), "#!/bin/sh\n"+content+"\n")
	}
	_, stderr, code := host{}.run(t, root, []string{"PATH=" + fakes + ":" + bin}, "tools/airgap/bazel", "info")
	if !strings.Contains(stderr, "git is not on PATH") || code != 1 {
		t.Errorf("exit %d, stderr %q, want an error about git", code, stderr)
	}
}

func TestClean(t *testing.T) {
	t.Parallel()
	root := repository(t)
	cache := filepath.Join(root, "cache")
	write(t, filepath.Join(cache, "lock"), "")
	write(t, filepath.Join(cache, "rootfs-0123/usr/bin/true"), "")
	write(t, filepath.Join(cache, "output/abc/out"), "")
	write(t, filepath.Join(cache, "yours"), "not made by the build")
	link, other := filepath.Join(root, "bazel-bin"), filepath.Join(root, "bazel-notes")
	if err := os.Symlink(filepath.Join(cache, "output/abc"), link); err != nil {
		t.Fatal(err)
	}
	write(t, other, "a file of the user's")

	if _, stderr, code := (host{}).run(t, root, nil, "tools/airgap/clean"); code != 0 {
		t.Fatalf("exit %d, stderr %q", code, stderr)
	}
	var left []string
	err := filepath.Walk(root, func(path string, info os.FileInfo, err error) error {
		if err == nil && (strings.HasPrefix(path, cache) || strings.HasPrefix(info.Name(), "bazel-")) && !info.IsDir() {
			left = append(left, strings.TrimPrefix(path, root))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"/bazel-notes", "/cache/yours"}, left); diff != "" {
		t.Errorf("what clean leaves (-want +got):\n%s", diff)
	}
}

func TestCleanDuringABuild(t *testing.T) {
	t.Parallel()
	root := repository(t)
	lock, rootfs := filepath.Join(root, "cache/lock"), filepath.Join(root, "cache/rootfs-0123/file")
	write(t, lock, "")
	write(t, rootfs, "")
	build := exec.Command("flock", "--shared", lock, "cat")
	stdin, err := build.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := build.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		stdin.Close()
		if err := build.Wait(); err != nil {
			t.Error(err)
		}
	}()
	// The lock is held once another cannot be had.
	for exec.Command("flock", "--nonblock", lock, "true").Run() == nil {
	}
	_, stderr, code := host{}.run(t, root, nil, "tools/airgap/clean")
	if !strings.Contains(stderr, "a build is using") || code != 1 {
		t.Errorf("exit %d, stderr %q, want a refusal", code, stderr)
	}
	if _, err := os.Stat(rootfs); err != nil {
		t.Errorf("clean removed what a build uses: %v", err)
	}
}
