package connections

import (
	"strings"
	"testing"
)

func TestHeadMemory(t *testing.T) {
	t.Parallel()
	const line, empty = memoryPerHeadLine, memoryPerHeadLine // a line beside its bytes
	for _, test := range []struct {
		name, data          string
		largest, unfinished int
	}{
		{"nothing", "", 0, 0},
		{"part of a line", "GET", 0, 6},
		{"a line", "GET\n", 0, 6 + line},
		{"a head", "GET\r\n\r\n", 8 + line + 2 + empty, 0},
		{"a head without CR", "GET\n\n", 6 + line + empty, 0},
		{"two heads", "GET\n\nGET /\n\n", 10 + line + empty, 0},
		{"a smaller one behind", "GET /\n\nGET\n\n", 10 + line + empty, 0},
		{"and part of the next", "GET\n\nGET\na", 6 + line + empty, 6 + line + 2},
		{"a line of two CR does not end it", "GET\n\r\r\n", 0, 6 + line + 4 + line},
		{"nor does a space", "GET\n \r\n", 0, 6 + line + 4 + line},
		{"nor a CR before something", "GET\n\ra\n", 0, 6 + line + 4 + line},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			for chunk := 1; chunk <= max(1, len(test.data)); chunk++ {
				var h headMemory
				for rest := test.data; rest != ""; {
					n := min(chunk, len(rest))
					h.read([]byte(rest[:n]))
					rest = rest[n:]
				}
				if h.largest != test.largest || h.unfinished != test.unfinished {
					t.Errorf("by %d bytes: got %d and %d, want %d and %d", chunk, h.largest, h.unfinished, test.largest, test.unfinished)
				}
			}
		})
	}
}

func TestHeadFits(t *testing.T) {
	t.Parallel()
	tooMany := strings.Repeat("a:\n", maxHeadMemory/memoryPerHeadLine)
	for _, test := range []struct {
		name string
		data []string
		want bool
	}{
		{"a browser's, by way of proxies", []string{"GET / HTTP/1.1\r\nCookie: " + strings.Repeat("x", 8<<10) + "\r\n" + strings.Repeat("X-Header: of a proxy\r\n", 100)}, true},
		{"too many fields", []string{tooMany}, false},
		{"too many fields, ended", []string{tooMany + "\n"}, false},
		{"too many fields, in two pieces", []string{tooMany[:1000], tooMany[1000:] + "\n"}, false},
		{"one line", []string{strings.Repeat("a", maxHeadMemory)}, false},
		{"many heads", []string{strings.Repeat("GET / HTTP/1.1\n\n", 1000)}, true},
		{"content behind it", []string{"POST / HTTP/1.1\n\n" + tooMany}, true},
		{"another behind it, to be gone on with", []string{"GET / HTTP/1.1\n\n" + tooMany, "a"}, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var h headMemory
			for _, data := range test.data {
				h.read([]byte(data))
			}
			if got := !h.tooLarge; got != test.want {
				t.Errorf("got %v, want %v", got, test.want)
			}
		})
	}
}
