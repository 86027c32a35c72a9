package server

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestPrintable(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"":                      "",
		"fine ~\n":              "fine ~\n",
		"two\nlines\n":          `two\u000alines` + "\n",
		"no end":                "no end",
		"\r\x00\x7f\x1b[31m\n":  `\u000d\u0000\u007f\u001b[31m` + "\n",
		"\u009b31m":             `\u009b31m`,           // C1 control
		"\u202egnp.exe\u2066":   `\u202egnp.exe\u2066`, // bidirectional controls
		"\u05d0":                `\u05d0`,              // turns what is next to it around
		"é😀":                    `\u00e9\ud83d\ude00`,
		"\xff|\xe2\x80\n":       `\ufffd|\ufffd\ufffd` + "\n",
		"\n\n":                  `\u000a` + "\n",
		"\u2028line separator ": `\u2028line separator `,
	} {
		var got bytes.Buffer
		n, err := Printable(&got).Write([]byte(in))
		if err != nil || n != len(in) || got.String() != want {
			t.Errorf("%q: got %q, %d, %v, want %q", in, got.String(), n, err, want)
		}
	}
}

// FuzzLog checks that whatever is logged takes one line of printable ASCII, and
// is still there in JSON.
func FuzzLog(f *testing.F) {
	f.Add("GET /\r\nforged=line", "\x1b]0;title\x07")
	f.Add("\u202e\u2066\u009b", "\"\\ud800\\")
	f.Add("\xff\x00", "a=b\x7f")
	f.Add("\xdb", "\xb4")
	f.Fuzz(func(t *testing.T, message, value string) {
		var text, lines bytes.Buffer
		slog.New(slog.NewTextHandler(Printable(&text), nil)).Info(message, "value", value)
		NewLogger(&lines).Info(message, "value", value)
		for _, line := range []string{text.String(), lines.String()} {
			body, ended := strings.CutSuffix(line, "\n")
			if !ended || strings.ContainsFunc(body, func(r rune) bool { return r < ' ' || r > '~' }) {
				t.Errorf("logged as %q", line)
			}
		}
		var got struct{ Msg, Value string }
		if err := json.Unmarshal(lines.Bytes(), &got); err != nil {
			t.Fatalf("%v: %s", err, lines.Bytes())
		}
		if utf8.ValidString(message) && utf8.ValidString(value) && (got.Msg != message || got.Value != value) {
			t.Errorf("%q and %q were logged as %s", message, value, lines.Bytes())
		}
	})
}
