package browser

import (
	"errors"
	"image"
	"image/color"
	"image/draw"
	"math"
	"testing"
)

var (
	white = color.RGBA{255, 255, 255, 255}
	black = color.RGBA{0, 0, 0, 255}
)

func grey(v uint8) color.RGBA { return color.RGBA{v, v, v, 255} }

func TestContrast(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		a, b color.RGBA
		want float64
	}{
		{black, white, 21},
		{white, black, 21},
		{white, white, 1},
		// The well-known greys on both sides of AA.
		{grey(0x76), white, 4.54},
		{grey(0x77), white, 4.48},
		{color.RGBA{255, 0, 0, 255}, white, 4.00},
		{color.RGBA{0, 255, 0, 255}, white, 1.37},
		{color.RGBA{0, 0, 255, 255}, white, 8.59},
		// On the straight part of the curve of sRGB.
		{grey(10), black, 1.06},
	} {
		if got := contrast(test.a, test.b); math.Abs(got-test.want) > 0.005 {
			t.Errorf("contrast(%v, %v) = %.3f, want %.2f", test.a, test.b, got, test.want)
		}
	}
	if black, white := contrast(grey(118), black), contrast(grey(118), white); math.Abs(black-white) > 0.1 {
		t.Errorf("the middle grey has contrasts of %.2f and %.2f", black, white)
	}
}

func TestOver(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		text   [4]uint8
		ground color.RGBA
		want   color.RGBA
	}{
		{[4]uint8{1, 2, 3, 255}, white, color.RGBA{1, 2, 3, 255}},
		{[4]uint8{1, 2, 3, 0}, white, white},
		{[4]uint8{0, 0, 0, 51}, white, grey(204)},
		{[4]uint8{255, 0, 255, 102}, black, color.RGBA{102, 0, 102, 255}},
	} {
		if got := over(test.text, test.ground); got != test.want {
			t.Errorf("over(%v, %v) = %v, want %v", test.text, test.ground, got, test.want)
		}
	}
}

func TestNeeded(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		size, weight, want float64
	}{
		{16, 400, 4.5},
		{23.9, 400, 4.5},
		{24, 400, 3},
		{18.6, 700, 4.5},
		{18.7, 700, 3},
		{18.7, 600, 4.5},
	} {
		if got := needed(Text{Size: test.size, Weight: test.weight}); got != test.want {
			t.Errorf("%g px, weight %g: %g, want %g", test.size, test.weight, got, test.want)
		}
	}
}

func filled(width, height int, c color.Color) *image.RGBA {
	picture := image.NewRGBA(image.Rect(0, 0, width, height))
	draw.Draw(picture, picture.Rect, image.NewUniform(c), image.Point{}, draw.Src)
	return picture
}

func TestWorst(t *testing.T) {
	t.Parallel()
	// On the left half it is white, on the right grey; a glyph covers the pixel
	// in the middle of each half, its edge is smoothed.
	bare := filled(20, 10, white)
	draw.Draw(bare, image.Rect(10, 0, 20, 10), image.NewUniform(grey(0x77)), image.Point{}, draw.Src)
	picture := image.NewRGBA(bare.Rect)
	copy(picture.Pix, bare.Pix)
	picture.SetRGBA(5, 5, black)
	picture.SetRGBA(6, 5, grey(200))
	picture.SetRGBA(15, 5, black)

	dark := [4]uint8{0, 0, 0, 255}
	left, right := Box{0, 0, 5, 5}, Box{5, 0, 5, 5}
	for name, test := range map[string]struct {
		text Text
		want float64
		err  string
	}{
		"on white":           {text: Text{Color: dark, Boxes: []Box{left}}, want: 21},
		"on grey":            {text: Text{Color: dark, Boxes: []Box{right}}, want: 4.69},
		"two lines":          {text: Text{Color: dark, Boxes: []Box{left, right}}, want: 4.69},
		"half transparent":   {text: Text{Color: [4]uint8{0, 0, 0, 0x88}, Boxes: []Box{left}}, want: 4.48},
		"no glyph there":     {text: Text{Color: dark, Boxes: []Box{{0, 0, 1, 1}}}, err: errInvisible.Error()},
		"beyond the picture": {text: Text{Color: dark, Boxes: []Box{{-9, 50, 5, 5}}}, err: errInvisible.Error()},
		"effects": {
			text: Text{Color: dark, Boxes: []Box{left}, Effects: []string{"opacity", "filter"}},
			err:  "its contrast cannot be told, because of opacity and filter",
		},
	} {
		v := Visit{View: View{Screen: Screen{Scale: 2}}, Picture: picture, Bare: bare}
		got, err := v.worst(test.text)
		if err == nil {
			err = errors.New("")
		}
		if math.Abs(got-test.want) > 0.005 || err.Error() != test.err {
			t.Errorf("%s: %.3f, %v; want %.2f, %q", name, got, err, test.want, test.err)
		}
	}
}

func TestBrightness(t *testing.T) {
	t.Parallel()
	half := filled(10, 10, black)
	draw.Draw(half, image.Rect(0, 0, 10, 5), image.NewUniform(white), image.Point{}, draw.Src)
	for want, picture := range map[float64]*image.RGBA{0: filled(3, 3, black), 1: filled(3, 3, white), 0.5: half} {
		if got := brightness(picture); math.Abs(got-want) > 1e-9 {
			t.Errorf("got %g, want %g", got, want)
		}
	}
}
