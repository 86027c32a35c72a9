package browser

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"image"
	"image/draw"
	"image/png"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// Visit is what was seen of a page.
type Visit struct {
	View View
	// Failure says why the page could not be loaded, and then there is nothing
	// else.
	Failure string
	// Status is that of HTTP.
	Status int
	// Messages are the warnings and errors of the console, of scripts and of
	// the browser, such as violations of the Content-Security-Policy and loads
	// that failed.
	Messages []string
	// Requests are the URLs that were asked for, the page's own first.
	Requests []string
	Facts    Facts
	// Picture is the whole page, Bare the same without the paint of any glyph.
	Picture, Bare *image.RGBA
	// Probe is empty in a view without scripts.
	Probe Probe
}

// visitTimeout is how long a page may take.
const visitTimeout = 30 * time.Second

//go:embed measure.js
var measureJS string

//go:embed bare.js
var bareJS string

//go:embed probe.js
var probeJS string

// Visit loads a page as somebody does who was never there: in a tab with no
// cache and no cookies. A page that cannot be loaded is a visit, too; the error
// is that of the browser.
func (b *Browser) Visit(ctx context.Context, url string, view View) (Visit, error) {
	v, err := b.visit(ctx, url, view)
	if err != nil {
		return v, fmt.Errorf("looking at %s (%s): %w", url, view, err)
	}
	return v, nil
}

func (b *Browser) visit(ctx context.Context, url string, view View) (Visit, error) {
	v := Visit{View: view}
	select {
	case b.tabs <- struct{}{}:
		defer func() { <-b.tabs }()
	case <-ctx.Done():
		return v, context.Cause(ctx)
	}
	record := newRecorder()
	// The tab belongs to the browser's context and ends with the caller's, too.
	tab, closeTab := chromedp.NewContext(b.ctx, chromedp.WithNewBrowserContext(), chromedp.WithListener(record.event))
	defer closeTab()
	defer context.AfterFunc(ctx, closeTab)()
	tab, cancel := context.WithTimeoutCause(tab, visitTimeout, fmt.Errorf("it takes longer than %s", visitTimeout))
	defer cancel()
	err := v.load(tab, url, record)
	switch {
	case ctx.Err() != nil:
		return v, context.Cause(ctx)
	case b.ctx.Err() != nil:
		return v, errors.New("chromium has ended")
	case tab.Err() != nil:
		v.Failure = context.Cause(tab).Error()
		return v, nil
	case errors.Is(err, chromedp.ErrPageLoad):
		v.Failure = err.Error()
		return v, nil
	}
	return v, err
}

// load fills the visit.
func (v *Visit) load(tab context.Context, url string, record *recorder) error {
	if err := chromedp.Do(tab, chromedp.Func(v.View.emulate)); err != nil {
		return err
	}
	response, err := chromedp.RunResponse(tab, chromedp.Navigate(url))
	if err != nil {
		return err
	}
	v.Status = int(response.Status)
	select {
	case <-record.idle:
	case <-tab.Done():
		return tab.Err()
	}
	v.Messages, v.Requests = record.snapshot()
	if v.Facts, err = chromedp.Run(tab, chromedp.Evaluate[Facts](measureJS)); err != nil {
		return fmt.Errorf("measuring: %w", err)
	}
	if v.Picture, err = chromedp.Run(tab, v.capture); err != nil {
		return err
	}
	if err := chromedp.Do(tab, chromedp.Evaluate[chromedp.Void](bareJS)); err != nil {
		return fmt.Errorf("hiding the text: %w", err)
	}
	if v.Bare, err = chromedp.Run(tab, v.capture); err != nil {
		return err
	}
	if v.View.NoScript {
		return nil
	}
	// Else the evaluation itself is let off the policy's rule about eval.
	strictly := func(p *runtime.EvaluateParams) { p.AllowUnsafeEvalBlockedByCSP = new(bool) }
	if v.Probe, err = chromedp.Run(tab, chromedp.Evaluate[Probe](probeJS, strictly)); err != nil {
		return fmt.Errorf("probing the policy: %w", err)
	}
	return nil
}

// capture takes a picture of the whole page, as wide as the screen.
func (v *Visit) capture(ctx context.Context, t *chromedp.Target) (*image.RGBA, error) {
	beyond, fast := v.Facts.ContentHeight > v.View.Screen.Height, true
	shot, err := cdp.Call(ctx, t, page.CaptureScreenshot, page.CaptureScreenshotParams{
		Format: page.CaptureScreenshotFormatPng,
		Clip: &page.Viewport{
			Width:  float64(v.View.Screen.Width),
			Height: float64(max(v.Facts.ContentHeight, v.View.Screen.Height)),
			Scale:  1,
		},
		CaptureBeyondViewport: &beyond,
		OptimizeForSpeed:      &fast,
	})
	if err != nil {
		return nil, fmt.Errorf("taking a picture: %w", err)
	}
	decoded, err := png.Decode(bytes.NewReader(shot.Data))
	if err != nil {
		return nil, fmt.Errorf("reading the picture that chromium took: %w", err)
	}
	picture := image.NewRGBA(decoded.Bounds())
	draw.Draw(picture, picture.Rect, decoded, decoded.Bounds().Min, draw.Src)
	return picture, nil
}
