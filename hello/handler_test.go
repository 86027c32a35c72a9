package main

import (
	"net/http/httptest"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// answer is what the tests look at in a response.
type answer struct {
	Status                   int
	ContentType, Vary, Allow string
	Body                     string // without that of HEAD
}

func ask(t *testing.T, method, target string, accept ...string) answer {
	t.Helper()
	request := httptest.NewRequest(method, target, nil)
	request.Header["Accept"] = accept
	recorder := httptest.NewRecorder()
	newHandler().ServeHTTP(recorder, request)
	header := recorder.Result().Header
	return answer{
		Status:      recorder.Code,
		ContentType: header.Get("Content-Type"),
		Vary:        header.Get("Vary"),
		Allow:       header.Get("Allow"),
		Body:        recorder.Body.String(),
	}
}

func TestRoutes(t *testing.T) {
	t.Parallel()
	const plain = "text/plain; charset=utf-8"
	var (
		text       = answer{200, plain, "Accept", "", "Hello, world!\n"}
		page       = answer{200, "text/html; charset=utf-8", "Accept", "", renderPage()}
		notFound   = answer{404, plain, "", "", "404 page not found\n"}
		notAllowed = answer{405, plain, "", "GET, HEAD", "405 method not allowed\n"}
	)
	for _, test := range []struct {
		method, target string
		accept         []string
		want           answer
	}{
		{"GET", "/", nil, text},
		{"GET", "/", []string{"*/*"}, text},
		{"GET", "/?q=1", nil, text},
		{"HEAD", "/", nil, withoutBody(text)},
		{"GET", "/", []string{"text/html"}, page},
		{"HEAD", "/", []string{"text/html"}, withoutBody(page)},
		{"GET", "/", []string{"text/plain;q=0.5", "text/html"}, page},

		{"GET", "//", nil, notFound},
		{"GET", "/./", nil, notFound},
		{"GET", "/index.html", nil, notFound},
		{"GET", "/favicon.ico", nil, notFound},
		{"POST", "/elsewhere", nil, notFound},

		{"POST", "/", nil, notAllowed},
		{"PUT", "/", []string{"text/html"}, notAllowed},
		{"OPTIONS", "/", nil, notAllowed},
		{"TRACE", "/", nil, notAllowed},
		{"get", "/", nil, notAllowed},
	} {
		t.Run(test.method+test.target+strings.Join(test.accept, ","), func(t *testing.T) {
			t.Parallel()
			got := ask(t, test.method, test.target, test.accept...)
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func withoutBody(a answer) answer {
	a.Body = ""
	return a
}

// TestHead checks that HEAD says all that GET says, the length among it.
func TestHead(t *testing.T) {
	t.Parallel()
	got, want := httptest.NewRecorder(), httptest.NewRecorder()
	newHandler().ServeHTTP(want, httptest.NewRequest("GET", "/", nil))
	newHandler().ServeHTTP(got, httptest.NewRequest("HEAD", "/", nil))
	if diff := cmp.Diff(want.Header(), got.Header()); diff != "" {
		t.Errorf("(-GET +HEAD):\n%s", diff)
	}
	if length := want.Header().Get("Content-Length"); length != strconv.Itoa(want.Body.Len()) {
		t.Errorf("Content-Length is %q for %d bytes", length, want.Body.Len())
	}
}

func TestPage(t *testing.T) {
	t.Parallel()
	page := renderPage()
	for _, want := range []string{
		"<title>Hello, world!</title>",
		">" + runtime.Version() + "<",
		">" + runtime.GOOS + "/" + runtime.GOARCH + "<",
		">" + buildVersion() + "<",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page does not have %q", want)
		}
	}
	// Only style is inline, so that a strict Content-Security-Policy can name
	// it by its hash, and nothing is loaded from anywhere.
	for _, unwanted := range []string{"{{", "}}", "<script", " style=", "src=", "url(", "@import"} {
		if strings.Contains(page, unwanted) {
			t.Errorf("the page has %q", unwanted)
		}
	}
}
