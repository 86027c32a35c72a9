package browser

import (
	"context"
	"strings"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// View is a way to look at a page.
type View struct {
	Screen Screen
	// Dark is what the media feature prefers-color-scheme says.
	Dark bool
	// NoScript is a browser that runs no JavaScript of the page.
	NoScript bool
}

// Screen is what a page is shown on.
type Screen struct {
	Name string
	// Width and Height are in CSS pixels, each of Scale × Scale device pixels.
	Width, Height int
	Scale         float64
	// Mobile makes the viewport meta element count, as on phones.
	Mobile bool
}

// The screens that a page is looked at on.
var (
	Phone   = Screen{Name: "phone", Width: 390, Height: 844, Scale: 2, Mobile: true}
	Desktop = Screen{Name: "desktop", Width: 1280, Height: 800, Scale: 1}
)

// String returns such as "phone dark".
func (v View) String() string {
	words := []string{v.Screen.Name, "light"}
	if v.Dark {
		words[1] = "dark"
	}
	if v.NoScript {
		words = append(words, "without scripts")
	}
	return strings.Join(words, " ")
}

// emulate makes the tab show pages in this view.
func (v View) emulate(ctx context.Context, t *chromedp.Target) error {
	if _, err := cdp.Call(ctx, t, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{
		Width: int64(v.Screen.Width), Height: int64(v.Screen.Height),
		DeviceScaleFactor: v.Screen.Scale, Mobile: v.Screen.Mobile,
	}); err != nil {
		return err
	}
	scheme := "light"
	if v.Dark {
		scheme = "dark"
	}
	if _, err := cdp.Call(ctx, t, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
	}); err != nil {
		return err
	}
	_, err := cdp.Call(ctx, t, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: v.NoScript})
	return err
}
