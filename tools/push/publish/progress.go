package publish

import (
	"fmt"
	"io"
	"sync"
	"time"

	"example.com/reproducible-images/tools/internal/cli"
	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// Progress is told what happens during a push. Its methods are called by
// several goroutines at once.
type Progress interface {
	// Start is called first, with the number of blobs and of their bytes. A
	// blob counts once for each repository that needs it.
	Start(blobs int, bytes int64)
	// Sent is called while blobs are uploaded with the number of bytes; it is
	// negative when an upload has to begin again.
	Sent(bytes int64)
	// Blob is called when a blob stands in a repository. Uploaded is false if
	// it was there before or was mounted from another one.
	Blob(repository string, digest v1.Hash, size int64, uploaded bool)
	// Tagged is called when a tag, such as "localhost:5000/hello:v1.0.0", is
	// set.
	Tagged(tag string)
	// Notice is called with a line that people must see.
	Notice(text string)
}

type silent struct{}

func (silent) Start(int, int64)                  {}
func (silent) Sent(int64)                        {}
func (silent) Blob(string, v1.Hash, int64, bool) {}
func (silent) Tagged(string)                     {}
func (silent) Notice(string)                     {}

// Reporter writes progress for people: a line per blob and tag and, if it goes
// to a terminal, below them a line that shows the bytes so far.
type Reporter struct {
	w    io.Writer
	live bool

	mu          sync.Mutex
	blobs, done int
	total, sent int64
	skipped     int64
	drawn       time.Time
}

// NewReporter writes to w, which is a terminal if live is true.
func NewReporter(w io.Writer, live bool) *Reporter {
	return &Reporter{w: w, live: live}
}

// Close erases the line that shows the bytes so far; after a failed push it is
// still there.
func (r *Reporter) Close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.live {
		fmt.Fprint(r.w, eraseLine)
	}
}

// redraw is how often the live line changes at most.
const redraw = 100 * time.Millisecond

// eraseLine returns to the line's begin and erases it (ECMA-48: EL).
const eraseLine = "\r\x1b[K"

// Start implements Progress.
func (r *Reporter) Start(blobs int, bytes int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.blobs, r.total = blobs, bytes
	r.line("%d blobs, %s", blobs, cli.Bytes(bytes))
}

// Sent implements Progress.
func (r *Reporter) Sent(bytes int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sent += bytes
	if time.Since(r.drawn) >= redraw {
		r.draw()
	}
}

// Blob implements Progress.
func (r *Reporter) Blob(repository string, digest v1.Hash, size int64, uploaded bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.done++
	how := "uploaded"
	if !uploaded {
		how = "already in the registry"
		r.skipped += size
	}
	r.line("%s  %.19s  %8s  %s", repository, digest, cli.Bytes(size), how)
}

// Tagged implements Progress.
func (r *Reporter) Tagged(tag string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.line("%s  tagged", tag)
}

// Notice implements Progress.
func (r *Reporter) Notice(text string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.line("NOTE: %s", text)
}

// line writes a line that stays.
func (r *Reporter) line(format string, args ...any) {
	if r.live {
		fmt.Fprint(r.w, eraseLine)
	}
	fmt.Fprintf(r.w, format+"\n", args...)
	if r.done < r.blobs {
		r.draw()
	}
}

func (r *Reporter) draw() {
	if !r.live {
		return
	}
	r.drawn = time.Now()
	fmt.Fprintf(r.w, "%s%d of %d blobs, %s of %s (%s already in the registry)",
		eraseLine, r.done, r.blobs, cli.Bytes(r.sent+r.skipped), cli.Bytes(r.total), cli.Bytes(r.skipped))
}
