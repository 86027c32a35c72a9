package browser

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"net/url"
	"slices"
	"strings"
)

func checkContent(page Page, visits []Visit, faults *faults) string {
	for _, v := range visits {
		if v.Failure != "" {
			faults.add(v.View, "%s", v.Failure)
			continue
		}
		if v.Status != 200 {
			faults.add(v.View, "HTTP status %d, not 200", v.Status)
		}
		if v.Facts.Title != page.Title {
			faults.add(v.View, "the title is %q, not %q", v.Facts.Title, page.Title)
		}
		if v.Facts.Heading != page.Heading {
			faults.add(v.View, "the heading is %q, not %q", v.Facts.Heading, page.Heading)
		}
		for _, text := range page.Texts {
			if !strings.Contains(v.Facts.Text, text) {
				faults.add(v.View, "it does not say %q", text)
			}
		}
	}
	return fmt.Sprintf("%d times, 200, %q", len(visits), page.Title)
}

func checkConsole(_ Page, visits []Visit, faults *faults) string {
	for _, v := range visits {
		for _, message := range v.Messages {
			faults.add(v.View, "%s", message)
		}
	}
	return "no warning, no error, no violation"
}

func checkRequests(page Page, visits []Visit, faults *faults) string {
	n := 0
	for _, v := range visits {
		n += len(v.Requests)
		for _, request := range v.Requests {
			if elsewhere(request, page.URL) {
				faults.add(v.View, "it asks for %s", request)
			}
		}
		for _, hint := range v.Facts.Hints {
			if elsewhere(hint, page.URL) {
				faults.add(v.View, "it has %s connected to", hint)
			}
		}
	}
	return fmt.Sprintf("%d requests, all to %s", n, page.URL)
}

// elsewhere says whether a request leaves the origin of the page.
func elsewhere(request, page string) bool {
	r, err := url.Parse(request)
	if err != nil {
		return true
	}
	p, err := url.Parse(page)
	return err != nil || r.Scheme != "data" && (r.Scheme != p.Scheme || r.Host != p.Host)
}

func checkPolicy(_ Page, visits []Visit, faults *faults) string {
	for _, v := range visits {
		if v.View.NoScript {
			continue
		}
		if !v.Probe.Styled {
			faults.add(v.View, "the page's style has no effect")
		}
		for _, ran := range v.Probe.Ran {
			faults.add(v.View, "the policy lets %s through", ran)
		}
	}
	return "the page's own style applies; injected scripts, handlers, eval and styles do not"
}

func checkScripts(_ Page, visits []Visit, faults *faults) string {
	n := 0
	for _, v := range visits {
		with := v.View
		with.NoScript = false
		i := slices.IndexFunc(visits, func(w Visit) bool { return w.View == with })
		if v.View.NoScript && i >= 0 {
			n++
			if !same(v, visits[i]) {
				faults.add(v.View, "it looks different")
			}
		}
	}
	return fmt.Sprintf("%d pictures without scripts are pixel for pixel the ones with", n)
}

func same(a, b Visit) bool {
	return a.Picture.Rect == b.Picture.Rect && bytes.Equal(a.Picture.Pix, b.Picture.Pix)
}

func checkLayout(_ Page, visits []Visit, faults *faults) string {
	for _, v := range visits {
		switch width := v.View.Screen.Width; {
		case v.Facts.LayoutWidth != width:
			faults.add(v.View, "it is laid out for %d px, the screen has %d", v.Facts.LayoutWidth, width)
		case v.Facts.ContentWidth > width:
			faults.add(v.View, "it is %d px wide and scrolls sideways, the screen has %d", v.Facts.ContentWidth, width)
		}
	}
	return fmt.Sprintf("no sideways scrolling at %d and %d px", Phone.Width, Desktop.Width)
}

// leastSize is the size of text, in CSS pixels, below which Lighthouse, too,
// calls it illegible.
const leastSize = 12

var errInvisible = errors.New("it cannot be seen")

func checkText(_ Page, visits []Visit, faults *faults) string {
	least := math.Inf(1)
	for _, v := range visits {
		if len(v.Facts.Texts) == 0 {
			faults.add(v.View, "there is no text")
		}
		for _, t := range v.Facts.Texts {
			least = min(least, t.Size)
			if t.Size < leastSize {
				faults.add(v.View, "%s is %.3g px small", t, t.Size)
			}
			if t.Clipped {
				faults.add(v.View, "%s is cut off", t)
			}
			if _, err := v.worst(t); errors.Is(err, errInvisible) {
				faults.add(v.View, "%s: %v", t, err)
			}
		}
	}
	return fmt.Sprintf("whole and in sight, %.3g px or more", least)
}

func checkContrast(_ Page, visits []Visit, faults *faults) string {
	least, where := math.Inf(1), ""
	for _, v := range visits {
		for _, t := range v.Facts.Texts {
			c, err := v.worst(t)
			switch {
			case errors.Is(err, errInvisible):
				// A fault of the text, which is another check.
				continue
			case err != nil:
				faults.add(v.View, "%s: %v", t, err)
				continue
			case c < needed(t):
				faults.add(v.View, "%s has a contrast of %.2f:1, not %.3g:1", t, c, needed(t))
			}
			if c < least {
				least, where = c, fmt.Sprintf("%s, %s", t, v.View)
			}
		}
	}
	return fmt.Sprintf("%.2f:1 or more (%s)", least, where)
}

// middle is the luminance that has the same contrast to black and to white.
var middle = math.Sqrt(1.05*0.05) - 0.05

func checkSchemes(_ Page, visits []Visit, faults *faults) string {
	var light, dark float64
	for _, v := range visits {
		b := brightness(v.Bare)
		if v.View.Dark {
			dark = max(dark, b)
		} else {
			light = max(light, 1-b)
		}
		if v.View.Dark != (b < middle) {
			faults.add(v.View, "its mean luminance is %.2f, the middle %.2f", b, middle)
		}
	}
	return fmt.Sprintf("mean luminance %.2f or more in light, %.2f or less in dark", 1-light, dark)
}

// String names a text in a report.
func (t Text) String() string {
	text := []rune(t.Text)
	if len(text) > 24 {
		text = append(text[:23], '…')
	}
	return fmt.Sprintf("%s “%s”", t.Element, string(text))
}
