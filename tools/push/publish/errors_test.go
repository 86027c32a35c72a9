package publish_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"

	"example.com/reproducible-images/tools/imageset"
	"example.com/reproducible-images/tools/imageset/imagetest"
	"example.com/reproducible-images/tools/internal/remotes"
	"example.com/reproducible-images/tools/push/publish"
	"example.com/reproducible-images/tools/push/publish/publishtest"
	"example.com/reproducible-images/tools/registry"
	"example.com/reproducible-images/tools/registry/registrytest"
	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

func TestAuth(t *testing.T) {
	t.Parallel()
	s := registrytest.Start(t, registry.Options{Htpasswd: registrytest.Htpasswd(t, "me", "secret")})
	images := imagetest.Load(t, "hello")
	o := publishtest.Options(t, s.Addr())
	for _, password := range []string{"", "wrong"} {
		if password != "" {
			o.Keychain = keychain{&authn.Basic{Username: "me", Password: password}}
		}
		_, err := publish.Push(t.Context(), images, o)
		checkError(t, err, "the registry "+s.Addr()+" refuses the push", "401 Unauthorized", "run `docker login "+s.Addr()+"`")
	}
	me := &authn.Basic{Username: "me", Password: "secret"}
	o.Keychain = keychain{me}
	if _, err := publish.Push(t.Context(), images, o); err != nil {
		t.Fatal(err)
	}
	checkPull(t, s.Addr()+"/hello:v1.0.0", images[0], remote.WithAuth(me))
}

// keychain has the same credentials for all.
type keychain struct{ authn.Authenticator }

func (k keychain) Resolve(authn.Resource) (authn.Authenticator, error) { return k.Authenticator, nil }

func checkError(t *testing.T, err error, want ...string) {
	t.Helper()
	if err == nil {
		t.Errorf("no error, want %q", want)
		return
	}
	for _, w := range want {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("error %v, want %q", err, w)
		}
	}
	if strings.Contains(err.Error(), "\n") {
		t.Errorf("the error has several lines: %v", err)
	}
}

func TestForbidden(t *testing.T) {
	t.Parallel()
	s := registrytest.Start(t, registry.Options{Wrap: failing(1, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusForbidden)
		w.Write([]byte(`{"errors": [{"code": "DENIED", "message": "not yours"}]}`))
	})})
	_, err := publish.Push(t.Context(), imagetest.Load(t, "hello"), publishtest.Options(t, s.Addr()+"/team"))
	checkError(t, err, "push to "+s.Addr()+"/team (403 Forbidden, DENIED: not yours)", "docker login")
}

// A loopback registry with TLS works, too; its certificate counts.
func TestTLS(t *testing.T) {
	t.Parallel()
	config, caFile := registrytest.TLS(t)
	s := registrytest.Start(t, registry.Options{TLS: config})
	images := imagetest.Load(t, "hello")
	o := publishtest.Options(t, s.Addr())
	o.Transport = &http.Transport{TLSClientConfig: &tls.Config{RootCAs: x509.NewCertPool()}}
	_, err := publish.Push(t.Context(), images, o)
	checkError(t, err, "the certificate of the registry "+s.Addr()+" is not trusted", "SSL_CERT_FILE=")

	pem, err := os.ReadFile(caFile)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	o.Transport = &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}
	if _, err := publish.Push(t.Context(), images, o); err != nil {
		t.Fatal(err)
	}
	checkPull(t, s.Addr()+"/hello:v1.0.0", images[0], remote.WithTransport(o.Transport))
}

// A registry of any name is played by one to which all connections go.
func TestPlainHTTP(t *testing.T) {
	t.Parallel()
	s := registrytest.Start(t, registry.Options{})
	images := imagetest.Load(t, "hello")
	transport := &http.Transport{DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, s.Addr())
	}}
	t.Cleanup(transport.CloseIdleConnections)
	for _, host := range []string{"registry.example.com:5000", "10.0.0.1:5000", "[2001:db8::1]:5000"} {
		o := publishtest.Options(t, host)
		o.Transport = transport
		_, err := publish.Push(t.Context(), images, o)
		checkError(t, err, "the registry "+host+" speaks plain HTTP", "add --insecure")

		o.Insecure = true
		if _, err := publish.Push(t.Context(), images, o); err != nil {
			t.Errorf("%s with Insecure: %v", host, err)
		}
	}
	for _, host := range []string{"localhost", "localhost:5000", "registry.localhost:5000", "127.0.0.2:5000", "[::1]:5000"} {
		o := publishtest.Options(t, host)
		o.Transport = transport
		if _, err := publish.Push(t.Context(), images, o); err != nil {
			t.Errorf("%s: %v", host, err)
		}
	}
}

// A registry with TLS must not send the blobs off to plain HTTP elsewhere.
func TestRedirectToPlainHTTP(t *testing.T) {
	t.Parallel()
	config, caFile := registrytest.TLS(t)
	s := registrytest.Start(t, registry.Options{TLS: config, Wrap: failing(1, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", "http://storage.example.com/upload")
		w.WriteHeader(http.StatusAccepted)
	})})
	pem, err := os.ReadFile(caFile)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	o := publishtest.Options(t, s.Addr())
	o.Transport = &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}
	_, err = publish.Push(t.Context(), imagetest.Load(t, "hello"), o)
	checkError(t, err, "plain HTTP")
}

func TestUnreachable(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := listener.Addr().String()
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	_, err = publish.Push(t.Context(), imagetest.Load(t, "hello"), publishtest.Options(t, addr))
	checkError(t, err, "the registry "+addr+" cannot be reached", "connection refused")

	o := publishtest.Options(t, "registry.example.com")
	o.Transport = &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: &net.DNSError{Err: "no such host", Name: "registry.example.com", IsNotFound: true}}
	}}
	_, err = publish.Push(t.Context(), imagetest.Load(t, "hello"), o)
	checkError(t, err, "the registry registry.example.com cannot be found", "no such host")
}

func TestBadOptions(t *testing.T) {
	t.Parallel()
	images := imagetest.Load(t, "hello")
	good := publishtest.Options(t, "localhost:1")
	for name, test := range map[string]struct {
		images []imageset.Image
		change func(*publish.Options)
		want   string
	}{
		"no image":            {nil, func(*publish.Options) {}, "no image to push"},
		"no target":           {images, func(o *publish.Options) { o.Target = remotes.Target{} }, "no registry to push to"},
		"bad tag":             {images, func(o *publish.Options) { o.Tags = []string{"v1", "a b"} }, `bad tag "a b"`},
		"no such tag to move": {images, func(o *publish.Options) { o.MoveTags = []string{"latest", "v1.0.1"} }, `the tag "v1.0.1" is to be moved`},
		"no jobs":             {images, func(o *publish.Options) { o.Jobs = -1 }, "-1 jobs at once"},
	} {
		o := good
		test.change(&o)
		if _, err := publish.Push(t.Context(), test.images, o); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: error %v, want %q", name, err, test.want)
		}
	}
}
