// Package stacks reads the goroutines out of what a Go program prints when it
// gets SIGQUIT.
package stacks

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Goroutine is one of a program's own: not of the Go runtime.
type Goroutine struct {
	State   string   // such as "IO wait, 2 minutes"
	Frames  []string // functions, the innermost first, without arguments
	Creator string   // the function that started it, "" for the main goroutine
}

// Parse returns the goroutines in the output of a program that ended by
// SIGQUIT. Lines before the dump, such as a log, are passed over. It is an error
// if there is no dump, or if it was cut off.
func Parse(output string) ([]Goroutine, error) {
	_, dump, found := strings.Cut("\n"+output, "\nSIGQUIT: quit")
	if !found {
		return nil, fmt.Errorf("there is no goroutine dump (a line SIGQUIT: quit) in the program's output of %d bytes", len(output))
	}
	var all []Goroutine
	last := false // whether the last block was a goroutine
	dump = strings.TrimRight(strings.ReplaceAll(dump, "\r\n", "\n"), "\n")
	for block := range strings.SplitSeq(dump, "\n\n") {
		g, ok := parse(strings.Trim(block, "\n"))
		last = ok
		if ok && !g.ofRuntime() {
			all = append(all, g)
		}
	}
	// Behind the goroutines are the registers.
	if len(all) == 0 || last {
		return nil, errors.New("the goroutine dump is cut off; was it read before the program had ended?")
	}
	return all, nil
}

// parse reads the dump of one goroutine: a header, then a line per function,
// each followed by an indented one that says where it is.
func parse(block string) (g Goroutine, ok bool) {
	for line := range strings.SplitSeq(block, "\n") {
		creator, created := strings.CutPrefix(line, "created by ")
		switch {
		case strings.HasPrefix(line, "goroutine "):
			_, state, _ := strings.Cut(line, "[")
			g.State = strings.TrimSuffix(state, "]:")
			// Goroutine 0 is a thread's stack for the scheduler.
			ok = !strings.HasPrefix(line, "goroutine 0 ")
		case !ok || line == "" || line[0] == '\t':
		case created:
			g.Creator, _, _ = strings.Cut(creator, " in goroutine ")
		default:
			if end := strings.LastIndexByte(line, '('); end > 0 {
				g.Frames = append(g.Frames, line[:end])
			}
		}
	}
	return g, ok
}

func (g Goroutine) ofRuntime() bool { return strings.HasPrefix(g.Creator, "runtime.") }

// Connection tells whether a goroutine belongs to a connection of a server.
func (g Goroutine) Connection() bool {
	return g.Creator == "net/http.(*Server).Serve" ||
		slices.ContainsFunc(g.Frames, func(f string) bool { return strings.HasPrefix(f, "net/http.(*conn).") })
}

// Unexpected returns those goroutines that a server at rest has no use for:
// those of connections, and, as it needs one of each kind at most, all but the
// first of those started by the same function.
func Unexpected(all []Goroutine) []Goroutine {
	var unexpected []Goroutine
	seen := map[string]bool{}
	for _, g := range all {
		if g.Connection() || seen[g.Creator] {
			unexpected = append(unexpected, g)
		}
		seen[g.Creator] = true
	}
	return unexpected
}

// String says what a goroutine does, in a line.
func (g Goroutine) String() string {
	at := "?"
	for _, f := range g.Frames {
		at = f
		if !strings.HasPrefix(f, "runtime.") && !strings.HasPrefix(f, "internal/") {
			break
		}
	}
	if g.Creator == "" {
		return fmt.Sprintf("main goroutine in %s [%s]", at, g.State)
	}
	return fmt.Sprintf("goroutine of %s in %s [%s]", g.Creator, at, g.State)
}
