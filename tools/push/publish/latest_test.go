package publish_test

import (
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"example.com/reproducible-images/tools/imageset"
	"example.com/reproducible-images/tools/push/publish"
	"example.com/reproducible-images/tools/push/publish/publishtest"
	"example.com/reproducible-images/tools/registry"
	"example.com/reproducible-images/tools/registry/registrytest"
	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// Versions are pushed one after the other; "latest" follows the highest one.
func TestLatestFollowsTheHighestVersion(t *testing.T) {
	t.Parallel()
	const move = "--move-tag latest moves it"
	type step struct {
		version, content string
		moveTags         []string
		// latest is the version whose image "latest" is afterwards.
		latest string
		// notice is part of what is said, which is nothing if it is empty.
		notice string
	}
	for name, steps := range map[string][]step{
		"in order":           {{"v1.0.0", "a", nil, "v1.0.0", ""}, {"v1.0.1", "b", nil, "v1.0.1", ""}, {"v1.1.0", "c", nil, "v1.1.0", ""}},
		"numbers, not text":  {{"v1.9.0", "a", nil, "v1.9.0", ""}, {"v1.10.0", "b", nil, "v1.10.0", ""}, {"v1.9.1", "c", nil, "v1.10.0", "v1.9.1 is older than v1.10.0; " + move}},
		"long numbers":       {{"v1.0.99999999999999999999", "a", nil, "v1.0.99999999999999999999", ""}, {"v1.0.100000000000000000000", "b", nil, "v1.0.100000000000000000000", ""}},
		"older, insisting":   {{"v1.1.0", "a", nil, "v1.1.0", ""}, {"v1.0.1", "b", []string{"latest"}, "v1.0.1", ""}},
		"after insisting":    {{"v1.1.0", "a", nil, "v1.1.0", ""}, {"v1.0.1", "b", []string{"latest"}, "v1.0.1", ""}, {"v1.0.2", "c", nil, "v1.0.1", move}, {"v1.2.0", "d", nil, "v1.2.0", "which is not v1.1.0, to v1.2.0"}},
		"the same again":     {{"v1.0.0", "a", nil, "v1.0.0", ""}, {"v1.0.0", "a", nil, "v1.0.0", ""}},
		"the same bytes":     {{"v1.0.0", "a", nil, "v1.0.0", ""}, {"v1.0.1", "a", nil, "v1.0.1", ""}},
		"same bytes, older":  {{"v1.0.1", "a", nil, "v1.0.1", ""}, {"v1.0.0", "a", nil, "v1.0.1", "v1.0.0 is older than v1.0.1"}},
		"moved version":      {{"v1.0.0", "a", nil, "v1.0.0", ""}, {"v1.0.0", "b", []string{"v1.0.0"}, "v1.0.0", "which is not any version, to v1.0.0"}},
		"moved old version":  {{"v1.0.0", "a", nil, "v1.0.0", ""}, {"v1.1.0", "b", nil, "v1.1.0", ""}, {"v1.0.0", "c", []string{"v1.0.0"}, "v1.1.0", move}},
		"all moved together": {{"v1.1.0", "a", nil, "v1.1.0", ""}, {"v1.0.0", "b", nil, "v1.1.0", move}, {"v1.0.0", "c", []string{"v1.0.0", "latest"}, "v1.0.0", ""}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := registrytest.Start(t, registry.Options{})
			want := map[string]v1.Hash{}
			for _, step := range steps {
				img := publishtest.Image(t, "hello", step.version, step.content, "amd64")
				log := &progressLog{}
				o := publishtest.Options(t, s.Addr())
				o.MoveTags, o.Progress = step.moveTags, log
				published := push(t, o, img)
				want[step.version] = img.Digest
				want["latest"] = want[step.latest]
				checkTags(t, s.Addr()+"/hello", want)

				tags := []string{step.version, "latest"}
				if step.latest != step.version {
					tags = tags[:1]
				}
				if diff := cmp.Diff(tags, published[0].Tags); diff != "" {
					t.Errorf("%s: published tags (-want +got):\n%s", step.version, diff)
				}
				if said := strings.Join(log.notices, "\n"); !strings.Contains(said, step.notice) || step.notice == "" && said != "" {
					t.Errorf("%s: said %q, want %q", step.version, said, step.notice)
				}
			}
		})
	}
}

// The version tags of an image may be several.
func TestLatestWithAdditionalVersion(t *testing.T) {
	t.Parallel()
	s := registrytest.Start(t, registry.Options{})
	o := publishtest.Options(t, s.Addr())
	old := publishtest.Image(t, "hello", "v1.5.0", "old", "amd64")
	push(t, o, old)
	o.Tags = []string{"v2.0.0", "v1.0.0-rc1", "v3"}
	img := publishtest.Image(t, "hello", "v1.0.0", "new", "amd64")
	push(t, o, img)
	checkTags(t, s.Addr()+"/hello", map[string]v1.Hash{"v1.5.0": old.Digest, "v1.0.0": img.Digest, "v2.0.0": img.Digest, "v1.0.0-rc1": img.Digest, "v3": img.Digest, "latest": img.Digest})
}

// The list of tags comes in pages.
func TestLatestWithManyTags(t *testing.T) {
	t.Parallel()
	var pages int
	s := registrytest.Start(t, registry.Options{Wrap: func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if q := r.URL.Query(); strings.HasSuffix(r.URL.Path, "/tags/list") {
				pages++
				q.Set("n", "2")
				r.URL.RawQuery = q.Encode()
			}
			next.ServeHTTP(w, r)
		})
	}})
	o := publishtest.Options(t, s.Addr())
	highest := publishtest.Image(t, "hello", "v1.10.0", "highest", "amd64")
	push(t, o, highest)
	o.Tags = []string{"a", "b", "z", "v1.9.1", "v1.9.2", "v1.9.3"}
	pages = 0
	push(t, o, publishtest.Image(t, "hello", "v1.9.0", "older", "amd64"))
	if got := registrytest.Tags(t, s.Addr()+"/hello")["latest"]; got != highest.Digest {
		t.Errorf("latest is %s, want %s", got, highest.Digest)
	}
	if pages < 5 {
		t.Errorf("%d pages", pages)
	}
}

// A registry that does not list tags refuses the push before it began, unless
// it need not know.
func TestLatestWithoutList(t *testing.T) {
	t.Parallel()
	var rec registrytest.Recorder
	s := registrytest.Start(t, registry.Options{Wrap: func(next http.Handler) http.Handler {
		return rec.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.HasSuffix(r.URL.Path, "/tags/list") {
				w.WriteHeader(http.StatusForbidden)
				return
			}
			next.ServeHTTP(w, r)
		}))
	}})
	o := publishtest.Options(t, s.Addr())
	images := []imageset.Image{publishtest.Image(t, "hello", "v1.0.0", "", "amd64")}
	_, err := publish.Push(t.Context(), images, o)
	checkError(t, err, "the registry does not list the tags of "+s.Addr()+"/hello (403 Forbidden)", "--move-tag latest sets latest in any case")
	for _, r := range rec.Requests() {
		if !strings.HasPrefix(r, "GET ") {
			t.Errorf("the refused push sent %s", r)
		}
	}
	o.MoveTags = []string{"latest"}
	if published := push(t, o, images...); len(published[0].Tags) != 2 {
		t.Errorf("published tags %v", published[0].Tags)
	}
}

// A list without the version that was just set is not that of the registry as it
// is: "latest" might go back.
func TestLatestWithWrongList(t *testing.T) {
	t.Parallel()
	for name, list := range map[string]http.HandlerFunc{
		"no list":    http.NotFound,
		"empty list": func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte(`{"name": "hello", "tags": null}`)) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var wrong atomic.Bool
			wrong.Store(true)
			s := registrytest.Start(t, registry.Options{Wrap: func(next http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if wrong.Load() && strings.HasSuffix(r.URL.Path, "/tags/list") {
						list(w, r)
						return
					}
					next.ServeHTTP(w, r)
				})
			}})
			o := publishtest.Options(t, s.Addr())
			newer := publishtest.Image(t, "hello", "v2.0.0", "newer", "amd64")
			o.MoveTags = []string{"latest"}
			push(t, o, newer)
			o.MoveTags = nil
			older := publishtest.Image(t, "hello", "v1.0.0", "older", "amd64")
			_, err := publish.Push(t.Context(), []imageset.Image{older}, o)
			checkError(t, err, "the registry does not list the tags of "+s.Addr()+"/hello", "the list lacks v1.0.0, which was just set", "--move-tag latest")
			wrong.Store(false)
			checkTags(t, s.Addr()+"/hello", map[string]v1.Hash{"v2.0.0": newer.Digest, "v1.0.0": older.Digest, "latest": newer.Digest})
		})
	}
}

// "latest" of no image moves before the versions of all images stand.
func TestLatestComesLast(t *testing.T) {
	t.Parallel()
	s := registrytest.Start(t, registry.Options{Wrap: func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodPut && strings.HasSuffix(r.URL.Path, "/bye/manifests/v1.0.0") {
				http.Error(w, "no", http.StatusBadRequest)
				return
			}
			next.ServeHTTP(w, r)
		})
	}})
	images := []imageset.Image{publishtest.Image(t, "hello", "v1.0.0", "", "amd64"), publishtest.Image(t, "bye", "v1.0.0", "", "amd64")}
	_, err := publish.Push(t.Context(), images, publishtest.Options(t, s.Addr()))
	checkError(t, err, "not all tags are set, push again to finish: setting the tag "+s.Addr()+"/bye:v1.0.0: the registry answers 400 Bad Request")
	checkTags(t, s.Addr()+"/hello", map[string]v1.Hash{"v1.0.0": images[0].Digest})
	checkTags(t, s.Addr()+"/bye", nil)
}
