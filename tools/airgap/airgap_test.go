// Package airgap tests the air-gapped build: which Bazel tools/bazel runs, how the scripts
// fail on a host that cannot build, and what the stand-in for rules_oci writes.
package airgap

import (
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A repository is a copy of what the scripts read, and a PATH with fake programs on it.
type repository struct{ root, cache, bin string }

func newRepository(t *testing.T) repository {
	t.Helper()
	root := t.TempDir()
	r := repository{root, filepath.Join(root, "cache"), filepath.Join(root, "bin")}
	for _, name := range []string{
		".bazelversion", "go.mod", "MODULE.bazel", "tools/bazel",
		"tools/airgap/bazel", "tools/airgap/clean", "tools/airgap/enter", "tools/airgap/lib.sh", "tools/airgap/setup",
		"tools/airgap/proxy/go.mod", "tools/airgap/proxy/go.sum",
		"tools/airgap/packages.txt", "tools/airgap/packages.lock", "tools/airgap/rules_go.patch",
	} {
		data, err := os.ReadFile(filepath.Join("../..", name))
		if err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(root, name), string(data))
	}
	if err := os.MkdirAll(filepath.Join(root, "real"), 0o755); err != nil {
		t.Fatal(err)
	}
	// The host's own programs that the scripts may run, and none of its Bazels.
	for _, name := range strings.Fields("bash cat chmod cmp cp cut date dirname du env flock grep head mkdir mktemp mv readlink rm rmdir sed sh sha256sum sort sync tail true") {
		real, err := exec.LookPath(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(real, filepath.Join(root, "real", name)); err != nil {
			t.Fatal(err)
		}
	}
	return r
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

// fake puts a program on PATH, in front of the real ones. Its body is a shell script.
func (r repository) fake(t *testing.T, name, body string) {
	t.Helper()
	write(t, filepath.Join(r.bin, name), "#!/bin/sh\n"+body+"\n")
}

// able makes a host that passes every check of tools/airgap/bazel, and does nothing.
func (r repository) able(t *testing.T) {
	t.Helper()
	for name, body := range map[string]string{
		"uname": "echo Linux x86_64", "id": "echo 0", "df": "echo Avail; echo 100", "dpkg": "echo amd64",
		"go": "echo https://proxy.invalid", "apt-get": "", "dpkg-deb": "", "git": "", "unshare": "", "pivot_root": "",
	} {
		r.fake(t, name, body)
	}
}

// run runs a script of the repository.
func (r repository) run(t *testing.T, env []string, script string, args ...string) (stdout, stderr string, status int) {
	t.Helper()
	cmd := exec.Command(filepath.Join(r.root, script), args...)
	cmd.Env = append([]string{
		"PATH=" + r.bin + ":" + filepath.Join(r.root, "real"), "TMPDIR=" + os.TempDir(), "AIRGAP_CACHE=" + r.cache,
		"AIRGAP_DEBIAN_MIRROR=http://mirror.invalid/debian", "AIRGAP_DEBIAN_KEYRING=/dev/null",
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
	right := `if [ "$1" = --version ]; then echo bazel ` + strings.TrimSpace(string(version)) + `; exit; fi; `
	for name, test := range map[string]struct {
		programs map[string]string
		env      []string
		stdout   string
		stderr   []string // of its one line; nil for none
		status   int
	}{
		"no Bazel":              {nil, nil, "airgap test //a b\n", nil, 0},
		"bazelisk":              {map[string]string{"bazelisk": right + `echo isk "$@"`, "bazel": "exit 9"}, nil, "isk test //a b\n", nil, 0},
		"bazel":                 {map[string]string{"bazel": right + `echo bazel "$@"`}, nil, "bazel test //a b\n", nil, 0},
		"bazelisk runs this":    {nil, []string{"BAZEL_REAL=/bin/echo"}, "test //a b\n", nil, 0},
		"air-gapped build":      {map[string]string{"bazel": right}, []string{"AIRGAP=1", "BAZEL_REAL=/bin/echo"}, "airgap test //a b\n", nil, 0},
		"another version":       {map[string]string{"bazel": "echo bazel 4.2.3"}, nil, "", []string{"/bin/bazel is bazel 4.2.3", "AIRGAP=1"}, 1},
		"bazelisk cannot fetch": {map[string]string{"bazelisk": `echo once; exit 1`, "bazel": "echo twice"}, nil, "", []string{"bin/bazelisk failed to provide bazel", "AIRGAP=1"}, 1},
		"no registry":           {map[string]string{"bazel": right + "exit 32"}, nil, "", []string{"Bazel Central Registry", "AIRGAP=1"}, 32},
		"a failed test":         {map[string]string{"bazel": right + "exit 3"}, nil, "", nil, 3},
		"itself on PATH":        {nil, []string{"PATH=ROOT/tools:ROOT/real"}, "airgap test //a b\n", nil, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRepository(t)
			write(t, filepath.Join(r.root, "tools/airgap/bazel"), "#!/bin/sh\necho airgap \"$@\"\n")
			for program, body := range test.programs {
				r.fake(t, program, body)
			}
			var env []string
			for _, e := range test.env {
				env = append(env, strings.ReplaceAll(e, "ROOT", r.root))
			}
			stdout, stderr, status := r.run(t, env, "tools/bazel", "test", "//a b")
			if diff := cmp.Diff(test.stdout, stdout); diff != "" || status != test.status {
				t.Errorf("status %d, want %d; stdout (-want +got):\n%s", status, test.status, diff)
			}
			if got, want := strings.Count(stderr, "\n"), min(len(test.stderr), 1); got != want {
				t.Errorf("%d lines on stderr, want %d:\n%s", got, want, stderr)
			}
			for _, want := range test.stderr {
				if !strings.Contains(stderr, want) {
					t.Errorf("stderr %q does not contain %q", stderr, want)
				}
			}
		})
	}
}

// Each host that cannot build gets one error that names the fix, and nothing incomplete has
// a name that a later run would take for complete.
func TestUnableHosts(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		program, body string
		env           string
		want          string
	}{
		"another system": {"uname", "echo Darwin arm64", "", "runs on x86-64 Linux only, this is Darwin arm64: install bazelisk"},
		"another CPU":    {"uname", "echo Linux aarch64", "", "runs on x86-64 Linux only, this is Linux aarch64: install bazelisk"},
		"not root":       {"id", "echo 1000", "", "must run as root: use sudo"},
		"no namespaces":  {"unshare", "exit 1", "", "refuses a mount namespace (unshare --mount): start the container with --privileged"},
		"full disk":      {"df", "echo Avail; echo 1", "", "has 1 GB free, the air-gapped build needs 6 GB: free some, or set AIRGAP_CACHE"},
		"no cache":       {"true", "", "AIRGAP_CACHE=/proc/none", "cannot create the cache folder /proc/none: set AIRGAP_CACHE"},
		"no keyring":     {"true", "", "AIRGAP_DEBIAN_KEYRING=/none.gpg", "/none.gpg is missing, which Debian's signature is checked with: install debian-archive-keyring"},
		"no archive":     {"apt-get", "echo \"'http://other.invalid/dists/bookworm/InRelease' x 0\"", "AIRGAP_DEBIAN_MIRROR=", "has no Debian archive: set AIRGAP_DEBIAN_MIRROR"},
		"no network":     {"apt-get", "exit 100", "", "cannot read the package lists of http://mirror.invalid/debian: check the network, or set AIRGAP_DEBIAN_MIRROR"},
		"host's mirror": {"apt-get", `case "$*" in *--print-uris*) echo "'http://host.invalid/d/dists/bookworm-updates/InRelease' x 0";; *) exit 100; esac`,
			"AIRGAP_DEBIAN_MIRROR=", "cannot read the package lists of http://host.invalid/d:"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRepository(t)
			r.able(t)
			r.fake(t, test.program, test.body)
			stdout, stderr, status := r.run(t, []string{test.env}, "tools/airgap/bazel", "build", "//...")
			if !strings.Contains(stderr, "airgap: error: ") || !strings.Contains(stderr, test.want) || status != 1 || stdout != "" {
				t.Errorf("status %d, stdout %q, stderr %q, want an error with %q", status, stdout, stderr, test.want)
			}
			for _, pattern := range []string{"rootfs-*", "go-*", "modules-*", "scratch-*"} {
				if left, _ := filepath.Glob(filepath.Join(r.cache, pattern)); left != nil {
					t.Errorf("left behind: %q", left)
				}
			}
		})
	}
}

func TestMissingProgram(t *testing.T) {
	t.Parallel()
	r := newRepository(t)
	r.able(t)
	if err := os.Remove(filepath.Join(r.bin, "git")); err != nil {
		t.Fatal(err)
	}
	_, stderr, status := r.run(t, nil, "tools/airgap/bazel", "info")
	if !strings.Contains(stderr, "git is not on PATH") || status != 1 {
		t.Errorf("status %d, stderr %q, want an error about git", status, stderr)
	}
}

// How Debian's archive, which moves on, is held against packages.lock.
func TestPackages(t *testing.T) {
	t.Parallel()
	const lock = "# comment\ndate 2026-10-30T08:08:01Z\nbash_5.3-1_amd64.deb aa\nbazel-bootstrap_7.7.1+ds-8_amd64.deb bb\n"
	const (
		date   = "Fri, 30 Oct 2026 08:08:01 UTC"
		bash   = "'http://x/bash_5.3-1_amd64.deb' bash_5.3-1_amd64.deb 12 SHA256:aa\n"
		bazel  = "'http://x/bazel-bootstrap_7.7.1%2bds-8_amd64.deb' bazel-bootstrap_7.7.1+ds-8_amd64.deb 12 SHA256:bb\n"
		going  = "cannot download Debian's packages" // The next step, which the fake refuses.
		strict = "AIRGAP_STRICT=1"
	)
	for name, test := range map[string]struct {
		date, uris string
		env        string
		want       []string
		not        string
	}{
		"the same":           {date, bash + bazel, "", []string{going}, "differ"},
		"the same, strict":   {date, bash + bazel, strict, []string{going}, "differ"},
		"later":              {"Sat, 31 Oct 2026 00:00:00 UTC", bash + bazel, "", []string{going}, "differ"},
		"another version":    {date, strings.ReplaceAll(bash, "5.3-1", "5.3-2") + bazel, "", []string{"1 packages differ from packages.lock", going}, "error: AIRGAP"},
		"another hash":       {date, strings.ReplaceAll(bash, ":aa", ":cc") + bazel, strict, []string{"error: AIRGAP_STRICT=1, and 1 packages", "snapshot of 2026-10-30T08:08:01Z", "setup --lock"}, going},
		"a replay":           {"Thu, 29 Oct 2026 20:00:00 UTC", bash + bazel, "", []string{"has the archive of 2026-10-29T20:00:00Z, packages.lock was written later", "setup --lock"}, going},
		"another Bazel":      {date, bash + strings.ReplaceAll(bazel, "7.7.1", "8.0.0"), "", []string{"forky of http://mirror.invalid/debian has Bazel 8.0.0, .bazelversion has 7.7.1"}, going},
		"no Bazel":           {date, bash, "", []string{"has Bazel nowhere"}, going},
		"a longer list":      {date, bash + bazel + strings.ReplaceAll(bash, "bash", "dash"), "", []string{"1 packages differ", going}, "error: AIRGAP"},
		"nothing can be had": {date, "", "", []string{"error: "}, going},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRepository(t)
			r.able(t)
			write(t, filepath.Join(r.root, ".bazelversion"), "7.7.1\n")
			write(t, filepath.Join(r.root, "tools/airgap/packages.lock"), lock)
			write(t, filepath.Join(r.root, "uris"), test.uris)
			r.fake(t, "apt-get", `case "$*" in
*update) echo "Date: `+test.date+`" >"${APT_CONFIG%/*}/lists/x_InRelease" ;;
*--print-uris*) cat '`+filepath.Join(r.root, "uris")+`' ;;
*) exit 100 ;;
esac`)
			_, stderr, status := r.run(t, []string{test.env}, "tools/airgap/bazel", "info")
			for _, want := range test.want {
				if !strings.Contains(stderr, want) {
					t.Errorf("stderr has no %q:\n%s", want, stderr)
				}
			}
			if strings.Contains(stderr, test.not) || status != 1 {
				t.Errorf("status %d; stderr should not contain %q:\n%s", status, test.not, stderr)
			}

			// What --lock writes is what a strict build accepts.
			if _, stderr, status := r.run(t, nil, "tools/airgap/setup", "--lock"); status != 0 {
				t.Fatalf("setup --lock: status %d, stderr %q", status, stderr)
			}
			if _, stderr, _ := r.run(t, []string{strict}, "tools/airgap/bazel", "info"); strings.Contains(test.uris, "7.7.1") && !strings.Contains(stderr, going) {
				t.Errorf("a strict build after setup --lock: %s", stderr)
			}
		})
	}
}

// A root filesystem that was made of other packages is not used in a strict build.
func TestStrictReadyRootfs(t *testing.T) {
	t.Parallel()
	r := newRepository(t)
	r.able(t)
	cmd := exec.Command("bash", "-c", `source tools/airgap/lib.sh && mkdir -p "$rootfs" "$sdk" "$modules" && echo other.deb aa >"$rootfs/packages.lock"`)
	cmd.Dir, cmd.Env = r.root, append(os.Environ(), "AIRGAP_CACHE="+r.cache)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for env, want := range map[string]string{"AIRGAP_STRICT=1": "made of other packages than packages.lock lists", "AIRGAP_STRICT=": ""} {
		_, stderr, status := r.run(t, []string{env}, "tools/airgap/bazel", "info")
		if (status == 0) != (want == "") || !strings.Contains(stderr, want) {
			t.Errorf("%s: status %d, stderr %q", env, status, stderr)
		}
	}
}

func TestClean(t *testing.T) {
	t.Parallel()
	r := newRepository(t)
	for _, file := range []string{"cache/lock", "cache/rootfs-0123/usr/bin/true", "cache/output/abc/out", "cache/yours", "bazel-notes"} {
		write(t, filepath.Join(r.root, file), "")
	}
	if err := os.Symlink(filepath.Join(r.cache, "output/abc"), filepath.Join(r.root, "bazel-bin")); err != nil {
		t.Fatal(err)
	}

	// Not while a build holds the lock.
	build := exec.Command("flock", "--shared", filepath.Join(r.cache, "lock"), "sh", "-c", "echo locked; cat")
	stdin, err := build.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := build.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := build.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := stdout.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	before := files(t, r.root)
	if _, stderr, status := r.run(t, nil, "tools/airgap/clean"); !strings.Contains(stderr, "a build is using") || status != 1 {
		t.Errorf("status %d, stderr %q, want a refusal", status, stderr)
	}
	if diff := cmp.Diff(before, files(t, r.root)); diff != "" {
		t.Errorf("clean removed what a build uses (-before +after):\n%s", diff)
	}
	stdin.Close()
	if err := build.Wait(); err != nil {
		t.Fatal(err)
	}

	if _, stderr, status := r.run(t, nil, "tools/airgap/clean"); status != 0 {
		t.Fatalf("status %d, stderr %q", status, stderr)
	}
	if diff := cmp.Diff([]string{"bazel-notes", "cache/yours"}, files(t, r.root)); diff != "" {
		t.Errorf("what clean leaves (-want +got):\n%s", diff)
	}
}

// files lists what is in the cache, and the links and files of the root named bazel-*.
func files(t *testing.T, root string) []string {
	t.Helper()
	var names []string
	err := fs.WalkDir(os.DirFS(root), ".", func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && (strings.HasPrefix(path, "cache/") || strings.HasPrefix(path, "bazel-")) {
			names = append(names, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}
