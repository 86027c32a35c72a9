package main

import (
	"crypto/sha256"
	"encoding/base64"
	"strings"
)

// contentSecurityPolicy returns a policy (Content Security Policy Level 3)
// that allows the page its one style, by the hash of it, and its icon, which
// is a data URL; and nothing else, no script in particular.
func contentSecurityPolicy(page string) string {
	_, rest, _ := strings.Cut(page, "<style>")
	style, _, _ := strings.Cut(rest, "</style>")
	sum := sha256.Sum256([]byte(style))
	return "default-src 'none'; " +
		"style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; " +
		"img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
}
