package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"example.com/reproducible-images/tools/imageset"
	"example.com/reproducible-images/tools/imageset/imagetest"
	"example.com/reproducible-images/tools/load/engine"
	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// The test's executable, called by the name of an engine, plays that engine.
func TestMain(m *testing.M) {
	if slices.Contains(engine.Names, filepath.Base(os.Args[0])) {
		os.Exit(fakeEngine(filepath.Dir(os.Args[0]), filepath.Base(os.Args[0]), os.Args[1:]))
	}
	os.Exit(m.Run())
}

// fakeEngine notes its call and its input in dir. A file there called like a
// command makes that command fail with the file's content as the message.
func fakeEngine(dir, name string, args []string) int {
	command := strings.Join(args, " ")
	if message, err := os.ReadFile(filepath.Join(dir, command)); err == nil {
		os.Stderr.Write(message)
		return 1
	}
	calls, err := os.OpenFile(filepath.Join(dir, "calls"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		panic(err)
	}
	fmt.Fprintln(calls, name, command)
	if command != "load" {
		return 0
	}
	archive, err := os.CreateTemp(dir, "loaded-*.tar")
	if err != nil {
		panic(err)
	}
	if _, err := io.Copy(archive, os.Stdin); err != nil {
		panic(err)
	}
	fmt.Println("Loaded image")
	return 0
}

// path makes a directory with the engines, to be the whole search path. It is
// the test's executable under other names: nothing is written that another
// test's fork could keep open for writing while it is to be executed.
func path(t *testing.T, engines ...string) string {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, e := range engines {
		if err := os.Symlink(exe, filepath.Join(dir, e)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func pathEnv(dir string) func(string) string {
	return func(key string) string { return map[string]string{"PATH": dir}[key] }
}

// loaded are the images that the fake engines got, by their sorted tags.
func loaded(t *testing.T, dir string) map[string]v1.Image {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "loaded-*.tar"))
	if err != nil {
		t.Fatal(err)
	}
	images := map[string]v1.Image{}
	for _, f := range files {
		open := func() (io.ReadCloser, error) { return os.Open(f) }
		manifest, err := tarball.LoadManifest(open)
		if err != nil {
			t.Fatal(err)
		}
		if len(manifest) != 1 {
			t.Fatalf("the archive has %d images, want 1", len(manifest))
		}
		img, err := tarball.Image(open, nil)
		if err != nil {
			t.Fatal(err)
		}
		images[strings.Join(slices.Sorted(slices.Values(manifest[0].RepoTags)), " ")] = img
	}
	return images
}

func calls(t *testing.T, dir string) []string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(dir, "calls"))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSpace(string(raw)), "\n")
}

func TestLoad(t *testing.T) {
	t.Parallel()
	if runtime.GOARCH != "amd64" && runtime.GOARCH != "arm64" {
		t.Skipf("imagetest has no image for %s", runtime.GOARCH)
	}
	file := imagetest.File(t, "", "hello", "team/bye")
	set, err := imageset.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	run1 := " run --cap-drop ALL --publish 8060:8060 hello:v1.0.0\n"
	run2 := " run --cap-drop ALL --publish 8060:8060 team/bye:v1.0.0\n"
	hello, bye := "hello:latest hello:v1.0.0", "team/bye:latest team/bye:v1.0.0"
	for name, test := range map[string]struct {
		engines  []string
		spoil    map[string]string
		args     []string
		platform string
		calls    []string
		loaded   []string
		stdout   string
	}{
		"docker, all images": {
			engines: engine.Names, platform: hostPlatform().String(),
			calls:  []string{"docker version", "docker load", "docker load"},
			loaded: []string{hello, bye},
			stdout: "docker" + run1 + "docker" + run2,
		},
		"one image, other platform": {
			engines: engine.Names, args: []string{"--image=hello", "--platform", "linux/arm64"}, platform: "linux/arm64",
			calls:  []string{"docker version", "docker load"},
			loaded: []string{hello},
			stdout: "docker" + run1,
		},
		"podman by wish": {
			engines: engine.Names, args: []string{"--engine", "podman", "--image", "hello"}, platform: hostPlatform().String(),
			calls:  []string{"podman info", "podman load"},
			loaded: []string{hello},
			stdout: "podman" + run1,
		},
		"podman when there is no docker": {
			engines: []string{"podman"}, args: []string{"--image", "hello"}, platform: hostPlatform().String(),
			calls:  []string{"podman info", "podman load"},
			loaded: []string{hello},
			stdout: "podman" + run1,
		},
		"podman when docker's daemon is down": {
			engines: engine.Names, spoil: map[string]string{"version": "no daemon\n"}, args: []string{"--image", "hello"}, platform: hostPlatform().String(),
			calls:  []string{"podman info", "podman load"},
			loaded: []string{hello},
			stdout: "podman" + run1,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := path(t, test.engines...)
			spoil(t, dir, test.spoil)
			var stdout, stderr bytes.Buffer
			if code := run(t.Context(), append(test.args, "--images", file), pathEnv(dir), &stdout, &stderr); code != 0 {
				t.Fatalf("exit status %d, stderr:\n%s", code, &stderr)
			}
			if diff := cmp.Diff(test.stdout, stdout.String()); diff != "" {
				t.Errorf("stdout (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(test.calls, calls(t, dir)); diff != "" {
				t.Errorf("calls (-want +got):\n%s", diff)
			}
			got := loaded(t, dir)
			if len(got) != len(test.loaded) {
				t.Errorf("%d images loaded, want %d", len(got), len(test.loaded))
			}
			for i, tags := range test.loaded {
				img, ok := got[tags]
				if !ok {
					t.Errorf("no image with the tags %q", tags)
					continue
				}
				compare(t, platformOf(t, set.Images[i], test.platform), img)
			}
		})
	}
}

func spoil(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func platformOf(t *testing.T, img imageset.Image, platform string) v1.Image {
	t.Helper()
	for _, p := range img.Platforms {
		if p.String() == platform {
			return p.Image
		}
	}
	t.Fatalf("no image for %s", platform)
	return nil
}

// compare compares the configuration, whose digest is the image's ID, and the
// layers' content.
func compare(t *testing.T, want, got v1.Image) {
	t.Helper()
	wantID, err := want.ConfigName()
	if err != nil {
		t.Fatal(err)
	}
	gotID, err := got.ConfigName()
	if err != nil {
		t.Fatal(err)
	}
	if gotID != wantID {
		t.Errorf("image ID %s, want %s", gotID, wantID)
	}
	if diff := cmp.Diff(digests(t, want), digests(t, got)); diff != "" {
		t.Errorf("layers (-want +got):\n%s", diff)
	}
}

func digests(t *testing.T, img v1.Image) []string {
	t.Helper()
	layers, err := img.Layers()
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, l := range layers {
		r, err := l.Uncompressed()
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		h, n, err := v1.SHA256(r)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, fmt.Sprint(h, n))
	}
	return out
}

func TestBadInput(t *testing.T) {
	t.Parallel()
	file := imagetest.File(t, "", "hello", "bye")
	for name, test := range map[string]struct {
		engines []string
		spoil   map[string]string
		args    []string
		code    int
		want    string
	}{
		"unknown flag":          {nil, nil, []string{"--frobnicate"}, 2, "-frobnicate (-h shows all flags)"},
		"unknown engine":        {nil, nil, []string{"--engine", "rkt"}, 2, "it must be one of [docker podman]"},
		"platform without /":    {nil, nil, []string{"--platform", "arm64"}, 2, `bad platform "arm64": it must be OS/ARCH`},
		"platform with ////":    {nil, nil, []string{"--platform", "linux/arm/v7/x"}, 2, `bad platform "linux/arm/v7/x"`},
		"other platform":        {engine.Names, nil, []string{"--platform", "linux/riscv64"}, 1, "image hello is not built for linux/riscv64; choose with --platform one of linux/amd64, linux/arm64"},
		"other variant":         {engine.Names, nil, []string{"--platform", "linux/arm64/v9"}, 1, "not built for linux/arm64/v9"},
		"unknown image":         {engine.Names, nil, []string{"--image", "goodbye"}, 1, `no image "goodbye"; there is hello, bye`},
		"no list of images":     {nil, nil, []string{"--images", "/nowhere"}, 1, "no list of images at /nowhere"},
		"no engine":             {nil, nil, nil, 1, "docker is not installed (not on PATH); podman is not installed (not on PATH)"},
		"no engine of the kind": {[]string{"podman"}, nil, []string{"--engine=docker"}, 1, "docker is not installed (not on PATH); install or start one"},
		"no daemon":             {[]string{"docker"}, map[string]string{"version": "Client: 1\nCannot connect to the daemon.\n"}, nil, 1, "docker does not work: Cannot connect to the daemon.; podman is not installed"},
		"silent failure":        {[]string{"docker"}, map[string]string{"version": ""}, nil, 1, "docker does not work: exit status 1"},
		"load fails":            {[]string{"docker"}, map[string]string{"load": "no space left on device\n"}, nil, 1, "image hello: docker load: no space left on device"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := path(t, test.engines...)
			spoil(t, dir, test.spoil)
			var stdout, stderr bytes.Buffer
			code := run(t.Context(), append([]string{"--images", file, "--platform", "linux/amd64"}, test.args...), pathEnv(dir), &stdout, &stderr)
			if code != test.code {
				t.Errorf("exit status %d, want %d", code, test.code)
			}
			lines := strings.Split(strings.TrimSpace(stderr.String()), "\n")
			if last := lines[len(lines)-1]; !strings.HasPrefix(last, "load: ") || !strings.Contains(last, test.want) {
				t.Errorf("stderr ends in %q, want %q", last, test.want)
			}
			if stdout.Len() > 0 {
				t.Errorf("stdout: %s", &stdout)
			}
		})
	}
}

func TestHelp(t *testing.T) {
	t.Parallel()
	var stdout, stderr bytes.Buffer
	if code := run(t.Context(), []string{"-h"}, pathEnv(""), &stdout, &stderr); code != 0 {
		t.Errorf("exit status %d", code)
	}
	for _, want := range []string{"bazel run //images:load", "--image ", "--platform", "--engine", "--images", hostPlatform().String()} {
		if !strings.Contains(stdout.String(), want) {
			t.Errorf("the help does not speak of %s:\n%s", want, &stdout)
		}
	}
	if stderr.Len() > 0 {
		t.Errorf("stderr:\n%s", &stderr)
	}
}

func TestInterrupted(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var stdout, stderr bytes.Buffer
	code := run(ctx, []string{"--images", imagetest.File(t, "", "hello"), "--platform", "linux/amd64"}, pathEnv(path(t, "docker")), &stdout, &stderr)
	if code != 1 || stderr.String() != "load: interrupted\n" {
		t.Errorf("exit status %d, stderr:\n%s", code, &stderr)
	}
}

func TestRunLine(t *testing.T) {
	t.Parallel()
	for want, ports := range map[string][]string{
		"docker run --cap-drop ALL x:v1":                                                         nil,
		"docker run --cap-drop ALL --publish 8060:8060 x:v1":                                     {"8060/tcp"},
		"docker run --cap-drop ALL --publish 53:53 --publish 53:53/udp --publish 8060:8060 x:v1": {"8060", "53/udp", "53/tcp"},
	} {
		config := v1.Config{ExposedPorts: map[string]struct{}{}}
		for _, p := range ports {
			config.ExposedPorts[p] = struct{}{}
		}
		img, err := mutate.Config(empty.Image, config)
		if err != nil {
			t.Fatal(err)
		}
		got, err := runLine("docker", img, "x:v1")
		if err != nil {
			t.Fatal(err)
		}
		if got != want {
			t.Errorf("with the ports %q: %q, want %q", ports, got, want)
		}
	}
}

func TestSelectPlatformWithVariants(t *testing.T) {
	t.Parallel()
	img := imageset.Image{Repository: "hello"}
	for _, p := range []string{"linux/arm/v6", "linux/arm/v7", "linux/arm64/v8"} {
		parsed, err := parsePlatform(p)
		if err != nil {
			t.Fatal(err)
		}
		img.Platforms = append(img.Platforms, imageset.Platform{Platform: parsed})
	}
	for want, got := range map[string]string{
		"linux/arm64":    "linux/arm64/v8",
		"linux/arm64/v8": "linux/arm64/v8",
		"linux/arm/v7":   "linux/arm/v7",
		"linux/arm":      "",
		"linux/amd64":    "",
	} {
		platform, err := parsePlatform(want)
		if err != nil {
			t.Fatal(err)
		}
		p, err := selectPlatform(img, platform)
		if p.String() != got || (err == nil) != (got != "") {
			t.Errorf("for %s: %q, %v; want %q", want, p, err, got)
		}
		if err != nil && !strings.Contains(err.Error(), "one of linux/arm/v6, linux/arm/v7, linux/arm64/v8") {
			t.Errorf("for %s: the error does not say what there is: %v", want, err)
		}
	}
}
