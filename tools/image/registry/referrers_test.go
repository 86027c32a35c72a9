package registry

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	fakeregistry "github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

const testType types.MediaType = "application/vnd.example.test+json"

// openTest serves a registry behind a handler and opens a repository in it.
func openTest(t *testing.T, hasAPI bool, wrap func(http.Handler) http.Handler) *Repository {
	t.Helper()
	handler := fakeregistry.New(fakeregistry.Logger(log.New(io.Discard, "", 0)), fakeregistry.WithReferrersSupport(hasAPI))
	if wrap != nil {
		handler = wrap(handler)
	}
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	target, err := ParseTarget(strings.TrimPrefix(server.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	client := &Client{
		Keychain: authn.NewMultiKeychain(),
		Backoff:  remote.Backoff{Duration: time.Millisecond, Factor: 1, Steps: 3},
	}
	repository, err := client.Open(t.Context(), target, "app", "push,pull")
	if err != nil {
		t.Fatal(err)
	}
	return repository
}

func testSubject(t *testing.T) v1.Descriptor {
	t.Helper()
	d, err := partial.Descriptor(empty.Index)
	if err != nil {
		t.Fatal(err)
	}
	return *d
}

func attached(t *testing.T, r *Repository) []string {
	t.Helper()
	var texts []string
	err := r.Attached(t.Context(), testSubject(t).Digest, testType, func(_ v1.Hash, content []byte, err error) {
		text := string(content)
		if err != nil {
			text = "error: " + err.Error()
		}
		texts = append(texts, text)
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(texts)
	return texts
}

func bothKinds(t *testing.T, f func(t *testing.T, hasAPI bool)) {
	for kind, hasAPI := range map[string]bool{"referrers API": true, "fallback tag": false} {
		t.Run(kind, func(t *testing.T) { f(t, hasAPI) })
	}
}

func TestAttach(t *testing.T) {
	t.Parallel()
	bothKinds(t, func(t *testing.T, hasAPI bool) {
		puts := 0
		r := openTest(t, hasAPI, func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Method == http.MethodPut {
					puts++
				}
				next.ServeHTTP(w, r)
			})
		})
		if got := attached(t, r); got != nil {
			t.Errorf("an empty repository has %q", got)
		}
		for _, text := range []string{"one", "two"} {
			if err := r.Attach(t.Context(), Artifact{testSubject(t), testType, []byte(text), nil}); err != nil {
				t.Fatal(err)
			}
		}
		if err := r.Attach(t.Context(), Artifact{testSubject(t), "application/x-other", []byte("other"), nil}); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{"one", "two"}, attached(t, r)); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		before := puts
		if err := r.Attach(t.Context(), Artifact{testSubject(t), testType, []byte("two"), nil}); err != nil {
			t.Fatal(err)
		}
		if puts != before {
			t.Errorf("attaching again sent %d requests to write", puts-before)
		}
	})
}

// Equal artifacts are one manifest, without the time of anything.
func TestManifest(t *testing.T) {
	t.Parallel()
	m, err := Artifact{testSubject(t), testType, []byte("one"), map[string]string{"a": "b"}}.manifest()
	if err != nil {
		t.Fatal(err)
	}
	want := `{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json",` +
		`"config":{"mediaType":"application/vnd.oci.empty.v1+json","size":2,"digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"},` +
		`"layers":[{"mediaType":"application/vnd.example.test+json","size":3,"digest":"sha256:7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed"}],` +
		`"annotations":{"a":"b"},` +
		`"subject":{"mediaType":"application/vnd.docker.distribution.manifest.list.v2+json","size":%d,"digest":%q},` +
		`"artifactType":"application/vnd.example.test+json"}`
	subject := testSubject(t)
	want = fmt.Sprintf(strings.Replace(want, "application/vnd.docker.distribution.manifest.list.v2+json", string(subject.MediaType), 1), subject.Size, subject.Digest)
	raw, err := m.RawManifest()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, string(raw)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// Writers at the same time do not lose each other's entries, though each one reads the
// list long before it writes it.
func TestAttachAtOnce(t *testing.T) {
	t.Parallel()
	const writers = 8
	var mu sync.Mutex
	random := uint32(1)
	r := openTest(t, false, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
			if request.Method == http.MethodPut && strings.Contains(request.URL.Path, "/manifests/sha256-") {
				mu.Lock()
				random = random*1664525 + 1013904223
				wait := time.Duration(random>>24) * 200 * time.Microsecond
				mu.Unlock()
				time.Sleep(wait)
			}
			next.ServeHTTP(w, request)
		})
	})
	var want []string
	var group sync.WaitGroup
	for i := range writers {
		text := fmt.Sprint(i)
		want = append(want, text)
		group.Go(func() {
			if err := r.Attach(t.Context(), Artifact{testSubject(t), testType, []byte(text), nil}); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if diff := cmp.Diff(want, attached(t, r)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// A registry may refuse a list while it stores what another writer has in it.
func TestAttachRefusedOnce(t *testing.T) {
	t.Parallel()
	refused := false
	r := openTest(t, false, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
			if request.Method == http.MethodPut && !refused && strings.Contains(request.URL.Path, "/manifests/sha256-") {
				refused = true
				w.WriteHeader(http.StatusBadRequest)
				return
			}
			next.ServeHTTP(w, request)
		})
	})
	if err := r.Attach(t.Context(), Artifact{testSubject(t), testType, []byte("one"), nil}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"one"}, attached(t, r)); diff != "" || !refused {
		t.Errorf("refused: %v, (-want +got):\n%s", refused, diff)
	}
}

// put writes a manifest by its digest.
func put(t *testing.T, r *Repository, m manifest) v1.Descriptor {
	t.Helper()
	raw, err := m.RawManifest()
	if err != nil {
		t.Fatal(err)
	}
	digest, size, err := v1.SHA256(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Pusher.Put(t.Context(), r.Repository.Digest(digest.String()), m); err != nil {
		t.Fatal(err)
	}
	return v1.Descriptor{MediaType: m.Manifest.MediaType, Digest: digest, Size: size}
}

// What anybody who may push can write next to an artifact does not hide it.
func TestHostileReferrers(t *testing.T) {
	t.Parallel()
	bothKinds(t, func(t *testing.T, hasAPI bool) {
		r := openTest(t, hasAPI, nil)
		subject := testSubject(t)
		good := Artifact{subject, testType, []byte("good"), nil}
		if err := r.Attach(t.Context(), good); err != nil {
			t.Fatal(err)
		}
		m, err := good.manifest()
		if err != nil {
			t.Fatal(err)
		}
		lost := m
		lost.Layers = []v1.Descriptor{m.Layers[0]}
		lost.Layers[0].Digest.Hex = strings.Repeat("0", 64)
		two := m
		two.Layers = []v1.Descriptor{m.Layers[0], m.Layers[0]}
		for _, hostile := range []manifest{lost, two} {
			put(t, r, hostile)
		}
		huge := Artifact{subject, testType, bytes.Repeat([]byte("x"), maxArtifact+1), nil}
		if err := r.Attach(t.Context(), huge); err != nil {
			t.Fatal(err)
		}
		texts := attached(t, r)
		if len(texts) != 3 || !strings.HasPrefix(texts[0], "error: ") || !strings.Contains(strings.Join(texts, "\n"), "the limit, 4194304") || texts[2] != "good" {
			t.Errorf("got %q", texts)
		}
	})
}

// A list that names what is about another image, or nothing.
func TestHostileList(t *testing.T) {
	t.Parallel()
	subject := testSubject(t)
	var list []byte
	r := openTest(t, false, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
			if list == nil || !strings.HasSuffix(request.URL.Path, "/"+listTag(subject.Digest)) {
				next.ServeHTTP(w, request)
				return
			}
			w.Header().Set("Content-Type", string(types.OCIImageIndex))
			_, _ = w.Write(list)
		})
	})
	other := subject
	other.Digest.Hex = strings.Repeat("1", 64)
	var listed []v1.Descriptor
	for _, a := range []Artifact{{other, testType, []byte("copied"), nil}, {subject, testType, []byte("good"), nil}} {
		if err := r.Attach(t.Context(), a); err != nil {
			t.Fatal(err)
		}
		raw, err := a.manifest()
		if err != nil {
			t.Fatal(err)
		}
		listed = append(listed, put(t, r, raw))
	}
	hash := func(digit string) v1.Hash { return v1.Hash{Algorithm: "sha256", Hex: strings.Repeat(digit, 64)} }
	var err error
	list, err = json.Marshal(v1.IndexManifest{SchemaVersion: 2, MediaType: types.OCIImageIndex, Manifests: append(listed,
		v1.Descriptor{MediaType: types.OCIManifestSchema1, Digest: hash("2"), Size: 10},
		v1.Descriptor{MediaType: types.OCIManifestSchema1, Digest: hash("3"), Size: 1 << 40},
		v1.Descriptor{MediaType: types.OCIImageIndex, Digest: hash("4"), Size: 10},
	)})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"error: it is in the list and does not exist",
		"error: its manifest has 1099511627776 bytes, the limit is 4194304",
		"error: its manifest refers to another image",
		"good",
	}
	if diff := cmp.Diff(want, attached(t, r)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// Tags in the form of an artifact's that are none, and an artifact that was deleted, do
// not keep another one from being attached.
func TestForeignTagsAndDeleted(t *testing.T) {
	t.Parallel()
	r := openTest(t, false, nil)
	subject := testSubject(t)
	deleted := Artifact{subject, testType, []byte("deleted"), nil}
	if err := r.Attach(t.Context(), deleted); err != nil {
		t.Fatal(err)
	}
	raw, err := deleted.manifest()
	if err != nil {
		t.Fatal(err)
	}
	d := put(t, r, raw)
	for _, reference := range []name.Reference{
		r.Repository.Digest(d.Digest.String()), r.Tag(listTag(subject.Digest) + "." + d.Digest.Hex[:shortDigest]),
	} {
		if err := r.Pusher.Delete(t.Context(), reference); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.Pusher.Put(t.Context(), r.Tag(listTag(subject.Digest)+".0123456789abcdef"), empty.Index); err != nil {
		t.Fatal(err)
	}
	if err := r.Attach(t.Context(), Artifact{subject, testType, []byte("good"), nil}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"good"}, attached(t, r)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
