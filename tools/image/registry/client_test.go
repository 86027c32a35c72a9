package registry

import (
	"cmp"
	"context"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"example.com/reproducible-images/tools/image/imagetest"
	"example.com/reproducible-images/tools/image/listing"
	"github.com/google/go-containerregistry/pkg/authn"
	ggcr "github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// TestMain connects to $OPEN_REGISTRY in a child process, as Go reads the variables for
// proxies and certificates once; else it runs the tests.
func TestMain(m *testing.M) {
	address := os.Getenv("OPEN_REGISTRY")
	if address == "" {
		os.Exit(m.Run())
	}
	target, err := ParseTarget(address)
	if err == nil {
		_, err = newClient().Open(context.Background(), target, "hello", transport.PullScope)
	}
	fmt.Println(err)
}

// openInChild returns the error's text.
func openInChild(t *testing.T, address string, environment ...string) string {
	t.Helper()
	command := exec.Command(os.Args[0])
	command.Env = append(environment, "OPEN_REGISTRY="+address)
	output, err := command.Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(output))
}

// newClient returns one that tries three times without waiting, and has no login.
func newClient() *Client {
	return &Client{Keychain: authn.NewMultiKeychain(), Backoff: remote.Backoff{Duration: time.Microsecond, Steps: 3}}
}

func hostOf(server *httptest.Server) string {
	_, host, _ := strings.Cut(server.URL, "://")
	return host
}

func open(t *testing.T, client *Client, host string) (*Repository, error) {
	t.Helper()
	target, err := ParseTarget(host)
	if err != nil {
		t.Fatal(err)
	}
	return client.Open(t.Context(), target, "hello", transport.PushScope)
}

// use opens a repository, reads and lists tags, uploads a blob, and reads it.
func use(t *testing.T, client *Client, host string, blob v1.Layer) error {
	t.Helper()
	r, err := open(t, client, host)
	if err != nil {
		return err
	}
	digest, err := blob.Digest()
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range []func() error{
		func() error { _, err := r.Find(t.Context(), r.Tag("v1")); return err },
		func() error { _, err := r.Tags(t.Context()); return err },
		func() error {
			if err := r.Pusher.Upload(t.Context(), r.Repository, blob); err != nil {
				return fmt.Errorf("uploading: %w", err)
			}
			return nil
		},
		func() error {
			layer, err := r.Puller.Layer(t.Context(), r.Digest(digest.String()))
			if err != nil {
				return err
			}
			content, err := layer.Compressed()
			if err != nil {
				return fmt.Errorf("downloading: %w", err)
			}
			defer content.Close()
			_, err = io.Copy(io.Discard, content)
			return err
		},
	} {
		if err := step(); err != nil {
			return client.Explain(host, err)
		}
	}
	return nil
}

func serve(t *testing.T, handler http.Handler) *httptest.Server {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server
}

// except is a registry that answers some requests, "METHOD part of the path", in
// another way.
func except(request string, other http.HandlerFunc) http.Handler {
	method, part, _ := strings.Cut(request, " ")
	registry := ggcr.New(ggcr.Logger(log.New(io.Discard, "", 0)))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == method && strings.Contains(r.URL.Path, part) {
			other(w, r)
			return
		}
		registry.ServeHTTP(w, r)
	})
}

func answer(status int, mediaType, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", mediaType)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

func redirect(to string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, strings.ReplaceAll(to, "PORT", r.Host[strings.LastIndex(r.Host, ":")+1:]), http.StatusTemporaryRedirect)
	}
}

func problem(code, message string) string {
	quoted, _ := json.Marshal(message)
	return fmt.Sprintf(`{"errors": [{"code": %q, "message": %s}]}`, code, quoted)
}

func TestErrors(t *testing.T) {
	const jsonType, html = "application/json", "text/html; charset=utf-8"
	page := answer(http.StatusOK, html, "<!DOCTYPE html>Sign in")
	const webPage = "HOST answers with a web page and is not a registry; is the name right, or does a proxy ask for a sign-in?"
	for _, test := range []struct {
		name, request string
		other         http.HandlerFunc
		want          string
	}{
		{"none", "NONE ", nil, ""},
		{"401", "GET /manifests/", answer(401, jsonType, problem("UNAUTHORIZED", "authentication required")),
			"reading HOST/hello:v1: the registry answers 401 Unauthorized, UNAUTHORIZED: authentication required; log in as somebody who may do that: docker login HOST, or podman login HOST"},
		{"403", "POST /uploads/", answer(403, jsonType, problem("DENIED", "no\n\x1b[31m\u202e entry")),
			"uploading: the registry answers 403 Forbidden, DENIED: no [31m entry; log in as somebody who may do that: docker login HOST, or podman login HOST"},
		{"405 for a list", "GET /tags/list", answer(405, jsonType, ""), "listing the tags of HOST/hello: the registry answers 405 Method Not Allowed"},
		{"405", "POST /uploads/", answer(405, jsonType, ""), "uploading: the registry answers 405 Method Not Allowed; is it read-only?"},
		{"416", "PATCH /uploads/", answer(416, jsonType, ""), "uploading: the registry answers 416 Requested Range Not Satisfiable; is its disk full?"},
		{"429", "GET /manifests/", answer(429, jsonType, problem("TOOMANYREQUESTS", "slow down")), "reading HOST/hello:v1: the registry answers 429 Too Many Requests, TOOMANYREQUESTS: slow down"},
		{"500", "GET /manifests/", answer(500, html, "<h1>Oops</h1>"), "reading HOST/hello:v1: the registry answers 500 Internal Server Error"},
		{"503 for an upload", "PUT /uploads/", answer(503, html, ""), "uploading: the registry answers 503 Service Unavailable"},
		{"web server", "GET /v2/", answer(404, html, "<h1>Not found</h1>"), "connecting to HOST/hello: the registry answers 404 Not Found; is it a registry?"},
		{"web page", "GET /", page, webPage},
		{"sign-in page", "GET /", func(w http.ResponseWriter, r *http.Request) {
			switch r.URL.Path {
			case "/v2/":
				redirect("/sign_in")(w, r)
			case "/sign_in":
				page(w, r)
			default:
				w.WriteHeader(http.StatusNotFound)
			}
		}, webPage},
		{"blob that looks like a web page", "GET /blobs/", answer(200, html, "blob"), ""},
		{"web page as a manifest", "GET /manifests/", page, webPage},
		{"large manifest", "GET /manifests/", answer(200, string(types.OCIImageIndex), strings.Repeat("x", maxManifest+1)),
			`reading HOST/hello:v1: reading "http://HOST/v2/hello/manifests/v1": the answer is too large`},
		{"storage at a private address", "GET /blobs/", redirect("http://10.0.0.1/blob"),
			`the registry HOST sends its clients to a private address, which is refused unless it is the registry's own (downloading: Get "http://10.0.0.1/blob": SSRF protection: redirect from "127.0.0.1" to private/link-local host "10.0.0.1" denied); let it name a host in place of the address, or serve the storage and tokens itself`},
		{"tokens at a private address", "GET /v2/", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("WWW-Authenticate", `Bearer realm="http://10.0.0.1/token"`)
			w.WriteHeader(http.StatusUnauthorized)
		}, `the registry HOST sends its clients to a private address, which is refused unless it is the registry's own (connecting to HOST/hello: invalid realm in www-authenticate: realm host "10.0.0.1" is a private or link-local address); let it name a host in place of the address, or serve the storage and tokens itself`},
		{"storage by plain HTTP", "GET /blobs/", redirect("http://storage.test/blob"),
			"the registry HOST sends its clients to storage.test by plain HTTP, which others on the network can read and change; --insecure allows it"},
		{"storage out of reach", "GET /blobs/", redirect("http://storage..localhost/blob"), "storage..localhost, to which the registry HOST sends its clients, cannot be found: lookup storage..localhost: no such host; is the name right?"},
	} {
		t.Run(test.name, func(t *testing.T) {
			host := hostOf(serve(t, except(test.request, test.other)))
			err := use(t, newClient(), host, static.NewLayer([]byte("blob"), types.OCILayer))
			if want := strings.ReplaceAll(cmp.Or(test.want, "<nil>"), "HOST", host); fmt.Sprint(err) != want {
				t.Errorf("error:\n%v\nwant:\n%s", err, want)
			}
		})
	}
}

func TestExplain(t *testing.T) {
	get := func(address string, err error) error {
		return fmt.Errorf("connecting: %w", &url.Error{Op: "Get", URL: address, Err: err})
	}
	dial := func(err error) error { return &net.OpError{Op: "dial", Net: "tcp", Err: err} }
	notFound := &net.DNSError{Err: "no such host", Name: "x.io", IsNotFound: true}
	for _, test := range []struct {
		err  error
		want string
	}{
		{get("https://ghcr.io/v2/", context.Canceled), "interrupted"},
		{get("https://ghcr.io/v2/", context.DeadlineExceeded), `the registry ghcr.io did not answer in time: connecting: Get "https://ghcr.io/v2/": context deadline exceeded`},
		{get("https://ghcr.io/v2/", dial(notFound)), "the registry ghcr.io cannot be found: lookup x.io: no such host; is the name right?"},
		{get("https://auth.io/token", dial(notFound)), "auth.io, to which the registry ghcr.io sends its clients, cannot be found: lookup x.io: no such host; is the name right?"},
		{get("https://ghcr.io/v2/", dial(&net.DNSError{Err: "server misbehaving", Name: "ghcr.io"})), "the registry ghcr.io cannot be found: lookup ghcr.io: server misbehaving"},
		{get("https://ghcr.io/v2/", dial(syscall.ECONNREFUSED)), "the registry ghcr.io cannot be reached: dial tcp: connection refused; does it run, and is the port right?"},
		{get("https://ghcr.io/v2/", errors.New("odd\r\x1b[2J")), `connecting: Get "https://ghcr.io/v2/": odd [2J`},
		{errors.New(strings.Repeat("é", 600)), strings.Repeat("é", 500) + "…"},
		{explained{"already", nil}, "already"},
	} {
		if got := (&Client{}).Explain("ghcr.io", test.err); got.Error() != test.want || !errors.Is(got, test.err) {
			t.Errorf("Explain(%v) = %v, want %s", test.err, got, test.want)
		}
	}
	if err := (&Client{}).Explain("ghcr.io", nil); err != nil {
		t.Errorf("Explain(nil) = %v", err)
	}
	// A flag that is given is not advised.
	for _, client := range []*Client{{}, {Insecure: true}} {
		err := client.Explain("ghcr.io", get("https://ghcr.io/v2/", http.ErrSchemeMismatch))
		if advised := strings.Contains(err.Error(), "--insecure allows it"); advised == client.Insecure {
			t.Errorf("insecure: %v, error %v", client.Insecure, err)
		}
	}
}

func TestConnectionRefused(t *testing.T) {
	server := httptest.NewServer(nil)
	server.Close()
	host := hostOf(server)
	_, err := open(t, newClient(), host)
	want := fmt.Sprintf("the registry %[1]s cannot be reached: dial tcp %[1]s: connect: connection refused; does it run, and is the port right?", host)
	if fmt.Sprint(err) != want {
		t.Errorf("error %v, want %s", err, want)
	}
}

// TestRetry has a registry that fails for a passing reason.
func TestRetry(t *testing.T) {
	for status, want := range map[int]int32{429: 3, 500: 3, 503: 3, 403: 1} {
		var requests atomic.Int32
		host := hostOf(serve(t, except("GET /manifests/", func(w http.ResponseWriter, r *http.Request) {
			requests.Add(1)
			w.WriteHeader(status)
		})))
		if err := use(t, newClient(), host, static.NewLayer(nil, types.OCILayer)); !IsStatus(err, 1, status) {
			t.Errorf("error %v, want status %d", err, status)
		}
		if got := requests.Load(); got != want {
			t.Errorf("%d: %d requests, want %d", status, got, want)
		}
	}
}

func TestIsPassing(t *testing.T) {
	broken := func(err error) error { return fmt.Errorf("net/http: HTTP/1.x transport connection broken: %w", err) }
	for err, want := range map[error]bool{
		io.ErrUnexpectedEOF:                                     true,
		&url.Error{Err: syscall.ECONNRESET}:                     true,
		broken(errors.New("malformed")):                         true,
		broken(&stallError{}):                                   false,
		&net.DNSError{IsTemporary: true}:                        true,
		&net.DNSError{IsNotFound: true}:                         false,
		&transport.Error{StatusCode: http.StatusNotFound}:       false,
		&transport.Error{StatusCode: 522}:                       true,
		fmt.Errorf("reading: %w", context.DeadlineExceeded):     false,
		&net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}:     false,
		&proxyError{cause: &net.OpError{Err: syscall.ENETDOWN}}: false,
	} {
		if got := isPassing(err); got != want {
			t.Errorf("isPassing(%v) = %v, want %v", err, got, want)
		}
	}
}

// TestOpenAtOnce has one client open repositories at the same time.
func TestOpenAtOnce(t *testing.T) {
	host := hostOf(serve(t, except("NONE ", nil)))
	client := newClient()
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			if _, err := open(t, client, host); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
}

func TestProgress(t *testing.T) {
	host := hostOf(serve(t, except("NONE ", nil)))
	client := newClient()
	sent := make(chan int64, 100)
	client.Progress = func(bytes int64) { sent <- bytes }
	if err := use(t, client, host, static.NewLayer(make([]byte, 1000), types.OCILayer)); err != nil {
		t.Fatal(err)
	}
	for sum := int64(0); sum != 1000; {
		sum += <-sent
	}
}

// TestStall has connections that stop in the middle of a body, or before the answer.
func TestStall(t *testing.T) {
	for request, size := range map[string]int{
		"PATCH /uploads/": 64 << 20, // more than buffers hold
		"GET /blobs/":     5000,
		"GET /manifests/": 0,
	} {
		t.Run(request, func(t *testing.T) {
			t.Parallel()
			done := make(chan struct{})
			var requests atomic.Int32
			host := hostOf(serve(t, except(request, func(w http.ResponseWriter, r *http.Request) {
				requests.Add(1)
				if strings.HasPrefix(request, "GET /blobs/") {
					w.Header().Set("Content-Length", strconv.Itoa(size))
					_, _ = w.Write(make([]byte, 1000))
					w.(http.Flusher).Flush()
				}
				<-done
			})))
			defer close(done)
			client := newClient()
			client.StallTimeout = 2 * time.Second
			err := use(t, client, host, static.NewLayer(make([]byte, size), types.OCILayer))
			if want := "the registry " + host + " stalled (no progress for 2s): "; !strings.HasPrefix(fmt.Sprint(err), want) {
				t.Errorf("error %v, want %s", err, want)
			}
			// net/http repeats what failed on a connection that was used before.
			if n := requests.Load(); n > 2 {
				t.Errorf("%d requests, want 1 or 2", n)
			}
			var network net.Error
			if !errors.As(err, &network) {
				t.Errorf("%v is not an error of the network", err)
			}
		})
	}
}

// TestDamage tells what a registry sends wrongly from what is lost on the way.
func TestDamage(t *testing.T) {
	index := imagetest.Index(t, map[string]string{"app": "hello\n"})
	manifest, err := index.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	child := "/manifests/" + manifest.Manifests[0].Digest.String()
	send := func(content string, length int) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", string(types.OCIManifestSchema1))
			w.Header().Set("Content-Length", strconv.Itoa(length))
			_, _ = io.WriteString(w, content) // A shorter content ends the connection.
		}
	}
	for _, test := range []struct {
		request string
		other   http.HandlerFunc
		damage  bool
		err     string
	}{
		{"NONE ", nil, false, ""},
		{"GET /blobs/", send("xxxx", 4), true, ""},
		{"GET " + child, send("{}", 2), true, ""},
		{"GET " + child, send("{}", 3), false, "unexpected EOF"},
		{"GET " + child, answer(http.StatusNotFound, "", ""), false, "404 Not Found"},
		{"GET /blobs/", answer(http.StatusForbidden, "", ""), false, "403 Forbidden"},
	} {
		client := newClient()
		r, err := open(t, client, hostOf(serve(t, except(test.request, test.other))))
		if err != nil {
			t.Fatal(err)
		}
		if err := r.Pusher.Push(t.Context(), r.Tag("v1"), index); err != nil {
			t.Fatal(err)
		}
		found, err := r.Find(t.Context(), r.Tag("v1"))
		if err != nil {
			t.Fatal(err)
		}
		published, err := found.ImageIndex()
		if err != nil {
			t.Fatal(err)
		}
		l, err := listing.OfIndex(t.Context(), published)
		var text strings.Builder
		_, _ = l.WriteTo(&text)
		if damage := strings.Contains(text.String(), "damage"); damage != test.damage || !strings.HasSuffix(fmt.Sprint(err), cmp.Or(test.err, "<nil>")) {
			t.Errorf("%s: error %v, want %s; damage: %v, want %v:\n%s", test.request, err, test.err, damage, test.damage, &text)
		}
	}
}

// deadlines counts how often both deadlines of a connection are set.
type deadlines struct {
	net.Conn
	set int
}

func (d *deadlines) SetDeadline(time.Time) error { d.set++; return nil }
func (d *deadlines) Read(p []byte) (int, error)  { return len(p), nil }
func (d *deadlines) Write(p []byte) (int, error) { return len(p), nil }

// TestStallDeadlines: http.Transport waits in Read while a body is sent, so that a Write
// is progress of both.
func TestStallDeadlines(t *testing.T) {
	recorder := &deadlines{}
	conn := &stallConn{Conn: recorder, timeout: time.Minute}
	for i, f := range []func([]byte) (int, error){conn.Read, conn.Write} {
		if n, err := f(make([]byte, 3)); n != 3 || err != nil || recorder.set != i+1 {
			t.Errorf("%d bytes, error %v; both deadlines set %d times, want %d", n, err, recorder.set, i+1)
		}
	}
}

// TestFreshBody has a token that expires as a blob is uploaded: the registry reads the
// body and answers with 401. Connections are used once; on others, net/http gets the
// body anew by itself.
func TestFreshBody(t *testing.T) {
	var tokens, expired atomic.Int32
	registry := except("NONE ", nil)
	server := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/token" {
			fmt.Fprintf(w, `{"token": "%d"}`, tokens.Add(1))
			return
		}
		if r.Method == http.MethodPatch && expired.Load() == 0 {
			_, _ = io.Copy(io.Discard, r.Body)
			expired.Store(tokens.Load())
		}
		if r.Header.Get("Authorization") != fmt.Sprintf("Bearer %d", tokens.Load()) || tokens.Load() == expired.Load() {
			w.Header().Set("WWW-Authenticate", fmt.Sprintf(`Bearer realm="http://%s/token"`, r.Host))
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		registry.ServeHTTP(w, r)
	}))
	server.Config.SetKeepAlivesEnabled(false)
	client := newClient()
	client.Backoff.Steps = 1 // Another try of the upload would hide it.
	if err := use(t, client, hostOf(server), static.NewLayer(make([]byte, 100_000), types.OCILayer)); err != nil {
		t.Error(err)
	}
	if tokens.Load() != 2 {
		t.Errorf("%d tokens, want 2", tokens.Load())
	}
}

func TestPlainHTTP(t *testing.T) {
	for _, test := range []struct {
		address string
		allow   bool
		want    error
	}{
		{"http://registry.test/v2/", false, &plainHTTPError{"registry.test"}},
		{"http://10.0.0.1:5000/v2/", false, &plainHTTPError{"10.0.0.1:5000"}},
		{"http://registry.test/v2/", true, errSent},
		{"https://registry.test/v2/", false, errSent},
		{"http://127.0.0.1:5000/v2/", false, errSent},
		{"http://localhost:5000/v2/", false, errSent},
	} {
		request := httptest.NewRequest(http.MethodPut, test.address, strings.NewReader("x"))
		_, err := plainHTTPGuard{test.allow, failing{}}.RoundTrip(request)
		if fmt.Sprint(err) != test.want.Error() {
			t.Errorf("%s, allowed: %v: error %v, want %v", test.address, test.allow, err, test.want)
		}
	}
}

var errSent = errors.New("sent")

type failing struct{}

func (failing) RoundTrip(*http.Request) (*http.Response, error) { return nil, errSent }

func TestProxy(t *testing.T) {
	refusing := serve(t, answer(http.StatusForbidden, "text/plain", "no"))
	plain := serve(t, except("NONE ", nil))
	// A proxy by which every name is the registry that speaks plain HTTP.
	tunnel := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		registry, err := net.Dial("tcp", plain.Listener.Addr().String())
		if err != nil {
			t.Error(err)
			return
		}
		w.WriteHeader(http.StatusOK)
		client, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		go func() { _, _ = io.Copy(registry, client); registry.Close() }()
		_, _ = io.Copy(client, registry)
		client.Close()
	}))
	closing, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer closing.Close()
	go func() {
		for {
			conn, err := closing.Accept()
			if err != nil {
				return
			}
			conn.Close()
		}
	}()
	const advice = "; to connect without it, set NO_PROXY=registry.test"
	for _, test := range []struct{ name, variable, want string }{
		{"down", "HTTPS_PROXY=http://user:secret@127.0.0.1:1",
			"the proxy http://127.0.0.1:1, which $HTTPS_PROXY names, does not work: dial tcp 127.0.0.1:1: connect: connection refused" + advice},
		{"lower case", "https_proxy=127.0.0.1:1",
			"the proxy http://127.0.0.1:1, which $https_proxy names, does not work: dial tcp 127.0.0.1:1: connect: connection refused" + advice},
		{"misspelt", "HTTPS_PROXY=http://user:secret@proxy..test:3128",
			"the proxy http://proxy..test:3128, which $HTTPS_PROXY names, does not work: dial tcp: lookup proxy..test: no such host" + advice},
		{"refusing", "HTTPS_PROXY=http://user:secret@" + hostOf(refusing),
			"the proxy " + refusing.URL + ", which $HTTPS_PROXY names, does not work: it answers 403 Forbidden to CONNECT registry.test:5000" + advice},
		{"SOCKS", "HTTPS_PROXY=socks5://" + closing.Addr().String(), "the proxy socks5://" + closing.Addr().String() + ", which $HTTPS_PROXY names, does not work: "},
		{"malformed", "HTTPS_PROXY=http://user:secret@proxy:port:3128", "the proxy (hidden), which $HTTPS_PROXY names, does not work: it is not a URL" + advice},
		{"plain HTTP", "HTTPS_PROXY=" + tunnel.URL, "the registry registry.test:5000 speaks plain HTTP, which others on the network can read and change; --insecure allows it"},
	} {
		got := openInChild(t, "registry.test:5000", test.variable)
		if !strings.HasPrefix(got, test.want) || strings.Contains(got, "secret") {
			t.Errorf("%s:\n%s\nwant:\n%s", test.name, got, test.want)
		}
	}
	loginWanted := nameProxy{fixed{http.Response{StatusCode: http.StatusProxyAuthRequired, Status: "407 Proxy Authentication Required", Body: http.NoBody}}}
	if _, err := loginWanted.RoundTrip(httptest.NewRequest(http.MethodGet, "http://registry.test/v2/", nil)); fmt.Sprint(err) != "it answers 407 Proxy Authentication Required" {
		t.Errorf("proxy that wants a login: error %v", err)
	}
}

type fixed struct{ response http.Response }

func (f fixed) RoundTrip(*http.Request) (*http.Response, error) { return &f.response, nil }

func TestCertificate(t *testing.T) {
	server := httptest.NewTLSServer(except("NONE ", nil))
	t.Cleanup(server.Close)
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	host := hostOf(server)
	_, port, _ := net.SplitHostPort(host)
	own, other := filepath.Join(t.TempDir(), "own.pem"), filepath.Join(t.TempDir(), "other.pem")
	writeFile(t, own, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})), 0o600)
	writeFile(t, other, "", 0o600)
	for _, test := range []struct{ name, address, variable, want string }{
		{"trusted", host, "SSL_CERT_FILE=" + own, "<nil>"},
		{"unknown", host, "", "the certificate of the registry " + host + " is not trusted: x509: certificate signed by unknown authority; if its authority is your own, set SSL_CERT_FILE to the authority's certificate (/etc/docker/certs.d is not read)"},
		{"another authority", host, "SSL_CERT_FILE=" + other, "the certificate of the registry " + host + " is not trusted: x509: certificate signed by unknown authority; its authority is not in " + other + ", which SSL_CERT_FILE names (/etc/docker/certs.d is not read)"},
		{"another name", "localhost:" + port, "SSL_CERT_FILE=" + own, "the certificate of the registry localhost:" + port + " is for another name: x509: certificate is valid for example.com"},
	} {
		if got := openInChild(t, test.address, test.variable); !strings.HasPrefix(got, test.want) {
			t.Errorf("%s:\n%s\nwant:\n%s", test.name, got, test.want)
		}
	}
}
