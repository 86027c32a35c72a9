package browser

import (
	"context"
	"slices"

	"golang.org/x/sync/errgroup"
)

// Page is what a page is to be.
type Page struct {
	URL string
	// Title is the document's title, Heading the text of its first h1.
	Title, Heading string
	// Texts are to be displayed, somewhere.
	Texts []string
}

// Result is that of one check.
type Result struct {
	Check string
	OK    bool
	// Detail says what was found: the faults, or what the check was made on.
	Detail string
}

// Check looks at a page on the screens of a phone and a desktop, in light and
// dark, with and without scripts, and makes every check. The error is that of
// the browser; a page that does not load is a result.
func (b *Browser) Check(ctx context.Context, page Page) ([]Result, error) {
	visits, err := b.visits(ctx, page.URL, append(views(Phone), views(Desktop)...))
	if err != nil {
		return nil, err
	}
	return judge(page, visits), nil
}

// views are all that differ on one screen.
func views(screen Screen) []View {
	return []View{
		{screen, false, false},
		{screen, false, true},
		{screen, true, false},
		{screen, true, true},
	}
}

// visits looks at a page in each of the views.
func (b *Browser) visits(ctx context.Context, url string, views []View) ([]Visit, error) {
	visits := make([]Visit, len(views))
	group, ctx := errgroup.WithContext(ctx)
	for i, view := range views {
		group.Go(func() (err error) {
			visits[i], err = b.Visit(ctx, url, view)
			return err
		})
	}
	return visits, group.Wait()
}

// check is one of the checks. It reports faults and returns what it was made on.
type check struct {
	name string
	run  func(page Page, visits []Visit, faults *faults) string
}

// The names of the checks. Without the first there are no others.
const (
	loads      = "page loads"
	console    = "console is empty"
	requests   = "nothing from elsewhere"
	policy     = "policy holds"
	scriptless = "no script needed"
	layout     = "fits the screen"
	readable   = "text is readable"
	contrasts  = "contrast is AA"
	schemes    = "light and dark"
)

var checks = []check{
	{loads, checkContent},
	{console, checkConsole},
	{requests, checkRequests},
	{policy, checkPolicy},
	{scriptless, checkScripts},
	{layout, checkLayout},
	{readable, checkText},
	{contrasts, checkContrast},
	{schemes, checkSchemes},
}

// judge makes the checks on what was seen.
func judge(page Page, visits []Visit) []Result {
	failed := slices.ContainsFunc(visits, func(v Visit) bool { return v.Failure != "" })
	var results []Result
	for _, c := range checks {
		if failed && c.name != loads {
			results = append(results, Result{c.name, false, "the page did not load"})
			continue
		}
		f := faults{visits: len(visits)}
		detail, ok := c.run(page, visits, &f), len(f.all) == 0
		if !ok {
			detail = f.String()
		}
		results = append(results, Result{c.name, ok, detail})
	}
	return results
}
