package registry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"mime"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync/atomic"
	"time"
)

// StallTimeout is how long a connection may make no progress. It is long for a
// registry that works, and short for somebody who waits.
const StallTimeout = time.Minute

// newTransport sends the requests. insecure allows plain HTTP to other machines.
func newTransport(insecure bool, stallTimeout time.Duration) http.RoundTripper {
	dialer := &net.Dialer{Timeout: 30 * time.Second}
	return plainHTTPGuard{insecure, checkAnswer{nameProxy{freshBody{&http.Transport{
		Proxy: proxyFor,
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			conn, err := dialer.DialContext(ctx, network, address)
			if err != nil {
				return nil, err
			}
			return &stallConn{Conn: conn, timeout: stallTimeout}, nil
		},
		OnProxyConnectResponse: func(_ context.Context, proxy *url.URL, request *http.Request, response *http.Response) error {
			if response.StatusCode == http.StatusOK {
				return nil
			}
			return &proxyError{withoutUser(proxy), "https", hostname(request.Host), fmt.Errorf("it answers %s to CONNECT %s", response.Status, request.Host)}
		},
		ForceAttemptHTTP2:   true,
		MaxIdleConnsPerHost: 50,
		IdleConnTimeout:     stallTimeout / 2, // An idle connection does not stall.
		TLSHandshakeTimeout: 30 * time.Second,
	}}}}}
}

// proxyError is a failure of the proxy that the environment names.
type proxyError struct {
	proxy  string // without user and password
	scheme string // of the request
	host   string // of the request, without its port
	cause  error
}

func (e *proxyError) Unwrap() error { return e.cause }

func (e *proxyError) Error() string {
	variable := strings.ToUpper(e.scheme) + "_PROXY"
	if os.Getenv(variable) == "" {
		variable = strings.ToLower(variable)
	}
	return fmt.Sprintf("the proxy %s, which $%s names, does not work: %v", e.proxy, variable, e.cause)
}

func withoutUser(proxy *url.URL) string {
	return (&url.URL{Scheme: proxy.Scheme, Host: proxy.Host}).String()
}

// proxyFor is the proxy for a request; nil for none.
func proxyFor(request *http.Request) (*url.URL, error) {
	proxy, err := http.ProxyFromEnvironment(request)
	// It takes what is no URL, http://host:port:port, for the host "http:" and a path.
	if err != nil || proxy != nil && strings.HasSuffix(proxy.Host, ":") {
		// The error has the whole value, which may have a password.
		return nil, &proxyError{"(hidden)", request.URL.Scheme, request.URL.Hostname(), errors.New("it is not a URL")}
	}
	return proxy, nil
}

// nameProxy tells a proxy that cannot be reached, or wants a login, from a registry.
type nameProxy struct{ next http.RoundTripper }

func (n nameProxy) RoundTrip(request *http.Request) (*http.Response, error) {
	response, err := n.next.RoundTrip(request)
	var failure *net.OpError
	var cause error
	switch {
	case errors.As(err, &failure) && (failure.Op == "proxyconnect" || strings.HasPrefix(failure.Op, "socks")):
		cause = failure.Err
	case err == nil && response.StatusCode == http.StatusProxyAuthRequired:
		cause = fmt.Errorf("it answers %s", response.Status)
		response.Body.Close()
	default:
		return response, err
	}
	proxy, err := proxyFor(request)
	if err != nil || proxy == nil {
		return nil, cause
	}
	return nil, &proxyError{withoutUser(proxy), request.URL.Scheme, request.URL.Hostname(), cause}
}

// stallConn fails reads and writes that make no progress. The timeouts of
// http.Transport do not cover a body that is being sent or received.
type stallConn struct {
	net.Conn
	timeout time.Duration
	stalled atomic.Bool
}

// stallError says that a connection made no progress. It is not temporary, so that it
// is not waited for again.
type stallError struct{ timeout time.Duration }

func (e *stallError) Error() string { return fmt.Sprintf("no progress for %s", e.timeout) }

func (c *stallConn) Read(p []byte) (int, error) { return c.do(c.Conn.Read, p) }

func (c *stallConn) Write(p []byte) (int, error) { return c.do(c.Conn.Write, p) }

// do sets both deadlines: http.Transport waits for the answer, in a Read, while it
// sends the body.
func (c *stallConn) do(f func([]byte) (int, error), p []byte) (int, error) {
	if err := c.SetDeadline(time.Now().Add(c.timeout)); err != nil {
		return 0, err
	}
	n, err := f(p)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		c.stalled.Store(true)
	}
	// What comes next, such as the use of a closed connection, has the same cause.
	if err != nil && c.stalled.Load() {
		err = &stallError{c.timeout}
	}
	return n, err
}

// freshBody sends the body from its beginning. When a token has expired,
// go-containerregistry gets another one and sends the same request again, whose body
// was read by then.
type freshBody struct{ next http.RoundTripper }

func (f freshBody) RoundTrip(request *http.Request) (*http.Response, error) {
	if request.Body == nil || request.GetBody == nil {
		return f.next.RoundTrip(request)
	}
	request.Body.Close()
	body, err := request.GetBody()
	if err != nil {
		return nil, err
	}
	again := request.WithContext(request.Context())
	again.Body = body
	return f.next.RoundTrip(again)
}

var errWebPage = errors.New("the answer is a web page")

// checkAnswer fails when a web page comes in place of a registry's answer, as from
// the host of a web interface or a proxy's sign-in page, and checks bodies.
type checkAnswer struct{ next http.RoundTripper }

func (c checkAnswer) RoundTrip(request *http.Request) (*http.Response, error) {
	response, err := c.next.RoundTrip(request)
	if err != nil {
		return nil, err
	}
	asked := request
	for asked.Response != nil { // a redirect led here
		asked = asked.Response.Request
	}
	isBlob := strings.Contains(asked.URL.Path, "/blobs/")
	mediaType, _, _ := mime.ParseMediaType(response.Header.Get("Content-Type"))
	if response.StatusCode/100 == 2 && mediaType == "text/html" && strings.HasPrefix(asked.URL.Path, "/v2/") && !isBlob {
		response.Body.Close()
		return nil, errWebPage
	}
	limit := int64(maxAnswer)
	switch {
	case isBlob: // Its size is in the manifest.
		limit = math.MaxInt64 - 1
	case strings.Contains(asked.URL.Path, "/manifests/"):
		limit = maxManifest
	}
	response.Body = &body{response.Body, request, limit}
	return response, nil
}

const (
	maxManifest = 4 << 20  // bytes; what a registry must accept (distribution-spec, "Pushing Manifests")
	maxAnswer   = 64 << 20 // bytes of another answer that is not a blob, such as a list of tags
)

// body is an answer's body. Its errors are those of the network and name the address,
// so that nobody takes them for damage of the content.
type body struct {
	io.ReadCloser
	request *http.Request
	left    int64
}

func (b *body) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p[:min(int64(len(p)), b.left+1)])
	if b.left -= int64(n); b.left < 0 {
		err = errors.New("the answer is too large")
	}
	if err != nil && err != io.EOF {
		address := url.URL{Scheme: b.request.URL.Scheme, Host: b.request.URL.Host, Path: b.request.URL.Path}
		err = &url.Error{Op: "reading", URL: address.String(), Err: err}
	}
	return n, err
}

// plainHTTPError says that plain HTTP to another machine is not allowed.
type plainHTTPError struct{ host string }

func (e *plainHTTPError) Error() string {
	return fmt.Sprintf("plain HTTP to %s is not allowed without --insecure", e.host)
}

// plainHTTPGuard refuses plain HTTP to other machines, be it by a redirect or because
// go-containerregistry tries it for private addresses too.
type plainHTTPGuard struct {
	allow bool
	next  http.RoundTripper
}

func (g plainHTTPGuard) RoundTrip(request *http.Request) (*http.Response, error) {
	if request.URL.Scheme != "https" && !g.allow && !IsLoopback(request.URL.Host) {
		if request.Body != nil {
			request.Body.Close()
		}
		return nil, &plainHTTPError{request.URL.Host}
	}
	return g.next.RoundTrip(request)
}
