package registry

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"unicode"

	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

// explained is an error with a text that says what to do.
type explained struct {
	text  string
	cause error
}

func (e explained) Error() string { return e.text }
func (e explained) Unwrap() error { return e.cause }

// Explain says what went wrong with the registry HOST[:PORT] and, where that is
// known, what to do about it. It keeps the error's chain.
func (c *Client) Explain(host string, err error) error {
	var already explained
	if err == nil || errors.As(err, &already) {
		return err
	}
	if text := c.explain(host, err); text != "" {
		return explained{OneLine(text, 1000), err}
	}
	return explained{OneLine(err.Error(), 1000), err}
}

func (c *Client) explain(host string, err error) string {
	var (
		answer      *transport.Error
		stall       *stallError
		wrongName   x509.HostnameError
		unknown     x509.UnknownAuthorityError
		certificate *tls.CertificateVerificationError
		proxy       *proxyError
		plain       *plainHTTPError
		dial        *net.OpError
		dns         *net.DNSError
	)
	server := server(host, err)
	// Where HTTPS and plain HTTP were tried, err has both errors: first the causes for
	// which HTTPS failed, then what a registry answered to either.
	switch {
	case errors.Is(err, context.Canceled):
		return "interrupted"
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Sprintf("%s did not answer in time: %v", server, err)
	case errors.As(err, &proxy):
		return fmt.Sprintf("%v; to connect without it, set NO_PROXY=%s", proxy, proxy.host)
	case errors.As(err, &stall):
		return fmt.Sprintf("%s stalled (%v): %v", server, stall, err)
	case errors.As(err, &wrongName):
		return fmt.Sprintf("the certificate of %s is for another name: %v", server, wrongName)
	case errors.As(err, &unknown):
		return fmt.Sprintf("the certificate of %s is not trusted: %v; %s (/etc/docker/certs.d is not read)", server, unknown, authorityAdvice())
	case errors.As(err, &certificate):
		return fmt.Sprintf("the certificate of %s is not valid: %v", server, certificate.Err)
	case errors.As(err, &answer):
		return explainAnswer(host, answer, err)
	case errors.Is(err, errWebPage):
		return fmt.Sprintf("%s answers with a web page and is not a registry; is the name right, or does a proxy ask for a sign-in?", host)
	case errors.As(err, &dns):
		text := fmt.Sprintf("%s cannot be found: %v", server, dns)
		if dns.IsNotFound {
			text += "; is the name right?"
		}
		return text
	case errors.As(err, &dial) && dial.Op == "dial":
		return fmt.Sprintf("%s cannot be reached: %v; does it run, and is the port right?", server, dial)
	case errors.Is(err, http.ErrSchemeMismatch) && !c.Insecure && !IsLoopback(host):
		return fmt.Sprintf("%s speaks plain HTTP, which others on the network can read and change; --insecure allows it", server)
	case errors.As(err, &plain) && hostname(plain.host) != hostname(host):
		return fmt.Sprintf("the registry %s sends its clients to %s by plain HTTP, which others on the network can read and change; --insecure allows it", host, plain.host)
	case strings.Contains(err.Error(), "private or link-local"), strings.Contains(err.Error(), "private/link-local"):
		return fmt.Sprintf("the registry %s sends its clients to a private address, which is refused unless it is the registry's own (%v); let it name a host in place of the address, or serve the storage and tokens itself", host, err)
	}
	return ""
}

// server names what did not answer: the registry, or where it sent its client.
func server(host string, err error) string {
	var request *url.Error
	if errors.As(err, &request) {
		address, parseErr := url.Parse(request.URL)
		if parseErr == nil && normalizeKey(address.Host) != normalizeKey(host) {
			return fmt.Sprintf("%s, to which the registry %s sends its clients,", address.Host, host)
		}
	}
	return "the registry " + host
}

func authorityAdvice() string {
	if file := os.Getenv("SSL_CERT_FILE"); file != "" {
		return fmt.Sprintf("its authority is not in %s, which SSL_CERT_FILE names", file)
	}
	return "if its authority is your own, set SSL_CERT_FILE to the authority's certificate"
}

func explainAnswer(host string, answer *transport.Error, err error) string {
	text := fmt.Sprintf("%s: the registry answers %s", doing(err), Describe(answer))
	method, path := "", ""
	if answer.Request != nil {
		method, path = answer.Request.Method, answer.Request.URL.Path
	}
	switch {
	case answer.StatusCode == http.StatusUnauthorized, answer.StatusCode == http.StatusForbidden:
		return text + fmt.Sprintf("; log in as somebody who may do that: docker login %[1]s, or podman login %[1]s", host)
	case answer.StatusCode == http.StatusNotFound && path == "/v2/":
		return text + "; is it a registry?"
	case answer.StatusCode == http.StatusMethodNotAllowed && method != http.MethodGet:
		return text + "; is it read-only?"
	case answer.StatusCode == http.StatusRequestedRangeNotSatisfiable:
		// Distribution answers so when its disk became full as it closed a file.
		return text + "; is its disk full?"
	}
	return text
}

// doing is what was being done: the text before the first cause.
func doing(err error) string {
	cause := errors.Unwrap(err)
	if cause == nil {
		return "request"
	}
	return strings.TrimSuffix(strings.TrimSuffix(err.Error(), cause.Error()), ": ")
}

// Describe is a registry's answer in one line: the status and the error codes of the
// distribution specification (section "Error Codes").
func Describe(answer *transport.Error) string {
	parts := []string{fmt.Sprintf("%d %s", answer.StatusCode, http.StatusText(answer.StatusCode))}
	for _, diagnostic := range answer.Errors {
		part := fmt.Sprintf("%s: %s", diagnostic.Code, diagnostic.Message)
		if diagnostic.Detail != nil {
			part += fmt.Sprintf(" (%v)", diagnostic.Detail)
		}
		parts = append(parts, part)
	}
	return OneLine(strings.Join(parts, ", "), 300)
}

// OneLine is a text in one line of at most so many bytes, without characters that
// could change a terminal.
func OneLine(s string, most int) string {
	s = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, s)
	s = strings.Join(strings.Fields(s), " ")
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + "…"
	}
	return s
}

func hostname(hostport string) string {
	if host, _, err := net.SplitHostPort(hostport); err == nil {
		return host
	}
	return hostport
}
