package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"example.com/reproducible-images/tools/browser"
	"example.com/reproducible-images/tools/e2e/engines"
)

// checkPage looks at the page of the container in chromium.
func checkPage(ctx context.Context, s *session, e engines.Engine) (string, error) {
	c, err := s.launch(ctx, e, locks(e))
	if err != nil {
		return "", err
	}
	defer c.Remove(ctx)
	return inBrowser(ctx, func(b *browser.Browser) ([]browser.Result, error) {
		return b.Check(ctx, browser.Page{
			URL:     url,
			Title:   "Hello, world!",
			Heading: "Hello, world!",
			Texts:   []string{s.image.Version, platform},
		})
	})
}

// checkControls shows the browser pages with faults, to see that it sees them.
func checkControls(ctx context.Context, _ *session, _ engines.Engine) (string, error) {
	seen, err := inBrowser(ctx, func(b *browser.Browser) ([]browser.Result, error) { return b.SelfTest(ctx) })
	return fmt.Sprintf("%d pages, each fault found, and no other", strings.Count(seen, "\n")+1), err
}

// inBrowser starts chromium, and returns what it found in lines. The error has
// the faults.
func inBrowser(ctx context.Context, look func(*browser.Browser) ([]browser.Result, error)) (string, error) {
	if err := engines.Need("chromium"); err != nil {
		return "", err
	}
	b, err := browser.Start(ctx)
	if err != nil {
		return "", err
	}
	defer b.Close()
	results, err := look(b)
	if err != nil {
		return "", err
	}
	var seen, faults []string
	for _, r := range results {
		line := r.Check + ": " + r.Detail
		seen = append(seen, line)
		if !r.OK {
			faults = append(faults, line)
		}
	}
	if len(faults) > 0 {
		return "", errors.New(strings.Join(faults, "\n"))
	}
	return strings.Join(seen, "\n"), nil
}
