package remotes

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"unicode"

	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

// Explain says what went wrong with the registry HOST[:PORT] and what to do;
// ok is false, and err as it was, for what only the caller can explain.
func Explain(host string, err error) (_ error, ok bool) {
	var (
		certificate *tls.CertificateVerificationError
		dial        *net.OpError
		dns         *net.DNSError
	)
	switch {
	case errors.Is(err, context.Canceled):
		return explained{"interrupted", err}, true
	case errors.As(err, &certificate):
		return explained{fmt.Sprintf("the certificate of the registry %s is not trusted: %v; if its authority is your own, name the authority's certificate in the environment: SSL_CERT_FILE=/path/to/ca.pem", host, certificate.Err), err}, true
	case errors.Is(err, http.ErrSchemeMismatch) && !Loopback(host), errors.Is(err, errPlainHTTP):
		return explained{fmt.Sprintf("the registry %s speaks plain HTTP, which everyone on the way can read and change: add --insecure to allow that", host), err}, true
	case errors.As(err, &dns):
		return explained{fmt.Sprintf("the registry %s cannot be found: %v; is the name right?", host, dns), err}, true
	case errors.As(err, &dial) && dial.Op == "dial":
		return explained{fmt.Sprintf("the registry %s cannot be reached: %v; does it run, and is the port right?", host, dial), err}, true
	}
	return err, false
}

// explained is an error with another text.
type explained struct {
	text  string
	cause error
}

func (e explained) Error() string { return e.text }
func (e explained) Unwrap() error { return e.cause }

// Describe is a registry's answer in one line: the status and the error codes
// of the OCI distribution specification (section "Error Codes").
func Describe(e *transport.Error) string {
	parts := []string{fmt.Sprintf("%d %s", e.StatusCode, http.StatusText(e.StatusCode))}
	for _, d := range e.Errors {
		part := fmt.Sprintf("%s: %s", d.Code, d.Message)
		if d.Detail != nil {
			part += fmt.Sprintf(" (%v)", d.Detail)
		}
		parts = append(parts, part)
	}
	return Line(strings.Join(parts, ", "), maxAnswer)
}

// maxAnswer is how much of a registry's answer is shown, in bytes: it may be a
// whole page.
const maxAnswer = 300

// Line is a text in one line, without what could change a terminal, of at most
// so many bytes.
func Line(s string, most int) string {
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
