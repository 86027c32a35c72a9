package publish

import (
	"net/http"

	"example.com/reproducible-images/tools/internal/remotes"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// newTransport is what all requests go through.
func newTransport(o Options) http.RoundTripper {
	base, timeout := o.Transport, o.StallTimeout
	if base == nil {
		base = remote.DefaultTransport
	}
	if timeout == 0 {
		timeout = defaultStallTimeout
	}
	checked := digestCheck{freshBody{&stallGuard{next: base, timeout: timeout}}}
	return remotes.Transport(checked, o.Insecure)
}

// freshBody sends the body from its beginning. When a token has expired,
// go-containerregistry gets another one and sends the same request again, of
// which the body was read by then.
type freshBody struct{ next http.RoundTripper }

func (f freshBody) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Body == nil || req.GetBody == nil {
		return f.next.RoundTrip(req)
	}
	req.Body.Close()
	body, err := req.GetBody()
	if err != nil {
		return nil, err
	}
	again := req.WithContext(req.Context())
	again.Body = body
	return f.next.RoundTrip(again)
}
