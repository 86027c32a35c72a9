package faults_test

import (
	_ "embed"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"example.com/reproducible-images/tools/imageset"
	"example.com/reproducible-images/tools/push/publish"
	"example.com/reproducible-images/tools/push/publish/publishtest"
	"example.com/reproducible-images/tools/registry"
	"example.com/reproducible-images/tools/registry/registrytest"
	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// What a registry holds after a push.
const (
	nothing  = "no tag"
	versions = "version tags"
	all      = "all tags"
)

// fault is a row of the table.
type fault struct {
	name string
	does string
	// says is the error; empty if the push succeeds. The registry's address is
	// REGISTRY in it, and a digest sha256:….
	says  string
	holds string

	// One of these is the fault.
	wrap     wrapper
	toxics   []toxic
	disk     int64
	readOnly bool
	// size is that of the layer in bytes, if it matters.
	size int
	// serial pushes one blob at a time.
	serial bool
	// stall is the push's timeout, if not its own.
	stall time.Duration
}

func faults(t *testing.T) []fault {
	const (
		again   = "tries again, five times in all, within nine seconds"
		atOnce  = "fails at once"
		timeout = "fails when nothing moves for a minute"
	)
	patience := 4 * time.Second
	down := func(kind string, attributes map[string]any) []toxic { return []toxic{{kind, "downstream", attributes}} }
	up := func(kind string, attributes map[string]any) []toxic { return []toxic{{kind, "upstream", attributes}} }
	return []fault{
		{name: "latency of 20 ms each way", does: "goes on", holds: all,
			toxics: append(down("latency", map[string]any{"latency": 20}), up("latency", map[string]any{"latency": 20})...)},
		{name: "bandwidth of 1 kB/s, for an image of a few kB", does: "goes on", holds: all, toxics: up("bandwidth", map[string]any{"rate": 1})},
		{name: "data in pieces of 10 bytes", does: "goes on", holds: all,
			toxics: append(down("slicer", map[string]any{"average_size": 10, "size_variation": 5}), up("slicer", map[string]any{"average_size": 10, "size_variation": 5})...)},
		{name: "every connection is reset", does: again, says: "connecting to REGISTRY/hello: …", holds: nothing,
			toxics: down("reset_peer", map[string]any{"timeout": 0})},
		{name: "connections end after 2 kB", does: "goes on over new connections", holds: all,
			toxics: down("limit_data", map[string]any{"bytes": 2000})},
		{name: "connections end after 100 bytes", does: again, says: "connecting to REGISTRY/hello: …", holds: nothing,
			toxics: down("limit_data", map[string]any{"bytes": 100})},
		{name: "black hole", does: timeout, says: "the registry REGISTRY stalled: no progress for 1m0s in GET /v2/; does it or the network hang? push again to go on", holds: nothing,
			toxics: down("timeout", map[string]any{"timeout": 0}), stall: patience},
		{name: "hangs in an upload", does: timeout, says: "the registry REGISTRY stalled: no progress for 1m0s in PATCH /v2/hello/blobs/uploads/…; does it or the network hang? push again to go on", holds: nothing,
			wrap: failing(forever, uploads, hang), stall: patience},
		{name: "hangs when a tag is set", does: timeout, says: "not all tags are set, push again to finish: the registry REGISTRY stalled: no progress for 1m0s in PUT /v2/hello/manifests/v1.0.0; does it or the network hang? push again to go on", holds: nothing,
			wrap: failing(forever, setsTag, hang), stall: patience},
		{name: "429 with Retry-After", does: "waits as told, a minute at most, and goes on", holds: all, wrap: limited(t), serial: true},
		{name: "429 for ever", does: again, says: "uploading the blob sha256:… to REGISTRY/hello: the registry answers 429 Too Many Requests", holds: nothing,
			wrap: failing(forever, writes, status(http.StatusTooManyRequests))},
		{name: "500, 502 or 503 four times", does: again, holds: all, serial: true, wrap: func(next http.Handler) http.Handler {
			next = failing(2, writes, status(http.StatusInternalServerError))(next)
			next = failing(1, writes, status(http.StatusBadGateway))(next)
			return failing(1, writes, status(http.StatusServiceUnavailable))(next)
		}},
		{name: "500 for ever", does: again, says: "uploading the blob sha256:… to REGISTRY/hello: the registry answers 500 Internal Server Error", holds: nothing,
			wrap: failing(forever, writes, status(http.StatusInternalServerError))},
		{name: "503 for ever when a tag is set", does: again, says: "not all tags are set, push again to finish: setting the tag REGISTRY/hello:v1.0.0: the registry answers 503 Service Unavailable", holds: nothing,
			wrap: failing(forever, setsTag, status(http.StatusServiceUnavailable))},
		{name: "502 for ever when `latest` is set", does: again, says: "not all tags are set, push again to finish: setting the tag REGISTRY/hello:latest: the registry answers 502 Bad Gateway", holds: versions,
			wrap: failing(forever, func(r *http.Request) bool { return setsTag(r) && strings.HasSuffix(r.URL.Path, "latest") }, status(http.StatusBadGateway))},
		{name: "wrong digest stated for a blob or manifest", does: atOnce, says: "uploading the blob sha256:… to REGISTRY/hello: the registry says in its answer to PUT … that the digest is \"sha256:…\", expected sha256:…", holds: nothing,
			wrap: wrongDigest(func(r *http.Request) bool { return r.Method == http.MethodPut })},
		{name: "wrong digest stated for a tag", does: atOnce, says: "not all tags are set, push again to finish: setting the tag REGISTRY/hello:v1.0.0: the registry says in its answer to PUT /v2/hello/manifests/v1.0.0 that the digest is \"sha256:…\", expected sha256:…", holds: versions,
			wrap: wrongDigest(setsTag)},
		{name: "answers cut off three times", does: again, holds: all, wrap: truncated(3)},
		{name: "answers cut off for ever", does: again, says: "reading back REGISTRY/hello@sha256:…: unexpected EOF", holds: nothing, wrap: truncated(forever)},
		{name: "token expires before each request", does: "gets another one and goes on", holds: all, wrap: tokens(forever), serial: true},
		{name: "no other token in the middle", does: atOnce, says: "the registry REGISTRY refuses the push to REGISTRY (401 Unauthorized): run `docker login REGISTRY` as somebody who may push there", holds: nothing, wrap: tokens(15), serial: true},
		{name: "read-only registry", does: atOnce, says: "uploading the blob sha256:… to REGISTRY/hello: the registry answers 405 Method Not Allowed: is it read-only?", holds: nothing, readOnly: true},
		{name: "disk gets full", does: again, says: "uploading the blob sha256:… to REGISTRY/hello: the registry answers 500 Internal Server Error, UNKNOWN: unknown error (no space left on device)", holds: nothing,
			disk: 50_000, size: 100_000, serial: true},
		{name: "disk gets full with the end of a blob", does: atOnce, says: "uploading the blob sha256:… to REGISTRY/hello: the registry answers 416 Requested Range Not Satisfiable, RANGE_INVALID: invalid content range: it lost what was sent; is its disk full?", holds: nothing,
			disk: 100, serial: true},
		{name: "disk gets full with a manifest", does: again, says: "pushing the manifest REGISTRY/hello@sha256:…: the registry answers 500 Internal Server Error, UNKNOWN: unknown error (no space left on device)", holds: nothing,
			disk: 2000, serial: true},
	}
}

func TestFaults(t *testing.T) {
	t.Parallel()
	for _, f := range faults(t) {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			images := []imageset.Image{publishtest.Image(t, "hello", "v1.0.0", strings.Repeat("x", f.size), "amd64")}
			r := f.start(t)
			o := publishtest.Options(t, r.addr)
			if o.StallTimeout = f.stall; f.serial {
				o.Jobs = 1
			}
			_, err := publish.Push(t.Context(), images, o)
			f.checkError(t, err, r.addr)
			want := map[string]map[string]v1.Hash{
				nothing:  nil,
				versions: {"v1.0.0": images[0].Digest},
				all:      bothTags(images[0]),
			}
			r.mend()
			checkTags(t, r, want[f.holds])
			if _, err := publish.Push(t.Context(), images, publishtest.Options(t, r.direct)); err != nil {
				t.Fatalf("after the fault is gone: %v", err)
			}
			checkTags(t, r, want[all])
		})
	}
}

func bothTags(img imageset.Image) map[string]v1.Hash {
	return map[string]v1.Hash{"v1.0.0": img.Digest, "latest": img.Digest}
}

func (f fault) checkError(t *testing.T, err error, addr string) {
	t.Helper()
	if f.says == "" || err == nil {
		if f.says != "" || err != nil {
			t.Errorf("error %v, want %q", err, f.says)
		}
		return
	}
	got := strings.ReplaceAll(err.Error(), addr, "REGISTRY")
	if f.stall > 0 {
		got = strings.ReplaceAll(got, f.stall.String(), "1m0s")
	}
	pattern := "^" + strings.ReplaceAll(regexp.QuoteMeta(f.says), "…", ".+") + "$"
	if !regexp.MustCompile(pattern).MatchString(got) {
		t.Errorf("error\n%s\nwant\n%s", got, f.says)
	}
}

func checkTags(t *testing.T, r *broken, want map[string]v1.Hash) {
	t.Helper()
	if diff := cmp.Diff(want, registrytest.Tags(t, r.direct+"/hello")); diff != "" {
		t.Errorf("tags (-want +got):\n%s", diff)
	}
}

// broken is a registry with a fault.
type broken struct {
	// addr has the fault. direct has none of a connection.
	addr, direct string
	mended       atomic.Bool
	disk         *registrytest.Disk
	// readOnly is the storage of a registry that is to be started anew.
	readOnly func()
}

func (f fault) start(t *testing.T) *broken {
	t.Helper()
	b := &broken{}
	var o registry.Options
	if f.disk > 0 {
		b.disk = registrytest.NewDisk(f.disk)
		o = b.disk.Options()
	}
	if f.wrap != nil {
		o.Wrap = func(next http.Handler) http.Handler {
			faulty := f.wrap(next)
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if b.mended.Load() {
					next.ServeHTTP(w, r)
				} else {
					faulty.ServeHTTP(w, r)
				}
			})
		}
	}
	if f.readOnly {
		o.Root, o.ReadOnly = t.TempDir(), true
		b.readOnly = func() { b.direct = registrytest.Start(t, registry.Options{Root: o.Root}).Addr() }
	}
	b.addr = registrytest.Start(t, o).Addr()
	b.direct = b.addr
	if f.toxics != nil {
		b.addr = proxy(t, b.direct, f.toxics...)
	}
	return b
}

func (b *broken) mend() {
	b.mended.Store(true)
	if b.disk != nil {
		b.disk.Grow(1 << 30)
	}
	if b.readOnly != nil {
		b.readOnly()
	}
}

//go:embed README.md
var readme string

// The table in README.md is that of the test.
func TestTable(t *testing.T) {
	t.Parallel()
	var table strings.Builder
	table.WriteString("| fault | what push does | what it says | exit | what the registry holds |\n|---|---|---|---|---|\n")
	for _, f := range faults(t) {
		says, exit := "nothing", 0
		if f.says != "" {
			says, exit = "`"+strings.ReplaceAll(f.says, "`", "'")+"`", 1
		}
		fmt.Fprintf(&table, "| %s | %s | %s | %d | %s |\n", f.name, f.does, says, exit, f.holds)
	}
	if !strings.Contains(readme, table.String()) {
		t.Errorf("README.md does not have this table:\n%s", &table)
	}
}
