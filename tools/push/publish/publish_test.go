package publish_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"example.com/reproducible-images/tools/imageset"
	"example.com/reproducible-images/tools/imageset/imagetest"
	"example.com/reproducible-images/tools/push/publish"
	"example.com/reproducible-images/tools/push/publish/publishtest"
	"example.com/reproducible-images/tools/registry"
	"example.com/reproducible-images/tools/registry/registrytest"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

func TestPush(t *testing.T) {
	t.Parallel()
	var rec registrytest.Recorder
	s := registrytest.Start(t, registry.Options{Wrap: rec.Wrap})
	images := imagetest.Load(t, "hello", "bye")
	o := publishtest.Options(t, s.Addr()+"/team")
	o.Tags = []string{"stable", "v1.0.0", "stable", "latest"}

	published, err := publish.Push(t.Context(), images, o)
	if err != nil {
		t.Fatal(err)
	}
	var refs []string
	for _, p := range published {
		refs = append(refs, p.References()...)
	}
	hello, bye := s.Addr()+"/team/hello", s.Addr()+"/team/bye"
	digests := []string{images[0].Digest.String(), images[1].Digest.String()}
	want := []string{
		hello + ":v1.0.0@" + digests[0], hello + ":stable@" + digests[0], hello + ":latest@" + digests[0],
		bye + ":v1.0.0@" + digests[1], bye + ":stable@" + digests[1], bye + ":latest@" + digests[1],
	}
	if diff := cmp.Diff(want, refs); diff != "" {
		t.Errorf("references (-want +got):\n%s", diff)
	}
	checkOrder(t, rec.Requests())

	for i, repo := range []string{hello, bye} {
		for _, tag := range []string{"v1.0.0", "stable", "latest"} {
			checkPull(t, repo+":"+tag, images[i])
		}
	}

	// Once more: the registry is only asked.
	rec.Reset()
	if _, err := publish.Push(t.Context(), images, o); err != nil {
		t.Fatal(err)
	}
	for _, r := range rec.Requests() {
		if !strings.HasPrefix(r, "HEAD ") && !strings.HasPrefix(r, "GET ") {
			t.Errorf("the second push sent %s", r)
		}
	}
}

// checkOrder checks that the writing requests come in the promised order.
func checkOrder(t *testing.T, requests []string) {
	t.Helper()
	stage := func(r string) string {
		method, path, _ := strings.Cut(r, " ")
		_, ref, manifest := strings.Cut(path, "/manifests/")
		switch {
		case method == "HEAD" || method == "GET":
			return ""
		case !manifest:
			return "blobs"
		case strings.HasPrefix(ref, "sha256:"):
			return "manifests"
		case ref == "latest":
			return "latest"
		}
		return "versions"
	}
	var stages []string
	for _, r := range requests {
		if s := stage(r); s != "" {
			stages = append(stages, s)
		}
	}
	if diff := cmp.Diff([]string{"blobs", "manifests", "versions", "latest"}, slices.Compact(stages)); diff != "" {
		t.Errorf("stages (-want +got):\n%s", diff)
	}
}

// checkPull pulls an image and compares every byte of it.
func checkPull(t *testing.T, ref string, want imageset.Image, opts ...remote.Option) {
	t.Helper()
	r, err := name.ParseReference(ref)
	if err != nil {
		t.Fatal(err)
	}
	got, err := remote.Index(r, opts...)
	if err != nil {
		t.Fatal(err)
	}
	compare(t, ref+": index", want.Index.RawManifest, got.RawManifest)
	for _, p := range want.Platforms {
		img, err := got.Image(p.Digest)
		if err != nil {
			t.Fatal(err)
		}
		what := fmt.Sprintf("%s: %s: ", ref, p)
		compare(t, what+"manifest", p.Image.RawManifest, img.RawManifest)
		compare(t, what+"configuration", p.Image.RawConfigFile, img.RawConfigFile)
		layers, err := p.Image.Layers()
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range layers {
			digest, err := l.Digest()
			if err != nil {
				t.Fatal(err)
			}
			pulled, err := img.LayerByDigest(digest)
			if err != nil {
				t.Fatal(err)
			}
			compare(t, what+"layer", content(l), content(pulled))
		}
	}
}

func content(l v1.Layer) func() ([]byte, error) {
	return func() ([]byte, error) {
		r, err := l.Compressed()
		if err != nil {
			return nil, err
		}
		defer r.Close()
		return io.ReadAll(r)
	}
}

func compare(t *testing.T, what string, want, got func() ([]byte, error)) {
	t.Helper()
	w, err := want()
	if err != nil {
		t.Fatalf("%s: built: %v", what, err)
	}
	g, err := got()
	if err != nil {
		t.Fatalf("%s: pulled: %v", what, err)
	}
	if !bytes.Equal(w, g) {
		t.Errorf("%s: %d bytes were built, other %d bytes were pulled", what, len(w), len(g))
	}
}

// The layer that two images share is uploaded once.
func TestMount(t *testing.T) {
	t.Parallel()
	count := func(wrap func(http.Handler) http.Handler) (uploads, mounts int) {
		var rec registrytest.Recorder
		var mounted atomic.Int32
		s := registrytest.Start(t, registry.Options{Wrap: func(next http.Handler) http.Handler {
			next = rec.Wrap(wrap(next))
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				mount := r.URL.Query().Has("mount")
				status := &statusWriter{ResponseWriter: w}
				next.ServeHTTP(status, r)
				if mount && status.code == http.StatusCreated {
					mounted.Add(1)
				}
			})
		}})
		images := imagetest.Load(t, "hello", "bye")
		if _, err := publish.Push(t.Context(), images, publishtest.Options(t, s.Addr())); err != nil {
			t.Fatal(err)
		}
		for i, repo := range []string{"hello", "bye"} {
			checkPull(t, s.Addr()+"/"+repo+":latest", images[i])
		}
		for _, r := range rec.Requests() {
			if strings.HasPrefix(r, "PATCH ") {
				uploads++
			}
		}
		return uploads, int(mounted.Load())
	}

	// Two images of two platforms with a configuration and a layer of their
	// own each, and one layer for all.
	if uploads, mounts := count(func(h http.Handler) http.Handler { return h }); uploads != 9 || mounts != 1 {
		t.Errorf("%d uploads and %d mounts, want 9 and 1", uploads, mounts)
	}
	// A registry may do without mounting and open an upload instead.
	uploads, mounts := count(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Query().Has("mount") {
				r.URL.RawQuery = ""
			}
			next.ServeHTTP(w, r)
		})
	})
	if uploads != 10 || mounts != 0 {
		t.Errorf("without mounting: %d uploads and %d mounts, want 10 and 0", uploads, mounts)
	}
}

type statusWriter struct {
	http.ResponseWriter
	code int
}

func (w *statusWriter) WriteHeader(code int) {
	w.code = code
	w.ResponseWriter.WriteHeader(code)
}

// writes reports whether a request would change the registry.
func writes(r *http.Request) bool { return r.Method != http.MethodGet && r.Method != http.MethodHead }

// failing answers the nth and all later writing requests by fail.
func failing(n int32, fail http.HandlerFunc) func(http.Handler) http.Handler {
	var count atomic.Int32
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if writes(r) && count.Add(1) >= n {
				fail(w, r)
				return
			}
			next.ServeHTTP(w, r)
		})
	}
}

// until leaves out what wrap does once mended is true.
func until(mended *atomic.Bool, wrap func(http.Handler) http.Handler) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		broken := wrap(next)
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if mended.Load() {
				next.ServeHTTP(w, r)
			} else {
				broken.ServeHTTP(w, r)
			}
		})
	}
}

// Whatever write fails, no tag points to anything that is not whole, and a
// second push finishes the work.
func TestFailureAtEveryWrite(t *testing.T) {
	t.Parallel()
	images := imagetest.Load(t, "hello", "bye")
	// 9 blobs with POST, PATCH and PUT, a mount, 6 manifests and 4 tags.
	const all = 9*3 + 1 + 6 + 4
	for _, n := range []int32{1, 2, 3, 20, all - 9, all - 4, all - 3, all - 2, all - 1, all, all + 1} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			t.Parallel()
			var mended atomic.Bool
			s := registrytest.Start(t, registry.Options{Wrap: until(&mended, failing(n, func(w http.ResponseWriter, _ *http.Request) {
				http.Error(w, "broken", http.StatusBadRequest)
			}))})
			_, err := publish.Push(t.Context(), images, publishtest.Options(t, s.Addr()))
			if (err == nil) != (n > all) {
				t.Fatalf("the first push: error %v", err)
			}

			mended.Store(true)
			tagged := map[string]int{}
			for _, img := range images {
				for _, tag := range listTags(t, s.Addr()+"/"+img.Repository) {
					tagged[tag]++
					checkPull(t, s.Addr()+"/"+img.Repository+":"+tag, img)
				}
			}
			if tagged["latest"] > 0 && tagged["v1.0.0"] != len(images) {
				t.Errorf("latest was set before all versions: %v", tagged)
			}
			if n <= all-4 && len(tagged) > 0 {
				t.Errorf("tags were set before all content stood: %v", tagged)
			}
			if err != nil && (n > all-4) != strings.Contains(err.Error(), "not all tags are set, push again to finish") {
				t.Errorf("error %v", err)
			}

			if _, err := publish.Push(t.Context(), images, publishtest.Options(t, s.Addr())); err != nil {
				t.Fatal(err)
			}
			for _, img := range images {
				for _, tag := range []string{"v1.0.0", "latest"} {
					checkPull(t, s.Addr()+"/"+img.Repository+":"+tag, img)
				}
			}
		})
	}
}

// listTags lists the tags of a repository, none if there is no repository.
func listTags(t *testing.T, repo string) []string {
	t.Helper()
	r, err := name.NewRepository(repo)
	if err != nil {
		t.Fatal(err)
	}
	tags, err := remote.List(r)
	if err != nil && !strings.Contains(err.Error(), "NAME_UNKNOWN") {
		t.Fatal(err)
	}
	return tags
}

func TestInterrupt(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	s := registrytest.Start(t, registry.Options{Wrap: failing(5, func(_ http.ResponseWriter, r *http.Request) {
		cancel()
		// The server notices that the client is gone once it has read all.
		io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
	})})
	_, err := publish.Push(ctx, imagetest.Load(t, "hello"), publishtest.Options(t, s.Addr()))
	if err == nil || err.Error() != "interrupted" {
		t.Errorf("error %v, want %q", err, "interrupted")
	}
	if tags := listTags(t, s.Addr()+"/hello"); len(tags) > 0 {
		t.Errorf("tags %v", tags)
	}
}

// Each kind of request is answered once with a passing failure.
func TestRetry(t *testing.T) {
	t.Parallel()
	images := imagetest.Load(t, "hello")
	for name, fail := range map[string]http.HandlerFunc{
		"503": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) },
		"429 with a Retry-After": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "0")
			w.WriteHeader(http.StatusTooManyRequests)
		},
		"cut connection": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
	} {
		for _, kind := range []string{"GET ping", "HEAD blobs", "POST blobs", "PATCH blobs", "PUT blobs", "HEAD manifests", "PUT manifests"} {
			t.Run(name+" to "+kind, func(t *testing.T) {
				t.Parallel()
				method, part, _ := strings.Cut(kind, " ")
				var failed atomic.Bool
				s := registrytest.Start(t, registry.Options{Wrap: func(next http.Handler) http.Handler {
					return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
						hit := r.Method == method && (strings.Contains(r.URL.Path, "/"+part+"/") || part == "ping" && r.URL.Path == "/v2/")
						if hit && failed.CompareAndSwap(false, true) {
							fail(w, r)
							return
						}
						next.ServeHTTP(w, r)
					})
				}})
				if _, err := publish.Push(t.Context(), images, publishtest.Options(t, s.Addr())); err != nil {
					t.Fatal(err)
				}
				if !failed.Load() {
					t.Error("no such request came")
				}
				checkPull(t, s.Addr()+"/hello:latest", images[0])
			})
		}
	}
}

func TestRetryEnds(t *testing.T) {
	t.Parallel()
	var count atomic.Int32
	s := registrytest.Start(t, registry.Options{Wrap: failing(1, func(w http.ResponseWriter, _ *http.Request) {
		count.Add(1)
		w.WriteHeader(http.StatusServiceUnavailable)
	})})
	o := publishtest.Options(t, s.Addr())
	o.Jobs = 1
	if _, err := publish.Push(t.Context(), imagetest.Load(t, "hello"), o); err == nil || !strings.Contains(err.Error(), "503") {
		t.Errorf("error %v", err)
	}
	if n := count.Load(); n != int32(publishtest.Backoff.Steps) {
		t.Errorf("%d tries, want %d", n, publishtest.Backoff.Steps)
	}
}

func TestProgress(t *testing.T) {
	t.Parallel()
	// One upload is cut off and so begins again.
	var cut atomic.Bool
	s := registrytest.Start(t, registry.Options{Wrap: func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodPatch && cut.CompareAndSwap(false, true) {
				io.CopyN(io.Discard, r.Body, 10)
				panic(http.ErrAbortHandler)
			}
			next.ServeHTTP(w, r)
		})
	}})
	o := publishtest.Options(t, s.Addr())
	images := imagetest.Load(t, "hello", "bye")
	for _, uploads := range []int64{9, 0} {
		log := &progressLog{}
		o.Progress = log
		if _, err := publish.Push(t.Context(), images, o); err != nil {
			t.Fatal(err)
		}
		// A configuration and a layer for each platform of each image, and the
		// common layer for each image.
		if log.blobs != 10 || log.seen.Load() != 10 || log.uploaded.Load() != uploads {
			t.Errorf("%d blobs announced, %d told, %d uploaded; want 10, 10, %d", log.blobs, log.seen.Load(), log.uploaded.Load(), uploads)
		}
		if got := log.sent.Load() + log.skipped.Load(); got != log.bytes {
			t.Errorf("%d bytes sent or skipped, %d announced", got, log.bytes)
		}
		want := []string{"hello:v1.0.0", "bye:v1.0.0", "hello:latest", "bye:latest"}
		for i := range want {
			want[i] = s.Addr() + "/" + want[i]
		}
		if diff := cmp.Diff(want, log.tags); diff != "" {
			t.Errorf("tags (-want +got):\n%s", diff)
		}
	}
	if !cut.Load() {
		t.Error("no upload was cut off")
	}
}

// progressLog sums up what Push tells.
type progressLog struct {
	blobs                         int
	bytes                         int64
	sent, skipped, seen, uploaded atomic.Int64
	tags, notices                 []string
}

func (l *progressLog) Start(blobs int, bytes int64) { l.blobs, l.bytes = blobs, bytes }

func (l *progressLog) Sent(bytes int64) { l.sent.Add(bytes) }

func (l *progressLog) Blob(_ string, _ v1.Hash, size int64, uploaded bool) {
	l.seen.Add(1)
	if uploaded {
		l.uploaded.Add(1)
	} else {
		l.skipped.Add(size)
	}
}

func (l *progressLog) Tagged(tag string) { l.tags = append(l.tags, tag) }

func (l *progressLog) Notice(text string) { l.notices = append(l.notices, text) }
