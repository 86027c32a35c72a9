package publish

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	toxiproxy "github.com/Shopify/toxiproxy/v2"
	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/rs/zerolog"
)

// toxic is a fault of a connection, by toxiproxy's names: upstream is what the push
// sends.
type toxic struct {
	Type       string         `json:"type"`
	Stream     string         `json:"stream"`
	Attributes map[string]any `json:"attributes"`
}

// proxy puts connections with these faults in front of a registry.
func proxy(t *testing.T, upstream string, toxics []toxic) string {
	t.Helper()
	p := toxiproxy.NewProxy(toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop()), t.Name(), "127.0.0.1:0", upstream)
	for _, toxic := range toxics {
		raw, err := json.Marshal(toxic)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := p.Toxics.AddToxicJson(bytes.NewReader(raw)); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Stop)
	return p.Listen
}

// What a push does when the network or the registry fails. After each fault every tag
// leads to a complete image, and the next push publishes all.
func TestFaults(t *testing.T) {
	t.Parallel()
	// fail answers the requests of this method and part of the path, the first n of
	// them (0: all).
	fail := func(method, part string, n int32, status int, message string) hook {
		var count atomic.Int32
		return func(w http.ResponseWriter, r *http.Request) bool {
			if r.Method != method || !strings.Contains(r.URL.Path, part) || n > 0 && count.Add(1) > n {
				return false
			}
			_, _ = io.Copy(io.Discard, r.Body)
			w.WriteHeader(status)
			fmt.Fprintf(w, `{"errors":[{"code":"UNKNOWN","message":%q}]}`, message)
			return true
		}
	}
	hang := func(method, part string) hook {
		return func(_ http.ResponseWriter, r *http.Request) bool {
			if r.Method != method || !strings.Contains(r.URL.Path, part) {
				return false
			}
			// The context ends with the connection once the body was read.
			_, _ = io.Copy(io.Discard, r.Body)
			<-r.Context().Done()
			return true
		}
	}
	const blobs, digests = "/blobs/uploads/", "/manifests/sha256:"
	tests := []struct {
		name      string
		toxics    []toxic
		hook      hook
		wantError string
		wantTags  string
	}{
		{name: "latency", toxics: []toxic{{"latency", "upstream", map[string]any{"latency": 5}}}, wantTags: "latest v1.0.0"},
		{name: "slices of 100 bytes", toxics: []toxic{{"slicer", "upstream", map[string]any{"average_size": 100, "delay": 1}}}, wantTags: "latest v1.0.0"},
		{name: "reset", toxics: []toxic{{"reset_peer", "downstream", map[string]any{"timeout": 0}}}, wantError: "connecting to"},
		{name: "cut after 3000 bytes", toxics: []toxic{{"limit_data", "downstream", map[string]any{"bytes": 3000}}}, wantTags: "latest v1.0.0"},
		{name: "black hole", toxics: []toxic{{"timeout", "downstream", map[string]any{"timeout": 0}}}, wantError: "stalled (no progress for 1s)"},
		{name: "upload hangs", hook: hang("PATCH", blobs), wantError: "stalled"},
		{name: "tag hangs", hook: hang("PUT", "/manifests/v1.0.0"), wantError: "not all tags are set, push again to finish: the registry"},
		{name: "401", hook: fail("GET", "/v2/", 0, 401, "who?"), wantError: "docker login"},
		{name: "403 for a blob", hook: fail("POST", blobs, 0, 403, "no"), wantError: "podman login"},
		{name: "405, read-only", hook: fail("POST", blobs, 0, 405, "no"), wantError: "is it read-only?"},
		{name: "429 twice", hook: fail("PATCH", blobs, 2, 429, "slower"), wantTags: "latest v1.0.0"},
		{name: "429 always", hook: fail("PATCH", blobs, 0, 429, "slower"), wantError: "429 Too Many Requests"},
		{name: "500 four times", hook: fail("PUT", digests, 4, 500, "again"), wantTags: "latest v1.0.0"},
		{name: "503 for the version tag", hook: fail("PUT", "/manifests/v1.0.0", 0, 503, "down"), wantError: "setting the tag"},
		{name: "502 for latest", hook: fail("PUT", "/manifests/latest", 0, 502, "down"), wantError: "push again to finish", wantTags: "v1.0.0"},
		{name: "disk full in a blob", hook: fail("PATCH", blobs, 0, 500, "no space left on device"), wantError: "no space left on device"},
		{name: "disk full at the end of a blob", hook: fail("PUT", blobs, 0, 416, "range"), wantError: "is its disk full?"},
		{name: "disk full in a manifest", hook: fail("PUT", digests, 0, 500, "no space left on device"), wantError: "pushing the manifest"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t)
			s.setHook(test.hook)
			address := s.address
			if len(test.toxics) > 0 {
				address = proxy(t, s.address, test.toxics)
			}
			image := testImage(t, "v1.0.0", "a")
			_, err := pushTo(t.Context(), address, Options{}, image)
			checkError(t, err, test.wantError)
			if diff := cmp.Diff(test.wantTags, tagNames(s.tags(t, "team/app"))); diff != "" {
				t.Errorf("tags (-want +got):\n%s", diff)
			}
			if _, err := pushTo(t.Context(), s.address, Options{}, image); err != nil {
				t.Errorf("the next push: %v", err)
			}
			if diff := cmp.Diff("latest v1.0.0", tagNames(s.tags(t, "team/app"))); diff != "" {
				t.Errorf("tags after the next push (-want +got):\n%s", diff)
			}
		})
	}
}

func tagNames(tags map[string]v1.Hash) string {
	return strings.Join(slices.Sorted(maps.Keys(tags)), " ")
}

// pushVariable makes the test binary a program that pushes to the address in it.
const pushVariable = "PUBLISH_TEST_PUSH_TO"

func TestMain(m *testing.M) {
	if address := os.Getenv(pushVariable); address != "" {
		if err := pushChild(address); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// pushChild pushes two images.
func pushChild(address string) error {
	t := &testing.T{}
	a, b := testImage(t, "v1.0.0", "a"), testImage(t, "v1.0.0", "b")
	b.Repository = "team/other"
	_, err := pushTo(context.Background(), address, Options{}, a, b)
	return err
}

// A push is killed at 20 random requests, before or after the registry's answer. Every
// tag is complete then, and the next push publishes all.
func TestKill(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	total := killAt(t, newServer(t), 0, false)
	for range 20 {
		at, answered := 1+random.Int32N(total), random.IntN(2) == 0
		s := newServer(t)
		killAt(t, s, at, answered)
		for _, repository := range []string{"team/app", "team/other"} {
			s.tags(t, repository)
		}
		killAt(t, s, 0, false)
		for _, repository := range []string{"team/app", "team/other"} {
			if got := tagNames(s.tags(t, repository)); got != "latest v1.0.0" {
				t.Errorf("killed at request %d of %d: the next push left the tags %q in %s", at, total, got, repository)
			}
		}
	}
}

// killAt pushes in another process, which is killed at a request: before the registry
// has seen it, or right after. With 0 it is not killed. It returns the number of requests.
func killAt(t *testing.T, s *server, at int32, answered bool) int32 {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	child := exec.CommandContext(t.Context(), program)
	child.Env = append(os.Environ(), pushVariable+"="+s.address)
	var stderr strings.Builder
	child.Stderr = &stderr
	var count atomic.Int32
	started := make(chan struct{})
	s.setHook(func(_ http.ResponseWriter, r *http.Request) bool {
		if count.Add(1) != at {
			return false
		}
		<-started
		if answered {
			// The registry handles the request of a client that is gone already.
			body, _ := io.ReadAll(r.Body)
			r.Body = io.NopCloser(bytes.NewReader(body))
		}
		_ = child.Process.Kill()
		return !answered
	})
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	close(started)
	if err := child.Wait(); (err == nil) != (at == 0) {
		t.Fatalf("killed at %d: %v %s", at, err, stderr.String())
	}
	s.setHook(nil)
	return count.Load()
}
