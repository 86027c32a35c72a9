package browser

import (
	"image"
	"image/draw"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var wanted = Page{URL: "http://localhost:8060/", Title: "Title", Heading: "Heading", Texts: []string{"v1"}}

// seen is what is seen of a page without faults: one text, in a box of 4 × 2.
func seen() []Visit {
	var visits []Visit
	for _, view := range append(views(Phone), views(Desktop)...) {
		ground, ink := white, grey(0x70)
		if view.Dark {
			ground, ink = black, grey(0xaa)
		}
		v := Visit{
			View: view, Status: 200,
			Requests: []string{wanted.URL, "data:,"},
			Facts: Facts{
				Title: "Title", Heading: "Heading", Text: "Heading v1",
				LayoutWidth: view.Screen.Width, ContentWidth: view.Screen.Width,
				Texts: []Text{{Element: "p", Text: "v1", Size: 16, Weight: 400, Color: [4]uint8{ink.R, ink.G, ink.B, 255}, Boxes: []Box{{1, 1, 4, 2}}}},
			},
			Picture: filled(40, 40, ground), Bare: filled(40, 40, ground),
			Probe: Probe{Styled: true},
		}
		v.Picture.SetRGBA(4, 2, ink)
		visits = append(visits, v)
	}
	return visits
}

func TestJudge(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		fault func(v *Visit)
		// in is the view with the fault.
		in     View
		check  string
		detail string
	}{
		"none": {fault: func(*Visit) {}},
		"status": {
			fault: func(v *Visit) { v.Status = 503 },
			check: loads, detail: "HTTP status 503, not 200 (phone light)",
		},
		"title": {
			fault: func(v *Visit) { v.Facts.Title = "" },
			check: loads, detail: `the title is "", not "Title" (phone light)`,
		},
		"heading": {
			fault: func(v *Visit) { v.Facts.Heading = "x" },
			check: loads, detail: `the heading is "x", not "Heading" (phone light)`,
		},
		"text": {
			fault: func(v *Visit) { v.Facts.Text = "Heading" },
			check: loads, detail: `it does not say "v1" (phone light)`,
		},
		"message": {
			in:    View{Screen: Desktop, NoScript: true},
			fault: func(v *Visit) { v.Messages = []string{"a", "b"} },
			check: console, detail: "a (desktop light without scripts); b (desktop light without scripts)",
		},
		"request": {
			fault: func(v *Visit) { v.Requests = append(v.Requests, "https://localhost:8060/x") },
			check: requests, detail: "it asks for https://localhost:8060/x (phone light)",
		},
		"hint": {
			fault: func(v *Visit) { v.Facts.Hints = []string{"http://x/"} },
			check: requests, detail: "it has http://x/ connected to (phone light)",
		},
		"no style": {
			fault: func(v *Visit) { v.Probe.Styled = false },
			check: policy, detail: "the page's style has no effect (phone light)",
		},
		"no policy": {
			fault: func(v *Visit) { v.Probe.Ran = []string{"eval"} },
			check: policy, detail: "the policy lets eval through (phone light)",
		},
		"looks different": {
			in:    View{Screen: Phone, Dark: true, NoScript: true},
			fault: func(v *Visit) { v.Picture.SetRGBA(30, 30, white) },
			check: scriptless, detail: "it looks different (phone dark without scripts)",
		},
		"is longer": {
			in:    View{Screen: Phone, Dark: true, NoScript: true},
			fault: func(v *Visit) { v.Picture = filled(40, 41, black); v.Picture.SetRGBA(4, 2, grey(0xaa)) },
			check: scriptless, detail: "it looks different (phone dark without scripts)",
		},
		"laid out": {
			fault: func(v *Visit) { v.Facts.LayoutWidth = 980 },
			check: layout, detail: "it is laid out for 980 px, the screen has 390 (phone light)",
		},
		"wide": {
			in:    View{Screen: Desktop},
			fault: func(v *Visit) { v.Facts.ContentWidth = 1281 },
			check: layout, detail: "it is 1281 px wide and scrolls sideways, the screen has 1280 (desktop light)",
		},
		"no text": {
			fault: func(v *Visit) { v.Facts.Texts = nil },
			check: readable, detail: "there is no text (phone light)",
		},
		"small": {
			fault: func(v *Visit) { v.Facts.Texts[0].Size = 11.9 },
			check: readable, detail: "p “v1” is 11.9 px small (phone light)",
		},
		"cut off": {
			fault: func(v *Visit) { v.Facts.Texts[0].Clipped = true },
			check: readable, detail: "p “v1” is cut off (phone light)",
		},
		"invisible": {
			in:    View{Screen: Desktop, Dark: true},
			fault: func(v *Visit) { v.Facts.Texts[0].Boxes[0].X = 20 },
			check: readable, detail: "p “v1”: it cannot be seen (desktop dark)",
		},
		"contrast": {
			fault: func(v *Visit) { v.Facts.Texts[0].Color = [4]uint8{0x77, 0x77, 0x77, 255} },
			check: contrasts, detail: "p “v1” has a contrast of 4.48:1, not 4.5:1 (phone light)",
		},
		"effects": {
			fault: func(v *Visit) { v.Facts.Texts[0].Effects = []string{"opacity"} },
			check: contrasts, detail: "p “v1”: its contrast cannot be told, because of opacity (phone light)",
		},
		"light is dark": {
			in: View{Screen: Desktop},
			fault: func(v *Visit) {
				// Not behind the text.
				draw.Draw(v.Bare, image.Rect(0, 6, 40, 40), image.NewUniform(black), image.Point{}, draw.Src)
			},
			check: schemes, detail: "its mean luminance is 0.15, the middle 0.18 (desktop light)",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			visits := seen()
			in := test.in
			if in == (View{}) {
				in = View{Screen: Phone}
			}
			i := slices.IndexFunc(visits, func(v Visit) bool { return v.View == in })
			test.fault(&visits[i])
			for _, r := range judge(wanted, visits) {
				if r.OK != (r.Check != test.check) {
					t.Errorf("%s: %t, %s", r.Check, r.OK, r.Detail)
				}
				if r.Check == test.check && r.Detail != test.detail {
					t.Errorf("%s: %s\nwant %s", r.Check, r.Detail, test.detail)
				}
			}
		})
	}
}

func TestJudgeWithoutFaults(t *testing.T) {
	t.Parallel()
	want := []Result{
		{loads, true, `8 times, 200, "Title"`},
		{console, true, "no warning, no error, no violation"},
		{requests, true, "16 requests, all to http://localhost:8060/"},
		{policy, true, "the page's own style applies; injected scripts, handlers, eval and styles do not"},
		{scriptless, true, "4 pictures without scripts are pixel for pixel the ones with"},
		{layout, true, "no sideways scrolling at 390 and 1280 px"},
		{readable, true, "whole and in sight, 16 px or more"},
		{contrasts, true, "4.95:1 or more (p “v1”, phone light)"},
		{schemes, true, "mean luminance 1.00 or more in light, 0.00 or less in dark"},
	}
	if diff := cmp.Diff(want, judge(wanted, seen())); diff != "" {
		t.Error(diff)
	}
}

func TestJudgeNotLoaded(t *testing.T) {
	t.Parallel()
	visits := seen()
	// It has no pictures.
	visits[3] = Visit{View: visits[3].View, Failure: "refused"}
	for _, r := range judge(wanted, visits) {
		want := "the page did not load"
		if r.Check == loads {
			want = "refused (phone dark without scripts)"
		}
		if r.OK || r.Detail != want {
			t.Errorf("%s: %t, %s", r.Check, r.OK, r.Detail)
		}
	}
}

func TestFaultOfEveryView(t *testing.T) {
	t.Parallel()
	visits := seen()
	for i := range visits {
		visits[i].Messages = []string{"twice", "twice"}
	}
	if r := judge(wanted, visits)[1]; r.Detail != "twice" {
		t.Errorf("got %q", r.Detail)
	}
}

func TestElsewhere(t *testing.T) {
	t.Parallel()
	for request, want := range map[string]bool{
		"http://localhost:8060/":       false,
		"http://localhost:8060/a?b":    false,
		"data:image/svg+xml,x":         false,
		"https://localhost:8060/":      true,
		"http://localhost:8061/":       true,
		"http://localhost/":            true,
		"http://localhost:8060.a.com/": true,
		"ws://localhost:8060/":         true,
		"http://\x00/":                 true,
	} {
		if got := elsewhere(request, wanted.URL); got != want {
			t.Errorf("%q: %t, want %t", request, got, want)
		}
	}
}

func TestTextString(t *testing.T) {
	t.Parallel()
	if got, want := (Text{Element: "p", Text: strings.Repeat("é", 25)}).String(), "p “"+strings.Repeat("é", 23)+"…”"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
