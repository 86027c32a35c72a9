package main

import (
	"net/http/httptest"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestConditionalRequests(t *testing.T) {
	t.Parallel()
	handler := newHandler()
	etagOf := func(accept string) string {
		recorder := httptest.NewRecorder()
		request := httptest.NewRequest("GET", "/", nil)
		request.Header.Set("Accept", accept)
		handler.ServeHTTP(recorder, request)
		return recorder.Header().Get("ETag")
	}
	text, page := etagOf("text/plain"), etagOf("text/html")
	if len(text) != 34 || len(page) != 34 || text == page {
		t.Fatalf("the validators are %q and %q", text, page)
	}
	for _, test := range []struct {
		name, method, accept, header, value string
		status                              int
	}{
		{"the same", "GET", "text/html", "If-None-Match", page, 304},
		{"the same, HEAD", "HEAD", "text/html", "If-None-Match", page, 304},
		{"one of several", "GET", "text/plain", "If-None-Match", `"a", W/` + text + `, "b"`, 304},
		{"any", "GET", "text/plain", "If-None-Match", "*", 304},
		{"the other variant", "GET", "text/plain", "If-None-Match", page, 200},
		{"an old one", "GET", "text/html", "If-None-Match", `"0"`, 200},
		{"not one", "GET", "text/html", "If-None-Match", "0", 200},
		{"expected", "GET", "text/html", "If-Match", page, 200},
		{"not as expected", "GET", "text/html", "If-Match", text, 412},
		{"a part", "GET", "text/plain", "Range", "bytes=7-11", 206},
		{"no such part", "GET", "text/plain", "Range", "bytes=99-", 416},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			recorder := httptest.NewRecorder()
			request := httptest.NewRequest(test.method, "/", nil)
			request.Header.Set("Accept", test.accept)
			request.Header.Set(test.header, test.value)
			handler.ServeHTTP(recorder, request)
			if recorder.Code != test.status {
				t.Errorf("got %d, want %d", recorder.Code, test.status)
			}
			if test.status != 304 {
				return
			}
			// What RFC 9110, section 15.4.5, asks for, and no content.
			header := recorder.Header()
			got := []string{header.Get("ETag"), header.Get("Cache-Control"), header.Get("Vary"), header.Get("Content-Type"), recorder.Body.String()}
			want := []string{etagOf(test.accept), "no-cache", "Accept", "", ""}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
