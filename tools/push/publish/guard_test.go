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

// push pushes and fails the test if that fails.
func push(t *testing.T, o publish.Options, images ...imageset.Image) []publish.Published {
	t.Helper()
	published, err := publish.Push(t.Context(), images, o)
	if err != nil {
		t.Fatal(err)
	}
	return published
}

func checkTags(t *testing.T, repository string, want map[string]v1.Hash) {
	t.Helper()
	if diff := cmp.Diff(want, registrytest.Tags(t, repository)); diff != "" {
		t.Errorf("tags of %s (-want +got):\n%s", repository, diff)
	}
}

// A version that was published with other bytes refuses the whole push before
// anything is written, and names all that is wrong.
func TestVersionIsPublishedOnce(t *testing.T) {
	t.Parallel()
	var rec registrytest.Recorder
	s := registrytest.Start(t, registry.Options{Wrap: rec.Wrap})
	o := publishtest.Options(t, s.Addr())
	o.Tags = []string{"v1", "v1.0.0-rc1", "v2.0.0"}
	old := publishtest.Image(t, "hello", "v1.0.0", "old", "amd64")
	oldBye := publishtest.Image(t, "bye", "v0.9.0", "old", "amd64")
	push(t, o, old, oldBye)

	hello := publishtest.Image(t, "hello", "v1.0.0", "new", "amd64")
	bye := publishtest.Image(t, "bye", "v0.9.0", "new", "amd64")
	fresh := publishtest.Image(t, "fresh", "v1.0.0", "new", "amd64")
	rec.Reset()
	_, err := publish.Push(t.Context(), []imageset.Image{fresh, hello, bye}, o)
	checkError(t, err, "nothing was pushed",
		s.Addr()+"/hello:v1.0.0 points to "+old.Digest.String()+", but what is pushed is "+hello.Digest.String(),
		s.Addr()+"/hello:v2.0.0 points to",
		s.Addr()+"/bye:v0.9.0 points to "+oldBye.Digest.String()+", but what is pushed is "+bye.Digest.String(),
		"insist with --move-tag v1.0.0 --move-tag v2.0.0 --move-tag v0.9.0")
	for _, r := range rec.Requests() {
		if !strings.HasPrefix(r, "GET ") {
			t.Errorf("the refused push sent %s", r)
		}
	}

	// Insisting on some is not enough; on all it is.
	o.MoveTags = []string{"v1.0.0", "v0.9.0"}
	_, err = publish.Push(t.Context(), []imageset.Image{fresh, hello, bye}, o)
	checkError(t, err, "hello:v2.0.0 points to", "bye:v2.0.0 points to", "insist with --move-tag v2.0.0")
	if strings.Contains(err.Error(), "v1.0.0 points") {
		t.Errorf("error %v", err)
	}
	checkTags(t, s.Addr()+"/hello", map[string]v1.Hash{"v1.0.0": old.Digest, "v1": old.Digest, "v1.0.0-rc1": old.Digest, "v2.0.0": old.Digest, "latest": old.Digest})
	checkTags(t, s.Addr()+"/fresh", nil)
	o.MoveTags = []string{"v1.0.0", "v0.9.0", "v2.0.0"}
	push(t, o, fresh, hello, bye)
	checkTags(t, s.Addr()+"/hello", map[string]v1.Hash{"v1.0.0": hello.Digest, "v1": hello.Digest, "v1.0.0-rc1": hello.Digest, "v2.0.0": hello.Digest, "latest": hello.Digest})
}

// Other tags than versions move freely.
func TestOtherTagsMove(t *testing.T) {
	t.Parallel()
	s := registrytest.Start(t, registry.Options{})
	o := publishtest.Options(t, s.Addr())
	o.Tags = []string{"stable"}
	one := publishtest.Image(t, "hello", "v1.0.0", "1", "amd64")
	two := publishtest.Image(t, "hello", "v2.0.0", "2", "amd64")
	push(t, o, one)
	push(t, o, two)
	checkTags(t, s.Addr()+"/hello", map[string]v1.Hash{"v1.0.0": one.Digest, "v2.0.0": two.Digest, "stable": two.Digest, "latest": two.Digest})
}

// A tag that somebody else sets while the blobs are uploaded is not moved.
func TestVersionSetMeanwhile(t *testing.T) {
	t.Parallel()
	theirs := publishtest.Image(t, "hello", "v1.0.0", "theirs", "amd64")
	ours := publishtest.Image(t, "hello", "v1.0.0", "ours", "amd64")
	var first atomic.Bool
	s := registrytest.Start(t, registry.Options{Wrap: func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if writes(r) && first.CompareAndSwap(false, true) {
				push(t, publishtest.Options(t, r.Host), theirs)
			}
			next.ServeHTTP(w, r)
		})
	}})
	_, err := publish.Push(t.Context(), []imageset.Image{ours}, publishtest.Options(t, s.Addr()))
	checkError(t, err, "not all tags are set: another push set "+s.Addr()+"/hello:v1.0.0 to "+theirs.Digest.String(), ours.Digest.String(), "--move-tag v1.0.0")
	checkTags(t, s.Addr()+"/hello", map[string]v1.Hash{"v1.0.0": theirs.Digest, "latest": theirs.Digest})
}

// Where a tag points must be known: no answer is no permission.
func TestGuardNeedsAnAnswer(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		status int
		want   string
	}{
		"forbidden": {http.StatusForbidden, "refuses the push to"},
		"broken":    {http.StatusInternalServerError, "looking where"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var rec registrytest.Recorder
			s := registrytest.Start(t, registry.Options{Wrap: func(next http.Handler) http.Handler {
				return rec.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if strings.HasSuffix(r.URL.Path, "/manifests/v1.0.0") {
						w.WriteHeader(test.status)
						return
					}
					next.ServeHTTP(w, r)
				}))
			}})
			_, err := publish.Push(t.Context(), []imageset.Image{publishtest.Image(t, "hello", "v1.0.0", "", "amd64")}, publishtest.Options(t, s.Addr()))
			checkError(t, err, test.want)
			for _, r := range rec.Requests() {
				if !strings.HasPrefix(r, "GET ") {
					t.Errorf("the refused push sent %s", r)
				}
			}
		})
	}
}
