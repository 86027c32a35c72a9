package registry

import (
	"context"
	"errors"
	"fmt"
	"mime"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"
)

// StallTimeout is how long a connection may make no progress. It is long for a
// registry that works, and short for somebody who waits.
const StallTimeout = time.Minute

// newTransport sends the requests. insecure allows plain HTTP to other machines.
func newTransport(insecure bool, stallTimeout time.Duration) http.RoundTripper {
	dialer := &net.Dialer{Timeout: 30 * time.Second}
	return plainHTTPGuard{insecure, rejectWebPage{nameProxy{freshBody{&http.Transport{
		Proxy: proxyFor,
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			conn, err := dialer.DialContext(ctx, network, address)
			if err != nil {
				return nil, err
			}
			return &stallConn{conn, stallTimeout}, nil
		},
		OnProxyConnectResponse: func(_ context.Context, proxy *url.URL, request *http.Request, response *http.Response) error {
			if response.StatusCode == http.StatusOK {
				return nil
			}
			return &proxyError{proxy.Redacted(), "https", fmt.Errorf("it answers %s to CONNECT %s", response.Status, request.URL.Host)}
		},
		ForceAttemptHTTP2:   true,
		MaxIdleConnsPerHost: 50,
		IdleConnTimeout:     30 * time.Second,
		TLSHandshakeTimeout: 30 * time.Second,
	}}}}}
}

// proxyError is a failure of the proxy that the environment names.
type proxyError struct {
	proxy  string // without its password
	scheme string // of the request
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

// proxyFor is the proxy for a request; nil for none.
func proxyFor(request *http.Request) (*url.URL, error) {
	proxy, err := http.ProxyFromEnvironment(request)
	if err != nil {
		// The error has the whole value, which may have a password.
		return nil, &proxyError{"(hidden)", request.URL.Scheme, errors.New("it is not a URL")}
	}
	return proxy, nil
}

// nameProxy tells a proxy that cannot be reached from a registry that cannot.
type nameProxy struct{ next http.RoundTripper }

func (n nameProxy) RoundTrip(request *http.Request) (*http.Response, error) {
	response, err := n.next.RoundTrip(request)
	var failure *net.OpError
	if errors.As(err, &failure) && failure.Op == "proxyconnect" {
		if proxy, proxyErr := proxyFor(request); proxyErr == nil && proxy != nil {
			return nil, &proxyError{proxy.Redacted(), request.URL.Scheme, failure.Err}
		}
	}
	return response, err
}

// stallConn fails reads and writes that make no progress. The timeouts of
// http.Transport do not cover a body that is being sent or received.
type stallConn struct {
	net.Conn
	timeout time.Duration
}

// stallError says that a connection made no progress. It is not temporary, so that it
// is not waited for again.
type stallError struct{ timeout time.Duration }

func (e *stallError) Error() string { return fmt.Sprintf("no progress for %s", e.timeout) }

func (c *stallConn) Read(p []byte) (int, error) {
	if err := c.SetReadDeadline(time.Now().Add(c.timeout)); err != nil {
		return 0, err
	}
	n, err := c.Conn.Read(p)
	return n, c.explain(err)
}

func (c *stallConn) Write(p []byte) (int, error) {
	if err := c.SetWriteDeadline(time.Now().Add(c.timeout)); err != nil {
		return 0, err
	}
	n, err := c.Conn.Write(p)
	return n, c.explain(err)
}

func (c *stallConn) explain(err error) error {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return &stallError{c.timeout}
	}
	return err
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

// rejectWebPage fails when a web page comes in place of a registry's answer, as from
// the host of a web interface or a proxy's sign-in page.
type rejectWebPage struct{ next http.RoundTripper }

func (r rejectWebPage) RoundTrip(request *http.Request) (*http.Response, error) {
	response, err := r.next.RoundTrip(request)
	if err != nil || response.StatusCode/100 != 2 || !strings.HasPrefix(request.URL.Path, "/v2/") {
		return response, err
	}
	if mediaType, _, _ := mime.ParseMediaType(response.Header.Get("Content-Type")); mediaType == "text/html" {
		response.Body.Close()
		return nil, errWebPage
	}
	return response, nil
}

var errPlainHTTP = errors.New("plain HTTP to another machine is not allowed")

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
		return nil, errPlainHTTP
	}
	return g.next.RoundTrip(request)
}
