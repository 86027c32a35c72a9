package inventory

import (
	"fmt"
	"slices"
)

// pair holds the indexes of two elements that are compared; one is -1 for an
// element that the other side does not have.
type pair struct{ a, b int }

// align pairs elements by their position, after those that are equal at both
// ends were put aside: so one inserted element does not change all after it.
func align[T any](a, b []T, equal func(x, y T) bool) []pair {
	head := 0
	for head < len(a) && head < len(b) && equal(a[head], b[head]) {
		head++
	}
	tail := 0
	for tail < len(a)-head && tail < len(b)-head && equal(a[len(a)-1-tail], b[len(b)-1-tail]) {
		tail++
	}
	var out []pair
	for i := range head {
		out = append(out, pair{i, i})
	}
	for i := head; i < max(len(a), len(b))-tail; i++ {
		p := pair{i, i}
		if i >= len(a)-tail {
			p.a = -1
		}
		if i >= len(b)-tail {
			p.b = -1
		}
		out = append(out, p)
	}
	for i := tail; i > 0; i-- {
		out = append(out, pair{len(a) - i, len(b) - i})
	}
	return out
}

// pairUp pairs elements of the same name, the first with the first and so on.
// The order is that of a; what only b has comes last.
func pairUp[T any](a, b []T, name func(T) string) []pair {
	places := map[string][]int{}
	for i, x := range b {
		places[name(x)] = append(places[name(x)], i)
	}
	var out []pair
	used := make([]bool, len(b))
	for i, x := range a {
		p := pair{i, -1}
		if at := places[name(x)]; len(at) > 0 {
			p.b, places[name(x)] = at[0], at[1:]
			used[p.b] = true
		}
		out = append(out, p)
	}
	for i := range b {
		if !used[i] {
			out = append(out, pair{-1, i})
		}
	}
	return out
}

// order compares the order of paired elements. If it differs, old and new say
// what stands at the first place where it does.
func order[T any](a, b []T, pairs []pair, name func(T) string) (old, new string, moved bool) {
	var both []pair
	for _, p := range pairs {
		if p.a >= 0 && p.b >= 0 {
			both = append(both, p)
		}
	}
	sorted := slices.SortedFunc(slices.Values(both), func(x, y pair) int { return x.b - y.b })
	for i := range both {
		if both[i] != sorted[i] {
			return fmt.Sprintf("%s at place %d", name(a[both[i].a]), i+1), fmt.Sprintf("%s at place %d", name(b[sorted[i].b]), i+1), true
		}
	}
	return "", "", false
}
