package publish_test

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"example.com/reproducible-images/tools/imageset"
	"example.com/reproducible-images/tools/push/publish"
	"example.com/reproducible-images/tools/push/publish/publishtest"
	"example.com/reproducible-images/tools/registry"
	"example.com/reproducible-images/tools/registry/registrytest"
)

// lying changes the answers to matching requests once match returns true.
func lying(match func(*http.Request) bool, change func(*httptest.ResponseRecorder)) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if !match(r) {
				next.ServeHTTP(w, r)
				return
			}
			rec := httptest.NewRecorder()
			next.ServeHTTP(rec, r)
			if rec.Code/100 == 2 {
				change(rec)
			}
			for key, values := range rec.Header() {
				w.Header()[key] = values
			}
			w.WriteHeader(rec.Code)
			w.Write(rec.Body.Bytes())
		})
	}
}

// Whatever a registry says wrongly about what it holds is an error that names
// the thing and both values, and no tag is set that depends on it.
func TestLyingRegistry(t *testing.T) {
	t.Parallel()
	const other = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	img := publishtest.Image(t, "hello", "v1.0.0", "", "amd64")
	layers, err := img.Platforms[0].Image.Layers()
	if err != nil {
		t.Fatal(err)
	}
	layer, err := layers[0].Digest()
	if err != nil {
		t.Fatal(err)
	}
	request := func(method, suffix string) func(*http.Request) bool {
		return func(r *http.Request) bool { return r.Method == method && strings.HasSuffix(r.URL.Path, suffix) }
	}
	header := func(digest string) func(*httptest.ResponseRecorder) {
		return func(rec *httptest.ResponseRecorder) { rec.Header().Set("Docker-Content-Digest", digest) }
	}
	content := func(rec *httptest.ResponseRecorder) {
		// JSON with other bytes, and of another digest.
		rec.Body = bytes.NewBuffer(append(rec.Body.Bytes(), ' '))
		rec.Header().Set("Content-Length", strconv.Itoa(rec.Body.Len()))
	}
	index, manifest := img.Digest.String(), img.Platforms[0].Digest.String()
	for name, test := range map[string]struct {
		match  func(*http.Request) bool
		change func(*httptest.ResponseRecorder)
		want   []string
		tagged bool
	}{
		"digest of a blob put":      {func(r *http.Request) bool { return r.URL.Query().Get("digest") == layer.String() }, header(other), []string{"uploading the blob " + layer.String(), other, "expected " + layer.String()}, false},
		"digest of a manifest put":  {request("PUT", manifest), header(other), []string{"pushing the manifest", other, "expected " + manifest}, false},
		"digest of an index put":    {request("PUT", index), header("sha256:abc"), []string{"pushing the manifest", `"sha256:abc"`, "expected " + index}, false},
		"digest of a tag put":       {request("PUT", "/v1.0.0"), header(other), []string{"setting the tag", "PUT /v2/hello/manifests/v1.0.0", other, "expected " + index}, true},
		"digest of an index read":   {request("GET", index), header(other), []string{"reading back", other, "expected " + index}, false},
		"digest of a tag read":      {request("GET", "/v1.0.0"), header(other), []string{"GET /v2/hello/manifests/v1.0.0", other, "expected " + index}, true},
		"digest of a blob read":     {request("HEAD", layer.String()), header(other), []string{other, "expected " + layer.String()}, false},
		"content of an index read":  {request("GET", index), content, []string{"reading back", index}, false},
		"content of a manifest":     {request("GET", manifest), content, []string{"reading back", manifest}, false},
		"content of a tag":          {request("GET", "/v1.0.0"), content, []string{"GET /v2/hello/manifests/v1.0.0", index}, true},
		"size of a blob":            {request("HEAD", layer.String()), func(rec *httptest.ResponseRecorder) { rec.Header().Set("Content-Length", "3") }, []string{"/hello@" + layer.String() + " is 3 bytes, expected 6 bytes"}, false},
		"digest of latest put":      {request("PUT", "/latest"), header(other), []string{"setting the tag", other, "expected " + index}, true},
		"another digest's language": {request("PUT", "/v1.0.0"), header("sha512:" + strings.Repeat("0", 128)), nil, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var mended atomic.Bool
			s := registrytest.Start(t, registry.Options{Wrap: until(&mended, lying(test.match, test.change))})
			_, err := publish.Push(t.Context(), []imageset.Image{img}, publishtest.Options(t, s.Addr()))
			if test.want != nil {
				checkError(t, err, test.want...)
			} else if err != nil {
				t.Error(err)
			}
			mended.Store(true)
			if tags := registrytest.Tags(t, s.Addr()+"/hello"); (len(tags) > 0) != test.tagged {
				t.Errorf("tags %v", tags)
			}
			push(t, publishtest.Options(t, s.Addr()), img)
		})
	}
}

// A registry that drops what it acknowledged.
func TestForgetfulRegistry(t *testing.T) {
	t.Parallel()
	img := publishtest.Image(t, "hello", "v1.0.0", "", "amd64")
	for suffix, want := range map[string]string{
		"/manifests/v1.0.0":                 "/hello:v1.0.0 is missing, expected " + img.Digest.String(),
		"/manifests/" + img.Digest.String(): "reading back ",
	} {
		s := registrytest.Start(t, registry.Options{Wrap: func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Method == http.MethodPut && strings.HasSuffix(r.URL.Path, suffix) {
					w.WriteHeader(http.StatusCreated)
					return
				}
				next.ServeHTTP(w, r)
			})
		}})
		_, err := publish.Push(t.Context(), []imageset.Image{img}, publishtest.Options(t, s.Addr()))
		checkError(t, err, want)
	}
}
