package source_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"example.com/reproducible-images/tools/imageset"
	"example.com/reproducible-images/tools/inventory"
	"example.com/reproducible-images/tools/inventory/source"
	"example.com/reproducible-images/tools/registry"
	"example.com/reproducible-images/tools/registry/registrytest"
	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// quick is for tests that fail on purpose.
var quick = remote.Backoff{Duration: time.Millisecond, Factor: 1, Steps: 2}

func anonymous() source.Options {
	return source.Options{Keychain: authn.NewMultiKeychain(), Backoff: quick}
}

// push publishes an image as HOST/hello:v1.0.0 and returns HOST/hello.
func push(t testing.TB, host string, img imageset.Image, o ...remote.Option) string {
	t.Helper()
	repo := host + "/hello"
	ref, err := name.ParseReference(repo+":v1.0.0", name.Insecure)
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.WriteIndex(ref, img.Index, o...); err != nil {
		t.Fatal(err)
	}
	return repo
}

func TestRegistry(t *testing.T) {
	t.Parallel()
	img := hello(t)
	repo := push(t, registrytest.Start(t, registry.Options{}).Addr(), img)
	want := mustRead(t, img.Layout, source.Options{})
	for _, spec := range []string{repo + ":v1.0.0", repo + "@" + want.Digest, repo + ":v1.0.0@" + want.Digest} {
		sameImage(t, want, mustRead(t, spec, anonymous()))
	}
	arm64, _ := want.Only("linux/arm64")
	sameImage(t, arm64, mustRead(t, repo+"@"+arm64.Digest, anonymous()))

	for _, spec := range []string{repo + ":v2.0.0", repo + "x:v1.0.0", repo + "@sha256:" + strings.Repeat("0", 64)} {
		_, err := open(t, spec, anonymous())
		checkError(t, err, "the registry has no "+spec)
		if !errors.Is(err, source.ErrNotFound) {
			t.Errorf("%v is not ErrNotFound", err)
		}
	}
}

// keychain gives the same credentials for everything.
type keychain authn.AuthConfig

func (k keychain) Resolve(authn.Resource) (authn.Authenticator, error) {
	return authn.FromConfig(authn.AuthConfig(k)), nil
}

func TestRegistryCredentials(t *testing.T) {
	t.Parallel()
	img := hello(t)
	s := registrytest.Start(t, registry.Options{Htpasswd: registrytest.Htpasswd(t, "user", "password")})
	good := keychain{Username: "user", Password: "password"}
	repo := push(t, s.Addr(), img, remote.WithAuthFromKeychain(good))
	mustRead(t, repo+":v1.0.0", source.Options{Keychain: good})
	for _, k := range []authn.Keychain{authn.NewMultiKeychain(), keychain{Username: "user", Password: "wrong"}} {
		_, err := open(t, repo+":v1.0.0", source.Options{Keychain: k, Backoff: quick})
		checkError(t, err, "does not let us read "+repo+":v1.0.0", "docker login "+s.Addr())
		if !errors.Is(err, source.ErrUnauthorized) {
			t.Errorf("%v is not ErrUnauthorized", err)
		}
	}
}

func TestRegistryUnreachable(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	down := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/v2/" {
			http.Error(w, "out of order\x1b[2J"+strings.Repeat("x", 5000), http.StatusInternalServerError)
		}
	}))
	t.Cleanup(down.Close)
	for host, want := range map[string]string{
		closed:             "cannot be reached",
		hostOf(down):       "the registry answers 500 Internal Server Error",
		"registry.invalid": "the registry registry.invalid cannot be found",
	} {
		o := anonymous()
		if host == "registry.invalid" {
			o.Transport = noName{}
		}
		_, err := open(t, host+"/hello:v1", o)
		checkError(t, err, want)
		if !errors.Is(err, source.ErrUnreachable) {
			t.Errorf("%v is not ErrUnreachable", err)
		}
		if len(err.Error()) > 1000 {
			t.Errorf("the error has %d bytes", len(err.Error()))
		}
	}
}

// noName knows no names, without asking anybody.
type noName struct{}

func (noName) RoundTrip(r *http.Request) (*http.Response, error) {
	return nil, &net.DNSError{Err: "no such host", Name: r.URL.Hostname(), IsNotFound: true}
}

func hostOf(s *httptest.Server) string { return strings.TrimPrefix(s.URL, "http://") }

// lie puts a handler before that of a registry with an image; it gets the
// path below /v2/hello/, and answers itself if it returns true.
func lie(t testing.TB, img imageset.Image, handle func(w http.ResponseWriter, r *http.Request, path string) bool) (repo string) {
	t.Helper()
	quiet := true
	s := registrytest.Start(t, registry.Options{Wrap: func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			path, ok := strings.CutPrefix(r.URL.Path, "/v2/hello/")
			if quiet || !ok || !handle(w, r, path) {
				next.ServeHTTP(w, r)
			}
		})
	}})
	repo = push(t, s.Addr(), img)
	quiet = false
	return repo
}

func layerPath(t testing.TB, img imageset.Image) (path string, content []byte) {
	t.Helper()
	m, err := img.Platforms[0].Image.Manifest()
	if err != nil {
		t.Fatal(err)
	}
	l := m.Layers[1]
	for _, e := range dirEntries(t, img.Layout) {
		if e.name == "blobs/sha256/"+l.Digest.Hex {
			return "blobs/" + l.Digest.String(), []byte(e.content)
		}
	}
	t.Fatal("no such layer")
	return "", nil
}

func TestRegistryLies(t *testing.T) {
	t.Parallel()
	img := hello(t)
	layer, content := layerPath(t, img)
	changed := append([]byte{}, content...)
	changed[len(changed)/2] ^= 1
	wantImage := mustRead(t, img.Layout, source.Options{})
	var damage *inventory.DamagedError
	for name, test := range map[string]struct {
		handle  func(w http.ResponseWriter, r *http.Request, path string) bool
		damaged bool
		want    []string
	}{
		"a changed byte": {func(w http.ResponseWriter, _ *http.Request, path string) bool {
			if path != layer {
				return false
			}
			_, _ = w.Write(changed)
			return true
		}, true, []string{"image for linux/amd64: layer 2 (sha256:", "its bytes have the digest sha256:"}},
		"less than it says": {func(w http.ResponseWriter, _ *http.Request, path string) bool {
			if path != layer {
				return false
			}
			w.Header().Set("Content-Length", fmt.Sprint(len(content)))
			_, _ = w.Write(content[:1000])
			return true
		}, false, []string{"layer 2", "the registry broke off in the middle"}},
		"a short answer": {func(w http.ResponseWriter, _ *http.Request, path string) bool {
			if path != layer {
				return false
			}
			_, _ = w.Write(content[:1000])
			return true
		}, true, []string{"layer 2", "it has 1000 bytes, not ", "gzip: truncated after 1000 bytes"}},
		"digest in the header": {func(w http.ResponseWriter, _ *http.Request, path string) bool {
			if path != "manifests/v1.0.0" {
				return false
			}
			raw, err := img.Index.RawManifest()
			if err != nil {
				t.Error(err)
			}
			w.Header().Set("Docker-Content-Digest", "sha256:"+strings.Repeat("0", 64))
			w.Header().Set("Content-Type", string(types.OCIImageIndex))
			_, _ = w.Write(raw)
			return true
		}, true, []string{"image index (sha256:0000", "its bytes have the digest " + img.Digest.String() + ", not sha256:0000"}},
		"media type": {func(w http.ResponseWriter, _ *http.Request, path string) bool {
			if path != "manifests/v1.0.0" {
				return false
			}
			raw, err := img.Index.RawManifest()
			if err != nil {
				t.Error(err)
			}
			w.Header().Set("Content-Type", string(types.OCIManifestSchema1))
			_, _ = w.Write(raw)
			return true
		}, true, []string{"manifest", `it says that it is a "application/vnd.oci.image.index.v1+json", but what refers to it says`}},
		"a page": {func(w http.ResponseWriter, _ *http.Request, path string) bool {
			if path != "manifests/v1.0.0" {
				return false
			}
			_, _ = w.Write([]byte("<html>"))
			return true
		}, false, []string{"only image indexes and image manifests can be read"}},
		"a huge manifest": {func(w http.ResponseWriter, _ *http.Request, path string) bool {
			if path != "manifests/v1.0.0" {
				return false
			}
			w.Header().Set("Content-Type", string(types.OCIImageIndex))
			for range 5 << 10 {
				_, _ = w.Write(make([]byte, 1<<10))
			}
			return true
		}, false, []string{"there are more than 4194304 bytes"}},
		"plain HTTP to another machine": {redirect("http://registry.invalid/"), false, []string{"speaks plain HTTP"}},
		"itself":                        {redirect("/v2/hello/manifests/v1.0.0"), false, []string{"more than 10 redirections"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			repo := lie(t, img, test.handle)
			got, err := read(t, repo+":v1.0.0", anonymous())
			checkError(t, err, test.want...)
			if errors.As(err, &damage) != test.damaged {
				t.Errorf("%v: DamagedError is %t, want %t", err, !test.damaged, test.damaged)
			}
			if name == "a changed byte" {
				changes := inventory.Compare(wantImage, got)
				if len(changes) == 0 || !strings.HasPrefix(changes[0].String(), "linux/amd64: layer 2: /random_file_") {
					t.Errorf("the changed file is not named: %v", changes)
				}
			}
		})
	}
}

func redirect(to string) func(http.ResponseWriter, *http.Request, string) bool {
	return func(w http.ResponseWriter, r *http.Request, path string) bool {
		if path != "manifests/v1.0.0" {
			return false
		}
		http.Redirect(w, r, to, http.StatusTemporaryRedirect)
		return true
	}
}

// Storage may be elsewhere, but not among what only this machine can reach.
func TestRegistryRedirects(t *testing.T) {
	t.Parallel()
	img := hello(t)
	layer, content := layerPath(t, img)
	var asked string
	storage := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = r.Header.Get("Authorization")
		_, _ = w.Write(content)
	}))
	t.Cleanup(storage.Close)
	good := keychain{Username: "user", Password: "password"}
	var target string
	repo := lie(t, img, func(w http.ResponseWriter, r *http.Request, path string) bool {
		if path != layer {
			return false
		}
		http.Redirect(w, r, target, http.StatusTemporaryRedirect)
		return true
	})
	target = storage.URL + "/"
	mustRead(t, repo+":v1.0.0", source.Options{Keychain: good})
	if asked != "" {
		t.Errorf("the storage got the credentials %q", asked)
	}
	target = "https://169.254.169.254/latest/"
	_, err := read(t, repo+":v1.0.0", anonymous())
	checkError(t, err, "the registry sends us to an address of this machine or its network")
}

func TestCheckRedirect(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		from, to string
		ok       bool
	}{
		{"https://registry.example.com", "https://storage.example.com", true},
		{"https://registry.example.com", "https://1.1.1.1", true},
		{"https://registry.example.com", "http://localhost", false},
		{"https://registry.example.com", "https://10.0.0.1:9000", false},
		{"https://registry.example.com", "https://[::1]", false},
		{"https://registry.example.com", "https://[::ffff:10.0.0.1]", false},
		{"https://registry.example.com", "https://0.0.0.0", false},
		{"https://10.0.0.4:5000", "https://10.0.0.5:9000", true},
		{"http://127.0.0.1:5000", "http://localhost:9000", true},
		{"https://10.0.0.4:5000", "http://169.254.169.254", false},
		{"https://10.0.0.4:5000", "http://[fe80::1]", false},
	} {
		request := func(u string) *http.Request {
			req, err := http.NewRequest(http.MethodGet, u, nil)
			if err != nil {
				t.Fatal(err)
			}
			return req
		}
		if err := source.CheckRedirect(request(tt.to), []*http.Request{request(tt.from)}); (err == nil) != tt.ok {
			t.Errorf("from %s to %s: %v", tt.from, tt.to, err)
		}
	}
}

// A registry that never finishes is left in time.
func TestRegistryStalls(t *testing.T) {
	t.Parallel()
	img := hello(t)
	layer, content := layerPath(t, img)
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	repo := lie(t, img, func(w http.ResponseWriter, r *http.Request, path string) bool {
		if path != layer {
			return false
		}
		w.Header().Set("Content-Length", fmt.Sprint(len(content)))
		_, _ = w.Write(content[:1000])
		w.(http.Flusher).Flush()
		cancel(nil)
		<-r.Context().Done()
		return true
	})
	src, err := source.Open(ctx, repo+":v1.0.0", anonymous())
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	if _, err := inventory.Read(ctx, src, inventory.Limits{}); !errors.Is(err, context.Canceled) || errors.As(err, new(*inventory.DamagedError)) {
		t.Errorf("got %v", err)
	}
}

// Tokens go to the registry that asked for them, and blobs are had with them.
func TestRegistryToken(t *testing.T) {
	t.Parallel()
	img := hello(t)
	var server string
	basic := "Basic " + base64.StdEncoding.EncodeToString([]byte("user:password"))
	s := registrytest.Start(t, registry.Options{Wrap: func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			switch {
			case r.URL.Path == "/token" && r.Header.Get("Authorization") == basic:
				if scope := r.URL.Query().Get("scope"); r.Method == http.MethodGet && scope != "repository:hello:pull" && !strings.Contains(scope, "push") {
					t.Errorf("scope %q", scope)
				}
				fmt.Fprint(w, `{"token": "secret"}`)
			case r.Header.Get("Authorization") == "Bearer secret":
				next.ServeHTTP(w, r)
			default:
				realm := url.URL{Scheme: "http", Host: server, Path: "/token"}
				w.Header().Set("WWW-Authenticate", fmt.Sprintf("Bearer realm=%q,service=test", realm.String()))
				w.WriteHeader(http.StatusUnauthorized)
			}
		})
	}})
	server = s.Addr()
	good := keychain{Username: "user", Password: "password"}
	repo := push(t, s.Addr(), img, remote.WithAuthFromKeychain(good))
	sameImage(t, mustRead(t, img.Layout, source.Options{}), mustRead(t, repo+":v1.0.0", source.Options{Keychain: good}))
}

// A registry of any name is played by one to which all connections go.
func TestRegistryPlainHTTP(t *testing.T) {
	t.Parallel()
	s := registrytest.Start(t, registry.Options{})
	push(t, s.Addr(), hello(t))
	transport := &http.Transport{DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, s.Addr())
	}}
	t.Cleanup(transport.CloseIdleConnections)
	for _, host := range []string{"registry.example.com:5000", "10.0.0.1:5000"} {
		o := anonymous()
		o.Transport = transport
		_, err := open(t, host+"/hello:v1.0.0", o)
		checkError(t, err, "the registry "+host+" speaks plain HTTP", "add --insecure")
		o.Insecure = true
		mustRead(t, host+"/hello:v1.0.0", o)
	}
}

func TestRegistryTLS(t *testing.T) {
	t.Parallel()
	config, caFile := registrytest.TLS(t)
	s := registrytest.Start(t, registry.Options{TLS: config})
	pem, err := os.ReadFile(caFile)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	trusting := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}
	push(t, s.Addr(), hello(t), remote.WithTransport(trusting))
	o := anonymous()
	o.Transport = trusting
	mustRead(t, s.Addr()+"/hello:v1.0.0", o)
	o.Transport = &http.Transport{TLSClientConfig: &tls.Config{RootCAs: x509.NewCertPool()}}
	_, err = open(t, s.Addr()+"/hello:v1.0.0", o)
	checkError(t, err, "the certificate of the registry "+s.Addr()+" is not trusted", "SSL_CERT_FILE=")
}
