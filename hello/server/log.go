package server

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"unicode/utf16"
	"unicode/utf8"
)

// NewLogger returns a logger that writes lines of text for people to read if
// stderr is a terminal, and lines of JSON for programs if not. What it writes is
// [Printable].
func NewLogger(stderr io.Writer) *slog.Logger {
	if file, ok := stderr.(*os.File); ok && isTerminal(file) {
		return slog.New(slog.NewTextHandler(Printable(stderr), nil))
	}
	return slog.New(slog.NewJSONHandler(Printable(stderr), nil))
}

// isTerminal takes every character device for a terminal. The others are those
// that nobody reads, such as /dev/null.
func isTerminal(file *os.File) bool {
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// Printable returns a writer of lines, one each Write, that escapes all but
// printable ASCII as in JSON (RFC 8259, section 7). So what a client sends can
// neither end a line, nor control a terminal, nor turn the direction of text
// around. Lines of JSON stay what they mean; slog leaves DEL, C1 and the
// bidirectional controls in them as they are.
func Printable(w io.Writer) io.Writer { return printable{w} }

type printable struct{ io.Writer }

func (p printable) Write(line []byte) (int, error) {
	last := len(line) - 1
	escaped := make([]byte, 0, len(line))
	for i := 0; i < len(line); {
		r, size := utf8.DecodeRune(line[i:])
		switch {
		case ' ' <= r && r <= '~' || r == '\n' && i == last:
			escaped = append(escaped, line[i])
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			escaped = fmt.Appendf(escaped, `\u%04x\u%04x`, high, low)
		default:
			escaped = fmt.Appendf(escaped, `\u%04x`, r)
		}
		i += size
	}
	if _, err := p.Writer.Write(escaped); err != nil {
		return 0, err
	}
	return len(line), nil
}
