package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"example.com/reproducible-images/tools/digests/digeststest"
	"example.com/reproducible-images/tools/imageset"
	"example.com/reproducible-images/tools/imageset/imagetest"
	"example.com/reproducible-images/tools/registry"
	"example.com/reproducible-images/tools/registry/registrytest"
	"github.com/google/go-cmp/cmp"
)

// The test's executable is the command itself when this variable is set, for
// tests that need an environment or signals of their own.
const asCommand = "PUSH_TEST_AS_COMMAND"

func TestMain(m *testing.M) {
	if os.Getenv(asCommand) != "" {
		main()
	}
	// No test may use the credentials of whoever runs it.
	for _, key := range []string{"HOME", "DOCKER_CONFIG", "REGISTRY_AUTH_FILE", "XDG_CONFIG_HOME", "XDG_RUNTIME_DIR", "GITHUB_TOKEN"} {
		if err := os.Unsetenv(key); err != nil {
			panic(err)
		}
	}
	os.Exit(m.Run())
}

// command is the command in a process of its own. Its environment is env and
// nothing else, so that no credentials of the user's come in.
func command(t *testing.T, env, args []string) (cmd *exec.Cmd, stdout, stderr *bytes.Buffer) {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd = exec.CommandContext(t.Context(), exe, args...)
	cmd.Env = append([]string{asCommand + "=1", "HOME=" + t.TempDir()}, env...)
	stdout, stderr = new(bytes.Buffer), new(bytes.Buffer)
	cmd.Stdout, cmd.Stderr = stdout, stderr
	return cmd, stdout, stderr
}

func noEnv(string) string { return "" }

// list is a list of images whose digests are recorded.
func list(t *testing.T, registry string, repositories ...string) string {
	t.Helper()
	return digeststest.Record(t, imagetest.File(t, registry, repositories...))
}

func TestRun(t *testing.T) {
	t.Parallel()
	s := registrytest.Start(t, registry.Options{})
	other := registrytest.Start(t, registry.Options{})
	file := list(t, s.Addr()+"/team", "hello", "bye")
	set, err := imageset.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	refs := func(base string, tags ...string) string {
		var out strings.Builder
		for _, img := range set.Images {
			for _, tag := range tags {
				fmt.Fprintf(&out, "%s/%s:%s@%s\n", base, img.Repository, tag, img.Digest)
			}
		}
		return out.String()
	}
	for _, test := range []struct {
		args []string
		want string
	}{
		{nil, refs(s.Addr()+"/team", "v1.0.0", "latest")},
		{[]string{"--registry", other.Addr()}, refs(other.Addr(), "v1.0.0", "latest")},
		{[]string{"--registry=" + other.Addr(), "--tag", "a", "--tag=b", "--jobs=1"}, refs(other.Addr(), "v1.0.0", "a", "b", "latest")},
	} {
		var stdout, stderr bytes.Buffer
		code := run(t.Context(), append(test.args, "--images", file), noEnv, &stdout, &stderr)
		if code != 0 {
			t.Errorf("%q: exit status %d, stderr:\n%s", test.args, code, &stderr)
		}
		if diff := cmp.Diff(test.want, stdout.String()); diff != "" {
			t.Errorf("%q: stdout (-want +got):\n%s", test.args, diff)
		}
		if strings.Contains(stderr.String(), "\x1b") {
			t.Errorf("%q: stderr is no terminal, but has escape sequences: %q", test.args, &stderr)
		}
	}
}

func TestBadInput(t *testing.T) {
	t.Parallel()
	file := list(t, "", "hello")
	for name, test := range map[string]struct {
		args []string
		code int
		want string
	}{
		"unknown flag":          {[]string{"--frobnicate"}, 2, "push: flag provided but not defined: -frobnicate (-h shows all flags)"},
		"argument":              {[]string{"hello"}, 2, `unexpected argument "hello"`},
		"bad tag":               {[]string{"--tag", "a/b"}, 2, `bad tag "a/b"`},
		"bad tag to move":       {[]string{"--move-tag", "a/b"}, 2, `bad tag "a/b"`},
		"tag that is not set":   {[]string{"--registry", "127.0.0.1:1", "--move-tag", "v1.0.1"}, 2, `the tag "v1.0.1" is to be moved, but this push does not set it`},
		"no jobs":               {[]string{"--jobs", "0"}, 2, `invalid value "0" for flag -jobs: it must be a number from 1 on`},
		"jobs in words":         {[]string{"--jobs", "four"}, 2, "it must be a number from 1 on"},
		"no registry":           {nil, 2, "--registry HOST[/PATH], or build with --//images:registry=HOST[/PATH], or put the line `build --//images:registry=HOST[/PATH]` into user.bazelrc"},
		"scheme":                {[]string{"--registry", "http://localhost:5000"}, 2, `leave out the scheme and say "localhost:5000"`},
		"upper case":            {[]string{"--registry", "localhost:5000/Team"}, 2, `bad repository name "Team"`},
		"no host":               {[]string{"--registry", "team"}, 2, "Docker Hub is docker.io/team"},
		"unreachable":           {[]string{"--registry", "127.0.0.1:1"}, 1, "the registry 127.0.0.1:1 cannot be reached"},
		"no list of images":     {[]string{"--images", "/nowhere/images.json"}, 1, "no list of images at /nowhere/images.json"},
		"directory for a list":  {[]string{"--images", t.TempDir()}, 1, "is a directory"},
		"empty registry":        {[]string{"--registry="}, 2, "no registry to push to"},
		"insecure with a value": {[]string{"--insecure=perhaps"}, 2, "perhaps"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var stdout, stderr bytes.Buffer
			code := run(t.Context(), append([]string{"--images", file}, test.args...), noEnv, &stdout, &stderr)
			if code != test.code {
				t.Errorf("exit status %d, want %d", code, test.code)
			}
			if stdout.Len() > 0 {
				t.Errorf("stdout: %s", &stdout)
			}
			lines := strings.Split(strings.TrimSpace(stderr.String()), "\n")
			if last := lines[len(lines)-1]; !strings.Contains(last, test.want) {
				t.Errorf("stderr ends in %q, want %q", last, test.want)
			}
			if test.code == 2 && len(lines) != 1 {
				t.Errorf("stderr has %d lines, want 1:\n%s", len(lines), &stderr)
			}
		})
	}
}

// The second push of other bytes under the same version is refused.
func TestMoveTag(t *testing.T) {
	t.Parallel()
	s := registrytest.Start(t, registry.Options{})
	// Images of different names have different bytes.
	old, other := imagetest.Layout(t, "old"), imagetest.Layout(t, "new")
	file := func(layout, version string) string {
		return digeststest.Record(t, imagetest.Write(t, imageset.File{Registry: s.Addr(), Images: []imageset.Entry{{Label: "//images:hello", Repository: "hello", Version: version, Layout: layout}}}))
	}
	digest := func(layout string) string {
		_, digest, err := imageset.ReadLayout(layout)
		if err != nil {
			t.Fatal(err)
		}
		return digest.String()
	}
	hello := s.Addr() + "/hello"
	for _, step := range []struct {
		args           []string
		code           int
		stdout, stderr string
	}{
		{[]string{"--images", file(old, "v1.0.1")}, 0, hello + ":v1.0.1@" + digest(old) + "\n" + hello + ":latest@" + digest(old) + "\n", ""},
		{[]string{"--images", file(other, "v1.0.1")}, 1, "", "push: nothing was pushed, for a version is published once: " + hello + ":v1.0.1 points to " + digest(old) + ", but what is pushed is " + digest(other) + "; raise the version, or insist with --move-tag v1.0.1\n"},
		{[]string{"--images", file(other, "v1.0.0")}, 0, hello + ":v1.0.0@" + digest(other) + "\n", "NOTE: " + hello + ":latest stays at " + digest(old) + ": v1.0.0 is older than v1.0.1; --move-tag latest moves it\n"},
		{[]string{"--images", file(other, "v1.0.1"), "--move-tag", "v1.0.1"}, 0, hello + ":v1.0.1@" + digest(other) + "\n" + hello + ":latest@" + digest(other) + "\n", ""},
	} {
		var stdout, stderr bytes.Buffer
		if code := run(t.Context(), step.args, noEnv, &stdout, &stderr); code != step.code {
			t.Errorf("%q: exit status %d, want %d", step.args, code, step.code)
		}
		if diff := cmp.Diff(step.stdout, stdout.String()); diff != "" {
			t.Errorf("%q: stdout (-want +got):\n%s", step.args, diff)
		}
		if !strings.Contains(stderr.String(), step.stderr) {
			t.Errorf("%q: stderr:\n%s\nwant %q", step.args, &stderr, step.stderr)
		}
	}
}

func TestHelp(t *testing.T) {
	t.Parallel()
	var stdout, stderr bytes.Buffer
	if code := run(t.Context(), []string{"--help"}, noEnv, &stdout, &stderr); code != 0 {
		t.Errorf("exit status %d", code)
	}
	for _, want := range []string{"bazel run //images:push", "--registry", "--tag", "--move-tag", "--allow-unlocked", "--jobs", "--insecure", "--images", "Exit status"} {
		if !strings.Contains(stdout.String(), want) {
			t.Errorf("the help does not speak of %s:\n%s", want, &stdout)
		}
	}
	if strings.Contains(stdout.String(), "%!") || stderr.Len() > 0 {
		t.Errorf("stdout:\n%s\nstderr:\n%s", &stdout, &stderr)
	}
}

// The list of images may be named relative to where the user stands.
func TestRelativeList(t *testing.T) {
	t.Parallel()
	s := registrytest.Start(t, registry.Options{})
	file := list(t, s.Addr(), "hello")
	getenv := func(key string) string {
		return map[string]string{"BUILD_WORKING_DIRECTORY": filepath.Dir(file)}[key]
	}
	var stdout, stderr bytes.Buffer
	if code := run(t.Context(), []string{"--images", filepath.Base(file)}, getenv, &stdout, &stderr); code != 0 {
		t.Errorf("exit status %d, stderr:\n%s", code, &stderr)
	}
}

// Credentials come from docker's configuration, plain or from a helper, and
// the certificate authority from SSL_CERT_FILE.
func TestDockerLoginAndTLS(t *testing.T) {
	t.Parallel()
	config, caFile := registrytest.TLS(t)
	s := registrytest.Start(t, registry.Options{TLS: config, Htpasswd: registrytest.Htpasswd(t, "me", "secret")})
	file := list(t, s.Addr(), "hello")
	login := func(password string) string {
		auth := base64.StdEncoding.EncodeToString([]byte("me:" + password))
		return dockerConfig(t, `{"auths": {"`+s.Addr()+`": {"auth": "`+auth+`"}}}`)
	}
	for name, test := range map[string]struct {
		env  []string
		code int
		want string
	}{
		"all":             {[]string{"DOCKER_CONFIG=" + login("secret"), "SSL_CERT_FILE=" + caFile}, 0, "latest  tagged"},
		"no login":        {[]string{"SSL_CERT_FILE=" + caFile}, 1, "run `docker login " + s.Addr() + "`"},
		"wrong password":  {[]string{"DOCKER_CONFIG=" + login("wrong"), "SSL_CERT_FILE=" + caFile}, 1, "401 Unauthorized"},
		"no certificate":  {[]string{"DOCKER_CONFIG=" + login("secret"), "SSL_CERT_FILE=/nowhere"}, 1, "SSL_CERT_FILE=/path/to/ca.pem"},
		"no helper":       {[]string{"DOCKER_CONFIG=" + dockerConfig(t, `{"credsStore": "gone"}`), "SSL_CERT_FILE=" + caFile}, 1, "docker-credential-gone"},
		"spoilt settings": {[]string{"DOCKER_CONFIG=" + dockerConfig(t, `{`), "SSL_CERT_FILE=" + caFile}, 1, "config.json"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cmd, stdout, stderr := command(t, test.env, []string{"--images", file})
			err := cmd.Run()
			if code := cmd.ProcessState.ExitCode(); code != test.code {
				t.Errorf("exit status %d, want %d: %v", code, test.code, err)
			}
			if !strings.Contains(stderr.String(), test.want) {
				t.Errorf("stderr does not contain %q:\n%s", test.want, stderr)
			}
			if (stdout.Len() > 0) != (test.code == 0) {
				t.Errorf("stdout: %q", stdout)
			}
		})
	}
}

func dockerConfig(t *testing.T, content string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "config.json"), []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

// SIGINT while blobs are under way stops the command and leaves no tag.
func TestSignal(t *testing.T) {
	t.Parallel()
	var once sync.Once
	var rec registrytest.Recorder
	uploading := make(chan struct{})
	s := registrytest.Start(t, registry.Options{Wrap: func(next http.Handler) http.Handler {
		return rec.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodPost {
				once.Do(func() { close(uploading) })
				<-r.Context().Done()
				return
			}
			next.ServeHTTP(w, r)
		}))
	}})
	cmd, _, stderr := command(t, nil, []string{"--images", list(t, s.Addr(), "hello")})
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	<-uploading
	if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	err := cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != 1 {
		t.Errorf("exit status %d: %v", code, err)
	}
	if !strings.Contains(stderr.String(), "\npush: interrupted\n") {
		t.Errorf("stderr:\n%s", stderr)
	}
	for _, r := range rec.Requests() {
		if strings.HasPrefix(r, "PUT ") {
			t.Errorf("sent %s", r)
		}
	}
}

func TestCancelledBeforehand(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	s := registrytest.Start(t, registry.Options{})
	var stdout, stderr bytes.Buffer
	if code := run(ctx, []string{"--images", list(t, s.Addr(), "hello")}, noEnv, &stdout, &stderr); code != 1 {
		t.Errorf("exit status %d", code)
	}
	if !strings.HasSuffix(stderr.String(), "push: interrupted\n") {
		t.Errorf("stderr:\n%s", &stderr)
	}
}
