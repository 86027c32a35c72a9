package main

import (
	"bytes"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"example.com/reproducible-images/tools/imageset"
	"example.com/reproducible-images/tools/imageset/imagetest"
	"example.com/reproducible-images/tools/internal/remotes"
	"example.com/reproducible-images/tools/push/publish"
	"example.com/reproducible-images/tools/registry"
	"example.com/reproducible-images/tools/registry/registrytest"
	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	ocilayout "github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// check runs the command on images and looks at what it says.
func check(t *testing.T, list string, args []string, code int, want ...string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	got := run(t.Context(), append([]string{"--images", list}, args...), func(string) string { return "" }, &stdout, &stderr)
	if got != code {
		t.Errorf("%v: exit status %d, want %d", args, got, code)
	}
	all := stdout.String() + stderr.String()
	for _, w := range want {
		if !strings.Contains(all, w) {
			t.Errorf("%v: %q is missing in:\n%s", args, w, all)
		}
	}
	for line := range strings.Lines(stderr.String()) {
		if !strings.HasPrefix(line, "verify: ") {
			t.Errorf("%v: an error has several lines:\n%s", args, &stderr)
		}
	}
}

func load(t *testing.T, list string) []imageset.Image {
	t.Helper()
	set, err := imageset.Load(list)
	if err != nil {
		t.Fatal(err)
	}
	return set.Images
}

func push(t *testing.T, registry string, images []imageset.Image) {
	t.Helper()
	target, err := remotes.ParseTarget(registry)
	if err != nil {
		t.Fatal(err)
	}
	o := publish.Options{Target: target, Keychain: authn.NewMultiKeychain()}
	if _, err := publish.Push(t.Context(), images, o); err != nil {
		t.Fatal(err)
	}
}

func TestRegistry(t *testing.T) {
	t.Parallel()
	s := registrytest.Start(t, registry.Options{})
	to := s.Addr() + "/team"
	list := imagetest.File(t, to, "hello", "bye")
	images := load(t, list)

	check(t, list, nil, unchecked, "hello:v1.0.0: not compared: ", "not")
	push(t, to, images)
	hello, bye := to+"/hello:v1.0.0: equal, "+images[0].Digest.String(), to+"/bye:v1.0.0: equal, "+images[1].Digest.String()
	check(t, list, nil, equal, hello, bye)
	check(t, list, []string{"--registry", to, "--tag", "latest", "--image", "hello"}, equal, to+"/hello:latest: equal")
	check(t, list, []string{"--image", "//images:hello", "--digest", images[0].Digest.String()}, equal, "@"+images[0].Digest.String()+": equal")
	// The image of one platform, by its manifest's digest.
	check(t, list, []string{"--image", "hello", "--digest", images[0].Platforms[1].Digest.String()}, equal, "equal")
	check(t, list, []string{"--tag", "v9.9.9"}, unchecked, "hello:v9.9.9: not compared", "bye:v9.9.9: not compared")

	// Other bytes under the version tag of one of the two.
	retag(t, to+"/hello:v1.0.0", to+"/bye@"+images[1].Digest.String())
	check(t, list, nil, different,
		to+"/hello:v1.0.0: DIFFERENT", "published  "+images[1].Digest.String(), "built      "+images[0].Digest.String(),
		`linux/amd64: configuration: config.Entrypoint[0]: "/bye" → "/hello"`, bye)
	// A manifest where an index was built.
	retag(t, to+"/hello:v1.0.0", to+"/hello@"+images[0].Platforms[0].Digest.String())
	check(t, list, []string{"--image", "hello"}, different, "DIFFERENT")
	// What could not be compared does not hide a difference.
	check(t, list, []string{"--tag", "v1.0.0", "--registry", to, "--image", "hello", "--image", "bye"}, different, bye)
}

// retag points a tag to what another reference names.
func retag(t *testing.T, tag, from string) {
	t.Helper()
	src, err := name.ParseReference(from)
	if err != nil {
		t.Fatal(err)
	}
	dst, err := name.NewTag(tag)
	if err != nil {
		t.Fatal(err)
	}
	desc, err := remote.Get(src)
	if err != nil {
		t.Fatal(err)
	}
	if idx, err := desc.ImageIndex(); err == nil {
		err = remote.WriteIndex(dst, idx)
		if err != nil {
			t.Fatal(err)
		}
		return
	}
	if err := remote.Tag(dst, desc); err != nil {
		t.Fatal(err)
	}
}

// The registry serves, under the right digest, a layer in which one byte is
// another: nothing but reading it all finds that.
func TestTamperedBlob(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	s := registrytest.Start(t, registry.Options{Root: root})
	list := imagetest.File(t, s.Addr(), "hello")
	images := load(t, list)
	push(t, s.Addr(), images)
	check(t, list, nil, equal)

	layers, err := images[0].Platforms[1].Image.Layers()
	if err != nil {
		t.Fatal(err)
	}
	digest, err := layers[1].Digest()
	if err != nil {
		t.Fatal(err)
	}
	blob := filepath.Join(root, "docker/registry/v2/blobs/sha256", digest.Hex[:2], digest.Hex, "data")
	raw, err := os.ReadFile(blob)
	if err != nil {
		t.Fatal(err)
	}
	raw[len(raw)/2] ^= 1
	if err := os.WriteFile(blob, raw, 0o644); err != nil {
		t.Fatal(err)
	}
	file := fileName(t, layers[1])
	check(t, list, nil, different, "hello:v1.0.0: DIFFERENT", "linux/arm64", "layer 2", digest.String(), file)
	// A layer that is cut short.
	if err := os.WriteFile(blob, raw[:len(raw)/3], 0o644); err != nil {
		t.Fatal(err)
	}
	check(t, list, nil, different, "linux/arm64", "layer 2")
}

// fileName is that of the first file of a layer.
func fileName(t *testing.T, l v1.Layer) string {
	t.Helper()
	r, err := l.Uncompressed()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	header := make([]byte, 100)
	if _, err := r.Read(header); err != nil {
		t.Fatal(err)
	}
	return strings.TrimRight(string(header), "\x00")
}

func TestFiles(t *testing.T) {
	t.Parallel()
	list := imagetest.File(t, "", "hello", "bye")
	images := load(t, list)
	layout := imagetest.Layout(t, "hello")
	check(t, list, []string{"--image", "hello", "--from", layout}, equal, images[0].Digest.String())
	check(t, list, []string{"--image", "bye", "--from", layout}, different, "DIFFERENT")

	archive := filepath.Join(t.TempDir(), "hello.tar")
	tag, err := name.NewTag("hello:v1.0.0")
	if err != nil {
		t.Fatal(err)
	}
	if err := tarball.WriteToFile(archive, tag, images[0].Platforms[0].Image); err != nil {
		t.Fatal(err)
	}
	check(t, list, []string{"--image", "hello", "--from", archive}, equal, "equal, image ID sha256:")
	check(t, list, []string{"--image", "bye", "--from", archive}, different, "linux/amd64")

	// One platform where there should be an index: only who asks for it by its
	// digest is told that it is equal.
	one := filepath.Join(t.TempDir(), "one")
	path, err := ocilayout.Write(one, empty.Index)
	if err != nil {
		t.Fatal(err)
	}
	if err := path.AppendImage(images[0].Platforms[0].Image); err != nil {
		t.Fatal(err)
	}
	check(t, list, []string{"--image", "hello", "--from", one}, different, "mediaType")
	check(t, list, []string{"--image", "hello", "--from", one + "@" + images[0].Platforms[0].Digest.String()}, equal, "equal")

	check(t, list, []string{"--from", layout}, unchecked, "has 2 images", "hello, bye")
	check(t, list, []string{"--image", "hello", "--from", filepath.Join(t.TempDir(), "none.tar")}, unchecked, "none.tar")
	check(t, list, []string{"--image", "hello", "--from", list}, unchecked, "images.json")
}

// What cannot be compared is never called equal.
func TestUnchecked(t *testing.T) {
	t.Parallel()
	protected := registrytest.Start(t, registry.Options{Htpasswd: registrytest.Htpasswd(t, "me", "secret")})
	broken := registrytest.Start(t, registry.Options{Wrap: func(http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadRequest) })
	}})
	stuck := make(chan struct{})
	slow := registrytest.Start(t, registry.Options{Wrap: func(http.Handler) http.Handler {
		return http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			select {
			case <-stuck:
			case <-r.Context().Done():
			}
		})
	}})
	t.Cleanup(func() { close(stuck) })
	list := imagetest.File(t, "", "hello")
	for name, tt := range map[string]struct {
		args []string
		want string
	}{
		"down":             {[]string{"--registry", "127.0.0.1:1"}, "cannot be reached"},
		"credentials":      {[]string{"--registry", protected.Addr()}, "docker login"},
		"broken":           {[]string{"--registry", broken.Addr()}, "400"},
		"no answer":        {[]string{"--registry", slow.Addr(), "--timeout", "50ms"}, "longer than --timeout allows"},
		"no registry":      {nil, "say --registry HOST[/PATH]"},
		"bad registry":     {[]string{"--registry", "not a host"}, "not a host"},
		"bad tag":          {[]string{"--tag", "no/tag"}, "bad tag"},
		"bad digest":       {[]string{"--digest", "sha256:1"}, "64 hexadecimal digits"},
		"bad timeout":      {[]string{"--registry", "localhost", "--timeout", "-1s"}, "it must be a duration"},
		"tag and digest":   {[]string{"--tag", "latest", "--digest", "sha256:" + strings.Repeat("0", 64)}, "leave one out"},
		"file and tag":     {[]string{"--from", "x", "--tag", "latest"}, "do not go with it"},
		"no such image":    {[]string{"--registry", "localhost", "--image", "ciao"}, `no image "ciao"; there is hello`},
		"unknown flag":     {[]string{"--tags", "x"}, "-tags"},
		"unknown argument": {[]string{"hello"}, `unexpected argument "hello"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			check(t, list, tt.args, unchecked, tt.want)
		})
	}
}

func TestWorse(t *testing.T) {
	t.Parallel()
	for _, tt := range [][3]int{
		{equal, equal, equal},
		{equal, unchecked, unchecked},
		{unchecked, different, different},
		{different, equal, different},
	} {
		if got := worse(tt[0], tt[1]); got != tt[2] {
			t.Errorf("worse(%d, %d) = %d, want %d", tt[0], tt[1], got, tt[2])
		}
	}
}
