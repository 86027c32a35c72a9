package publish

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"example.com/reproducible-images/tools/internal/remotes"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

// operation says what was being done when something failed.
type operation struct {
	what  string
	cause error
}

func (o *operation) Error() string { return o.what + ": " + o.cause.Error() }
func (o *operation) Unwrap() error { return o.cause }

// during adds what was being done to an error, if there is one.
func during(what string, err error) error {
	if err == nil {
		return nil
	}
	return &operation{what, err}
}

// explain says in one line what went wrong and, where that is known, what to
// do.
func explain(t remotes.Target, err error) error {
	var (
		already explained
		answer  *transport.Error
		stall   *stallError
	)
	if errors.As(err, &already) {
		return already
	}
	if errors.As(err, &stall) {
		return explained{fmt.Sprintf("the registry %s stalled: %v; does it or the network hang? push again to go on", t.Host(), stall), err}
	}
	if known, ok := remotes.Explain(t.Host(), err); ok {
		return explained{known.Error(), err}
	}
	if !errors.As(err, &answer) {
		return explained{brief(err, cause(err)), err}
	}
	why := "the registry answers " + remotes.Describe(answer)
	switch answer.StatusCode {
	case http.StatusUnauthorized, http.StatusForbidden:
		return explained{fmt.Sprintf("the registry %s refuses the push to %s (%s): run `docker login %s` as somebody who may push there", t.Host(), t, remotes.Describe(answer), t.Host()), err}
	case http.StatusMethodNotAllowed:
		why += ": is it read-only?"
	case http.StatusRequestedRangeNotSatisfiable:
		// Distribution says so when its disk got full as it closed the file.
		why += ": it lost what was sent; is its disk full?"
	}
	return explained{brief(err, why), err}
}

// unfinished says that some tags are set, but not all.
func unfinished(err error) error {
	if errors.As(err, new(overtaken)) {
		return fmt.Errorf("not all tags are set: %w", err)
	}
	return fmt.Errorf("not all tags are set, push again to finish: %w", err)
}

// explained is an error with another text.
type explained struct {
	text  string
	cause error
}

func (e explained) Error() string { return e.text }
func (e explained) Unwrap() error { return e.cause }

// brief is what was being done and why it failed.
func brief(err error, why string) string {
	var o *operation
	if errors.As(err, &o) {
		why = o.what + ": " + why
	}
	return remotes.Line(why, 1000)
}

// cause leaves out what was being done, and the address of the request: that of
// an upload is long and says nothing.
func cause(err error) string {
	var o *operation
	if errors.As(err, &o) {
		err = o.cause
	}
	if request, ok := err.(*url.Error); ok {
		err = request.Err
	}
	return err.Error()
}
