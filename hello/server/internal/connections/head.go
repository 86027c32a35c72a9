package connections

import (
	"bytes"
	"errors"
)

// What a parsed head of a request takes in memory, about: its bytes twice, as
// they are read and as they are kept, and for each field a place in a map.
// Without a share per field, a head of nothing but tiny fields would take
// thirty times its size unnoticed.
const (
	memoryPerHeadByte = 2
	memoryPerHeadLine = 128

	// maxHeadMemory is the most that one head may take: 300 fields if it is
	// 12 KiB long.
	maxHeadMemory = 64 << 10
)

// errHeadMemory makes net/http answer 400 and close the connection.
var errHeadMemory = errors.New("too many fields in the head of a request")

// headMemory estimates the memory that the heads of one connection's requests
// take. It is told what the connection reads, and knows where a head ends: at
// an empty line (RFC 9112, section 2.1). Nothing else is between two heads, as
// content leads to the end of the connection.
type headMemory struct {
	largest    int  // of the heads that ended
	unfinished int  // of the head being read
	tooLarge   bool // whether a head takes more than maxHeadMemory

	lineLength int  // so far
	carriage   bool // whether the line starts with CR
}

// read tells whether a head ended in data.
func (h *headMemory) read(data []byte) (ended bool) {
	for len(data) > 0 {
		newline := bytes.IndexByte(data, '\n')
		line := data
		if newline >= 0 {
			line = data[:newline]
		}
		if h.lineLength == 0 && len(line) > 0 {
			h.carriage = line[0] == '\r'
		}
		h.lineLength += len(line)
		h.unfinished += len(line) * memoryPerHeadByte
		if newline >= 0 {
			h.unfinished += memoryPerHeadLine
		}
		// What comes behind the end of a head may be content: it is left be
		// until more of it is read as a head.
		h.tooLarge = h.tooLarge || !ended && h.unfinished > maxHeadMemory
		if newline < 0 {
			break
		}
		if h.lineLength == 0 || h.lineLength == 1 && h.carriage {
			h.largest = max(h.largest, h.unfinished)
			h.unfinished, ended = 0, true
		}
		h.lineLength = 0
		data = data[newline+1:]
	}
	return ended
}

// total is what the connection may hold: the head being answered, and what of
// the next one is there.
func (h *headMemory) total() int { return h.largest + h.unfinished }
