package browser

// Facts is what measure.js finds in a page that is loaded. Lengths are CSS
// pixels, places are from the page's upper left corner.
type Facts struct {
	Title   string `json:"title"`
	Heading string `json:"heading"` // of the first h1
	Text    string `json:"text"`    // all that is displayed
	// LayoutWidth is the width that the page is laid out for, ContentWidth the
	// one it takes.
	LayoutWidth   int `json:"layoutWidth"`
	ContentWidth  int `json:"contentWidth"`
	ContentHeight int `json:"contentHeight"`
	// Hints are the addresses that the browser is told to connect to early.
	Hints []string `json:"hints"`
	Texts []Text   `json:"texts"`
}

// Text is a text node that is displayed.
type Text struct {
	Element string   `json:"element"` // the name of the parent
	Text    string   `json:"text"`
	Size    float64  `json:"size"`   // of the font, zoomed as the page is
	Weight  float64  `json:"weight"` // of the font, 400 is normal, 700 is bold
	Color   [4]uint8 `json:"color"`  // red, green, blue and alpha, not premultiplied
	// Effects are the properties, besides the colour, that change how it is
	// painted.
	Effects []string `json:"effects"`
	Boxes   []Box    `json:"boxes"` // one for each line
	Clipped bool     `json:"clipped"`
}

// Box is a rectangle.
type Box struct {
	X      float64 `json:"x"`
	Y      float64 `json:"y"`
	Width  float64 `json:"width"`
	Height float64 `json:"height"`
}

// Probe is what probe.js finds.
type Probe struct {
	// Ran is what went through although a strict Content-Security-Policy
	// forbids it.
	Ran []string `json:"ran"`
	// Styled says whether the page looks different without its style sheets.
	Styled bool `json:"styled"`
}
