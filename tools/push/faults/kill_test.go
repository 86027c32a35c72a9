package faults_test

import (
	"bytes"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"sync/atomic"
	"syscall"
	"testing"

	"example.com/reproducible-images/tools/imageset"
	"example.com/reproducible-images/tools/imageset/imagetest"
	"example.com/reproducible-images/tools/push/publish"
	"example.com/reproducible-images/tools/push/publish/publishtest"
	"example.com/reproducible-images/tools/registry"
	"example.com/reproducible-images/tools/registry/registrytest"
	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// kills is how many pushes are killed.
const kills = 20

// A push is killed by SIGKILL at a random moment: before, within or after the
// registry's answer to any of its requests.
func TestKill(t *testing.T) {
	t.Parallel()
	file := imagetest.File(t, "", "hello", "bye")
	set, err := imageset.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	all := (&killer{}).push(t, file)
	seed := rand.Uint64()
	t.Logf("seed %d, %d requests in a push", seed, all)
	random := rand.New(rand.NewPCG(seed, 0))
	for i := range kills {
		// One moment in each twentieth of the push.
		k := &killer{at: (int32(i)*all+random.Int32N(all))/kills + 1, moment: moment(random.IntN(3))}
		t.Run(k.moment.String(), func(t *testing.T) {
			t.Parallel()
			t.Logf("killed %s request %d of %d", k.moment, k.at, all)
			k.push(t, file)
			for _, img := range set.Images {
				for tag, digest := range registrytest.Tags(t, k.addr+"/"+img.Repository) {
					if digest != img.Digest {
						t.Errorf("%s:%s is %s", img.Repository, tag, digest)
					}
				}
			}
			if _, err := publish.Push(t.Context(), set.Images, publishtest.Options(t, k.addr)); err != nil {
				t.Fatal(err)
			}
			for _, img := range set.Images {
				want := map[string]v1.Hash{"v1.0.0": img.Digest, "latest": img.Digest}
				if diff := cmp.Diff(want, registrytest.Tags(t, k.addr+"/"+img.Repository)); diff != "" {
					t.Errorf("tags of %s (-want +got):\n%s", img.Repository, diff)
				}
			}
		})
	}
}

type moment int

const (
	before moment = iota
	within
	after
)

func (m moment) String() string { return [...]string{"before", "within", "after"}[m] }

// killer is a registry that kills the process that pushes to it.
type killer struct {
	at     int32
	moment moment

	addr   string
	count  atomic.Int32
	victim atomic.Pointer[os.Process]
	ready  chan struct{}
}

// push pushes in a process of its own, and returns the number of requests until
// that process ended.
func (k *killer) push(t *testing.T, file string) int32 {
	t.Helper()
	k.ready = make(chan struct{})
	s := registrytest.Start(t, registry.Options{Wrap: k.wrap})
	k.addr = s.Addr()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), exe, file, k.addr)
	cmd.Env = []string{asPush + "=1", "HOME=" + t.TempDir()}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	k.victim.Store(cmd.Process)
	close(k.ready)
	err = cmd.Wait()
	status := cmd.ProcessState.Sys().(syscall.WaitStatus)
	if killed := status.Signaled() && status.Signal() == syscall.SIGKILL; killed != (k.at > 0) {
		t.Fatalf("the push ended by itself: %v\n%s", err, &stderr)
	}
	return k.count.Load()
}

func (k *killer) wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		<-k.ready
		if k.count.Add(1) != k.at {
			next.ServeHTTP(w, r)
			return
		}
		switch k.moment {
		case before:
			k.kill()
			panic(http.ErrAbortHandler)
		case within:
			// Half of what a PATCH sends, nothing of what others send.
			r.Body = &cutBody{ReadCloser: r.Body, left: r.ContentLength / 2, cut: k.kill}
			next.ServeHTTP(w, r)
			k.kill()
		case after:
			next.ServeHTTP(w, r)
			k.kill()
		}
	})
}

func (k *killer) kill() {
	// It fails when the process is gone already, as it then is to be.
	_ = k.victim.Load().Kill()
}

// cutBody ends in the middle.
type cutBody struct {
	io.ReadCloser
	left int64
	cut  func()
}

func (b *cutBody) Read(p []byte) (int, error) {
	if b.left <= 0 {
		b.cut()
		return 0, io.ErrUnexpectedEOF
	}
	n, err := b.ReadCloser.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	return n, err
}
