package listing

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// addDocument adds the facts of a JSON document, such as an image config. Keys are
// paths as jq writes them: .config.Labels["a.b"], .history[0].created_by.
func (l *Listing) addDocument(subject string, raw []byte) error {
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	var document any
	if err := decoder.Decode(&document); err != nil {
		return err
	}
	l.addValue(subject+" ", "", document)
	return nil
}

var plainKey = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

func (l *Listing) addValue(subject, path string, value any) {
	switch value := value.(type) {
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(value)) {
			if plainKey.MatchString(key) {
				l.addValue(subject, path+"."+key, value[key])
			} else {
				l.addValue(subject, path+"["+strconv.QuoteToASCII(key)+"]", value[key])
			}
		}
		if len(value) > 0 {
			return
		}
	case []any:
		if slices.ContainsFunc(value, func(element any) bool { _, ok := element.(map[string]any); return ok }) {
			for i, element := range value {
				l.addValue(subject, fmt.Sprintf("%s[%d]", path, i), element)
			}
			return
		}
	}
	l.add(subject+path, "%s", compactJSON(value))
}

// compactJSON is the value in one line, with sorted keys.
func compactJSON(value any) string {
	var text strings.Builder
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return strconv.QuoteToASCII(err.Error())
	}
	return strings.TrimSuffix(text.String(), "\n")
}

var plainText = regexp.MustCompile(`^[!-~]+$`)

// quote returns a path or a key as it is, or quoted if it has anything but
// printable ASCII characters without blanks.
func quote(s string) string {
	if plainText.MatchString(s) && s[0] != '"' {
		return s
	}
	return strconv.QuoteToASCII(s)
}
