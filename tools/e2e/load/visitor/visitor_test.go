package visitor_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"example.com/reproducible-images/tools/e2e/load/visitor"
)

const body = "hello\n"

func TestVisit(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		// handle is given the number of the request, from 1.
		handle   func(w http.ResponseWriter, n int64)
		failures bool
		failure  string
	}{
		"served":       {handle: func(w http.ResponseWriter, _ int64) { io.WriteString(w, body) }},
		"kept closed":  {handle: func(w http.ResponseWriter, n int64) { w.Header().Set("Connection", "close"); io.WriteString(w, body) }},
		"an error":     {handle: func(w http.ResponseWriter, _ int64) { http.Error(w, body, http.StatusServiceUnavailable) }, failures: true, failure: "503 Service Unavailable"},
		"another text": {handle: func(w http.ResponseWriter, _ int64) { io.WriteString(w, "bye\n") }, failures: true, failure: `"bye\n", not "hello\n"`},
		"no answer":    {handle: func(http.ResponseWriter, int64) { panic(http.ErrAbortHandler) }, failures: true, failure: "EOF"},
		"half of it":   {handle: func(w http.ResponseWriter, _ int64) { w.Header().Set("Content-Length", "9"); io.WriteString(w, body) }, failures: true, failure: "unexpected EOF"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var n atomic.Int64
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { test.handle(w, n.Add(1)) }))
			defer server.Close()
			report, err := visitor.Visit(t.Context(), server.URL, body, 4, time.Millisecond)
			if err != nil {
				t.Fatal(err)
			}
			if test.failures {
				if len(report.Times) > 0 || report.Failures < 4 || report.Failure == nil || !strings.Contains(report.Failure.Error(), test.failure) {
					t.Errorf("%+v, want failures with %q", report, test.failure)
				}
			} else if len(report.Times) < 4 || report.Failures > 0 || report.Failure != nil {
				t.Errorf("%+v, want none but answers", report)
			}
		})
	}
}

func TestVisitEndsWithContext(t *testing.T) {
	t.Parallel()
	cause := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		cancel(cause)
		<-r.Context().Done()
	}))
	defer server.Close()
	if _, err := visitor.Visit(ctx, server.URL, body, 2, time.Hour); !errors.Is(err, cause) {
		t.Errorf("error %v, want %v", err, cause)
	}
}

func TestQuantile(t *testing.T) {
	t.Parallel()
	var report visitor.Report
	if got := report.Quantile(0.99); got != 0 {
		t.Errorf("of nothing: %v", got)
	}
	for i := range 100 {
		report.Add(visitor.Report{Times: []time.Duration{time.Duration(100 - i)}})
	}
	for part, want := range map[float64]time.Duration{0: 1, 0.5: 51, 0.99: 100, 1: 100} {
		if got := report.Quantile(part); got != want {
			t.Errorf("%v: %v, want %v", part, got, want)
		}
	}
}
