package variation

import (
	"fmt"
	"strings"
	"sync"
)

// Row is one rebuild.
type Row struct {
	// Name is what --row selects it by.
	Name string
	// Text says what is varied, for people.
	Text string
	Setting
}

// Quick varies everything at once.
func Quick() Row { return rows()[0] }

// Pairs are further rows: with Quick, every two levels of different factors are
// together in one of them.
func Pairs() []Row { return rows()[1:] }

var rows = sync.OnceValue(func() []Row {
	sizes, first := make([]int, len(Factors)), make([]int, len(Factors))
	for i, factor := range Factors {
		sizes[i] = len(factor.Levels)
		first[i] = sizes[i] - 1
	}
	var out []Row
	for i, levels := range Cover(sizes, first) {
		name := "quick"
		if i > 0 {
			name = fmt.Sprintf("pairs-%d", i)
		}
		out = append(out, row(name, levels))
	}
	return out
})

func row(name string, levels []int) Row {
	r := Row{Name: name}
	var texts []string
	for i, number := range levels {
		level := Factors[i].Levels[number]
		if level.set != nil {
			level.set(&r.Setting)
		}
		if level.Name != "" {
			texts = append(texts, level.Name)
		}
	}
	r.Text = strings.Join(texts, "; ")
	return r
}

// Reprotest is the experiment of Debian's reprotest, with all of its variations that
// can reach Bazel.
func Reprotest() Row {
	return Row{
		Name:    "reprotest",
		Text:    "reprotest's environment, build path, kernel version, ASLR, CPUs, file order, HOME, locale, PATH, timezone, umask",
		Setting: Setting{Workspace: "out", OutputBase: "o", Reprotest: true},
	}
}

// Fresh builds with an air-gapped Bazel that is made anew for it, with the Go SDK and
// all modules downloaded again, from Debian's unstable suite.
func Fresh() Row {
	return Row{
		Name:    "fresh",
		Text:    "a new air-gapped build from Debian sid, all downloaded again",
		Setting: Setting{Workspace: "w", OutputBase: "o", FreshSuite: "sid"},
	}
}
