package variation

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestCover(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		sizes []int
		most  int // rows
	}{
		{[]int{2, 2}, 4},
		{[]int{3, 2}, 6},
		{[]int{2, 2, 2, 2}, 6},
		{[]int{3, 3, 3, 3}, 11},
		{[]int{1, 3, 1}, 3},
		{[]int{3, 3, 3, 3, 2, 2, 2, 2, 2, 2}, 12},
	} {
		t.Run(fmt.Sprint(test.sizes), func(t *testing.T) {
			t.Parallel()
			first := make([]int, len(test.sizes))
			for i, size := range test.sizes {
				first[i] = size - 1
			}
			rows := Cover(test.sizes, first)
			if diff := cmp.Diff(first, rows[0]); diff != "" {
				t.Errorf("first row (-want +got):\n%s", diff)
			}
			if len(rows) > test.most {
				t.Errorf("%d rows, want %d at most", len(rows), test.most)
			}
			if diff := cmp.Diff(rows, Cover(test.sizes, first)); diff != "" {
				t.Errorf("called again (-first +second):\n%s", diff)
			}
			checkPairs(t, test.sizes, rows)
		})
	}
}

// checkPairs checks that every pair of levels of two factors is in one of the rows.
func checkPairs(t *testing.T, sizes []int, rows [][]int) {
	t.Helper()
	for a := range sizes {
		for b := range a {
			seen := map[[2]int]bool{}
			for _, row := range rows {
				seen[[2]int{row[a], row[b]}] = true
			}
			for i := range sizes[a] {
				for j := range sizes[b] {
					if !seen[[2]int{i, j}] {
						t.Errorf("no row has level %d of factor %d with level %d of factor %d", i, a, j, b)
					}
				}
			}
			if want := sizes[a] * sizes[b]; len(seen) != want {
				t.Errorf("factors %d and %d: %d pairs, want %d: a level that is not there", a, b, len(seen), want)
			}
		}
	}
}
