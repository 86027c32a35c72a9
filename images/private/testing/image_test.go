package testing

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"debug/elf"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/bazelbuild/rules_go/go/runfiles"
	"github.com/google/go-cmp/cmp"
)

type document struct {
	Manifests []struct {
		Digest   string
		Platform struct{ Architecture string }
	}
	Config struct {
		Digest     string
		Entrypoint []string
		Cmd        []string
		Env        []string
	}
	Layers []struct{ Digest string }
}

// An image for one platform.
type builtImage struct {
	config document
	files  map[string][]byte // by absolute path
	modes  map[string]int64
}

// open reads the image of a platform from the layout.
func open(t *testing.T, architecture string) builtImage {
	t.Helper()
	layout, err := runfiles.Rlocation("_main/images/private/testing/image")
	if err != nil {
		t.Fatal(err)
	}
	read := func(file string) document {
		var d document
		content, err := os.ReadFile(filepath.Join(layout, file))
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(content, &d); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		return d
	}
	blob := func(digest string) string { return filepath.Join("blobs", strings.Replace(digest, ":", "/", 1)) }
	index := read(blob(read("index.json").Manifests[0].Digest))
	for _, manifest := range index.Manifests {
		if manifest.Platform.Architecture == architecture {
			image := read(blob(manifest.Digest))
			built := builtImage{config: read(blob(image.Config.Digest)), files: map[string][]byte{}, modes: map[string]int64{}}
			built.unpack(t, filepath.Join(layout, blob(image.Layers[0].Digest)))
			return built
		}
	}
	t.Fatalf("no image for %s", architecture)
	return builtImage{}
}

func (i builtImage) unpack(t *testing.T, layer string) {
	t.Helper()
	file, err := os.Open(layer)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	zr, err := gzip.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	for tr := tar.NewReader(zr); ; {
		header, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(tr)
		if err != nil {
			t.Fatal(err)
		}
		i.files["/"+header.Name] = content
		i.modes["/"+header.Name] = header.Mode
	}
}

// All that is in the layer is built for its platform, in one configuration.
func TestPlatform(t *testing.T) {
	t.Parallel()
	for architecture, want := range map[string]struct {
		machine  elf.Machine
		settings string
	}{
		"amd64": {elf.EM_X86_64, "k8 opt\n"},
		"arm64": {elf.EM_AARCH64, "aarch64 opt\n"},
	} {
		image := open(t, architecture)
		for _, path := range []string{"/program", "/bin/helper"} {
			program, err := elf.NewFile(bytes.NewReader(image.files[path]))
			if err != nil {
				t.Errorf("%s: %s: %v", architecture, path, err)
				continue
			}
			if program.Machine != want.machine {
				t.Errorf("%s: %s is for %v", architecture, path, program.Machine)
			}
		}
		if got := string(image.files["/settings.txt"]); got != want.settings {
			t.Errorf("%s: the generated file has %q, want %q", architecture, got, want.settings)
		}
	}
}

func TestFiles(t *testing.T) {
	t.Parallel()
	image := open(t, "amd64")
	want := map[string]int64{
		"/bin/helper": 0o755,
		"/bin/helper.runfiles/_main/images/private/testing/helper/data.txt": 0o755,
		"/bin/helper.runfiles/_repo_mapping":                                0o755,
		"/etc/group":                                                        0o644,
		"/etc/passwd":                                                       0o644,
		"/etc/ssl/certs/ca-certificates.crt":                                0o644,
		"/" + strings.Repeat("long/", 60) + "b.html":                        0o644,
		"/odd/100% = é \"a\".html":                                          0o644,
		"/program":                                                          0o755,
		"/program.runfiles/_main/images/private/testing/program/data.txt": 0o755,
		"/program.runfiles/_repo_mapping":                                 0o755,
		"/settings.txt":                                                   0o644,
		"/srv/templates/a.html":                                           0o644,
		"/srv/templates/b.html":                                           0o600,
		"/srv/tree/plain.txt":                                             0o640,
		"/srv/tree/sub directory/50% = é.txt":                             0o640,
		"/tmp/":                                                           0o1777,
		"/var/lib/data/":                                                  0o700,
	}
	if diff := cmp.Diff(want, image.modes); diff != "" {
		t.Errorf("modes (-want +got):\n%s", diff)
	}
	if got := string(image.files["/srv/tree/sub directory/50% = é.txt"]); got != "odd\n" {
		t.Errorf("the file in the directory has the content %q", got)
	}
}

// The program finds in its image what an empty base does not have.
func TestRun(t *testing.T) {
	t.Parallel()
	image := open(t, "amd64")
	root := t.TempDir()
	for name, content := range image.files {
		path := filepath.Join(root, name)
		if strings.HasSuffix(name, "/") {
			if err := os.MkdirAll(path, 0o755); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, content, os.FileMode(image.modes[name]&0o777)); err != nil {
			t.Fatal(err)
		}
	}

	settings := image.config.Config
	command := exec.Command(settings.Entrypoint[0], settings.Cmd...)
	command.Path = settings.Entrypoint[0]
	command.Err = nil // of looking for the program outside
	command.Env = settings.Env
	command.Dir = "/"
	command.Stdin = strings.NewReader("")
	// A user namespace allows chroot without being root.
	command.SysProcAttr = &syscall.SysProcAttr{
		Chroot:      root,
		Cloneflags:  syscall.CLONE_NEWUSER,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 1000, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 1000, HostID: os.Getgid(), Size: 1}},
	}
	output, err := command.CombinedOutput()
	if errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.ENOSYS) || errors.Is(err, syscall.ENOSPC) {
		t.Skipf("the kernel refuses a user namespace: %v", err)
	}
	if err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	want := `greeting: hello
arguments: ["--name=a b" "a,b" " é$HOME\\n'\" "]
environment: " grüß = 100% 'a' \"b\" \\ "
data: read by the runfiles library
time zone: <nil>
certificates: some
temporary file: <nil>
user: &{1000 1000 service service /nonexistent} <nil>
helper: helps <nil>
`
	if diff := cmp.Diff(want, string(output)); diff != "" {
		t.Errorf("output (-want +got):\n%s", diff)
	}
}
