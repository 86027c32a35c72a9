package browser

import (
	"fmt"
	"image"
	"image/color"
	"math"
	"strings"
)

// Contrasts of WCAG 2.2, success criterion 1.4.3, level AA.
const (
	normalContrast = 4.5
	largeContrast  = 3
	largeSize      = 24          // 18 points
	largeBoldSize  = 14 * 4 / 3. // 14 points
	boldWeight     = 700
)

// needed returns the least contrast of a text.
func needed(t Text) float64 {
	if t.Size >= largeSize || t.Size >= largeBoldSize && t.Weight >= boldWeight {
		return largeContrast
	}
	return normalContrast
}

// contrast is the ratio of two colours that WCAG 2.2 defines, 1 to 21.
func contrast(a, b color.RGBA) float64 {
	lighter, darker := luminance(a), luminance(b)
	if lighter < darker {
		lighter, darker = darker, lighter
	}
	return (lighter + 0.05) / (darker + 0.05)
}

// luminance is the relative luminance that WCAG 2.2 defines, 0 to 1, of an
// opaque colour in sRGB.
func luminance(c color.RGBA) float64 {
	return 0.2126*linear[c.R] + 0.7152*linear[c.G] + 0.0722*linear[c.B]
}

// linear has the light of each value of a channel.
var linear = func() (table [256]float64) {
	for i := range table {
		c := float64(i) / 255
		if c <= 0.04045 {
			table[i] = c / 12.92
		} else {
			table[i] = math.Pow((c+0.055)/1.055, 2.4)
		}
	}
	return table
}()

// over is a colour as it looks on an opaque ground.
func over(c [4]uint8, ground color.RGBA) color.RGBA {
	mix := func(front, back uint8) uint8 {
		a := float64(c[3]) / 255
		return uint8(math.Round(a*float64(front) + (1-a)*float64(back)))
	}
	return color.RGBA{mix(c[0], ground.R), mix(c[1], ground.G), mix(c[2], ground.B), 255}
}

// worst returns the least contrast of a text to what is behind it, or what
// makes it impossible to tell.
//
// The text's colour is the computed one: in the picture, edges of glyphs are
// smoothed. What is behind is taken from the picture without glyphs, at each
// point where the two pictures differ, that is, where a glyph is. Computed
// styles would not do there: the ground may be a gradient, half transparent, or
// of an element that is no ancestor.
func (v Visit) worst(t Text) (float64, error) {
	if len(t.Effects) > 0 {
		return 0, fmt.Errorf("its contrast cannot be told, because of %s", strings.Join(t.Effects, " and "))
	}
	least := math.Inf(1)
	for _, box := range t.Boxes {
		area := box.pixels(v.View.Screen.Scale).Intersect(v.Picture.Rect)
		for y := area.Min.Y; y < area.Max.Y; y++ {
			for x := area.Min.X; x < area.Max.X; x++ {
				ground := v.Bare.RGBAAt(x, y)
				if v.Picture.RGBAAt(x, y) != ground {
					least = min(least, contrast(over(t.Color, ground), ground))
				}
			}
		}
	}
	if math.IsInf(least, 1) {
		return 0, errInvisible
	}
	return least, nil
}

// pixels is the box in device pixels.
func (b Box) pixels(scale float64) image.Rectangle {
	return image.Rect(
		int(math.Floor(b.X*scale)), int(math.Floor(b.Y*scale)),
		int(math.Ceil((b.X+b.Width)*scale)), int(math.Ceil((b.Y+b.Height)*scale)),
	)
}

// brightness is the mean luminance of a picture.
func brightness(picture *image.RGBA) float64 {
	var sum float64
	for i := 0; i < len(picture.Pix); i += 4 {
		sum += luminance(color.RGBA{picture.Pix[i], picture.Pix[i+1], picture.Pix[i+2], 255})
	}
	return sum / float64(len(picture.Pix)/4)
}
