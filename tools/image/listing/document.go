package listing

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf16"
)

// addDocument adds the facts of a JSON document, such as an image config. Keys are
// paths as jq writes them: .config.Labels["a.b"], .history[0].created_by.
func (l *lister) addDocument(subject string, raw []byte) error {
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	var document any
	if err := decoder.Decode(&document); err != nil {
		return err
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return errors.New("there is something after the JSON document")
	}
	l.addValue(subject+" ", "", document)
	return nil
}

var plainKey = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

func (l *lister) addValue(subject, path string, value any) {
	switch value := value.(type) {
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(value)) {
			if l.full() {
				return // Many values below a long path would fill memory.
			}
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
		if slices.ContainsFunc(value, isObject) {
			for i, element := range value {
				if l.full() {
					return
				}
				l.addValue(subject, fmt.Sprintf("%s[%d]", path, i), element)
			}
			return
		}
	}
	if path == "" {
		path = "."
	}
	l.add(subject+path, "%s", compactJSON(value))
}

func isObject(value any) bool {
	_, ok := value.(map[string]any)
	return ok
}

// compactJSON is the value in one line, with sorted keys.
func compactJSON(value any) string {
	var text strings.Builder
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return strconv.QuoteToASCII(err.Error())
	}
	return escapeHidden(strings.TrimSuffix(text.String(), "\n"))
}

// escapeHidden writes the characters that could change a terminal, or what somebody
// reads, as JSON does (RFC 8259, section 7).
func escapeHidden(s string) string {
	if !strings.ContainsFunc(s, isHidden) {
		return s
	}
	var text strings.Builder
	for _, r := range s {
		if !isHidden(r) {
			text.WriteRune(r)
			continue
		}
		for _, unit := range utf16.AppendRune(nil, r) {
			fmt.Fprintf(&text, `\u%04x`, unit)
		}
	}
	return text.String()
}

func isHidden(r rune) bool { return !unicode.IsPrint(r) }
