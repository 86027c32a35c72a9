package main

import (
	"strings"
	"testing"
)

func TestPrefersHTML(t *testing.T) {
	t.Parallel()
	const (
		firefox = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
		chrome  = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8,application/signed-exchange;v=b3;q=0.7"
		lynx    = "text/html, text/plain, text/sgml, application/xhtml+xml, */*;q=0.01"
	)
	for accept, want := range map[string]bool{
		firefox: true,
		chrome:  true,
		lynx:    true,

		"":                              false,
		",,":                            false,
		"*/*":                           false,
		"text/*":                        false,
		"text/plain":                    false,
		"application/json":              false,
		"text/html":                     true,
		"TEXT/HTML":                     true,
		" text/html\t; q=0.1":           true,
		"text/html;":                    true,
		"text/html-sandboxed":           false,
		"text/html, */*":                true,
		"text/*, text/html":             true,
		"text/*, text/plain;q=0.5":      true,
		"*/*, text/plain;q=0":           true,
		"text/plain;q=0, text/html":     true,
		"text/html;q=0, */*":            false,
		"text/html;q=0":                 false,
		"text/html;q=0, text/plain;q=0": false,

		"text/html;q=0.5, text/plain":                        false,
		"text/html;q=0.5, text/plain;q=0.4":                  true,
		"text/html;q=0.501, text/plain;q=0.502":              false,
		"text/html;q=0.5, */*;q=0.8":                         false,
		"text/html;q=0.5, text/*":                            false,
		"text/html;q=0.1, text/html;q=0.9, text/plain;q=0.5": true,

		// A malformed range says nothing.
		"text/html;q=2":              false,
		"text/html;q=-1":             false,
		"text/html;q=1.001":          false,
		"text/html;q=0.1234":         false,
		"text/html;q=":               false,
		"text/html;q=NaN":            false,
		"text/html;q=0.x":            false,
		"text/html;q=1.":             true,
		"text/html;q=1.000":          true,
		"text/html;Q=0.2, */*;q=0.1": true,

		// Parameters belong to the media type.
		"text/html;charset=UTF-8":                      true,
		`text/html;charset="utf-8"`:                    true,
		"text/html;charset=latin1":                     false,
		"text/html;level=1":                            false,
		"text/html;level=1, text/html;q=0.2, */*;q=.1": true,

		// Nothing within a quoted string counts.
		`text/plain;x="a,text/html,b"`:      false,
		`text/plain;x="\",text/html,", */*`: false,
		`text/plain;x=";q=0", text/html`:    true,
		`text/html;x="unclosed`:             false,
	} {
		if got := prefersHTML(accept); got != want {
			t.Errorf("prefersHTML(%q) = %v, want %v", accept, got, want)
		}
	}
}

// FuzzPrefersHTML checks what holds of every header, whatever it says.
func FuzzPrefersHTML(f *testing.F) {
	f.Add("text/html,*/*;q=0.8")
	f.Add(`text/html;x="a,\"b";q=0.5, text/plain;q=1.000`)
	f.Add("text/*;q=0, text/plain;q=0.001;ext=1")
	f.Fuzz(func(t *testing.T, accept string) {
		got := prefersHTML(accept)
		if got && !strings.Contains(accept, "*") && !strings.Contains(strings.ToLower(accept), "text/html") {
			t.Errorf("%q asks for HTML without naming it", accept)
		}
		if upper := prefersHTML(strings.ToUpper(accept)); isASCII(accept) && upper != got {
			t.Errorf("%q: got %v, but %v in upper case", accept, got, upper)
		}
		for _, ignored := range []string{"", "text/html;q=9", "image/png"} {
			if with := prefersHTML(ignored + "," + accept); with != got {
				t.Errorf("%q: got %v, but %v behind %q", accept, got, with, ignored+",")
			}
		}
		if !prefersHTML("text/html,text/plain;q=0,"+accept) && !strings.Contains(strings.ToLower(accept), "text/plain") {
			t.Errorf("%q talks a client out of the HTML it asked for", accept)
		}
	})
}

func isASCII(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r > 127 }) < 0
}
