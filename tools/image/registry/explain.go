package registry

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
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
		dial        *net.OpError
		dns         *net.DNSError
	)
	switch {
	case errors.Is(err, context.Canceled):
		return "interrupted"
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Sprintf("the registry %s did not answer in time: %v", host, err)
	case errors.As(err, &answer):
		return explainAnswer(host, answer, err)
	case errors.Is(err, errWebPage):
		return fmt.Sprintf("%s answers with a web page and is not a registry; is the name right, or does a proxy ask for a sign-in?", host)
	case errors.As(err, &proxy):
		return fmt.Sprintf("%v; to reach %s without it, set NO_PROXY=%s", proxy, host, hostname(host))
	case errors.As(err, &stall):
		return fmt.Sprintf("the registry %s stalled (%v): %v", host, stall, err)
	case errors.As(err, &wrongName):
		return fmt.Sprintf("the certificate of the registry %s is for another name: %v", host, wrongName)
	case errors.As(err, &unknown):
		return fmt.Sprintf("the certificate of the registry %s is not trusted: %v; if its authority is your own, set SSL_CERT_FILE to the authority's certificate (/etc/docker/certs.d is not read)", host, unknown)
	case errors.As(err, &certificate):
		return fmt.Sprintf("the certificate of the registry %s is not valid: %v", host, certificate.Err)
	case (errors.Is(err, http.ErrSchemeMismatch) && !IsLoopback(host) || errors.Is(err, errPlainHTTP)) && !c.Insecure:
		return fmt.Sprintf("the registry %s speaks plain HTTP, which others on the network can read and change; --insecure allows it", host)
	case errors.As(err, &dns):
		return fmt.Sprintf("the registry %s cannot be found: %v; is the name right?", host, dns)
	case errors.As(err, &dial) && dial.Op == "dial":
		return fmt.Sprintf("the registry %s cannot be reached: %v; does it run, and is the port right?", host, dial)
	case strings.Contains(err.Error(), "private or link-local"), strings.Contains(err.Error(), "private/link-local"):
		return fmt.Sprintf("the registry %s sends its clients to a private address, which is refused unless it is the registry's own (%v); let it name a host in place of the address, or serve the storage and tokens itself", host, err)
	}
	return ""
}

func explainAnswer(host string, answer *transport.Error, err error) string {
	text := fmt.Sprintf("%s: the registry answers %s", doing(err), Describe(answer))
	switch answer.StatusCode {
	case http.StatusUnauthorized, http.StatusForbidden:
		return text + fmt.Sprintf("; log in as somebody who may do that: docker login %[1]s, or podman login %[1]s", host)
	case http.StatusMethodNotAllowed:
		return text + "; is it read-only?"
	case http.StatusRequestedRangeNotSatisfiable:
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
