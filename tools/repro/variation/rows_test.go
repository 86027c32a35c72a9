package variation

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// Every pair of levels of two factors must be in one of the rows of a full run.
func TestRowsCoverAllPairs(t *testing.T) {
	t.Parallel()
	texts := [][]string{}
	for _, row := range append([]Row{Quick()}, Pairs()...) {
		texts = append(texts, strings.Split(row.Text, "; "))
	}
	for i, a := range Factors {
		for _, b := range Factors[i+1:] {
			for _, x := range a.Levels {
				for _, y := range b.Levels {
					found := slices.ContainsFunc(texts, func(row []string) bool { return has(row, a, x) && has(row, b, y) })
					if !found {
						t.Errorf("no row with %s %q and %s %q", a.Name, x.Name, b.Name, y.Name)
					}
				}
			}
		}
	}
}

// has tells whether a row's text has a level: by its name, or the lack of any of the
// factor's other ones.
func has(row []string, factor Factor, level Level) bool {
	if level.Name != "" {
		return slices.Contains(row, level.Name)
	}
	return !slices.ContainsFunc(factor.Levels, func(l Level) bool { return slices.Contains(row, l.Name) })
}

// Cold rebuilds take minutes each: the number of rows is what a full run costs.
func TestFewRows(t *testing.T) {
	t.Parallel()
	if n := len(Pairs()); n > 12 {
		t.Errorf("%d rows after the quick one, want 12 at most", n)
	}
}

func TestQuickVariesEverything(t *testing.T) {
	t.Parallel()
	quick := Quick()
	for _, factor := range Factors {
		if last := factor.Levels[len(factor.Levels)-1].Name; !strings.Contains(quick.Text, last) {
			t.Errorf("%s: no %q in %q", factor.Name, last, quick.Text)
		}
	}
	if quick.OneCPU {
		t.Error("on one CPU, which takes twice as long")
	}
	if quick.ModTime.Before(time.Now().Add(9*year)) || quick.ClockAhead < 9*year {
		t.Error("clock and sources are not years ahead")
	}
}

func TestFactors(t *testing.T) {
	t.Parallel()
	names := map[string]bool{}
	for _, factor := range Factors {
		if len(factor.Levels) < 2 {
			t.Errorf("%s: %d levels, want two at least", factor.Name, len(factor.Levels))
		}
		for i, level := range factor.Levels {
			if level.Name == "" && i > 0 || level.Name != "" && names[level.Name] {
				t.Errorf("%s: level %d has no name of its own: %q", factor.Name, i, level.Name)
			}
			names[level.Name] = true
		}
	}
	for _, row := range append([]Row{Quick()}, Pairs()...) {
		if row.Workspace == "" || row.OutputBase == "" {
			t.Errorf("%s has no workspace or no output base", row.Name)
		}
	}
}
