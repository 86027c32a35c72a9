package main

import (
	"context"
	"io"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"example.com/reproducible-images/tools/demo/hellotest"
	"example.com/reproducible-images/tools/demo/launch"
	"example.com/reproducible-images/tools/imageset"
	"example.com/reproducible-images/tools/imageset/imagetest"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

func TestMain(m *testing.M) {
	launch.Init()
	if filepath.Base(os.Args[0]) == "docker" {
		os.Exit(fakeDocker(os.Args[0], os.Args[1:]))
	}
	os.Exit(m.Run())
}

// checkResult checks how a run without docker ended. Where the test may not
// change its root directory, the demo has to say so.
func checkResult(t *testing.T, code int, stderr string) (ran bool) {
	t.Helper()
	ran = hellotest.CanLaunch(t)
	if ran && code != 0 {
		t.Errorf("exit status %d:\n%s", code, stderr)
	}
	lines := strings.Split(strings.TrimSpace(stderr), "\n")
	if last := lines[len(lines)-1]; !ran && (code != 1 || !strings.HasPrefix(last, "demo: ") || !strings.Contains(last, "docker")) {
		t.Errorf("exit status %d, last line %q; want 1 and a line that recommends docker", code, last)
	}
	return ran
}

func TestDemo(t *testing.T) {
	t.Parallel()
	file := imagesFile(t, nobodysConfig())
	set, err := imageset.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	getenv, temporary := environment(t, "")
	var stdout, stderr output
	code := run(t.Context(), []string{"--exit", "--images", file, "--port", freePort(t)}, getenv, &stdout, &stderr)
	checkEmpty(t, temporary)
	if !checkResult(t, code, stderr.String()) {
		return
	}
	image := set.Images[0]
	for _, want := range []string{
		"hello  index ", image.Digest.String(),
		"hello  " + image.Platforms[0].String(), image.Platforms[0].Digest.String(),
		"hello  linux/riscv64 ", image.Platforms[1].Digest.String(),
		"hello:v1.0.0 hello:latest",
		"byte for byte",
		"/ and /healthz answer 200 OK; in a chroot as 65534:65534, no capabilities, no_new_privs",
	} {
		if !strings.Contains(stdout.String(), want) {
			t.Errorf("the summary does not have %q:\n%s", want, stdout.String())
		}
	}
	if !strings.Contains(stderr.String(), "docker is not installed") {
		t.Errorf("it does not say why it takes a chroot:\n%s", stderr.String())
	}
}

func TestServesUntilInterrupted(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	getenv, temporary := environment(t, "")
	port := freePort(t)
	stdout, stdoutWriter := io.Pipe()
	var stderr output
	result := make(chan int, 1)
	go func() {
		result <- run(ctx, []string{"--images", imagesFile(t, nobodysConfig()), "--port", port, "--runtime", "chroot"}, getenv, stdoutWriter, &stderr)
		stdoutWriter.Close()
	}()
	shown := ""
	buffer := make([]byte, 4096)
	for !strings.Contains(shown, "Ctrl-C") {
		n, err := stdout.Read(buffer)
		shown += string(buffer[:n])
		if err != nil {
			break
		}
	}
	if hellotest.CanLaunch(t) {
		if want := "Open http://localhost:" + port + "/ "; !strings.Contains(shown, want) {
			t.Errorf("it does not say %q:\n%s", want, shown)
		}
	}
	cancel()
	go io.Copy(io.Discard, stdout)
	checkResult(t, <-result, stderr.String())
	checkEmpty(t, temporary)
}

func TestDemoWithDocker(t *testing.T) {
	t.Parallel()
	docker := installFakeDocker(t)
	file := imagesFile(t, nobodysConfig())
	getenv, temporary := environment(t, docker)
	port := freePort(t)
	var stdout, stderr output
	if code := run(t.Context(), []string{"--exit", "--images", file, "--port", port}, getenv, &stdout, &stderr); code != 0 {
		t.Fatalf("exit status %d:\n%s", code, stderr.String())
	}
	checkEmpty(t, temporary)
	if want := "in docker as 65534:65534"; !strings.Contains(stdout.String(), want) {
		t.Errorf("the summary does not have %q:\n%s", want, stdout.String())
	}

	log, err := os.ReadFile(filepath.Join(docker, "log"))
	if err != nil {
		t.Fatal(err)
	}
	want := regexp.MustCompile(`^version
load
run --rm --name (demo-hello-\d+) --cap-drop ALL --security-opt no-new-privileges --publish ` + port + `:8060 (localhost/demo-hello-\d+:demo)
rm --force (demo-hello-\d+)
rmi (localhost/demo-hello-\d+:demo)
$`)
	match := want.FindStringSubmatch(string(log))
	if match == nil || match[1] != match[3] || match[2] != match[4] {
		t.Fatalf("docker was asked for\n%s", log)
	}
	checkArchive(t, filepath.Join(docker, "archive.tar"), match[2], file)
}

// TestBrokenDocker has a docker that answers but cannot run anything, as it
// comes in sandboxes.
func TestBrokenDocker(t *testing.T) {
	t.Parallel()
	docker := installFakeDocker(t)
	if err := os.WriteFile(filepath.Join(docker, "broken"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	getenv, temporary := environment(t, docker)
	var stdout, stderr output
	code := run(t.Context(), []string{"--exit", "--images", imagesFile(t, nobodysConfig()), "--port", freePort(t)}, getenv, &stdout, &stderr)
	checkEmpty(t, temporary)
	if want := "docker run failed with exit status 125"; !strings.Contains(stderr.String(), want) {
		t.Errorf("it does not say %q:\n%s", want, stderr.String())
	}
	if ran := code == 0 && strings.Contains(stdout.String(), "in a chroot"); ran != hellotest.CanLaunch(t) {
		t.Errorf("exit status %d; it ran in a chroot: %v\n%s", code, ran, stderr.String())
	}
}

// checkArchive compares what docker was given with the image of this machine's
// platform.
func checkArchive(t *testing.T, archive, reference, file string) {
	t.Helper()
	tag, err := name.NewTag(reference)
	if err != nil {
		t.Fatal(err)
	}
	given, err := tarball.ImageFromPath(archive, &tag)
	if err != nil {
		t.Fatal(err)
	}
	set, err := imageset.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	got, err := given.ConfigName()
	if err != nil {
		t.Fatal(err)
	}
	want, err := set.Images[0].Platforms[0].Image.ConfigName()
	if err != nil {
		t.Fatal(err)
	}
	// The configuration names the layers' contents.
	if got != want {
		t.Errorf("docker was given an image with configuration %s, not %s", got, want)
	}
}

func TestFailures(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", ":0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { taken.Close() })
	_, takenPort, err := net.SplitHostPort(taken.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	with := func(change func(*v1.Config)) string {
		config := nobodysConfig()
		change(&config)
		return imagesFile(t, config)
	}
	good := imagetest.File(t, "", "hello", "bye")
	docker := installFakeDocker(t)
	for _, test := range []struct {
		name string
		path string
		args []string
		code int
		err  string
	}{
		{"unknown flag", "", []string{"--nonsense"}, 2, "-nonsense"},
		{"stray argument", "", []string{"hello"}, 2, `"hello"`},
		{"no number", "", []string{"--port", "http"}, 2, `"http"`},
		{"negative port", "", []string{"--port", "-1"}, 2, `"-1"`},
		{"large port", "", []string{"--port", "65536"}, 2, "--port 65536 is not a port number, 1 to 65535"},
		{"unknown runtime", "", []string{"--runtime", "runc"}, 2, `--runtime "runc" is not one of docker, podman, chroot, auto`},
		{"unknown image", "", []string{"--images", good, "--image", "cheers"}, 2, `--image "cheers" is not one of hello, bye`},
		{"no list", "", []string{"--images", "/none.json"}, 1, "/none.json"},
		{"missing engine", "", []string{"--runtime", "podman", "--images", imagesFile(t, nobodysConfig())}, 1, "podman is not installed"},
		{"port taken", docker, []string{"--port", takenPort, "--images", imagesFile(t, nobodysConfig())}, 1, "port " + takenPort + " is taken: see by whom with `ss -ltnp sport = :" + takenPort + "`, or give another with --port"},
		{"no port", docker, []string{"--images", with(func(c *v1.Config) { c.ExposedPorts = nil })}, 1, "image //images:hello: it exposes no TCP port"},
		{"only UDP", docker, []string{"--images", with(func(c *v1.Config) { c.ExposedPorts = map[string]struct{}{"53/udp": {}} })}, 1, "exposes no TCP port"},
		{"root", docker, []string{"--images", with(func(c *v1.Config) { c.User = "" })}, 1, "image //images:hello: the image names no user"},
		{"other platform", docker, []string{"--images", imageFile(t, nobodysConfig(), "riscv64", "s390x")}, 1, "image //images:hello: it is for linux/riscv64 and linux/s390x, not for this machine's linux/"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			getenv, temporary := environment(t, test.path)
			var stdout, stderr output
			code := run(t.Context(), test.args, getenv, &stdout, &stderr)
			if code != test.code {
				t.Errorf("exit status %d, want %d", code, test.code)
			}
			lines := strings.Split(strings.TrimSpace(stderr.String()), "\n")
			if last := lines[len(lines)-1]; !strings.HasPrefix(last, "demo: ") || !strings.Contains(last, test.err) {
				t.Errorf("last line %q, want one with %q", last, test.err)
			}
			if strings.Contains(stderr.String(), "registry") {
				t.Errorf("it began before it failed:\n%s", stderr.String())
			}
			checkEmpty(t, temporary)
		})
	}
}

// TestImageThatEnds runs an image that fails at once.
func TestImageThatEnds(t *testing.T) {
	t.Parallel()
	config := nobodysConfig()
	config.Cmd = []string{"-nonsense"}
	getenv, temporary := environment(t, "")
	var stdout, stderr output
	code := run(t.Context(), []string{"--exit", "--images", imagesFile(t, config), "--port", freePort(t)}, getenv, &stdout, &stderr)
	if code != 1 || hellotest.CanLaunch(t) && !strings.Contains(stderr.String(), "demo: running hello: it ended before http://127.0.0.1:") {
		t.Errorf("exit status %d:\n%s", code, stderr.String())
	}
	checkEmpty(t, temporary)
}

func TestHelp(t *testing.T) {
	t.Parallel()
	var stdout, stderr output
	if code := run(t.Context(), []string{"-h"}, os.Getenv, &stdout, &stderr); code != 0 || !strings.Contains(stdout.String(), "-exit") || stderr.String() != "" {
		t.Errorf("exit status %d, stdout %q, stderr %q", code, stdout.String(), stderr.String())
	}
}
