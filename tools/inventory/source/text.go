package source

import (
	"fmt"
	"strings"

	"example.com/reproducible-images/tools/inventory"
)

// enumerate lists what there is to choose from, in one line.
func enumerate(all []string) string {
	const most = 10
	var out []string
	for i, s := range all {
		if i == most {
			out = append(out, fmt.Sprintf("and %d more", len(all)-most))
			break
		}
		out = append(out, inventory.Printable(s))
	}
	return strings.Join(out, ", ")
}
