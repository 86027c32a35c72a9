package main

import "strings"

// prefersHTML tells whether a request with this Accept header (RFC 9110,
// section 12.5.1; several header lines joined by commas) is to get text/html
// rather than text/plain. Where the header likes both equally, HTML needs to
// be named: browsers name it, while a program that takes anything ("*/*", or
// no header at all) gets plain text. Malformed ranges are ignored.
func prefersHTML(accept string) bool {
	var html, plain preference
	for element := range splitUnquoted(accept, ',') {
		mediaRange, quality, ok := parseRange(element)
		if !ok {
			continue
		}
		html.consider("text/html", mediaRange, quality)
		plain.consider("text/plain", mediaRange, quality)
	}
	if html.quality == plain.quality {
		return html.quality > 0 && html.specificity == exact
	}
	return html.quality > plain.quality
}

// The specificities of a media range; the most specific range that matches a
// media type decides its quality.
const (
	none = iota
	anything
	anySubtype
	exact
)

// preference is what the ranges seen so far say about one media type.
type preference struct {
	specificity int
	quality     int
}

func (p *preference) consider(mediaType, mediaRange string, quality int) {
	specificity := none
	switch mediaRange {
	case mediaType:
		specificity = exact
	case "text/*":
		specificity = anySubtype
	case "*/*":
		specificity = anything
	}
	if specificity > p.specificity {
		*p = preference{specificity, quality}
	} else if specificity == p.specificity && specificity != none {
		p.quality = max(p.quality, quality)
	}
}

// parseRange splits "text/html;q=0.5" into the lower-case media range and its
// quality in thousandths, 1000 if there is none. A range with a parameter that
// what we serve does not have, that is any but charset=utf-8, is not ok.
func parseRange(element string) (mediaRange string, quality int, ok bool) {
	quality = 1000
	first := true
	for part := range splitUnquoted(element, ';') {
		part = strings.ToLower(strings.Trim(part, " \t"))
		if first {
			mediaRange, first = part, false
			continue
		}
		name, value, _ := strings.Cut(part, "=")
		switch {
		case part == "":
		case name == "q":
			if quality, ok = parseQuality(value); !ok {
				return "", 0, false
			}
		case name == "charset" && strings.Trim(value, `"`) == "utf-8":
		default:
			return "", 0, false
		}
	}
	return mediaRange, quality, true
}

// parseQuality reads a qvalue (RFC 9110, section 12.4.2), 0 to 1 with at most
// three decimals, as thousandths.
func parseQuality(s string) (thousandths int, ok bool) {
	whole, decimals, _ := strings.Cut(s, ".")
	if whole != "0" && whole != "1" || len(decimals) > 3 {
		return 0, false
	}
	for _, c := range whole + (decimals + "000")[:3] {
		if c < '0' || c > '9' {
			return 0, false
		}
		thousandths = thousandths*10 + int(c-'0')
	}
	return thousandths, thousandths <= 1000
}

// splitUnquoted yields the parts of s between separators that are not within a
// quoted string (RFC 9110, section 5.6.4).
func splitUnquoted(s string, separator byte) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		start, quoted := 0, false
		for i := 0; i < len(s); i++ {
			switch {
			case quoted && s[i] == '\\':
				i++
			case s[i] == '"':
				quoted = !quoted
			case !quoted && s[i] == separator:
				if !yield(s[start:i]) {
					return
				}
				start = i + 1
			}
		}
		yield(s[start:])
	}
}
