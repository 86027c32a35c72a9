package rebuild

import (
	"bytes"
	"strings"
)

// Of the output of a command, the end says what went wrong.
const (
	tailLines = 25
	tailBytes = 16 << 10
)

// tail is a writer that keeps the end of what was written.
type tail struct{ buf []byte }

func (t *tail) Write(p []byte) (int, error) {
	t.buf = append(t.buf, p...)
	if over := len(t.buf) - tailBytes; over > tailBytes {
		t.buf = append([]byte(nil), t.buf[over:]...)
	}
	return len(p), nil
}

// String is the last lines, indented.
func (t *tail) String() string {
	var lines []string
	for line := range bytes.Lines(t.buf) {
		if text := strings.TrimRight(string(line), "\r\n"); text != "" {
			lines = append(lines, "    "+text)
		}
	}
	return strings.Join(lines[max(0, len(lines)-tailLines):], "\n")
}
