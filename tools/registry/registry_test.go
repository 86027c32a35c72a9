package registry_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"example.com/reproducible-images/tools/registry"
	"example.com/reproducible-images/tools/registry/registrytest"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

func TestPushPullDelete(t *testing.T) {
	t.Parallel()
	root := filepath.Join(t.TempDir(), "made", "by", "start")
	s := registrytest.Start(t, registry.Options{Root: root})
	img, err := random.Image(1000, 2)
	if err != nil {
		t.Fatal(err)
	}
	ref := reference(t, s, "team/hello:v1.0.0")
	if err := remote.Write(ref, img); err != nil {
		t.Fatal(err)
	}
	got, err := remote.Image(ref)
	if err != nil {
		t.Fatal(err)
	}
	want, err := img.RawManifest()
	if err != nil {
		t.Fatal(err)
	}
	raw, err := got.RawManifest()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(raw)); diff != "" {
		t.Errorf("manifest (-pushed +pulled):\n%s", diff)
	}
	if _, err := os.Stat(filepath.Join(root, "docker/registry/v2/repositories/team/hello")); err != nil {
		t.Errorf("not in the storage directory: %v", err)
	}
	digest, err := img.Digest()
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Delete(ref.Context().Digest(digest.String())); err != nil {
		t.Errorf("deleting the manifest: %v", err)
	}
	if _, err := remote.Head(ref); err == nil {
		t.Error("the tag is still there after its manifest was deleted")
	}
}

func reference(t *testing.T, s *registry.Server, ref string) name.Reference {
	t.Helper()
	r, err := name.ParseReference(s.Addr() + "/" + ref)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestHtpasswd(t *testing.T) {
	t.Parallel()
	s := registrytest.Start(t, registry.Options{Htpasswd: registrytest.Htpasswd(t, "me", "secret")})
	for _, test := range []struct {
		user, password string
		status         int
	}{
		{"", "", http.StatusUnauthorized},
		{"me", "wrong", http.StatusUnauthorized},
		{"you", "secret", http.StatusUnauthorized},
		{"me", "secret", http.StatusOK},
	} {
		req, err := http.NewRequest(http.MethodGet, "http://"+s.Addr()+"/v2/", nil)
		if err != nil {
			t.Fatal(err)
		}
		if test.user != "" {
			req.SetBasicAuth(test.user, test.password)
		}
		if status, _ := get(t, http.DefaultClient, req); status != test.status {
			t.Errorf("as %q with %q: status %d, want %d", test.user, test.password, status, test.status)
		}
	}
}

func get(t *testing.T, c *http.Client, req *http.Request) (status int, body string) {
	t.Helper()
	resp, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(raw)
}

func TestTLS(t *testing.T) {
	t.Parallel()
	config, caFile := registrytest.TLS(t)
	s := registrytest.Start(t, registry.Options{TLS: config})
	pem, err := os.ReadFile(caFile)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		t.Fatal("no certificate in the file")
	}
	req, err := http.NewRequest(http.MethodGet, "https://"+s.Addr()+"/v2/", nil)
	if err != nil {
		t.Fatal(err)
	}
	client := func(roots *x509.CertPool) *http.Client {
		transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}
		t.Cleanup(transport.CloseIdleConnections)
		return &http.Client{Transport: transport}
	}
	if status, _ := get(t, client(roots), req); status != http.StatusOK {
		t.Errorf("status %d", status)
	}
	if _, err := client(x509.NewCertPool()).Do(req); err == nil {
		t.Error("a client that does not know the certificate connects")
	}
}

func TestWrapSeesRequests(t *testing.T) {
	t.Parallel()
	var rec registrytest.Recorder
	s := registrytest.Start(t, registry.Options{Wrap: rec.Wrap})
	for range 2 {
		req, err := http.NewRequest(http.MethodHead, "http://"+s.Addr()+"/v2/a/manifests/b", nil)
		if err != nil {
			t.Fatal(err)
		}
		if status, _ := get(t, http.DefaultClient, req); status != http.StatusNotFound {
			t.Errorf("status %d", status)
		}
		if diff := cmp.Diff([]string{"HEAD /v2/a/manifests/b"}, rec.Requests()); diff != "" {
			t.Errorf("requests (-want +got):\n%s", diff)
		}
		rec.Reset()
	}
}

func TestBusyPort(t *testing.T) {
	t.Parallel()
	s := registrytest.Start(t, registry.Options{})
	_, err := registry.Start(context.Background(), registry.Options{Root: t.TempDir(), Addr: s.Addr()})
	if !errors.Is(err, syscall.EADDRINUSE) || !strings.Contains(err.Error(), s.Addr()) {
		t.Errorf("error %v", err)
	}
}

func TestBadOptions(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		options registry.Options
		want    string
	}{
		"storage below a file": {registry.Options{Root: filepath.Join(file, "x")}, "registry storage: "},
		"no users file":        {registry.Options{Root: t.TempDir(), Htpasswd: file + "x"}, "registry users: "},
		"bad address":          {registry.Options{Root: t.TempDir(), Addr: "127.0.0.1"}, "missing port"},
	} {
		if _, err := registry.Start(context.Background(), test.options); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: error %v, want %q", name, err, test.want)
		}
	}
}

// Shutdown waits for a request that is being served, and no longer than its
// context allows.
func TestShutdown(t *testing.T) {
	t.Parallel()
	for _, patient := range []bool{true, false} {
		t.Run(fmt.Sprint("patient=", patient), func(t *testing.T) {
			t.Parallel()
			started, release := make(chan struct{}), make(chan struct{})
			s, err := registry.Start(context.Background(), registry.Options{
				Root: t.TempDir(),
				Wrap: func(next http.Handler) http.Handler {
					return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
						close(started)
						<-release
						next.ServeHTTP(w, r)
					})
				},
			})
			if err != nil {
				t.Fatal(err)
			}
			answered := make(chan error, 1)
			go func() {
				resp, err := http.Get("http://" + s.Addr() + "/v2/")
				if err == nil {
					err = resp.Body.Close()
				}
				answered <- err
			}()
			<-started
			ctx, cancel := context.WithCancel(context.Background())
			if patient {
				defer cancel()
				go close(release)
			} else {
				cancel()
				defer close(release)
			}
			err = s.Shutdown(ctx)
			if patient && err != nil {
				t.Errorf("Shutdown: %v", err)
			}
			if !patient && !errors.Is(err, context.Canceled) {
				t.Errorf("Shutdown: %v, want %v", err, context.Canceled)
			}
			if err := <-answered; patient != (err == nil) {
				t.Errorf("the request in flight: %v", err)
			}
		})
	}
}

// A connection that was opened but never used does not hold Shutdown up.
func TestShutdownCutsUnusedConnections(t *testing.T) {
	t.Parallel()
	s, err := registry.Start(context.Background(), registry.Options{Root: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("tcp", s.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	// The request goes over another connection, and after it the server knows
	// of the first one.
	resp, err := http.Get("http://" + s.Addr() + "/v2/")
	if err != nil {
		t.Fatal(err)
	}
	if err := resp.Body.Close(); err != nil {
		t.Fatal(err)
	}
	// http.Server alone would wait for five seconds.
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
	defer cancel()
	if err := s.Shutdown(ctx); err != nil {
		t.Error(err)
	}
}
