package publish

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"

	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

// explain says what went wrong and, where that is known, what to do.
func explain(t Target, err error) error {
	var (
		certificate *tls.CertificateVerificationError
		dial        *net.OpError
		dns         *net.DNSError
		answer      *transport.Error
	)
	switch {
	case errors.Is(err, context.Canceled):
		return explained{"interrupted", err}
	case errors.As(err, &certificate):
		return explained{fmt.Sprintf("the certificate of the registry %s is not trusted: %v; if its authority is your own, name the authority's certificate in the environment: SSL_CERT_FILE=/path/to/ca.pem", t.host, certificate.Err), err}
	case errors.Is(err, http.ErrSchemeMismatch) && !t.Loopback(), errors.Is(err, errPlainHTTP):
		return explained{fmt.Sprintf("the registry %s speaks plain HTTP, which everyone on the way can read and change: add --insecure to allow that", t.host), err}
	case errors.As(err, &dns):
		return explained{fmt.Sprintf("the registry %s cannot be found: %v; is the name right?", t.host, dns), err}
	case errors.As(err, &dial) && dial.Op == "dial":
		return explained{fmt.Sprintf("the registry %s cannot be reached: %v; does it run, and is the port right?", t.host, dial), err}
	case errors.As(err, &answer) && (answer.StatusCode == http.StatusUnauthorized || answer.StatusCode == http.StatusForbidden):
		return explained{fmt.Sprintf("the registry %s refuses the push to %s (%s): run `docker login %s` as somebody who may push there", t.host, t, describe(answer), t.host), err}
	}
	return err
}

// explained is an error with another text.
type explained struct {
	text  string
	cause error
}

func (e explained) Error() string { return e.text }
func (e explained) Unwrap() error { return e.cause }

// describe is the registry's answer in one line: the status and the error codes
// of the OCI distribution specification (section "Error Codes").
func describe(e *transport.Error) string {
	parts := []string{fmt.Sprintf("%d %s", e.StatusCode, http.StatusText(e.StatusCode))}
	for _, d := range e.Errors {
		parts = append(parts, fmt.Sprintf("%s: %s", d.Code, d.Message))
	}
	return strings.Join(parts, ", ")
}
