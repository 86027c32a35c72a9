package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"example.com/reproducible-images/tools/demo/hellotest"
	"example.com/reproducible-images/tools/imageset"
	"example.com/reproducible-images/tools/imageset/imagetest"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// nobodysConfig is the configuration of the images in these tests.
func nobodysConfig() v1.Config {
	return v1.Config{
		User:         "65534:65534",
		Entrypoint:   []string{"/hello"},
		WorkingDir:   "/",
		ExposedPorts: map[string]struct{}{"8060/tcp": {}},
	}
}

// imagesFile writes a list of one image that has hello, for this machine's
// architecture and one that is not.
func imagesFile(t *testing.T, config v1.Config) string {
	t.Helper()
	return imageFile(t, config, runtime.GOARCH, "riscv64")
}

func imageFile(t *testing.T, config v1.Config, architectures ...string) string {
	t.Helper()
	index := mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	for _, architecture := range architectures {
		image := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
		image, err := mutate.AppendLayers(image, helloLayer(t))
		if err != nil {
			t.Fatal(err)
		}
		file, err := image.ConfigFile()
		if err != nil {
			t.Fatal(err)
		}
		file = file.DeepCopy()
		file.OS, file.Architecture, file.Config = "linux", architecture, config
		if image, err = mutate.ConfigFile(image, file); err != nil {
			t.Fatal(err)
		}
		index = mutate.AppendManifests(index, mutate.IndexAddendum{
			Add:        image,
			Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: architecture}},
		})
	}
	dir := t.TempDir()
	path, err := layout.Write(dir, empty.Index)
	if err != nil {
		t.Fatal(err)
	}
	if err := path.AppendIndex(index); err != nil {
		t.Fatal(err)
	}
	return imagetest.Write(t, imageset.File{Images: []imageset.Entry{{
		Label: "//images:hello", Repository: "hello", Version: imagetest.Version, Layout: dir,
	}}})
}

// helloLayer is a layer with hello and nothing else, compressed once for all
// tests.
func helloLayer(t *testing.T) v1.Layer {
	t.Helper()
	compressOnce.Do(func() {
		program := hellotest.Binary(t)
		var archive bytes.Buffer
		w := tar.NewWriter(&archive)
		if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: "hello", Mode: 0o755, Size: int64(len(program))}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(program); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		var err error
		compressed, err = tarball.LayerFromOpener(func() (io.ReadCloser, error) {
			return io.NopCloser(bytes.NewReader(archive.Bytes())), nil
		}, tarball.WithMediaType(types.OCILayer), tarball.WithCompressionLevel(gzip.BestSpeed), tarball.WithCompressedCaching)
		if err != nil {
			t.Fatal(err)
		}
	})
	return compressed
}

var (
	compressOnce sync.Once
	compressed   v1.Layer
)

// freePort is a port that was free a moment ago.
func freePort(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", ":0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return strconv.Itoa(listener.Addr().(*net.TCPAddr).Port)
}

// environment is a getenv with no docker on PATH and its own TMPDIR.
func environment(t *testing.T, path string) (getenv func(string) string, temporary string) {
	t.Helper()
	temporary = t.TempDir()
	return func(name string) string {
		return map[string]string{"PATH": path, "TMPDIR": temporary}[name]
	}, temporary
}

// checkEmpty reports what was left in a directory.
func checkEmpty(t *testing.T, dir string) {
	t.Helper()
	left, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
}

// installFakeDocker makes a directory with a docker that is this test binary.
func installFakeDocker(t *testing.T) (dir string) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir = t.TempDir()
	if err := os.Symlink(self, filepath.Join(dir, "docker")); err != nil {
		t.Fatal(err)
	}
	return dir
}

// fakeDocker does what the demo asks of docker, and notes it beside itself.
func fakeDocker(command string, args []string) int {
	dir := filepath.Dir(command)
	log, err := os.OpenFile(filepath.Join(dir, "log"), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return 1
	}
	io.WriteString(log, strings.Join(args, " ")+"\n")
	switch args[0] {
	case "load":
		archive, err := os.Create(filepath.Join(dir, "archive.tar"))
		if err != nil {
			return 1
		}
		if _, err := io.Copy(archive, os.Stdin); err != nil {
			return 1
		}
	case "run":
		if _, err := os.Stat(filepath.Join(dir, "broken")); err == nil {
			return 125
		}
		return fakeRun(args)
	}
	return 0
}

// fakeRun serves on the published port until it is told to stop.
func fakeRun(args []string) int {
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM)
	for i, arg := range args {
		if arg == "--publish" {
			port, _, _ := strings.Cut(args[i+1], ":")
			go http.ListenAndServe("127.0.0.1:"+port, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
		}
	}
	<-stop
	return 0
}

// output is a buffer that the demo and what it starts may write to at once, as
// they do to a standard error.
type output struct {
	mu     sync.Mutex
	buffer bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buffer.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buffer.String()
}
