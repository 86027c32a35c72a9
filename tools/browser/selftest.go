package browser

import (
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"net"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
)

// controlPage passes every check.
//
//go:embed control.html
var controlPage string

// control is a page with a fault, by which checks show that they can fail.
type control struct {
	name string
	// old and new are what makes the fault of the page without one.
	old, new string
	// policy is the Content-Security-Policy, by default strictPolicy's.
	policy string
	status int
	// failing are the names of the checks that fail, and no others do.
	failing []string
}

var controls = []control{
	{name: "no fault"},
	{name: "another title", old: "<title>Control", new: "<title>Title", failing: []string{loads}},
	{name: "another heading", old: "<h1>Control", new: "<h1>Heading", failing: []string{loads}},
	{name: "a text missing", old: "All is well", new: "Nothing", failing: []string{loads}},
	{name: "status 404", status: http.StatusNotFound, failing: []string{loads, console}},
	{name: "a console error", old: "</html>", new: "<script>console.error('no')</script>", failing: []string{console}},
	{name: "an exception", old: "</html>", new: "<script>throw new Error('no')</script>", failing: []string{console}},
	{name: "an inline script that the policy refuses", policy: "style-src 'unsafe-inline'; script-src 'none'", old: "</html>", new: "<script>1</script>", failing: []string{console, policy}},
	{name: "an image from elsewhere", old: "</html>", new: `<img src="http://image.invalid/" alt="">`, failing: []string{console, requests}},
	{name: "an early connection to elsewhere", old: "</html>", new: `<link rel="preconnect" href="http://host.invalid/">`, failing: []string{requests}},
	{name: "no policy", policy: "default-src * data: 'unsafe-inline' 'unsafe-eval'", failing: []string{policy}},
	{name: "a style that the policy refuses", policy: "default-src 'none'; img-src data:", failing: []string{console, policy, schemes}},
	{name: "text that a script adds", old: "</html>", new: "<script>document.body.append('More.')</script>", failing: []string{scriptless}},
	{name: "an element 2000 px wide", old: "</style>", new: "h1 { width: 2000px }</style>", failing: []string{layout, readable}},
	{name: "no viewport for phones", old: `name="viewport"`, new: `name="view"`, failing: []string{layout, readable}},
	{name: "small text", old: "</style>", new: "p { font-size: 9px }</style>", failing: []string{readable}},
	{name: "text that is cut off", old: "</style>", new: "p { width: 3em; overflow: hidden; white-space: nowrap }</style>", failing: []string{readable}},
	{name: "text behind something", old: "</style>", new: "h1 { background: inherit; margin-bottom: -4rem; height: 6rem; position: relative }</style>", failing: []string{readable}},
	{name: "grey text", old: "</style>", new: "p { color: #888 }</style>", failing: []string{contrasts}},
	{name: "text that is half transparent", old: "</style>", new: "p { color: #8888 }</style>", failing: []string{contrasts}},
	{name: "text on a gradient", old: "#fff;", new: "linear-gradient(90deg, #fff, #fff 50px, #333 100px);", failing: []string{contrasts}},
	{name: "text of some opacity", old: "</style>", new: "p { opacity: .9 }</style>", failing: []string{contrasts}},
	{name: "no dark scheme", old: "dark)", new: "none)", failing: []string{schemes}},
}

// controlViews show every fault, with few pixels.
func controlViews() []View {
	small := Phone
	small.Scale = 1
	return []View{{Screen: small}, {Screen: small, NoScript: true}, {Screen: small, Dark: true}}
}

// SelfTest shows that each check can fail: it looks at pages that have one
// fault each, and whether it is seen, and nothing else. Results are OK where
// that is so.
func (b *Browser) SelfTest(ctx context.Context) ([]Result, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("serving the pages with faults: %w", err)
	}
	mux := http.NewServeMux()
	for i, c := range controls {
		mux.Handle(path(i), c)
	}
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	defer server.Close()
	// It returns once the server is closed.
	go func() { _ = server.Serve(listener) }()

	results := make([]Result, len(controls))
	group, ctx := errgroup.WithContext(ctx)
	for i, c := range controls {
		group.Go(func() error {
			page := Page{URL: "http://" + listener.Addr().String() + path(i), Title: "Control", Heading: "Control", Texts: []string{"All is well."}}
			visits, err := b.visits(ctx, page.URL, controlViews())
			if err != nil {
				return err
			}
			results[i] = c.judge(judge(page, visits))
			return nil
		})
	}
	return results, group.Wait()
}

func path(i int) string { return fmt.Sprintf("/%d", i) }

// judge says whether the checks found what is wrong with the page.
func (c control) judge(results []Result) Result {
	var failed, details []string
	for _, r := range results {
		if !r.OK {
			failed = append(failed, r.Check)
			details = append(details, r.Check+": "+r.Detail)
		}
	}
	detail := strings.Join(details, "; ")
	if detail == "" {
		detail = "nothing was found"
	}
	return Result{c.name, slices.Equal(failed, c.failing), detail}
}

func (c control) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	page := strings.Replace(controlPage, c.old, c.new, 1)
	policy := c.policy
	if policy == "" {
		policy = strictPolicy(page)
	}
	w.Header().Set("Content-Security-Policy", policy)
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	if c.status != 0 {
		w.WriteHeader(c.status)
	}
	// The only error is a client that left.
	_, _ = w.Write([]byte(page))
}

var inline = regexp.MustCompile(`(?s)<(style|script)>(.*?)</`)

// strictPolicy allows a page what is in it.
func strictPolicy(page string) string {
	policy := "default-src 'none'; img-src data:"
	for _, m := range inline.FindAllStringSubmatch(page, -1) {
		sum := sha256.Sum256([]byte(m[2]))
		policy += fmt.Sprintf("; %s-src 'sha256-%s'", m[1], base64.StdEncoding.EncodeToString(sum[:]))
	}
	return policy
}
