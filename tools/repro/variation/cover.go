package variation

import (
	"math/rand/v2"
	"slices"
)

// How hard Cover tries: how many arrays it makes to keep the smallest, and how many
// candidates for each row to keep the best. More would not make a smaller one here.
const (
	arrays     = 500
	candidates = 5
)

// Cover returns a covering array of strength 2: rows that have a level of each
// factor, by number, so that every pair of levels of two factors is together in one
// row at least. sizes has the number of levels of each factor; first is the first
// row. The same arguments give the same rows.
//
// It is greedy, as AETG is (Cohen and others, 1997): a candidate for a row starts
// with a pair that is missing and takes, one factor after another in random order,
// the level that brings the most missing pairs.
func Cover(sizes, first []int) [][]int {
	random := rand.New(rand.NewPCG(1, 2))
	var best [][]int
	for range arrays {
		rows := cover(random, sizes, first)
		if best == nil || len(rows) < len(best) {
			best = rows
		}
	}
	return best
}

func cover(random *rand.Rand, sizes, first []int) [][]int {
	missing := allPairs(sizes)
	missing.remove(first)
	rows := [][]int{first}
	for len(missing.list) > 0 {
		var best []int
		most := 0
		for range candidates {
			row := missing.candidate(random, sizes)
			if count := missing.count(row); count > most {
				best, most = row, count
			}
		}
		missing.remove(best)
		rows = append(rows, best)
	}
	return rows
}

// pair is two levels of two factors, factorA < factorB.
type pair struct{ factorA, levelA, factorB, levelB int }

// pairs is a set, with a list of its members in an order that is always the same.
type pairs struct {
	set  map[pair]bool
	list []pair
}

func allPairs(sizes []int) *pairs {
	all := &pairs{set: map[pair]bool{}}
	for a := range sizes {
		for b := a + 1; b < len(sizes); b++ {
			for i := range sizes[a] {
				for j := range sizes[b] {
					p := pair{a, i, b, j}
					all.set[p] = true
					all.list = append(all.list, p)
				}
			}
		}
	}
	return all
}

// remove removes the pairs of a row.
func (p *pairs) remove(row []int) {
	p.list = slices.DeleteFunc(p.list, func(x pair) bool {
		if row[x.factorA] != x.levelA || row[x.factorB] != x.levelB {
			return false
		}
		delete(p.set, x)
		return true
	})
}

// count returns how many of the pairs are in a row.
func (p *pairs) count(row []int) int {
	n := 0
	for _, x := range p.list {
		if row[x.factorA] == x.levelA && row[x.factorB] == x.levelB {
			n++
		}
	}
	return n
}

// candidate makes a row with one of the pairs at least.
func (p *pairs) candidate(random *rand.Rand, sizes []int) []int {
	row := make([]int, len(sizes))
	for i := range row {
		row[i] = -1 // none yet
	}
	start := p.list[random.IntN(len(p.list))]
	row[start.factorA], row[start.factorB] = start.levelA, start.levelB
	for _, factor := range random.Perm(len(sizes)) {
		if row[factor] < 0 {
			row[factor] = p.bestLevel(random, row, factor, sizes[factor])
		}
	}
	return row
}

// bestLevel returns the level of a factor that makes the most of the pairs with the
// levels that a row has already; of those that are equally good, a random one.
func (p *pairs) bestLevel(random *rand.Rand, row []int, factor, size int) int {
	best, most := 0, -1
	for _, level := range random.Perm(size) {
		count := 0
		for other, otherLevel := range row {
			x := pair{other, otherLevel, factor, level}
			if factor < other {
				x = pair{factor, level, other, otherLevel}
			}
			if p.set[x] {
				count++
			}
		}
		if count > most {
			best, most = level, count
		}
	}
	return best
}
