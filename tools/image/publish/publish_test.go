package publish

import (
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"example.com/reproducible-images/tools/image/imagetest"
	"example.com/reproducible-images/tools/image/listing"
	"example.com/reproducible-images/tools/image/registry"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	fakeregistry "github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// hook sees each request before the registry does, and answers it if it returns true.
type hook func(w http.ResponseWriter, r *http.Request) bool

// server is a registry in this process.
type server struct {
	address  string
	registry http.Handler
	mu       sync.Mutex
	hook     hook
}

func newServer(t *testing.T) *server {
	t.Helper()
	s := &server{}
	s.registry = fakeregistry.New(fakeregistry.Logger(log.New(io.Discard, "", 0)))
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		hook := s.hook
		s.mu.Unlock()
		if hook == nil || !hook(w, r) {
			s.registry.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(web.Close)
	s.address = strings.TrimPrefix(web.URL, "http://")
	return s
}

func (s *server) setHook(h hook) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hook = h
}

// tags lists the tags of a repository. Each must lead to a complete image.
func (s *server) tags(t *testing.T, repository string) map[string]v1.Hash {
	t.Helper()
	s.setHook(nil)
	repo, err := name.NewRepository(s.address + "/" + repository)
	if err != nil {
		t.Fatal(err)
	}
	tags, err := remote.List(repo)
	if err != nil && !registry.IsStatus(err, http.StatusNotFound) {
		t.Fatal(err)
	}
	digests := map[string]v1.Hash{}
	for _, tag := range tags {
		if strings.HasPrefix(tag, "sha256:") {
			continue // go-containerregistry's registry lists digests too
		}
		index, err := remote.Index(repo.Tag(tag))
		if err != nil {
			t.Fatalf("%s is incomplete: %v", tag, err)
		}
		facts, err := listing.OfIndex(t.Context(), index)
		if err != nil {
			t.Fatalf("%s is incomplete: %v", tag, err)
		}
		for _, fact := range facts {
			if strings.HasSuffix(fact.Key, " damage") {
				t.Errorf("%s: %s", tag, fact)
			}
		}
		digests[tag] = imagetest.Digest(t, index)
	}
	return digests
}

// testImage is an image whose layers have this text.
func testImage(t *testing.T, version, text string) Image {
	index := imagetest.Index(t, map[string]string{"app": text})
	return Image{Repository: "team/app", Version: version, Index: index, Digest: imagetest.Digest(t, index)}
}

func testClient() *registry.Client {
	return &registry.Client{
		Keychain:     authn.NewMultiKeychain(),
		Backoff:      remote.Backoff{Duration: time.Millisecond, Factor: 1, Steps: 5},
		StallTimeout: time.Second,
	}
}

func pushTo(ctx context.Context, address string, o Options, images ...Image) ([]Published, error) {
	target, err := registry.ParseTarget(address)
	if err != nil {
		return nil, err
	}
	return Push(ctx, testClient(), target, images, o)
}

// release is one push of a sequence.
type release struct {
	version, text string
	options       Options
	wantError     string // a part of it; "" for success
}

func TestReleases(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name     string
		releases []release
		want     map[string]string // tag to text
	}{
		{"first", []release{{version: "v1.0.0", text: "a"}}, map[string]string{"v1.0.0": "a", "latest": "a"}},
		{"again", []release{{version: "v1.0.0", text: "a"}, {version: "v1.0.0", text: "a"}}, map[string]string{"v1.0.0": "a", "latest": "a"}},
		{"next", []release{{version: "v1.9.0", text: "a"}, {version: "v1.10.0", text: "b"}}, map[string]string{"v1.9.0": "a", "v1.10.0": "b", "latest": "b"}},
		{"older", []release{{version: "v1.1.0", text: "b"}, {version: "v1.0.1", text: "a"}}, map[string]string{"v1.0.1": "a", "v1.1.0": "b", "latest": "b"}},
		{"older, latest moved by name", []release{
			{version: "v1.1.0", text: "b"}, {version: "v1.0.1", text: "a", options: Options{MoveTags: []string{"latest"}}},
		}, map[string]string{"v1.0.1": "a", "v1.1.0": "b", "latest": "a"}},
		{"other bytes", []release{
			{version: "v1.0.0", text: "a"}, {version: "v1.0.0", text: "b", wantError: "nothing was pushed: "},
		}, map[string]string{"v1.0.0": "a", "latest": "a"}},
		{"other bytes, moved by name", []release{
			{version: "v1.0.0", text: "a"}, {version: "v1.0.0", text: "b", options: Options{MoveTags: []string{"v1.0.0"}}},
		}, map[string]string{"v1.0.0": "b", "latest": "b"}},
		{"pre-release", []release{
			{version: "v1.0.0", text: "a"}, {version: "v1.1.0-rc.1", text: "b"}, {version: "v1.1.0-rc.1", text: "c", wantError: "never published twice"},
		}, map[string]string{"v1.0.0": "a", "v1.1.0-rc.1": "b", "latest": "a"}},
		{"release after its pre-release", []release{
			{version: "v1.1.0-rc.1", text: "b"}, {version: "v1.0.0", text: "a"},
		}, map[string]string{"v1.0.0": "a", "v1.1.0-rc.1": "b", "latest": "a"}},
		{"no latest", []release{
			{version: "v1.0.0", text: "a"}, {version: "v1.1.0", text: "b", options: Options{NoLatest: true}},
		}, map[string]string{"v1.0.0": "a", "v1.1.0": "b", "latest": "a"}},
		{"more tags", []release{
			{version: "v1.0.0", text: "a", options: Options{Tags: []string{"stable", "v1.0.0", "v1.0"}}},
			{version: "v1.1.0", text: "b", options: Options{Tags: []string{"stable"}}},
		}, map[string]string{"v1.0.0": "a", "v1.0": "a", "v1.1.0": "b", "stable": "b", "latest": "b"}},
		{"moving what is not set", []release{
			{version: "v1.0.0", text: "a", options: Options{MoveTags: []string{"v2.0.0"}}, wantError: `"v2.0.0" is to be moved, but this push does not set it`},
		}, map[string]string{}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t)
			texts := map[v1.Hash]string{}
			for _, r := range test.releases {
				image := testImage(t, r.version, r.text)
				texts[image.Digest] = r.text
				published, err := pushTo(t.Context(), s.address, r.options, image)
				checkError(t, err, r.wantError)
				for _, p := range published {
					if p.Name != s.address+"/team/app" {
						t.Errorf("published to %s", p.Name)
					}
				}
			}
			got := map[string]string{}
			for tag, digest := range s.tags(t, "team/app") {
				got[tag] = texts[digest]
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("tags (-want +got):\n%s", diff)
			}
		})
	}
}

func checkError(t *testing.T, err error, want string) {
	t.Helper()
	switch {
	case want == "" && err != nil:
		t.Errorf("error %v", err)
	case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
		t.Errorf("error %v, want %q in it", err, want)
	}
}

// Registries that differ from the specification or forbid something.
func TestRegistries(t *testing.T) {
	t.Parallel()
	answer := func(status int, body string) hook {
		return func(w http.ResponseWriter, _ *http.Request) bool {
			w.WriteHeader(status)
			fmt.Fprint(w, body)
			return true
		}
	}
	when := func(method, part string, h hook) hook {
		return func(w http.ResponseWriter, r *http.Request) bool {
			return r.Method == method && strings.Contains(r.URL.Path, part) && h(w, r)
		}
	}
	tests := []struct {
		name      string
		hook      hook
		options   Options
		wantError string
		wantTags  []string
	}{
		{"HEAD without Content-Length", nil, Options{}, "", []string{"v1.0.0", "v1.1.0", "latest"}},
		{"no list of tags, 403", when("GET", "/tags/list", answer(403, "")), Options{}, "nothing was pushed: the registry does not list", []string{"v1.0.0"}},
		{"no list of tags, 401", when("GET", "/tags/list", answer(401, "")), Options{}, "--no-latest leaves", []string{"v1.0.0"}},
		{"no list of tags, 405", when("GET", "/tags/list", answer(405, "")), Options{}, "--move-tag latest sets", []string{"v1.0.0"}},
		{"no list of tags, no latest", when("GET", "/tags/list", answer(403, "")), Options{NoLatest: true}, "", []string{"v1.0.0", "v1.1.0"}},
		{"no list of tags, latest moved", when("GET", "/tags/list", answer(403, "")), Options{MoveTags: []string{"latest"}}, "", []string{"v1.0.0", "v1.1.0", "latest"}},
		{"immutable latest", when("PUT", "/manifests/latest", answer(409, `{"errors":[{"code":"DENIED","message":"immutable"}]}`)), Options{MoveTags: []string{"latest"}}, "push with --no-latest", []string{"v1.0.0", "v1.1.0"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t)
			before := testImage(t, "v1.0.0", "before")
			if _, err := pushTo(t.Context(), s.address, Options{}, before); err != nil {
				t.Fatal(err)
			}
			s.setHook(test.hook)
			if test.hook == nil {
				s.setHook(when("HEAD", "/", func(w http.ResponseWriter, r *http.Request) bool {
					answer := httptest.NewRecorder()
					s.registry.ServeHTTP(answer, r)
					w.WriteHeader(answer.Code)
					return true
				}))
			}
			image := testImage(t, "v1.1.0", "x")
			_, err := pushTo(t.Context(), s.address, test.options, image)
			checkError(t, err, test.wantError)
			if err != nil && strings.Contains(err.Error(), "push again") {
				t.Errorf("advice that does not help: %v", err)
			}
			tags := s.tags(t, "team/app")
			for _, tag := range test.wantTags {
				want := image.Digest
				if tag == before.Version {
					want = before.Digest
				}
				if tags[tag] != want {
					t.Errorf("%s is %s, want %s", tag, tags[tag], want)
				}
			}
		})
	}
}

// The specification's order: at each request that sets a tag, all that it leads to is
// there, of all images.
func TestOrder(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	a, b := testImage(t, "v1.0.0", "a"), testImage(t, "v2.0.0", "b")
	b.Repository = "team/other"
	var mu sync.Mutex
	var order []string
	s.setHook(func(_ http.ResponseWriter, r *http.Request) bool {
		if r.Method != http.MethodPut || !strings.Contains(r.URL.Path, "/manifests/") {
			return false
		}
		mu.Lock()
		defer mu.Unlock()
		order = append(order, kind(r.URL.Path))
		return false
	})
	if _, err := pushTo(t.Context(), s.address, Options{}, a, b); err != nil {
		t.Fatal(err)
	}
	want := strings.Fields("digest digest digest digest digest digest version version latest latest")
	if diff := cmp.Diff(want, order); diff != "" {
		t.Errorf("manifests (-want +got):\n%s", diff)
	}
}

// kind says what a manifest is put under.
func kind(path string) string {
	tag := path[strings.LastIndex(path, "/")+1:]
	switch {
	case strings.HasPrefix(tag, "sha256:"):
		return "digest"
	case IsVersion(tag):
		return "version"
	}
	return tag
}

// An image that is published is not sent again: the tags are read, and nothing else.
func TestUnchanged(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	image := testImage(t, "v1.0.0", "a")
	if _, err := pushTo(t.Context(), s.address, Options{}, image); err != nil {
		t.Fatal(err)
	}
	s.setHook(func(_ http.ResponseWriter, r *http.Request) bool {
		if r.Method != http.MethodGet {
			t.Errorf("%s %s", r.Method, r.URL.Path)
		}
		return false
	})
	if _, err := pushTo(t.Context(), s.address, Options{}, image); err != nil {
		t.Fatal(err)
	}
}

// Pushes at the same time: each version keeps its bytes, and latest is the highest.
func TestTwoPushes(t *testing.T) {
	t.Parallel()
	for range 20 {
		s := newServer(t)
		images := []Image{testImage(t, "v1.0.0", "a"), testImage(t, "v1.1.0", "b"), testImage(t, "v1.0.0", "c")}
		errs := make([]error, len(images))
		var wg sync.WaitGroup
		for i, image := range images {
			wg.Go(func() { _, errs[i] = pushTo(t.Context(), s.address, Options{}, image) })
		}
		wg.Wait()
		tags := s.tags(t, "team/app")
		if errs[1] != nil || tags["v1.1.0"] != images[1].Digest || tags["latest"] != images[1].Digest {
			t.Errorf("the higher version: error %v, tags %v", errs[1], tags)
		}
		if at := tags["v1.0.0"]; at != images[0].Digest && at != images[2].Digest {
			t.Errorf("v1.0.0 is %v", at)
		}
		for _, i := range []int{0, 2} {
			if tags["v1.0.0"] == images[i].Digest && errs[i] != nil {
				t.Errorf("the push whose bytes v1.0.0 has failed: %v", errs[i])
			}
		}
	}
}
