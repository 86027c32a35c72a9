package faults_test

import (
	"fmt"
	"net"
	"net/http"
	"sync/atomic"
	"testing"

	"example.com/reproducible-images/tools/imageset"
	"example.com/reproducible-images/tools/push/publish"
	"example.com/reproducible-images/tools/push/publish/publishtest"
	"example.com/reproducible-images/tools/registry"
	"example.com/reproducible-images/tools/registry/registrytest"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// cuts is how many places in the conversation are tried in each direction.
const cuts = 20

// The connection is cut at places spread over all that is said in a push, and
// nothing is tried again, so that the push ends there.
func TestCutAtEveryStage(t *testing.T) {
	t.Parallel()
	images := []imageset.Image{publishtest.Image(t, "hello", "v1.0.0", "content", "amd64", "arm64")}
	said, heard := conversation(t, images)
	t.Logf("%d bytes are sent and %d received", said, heard)
	var failed atomic.Int32
	t.Run("cut", func(t *testing.T) {
		for stream, bytes := range map[string]int64{"upstream": said, "downstream": heard} {
			for i := range int64(cuts) {
				limit := 1 + bytes*i/cuts
				t.Run(fmt.Sprintf("%s/%d", stream, limit), func(t *testing.T) {
					t.Parallel()
					if cut(t, images, toxic{"limit_data", stream, map[string]any{"bytes": limit}}) != nil {
						failed.Add(1)
					}
				})
			}
		}
	})
	// http.Transport sends a GET again when a connection ends that it used
	// before, so that some succeed.
	if n := failed.Load(); n < cuts {
		t.Errorf("%d of %d pushes failed", n, 2*cuts)
	}
}

// conversation pushes without any fault; it returns how many bytes are sent
// and received.
func conversation(t *testing.T, images []imageset.Image) (said, heard int64) {
	t.Helper()
	s := registrytest.Start(t, registry.Options{})
	var count counter
	o := oneConnection(publishtest.Options(t, s.Addr()))
	o.Transport.(*http.Transport).Dial = func(network, addr string) (net.Conn, error) {
		conn, err := net.Dial(network, addr)
		return &countedConn{conn, &count}, err
	}
	if _, err := publish.Push(t.Context(), images, o); err != nil {
		t.Fatal(err)
	}
	return count.written.Load(), count.read.Load()
}

func oneConnection(o publish.Options) publish.Options {
	o.Jobs = 1
	o.Transport = &http.Transport{MaxConnsPerHost: 1}
	o.Backoff = remote.Backoff{Steps: 1}
	return o
}

type counter struct{ read, written atomic.Int64 }

type countedConn struct {
	net.Conn
	count *counter
}

func (c *countedConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.count.read.Add(int64(n))
	return n, err
}

func (c *countedConn) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	c.count.written.Add(int64(n))
	return n, err
}

// cut pushes over a connection with a fault, checks what the registry holds,
// and finishes the push.
func cut(t *testing.T, images []imageset.Image, x toxic) error {
	t.Helper()
	r := &broken{direct: registrytest.Start(t, registry.Options{}).Addr()}
	o := oneConnection(publishtest.Options(t, proxy(t, r.direct, x)))
	_, failure := publish.Push(t.Context(), images, o)
	o.Transport.(*http.Transport).CloseIdleConnections()
	for tag, digest := range registrytest.Tags(t, r.direct+"/hello") {
		if digest != images[0].Digest {
			t.Errorf("%s is %s", tag, digest)
		}
	}
	if _, err := publish.Push(t.Context(), images, publishtest.Options(t, r.direct)); err != nil {
		t.Fatal(err)
	}
	checkTags(t, r, bothTags(images[0]))
	return failure
}
