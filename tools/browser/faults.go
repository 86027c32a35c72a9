package browser

import (
	"fmt"
	"slices"
	"strings"
)

// faults are what a check found, each with the views that it was found in.
type faults struct {
	all []fault
	// visits is how many views there are.
	visits int
}

type fault struct {
	text  string
	views []string
}

func (f *faults) add(view View, format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	i := slices.IndexFunc(f.all, func(known fault) bool { return known.text == text })
	if i < 0 {
		i = len(f.all)
		f.all = append(f.all, fault{text: text})
	}
	if views := &f.all[i].views; !slices.Contains(*views, view.String()) {
		*views = append(*views, view.String())
	}
}

// String is one line. A fault that is in every view names none.
func (f *faults) String() string {
	var parts []string
	for _, fault := range f.all {
		if len(fault.views) < f.visits {
			fault.text += " (" + strings.Join(fault.views, ", ") + ")"
		}
		parts = append(parts, fault.text)
	}
	return strings.Join(parts, "; ")
}
