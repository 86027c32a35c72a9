package publish_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"path"
	"slices"
	"strings"
	"sync"
	"testing"

	"example.com/reproducible-images/tools/imageset"
	"example.com/reproducible-images/tools/push/publish"
	"example.com/reproducible-images/tools/push/publish/publishtest"
	"example.com/reproducible-images/tools/registry"
	"example.com/reproducible-images/tools/registry/registrytest"
	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// TestTwoPushes lets two pushes at the same time do the steps that concern tags
// in every order that can make a difference.
func TestTwoPushes(t *testing.T) {
	t.Parallel()
	for _, second := range []string{"v1.0.0", "v1.1.0"} {
		t.Run("v1.0.0 and "+second, func(t *testing.T) {
			t.Parallel()
			r := newRace(t, second)
			orders := orders("rwrrwr")
			t.Logf("%d orders", len(orders))
			for _, order := range orders {
				r.run(t, fmt.Sprint(order), order, coarse)
			}
		})
	}
}

// TestTwoPushesAtRandom does the same with every single request about a tag, in
// random order.
func TestTwoPushesAtRandom(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	for _, second := range []string{"v1.0.0", "v1.1.0"} {
		r := newRace(t, second)
		for range 30 {
			order := make([]int, 40)
			for i := range order {
				order[i] = random.IntN(2)
			}
			r.run(t, fmt.Sprintf("seed %d: %v", seed, order), order, fine)
		}
	}
}

// TestManyPushes is without any order.
func TestManyPushes(t *testing.T) {
	t.Parallel()
	s := registrytest.Start(t, registry.Options{})
	var images []imageset.Image
	for i := range 8 {
		images = append(images, publishtest.Image(t, "hello", fmt.Sprintf("v1.%d.0", i), fmt.Sprint(i), "amd64"))
	}
	var wg sync.WaitGroup
	for _, img := range images {
		wg.Go(func() {
			if _, err := publish.Push(t.Context(), []imageset.Image{img}, publishtest.Options(t, s.Addr())); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	want := map[string]v1.Hash{"latest": images[7].Digest}
	for _, img := range images {
		want[img.Version] = img.Digest
	}
	checkTags(t, s.Addr()+"/hello", want)
}

// orders are the ways to merge the steps of two pushes, of which each is a read
// or a write. Two reads next to each other may as well be swapped: of such
// orders one is enough.
func orders(steps string) (all [][]int) {
	var merge func(order []int, next [2]int)
	merge = func(order []int, next [2]int) {
		if len(order) == 2*len(steps) {
			all = append(all, slices.Clone(order))
			return
		}
		for who := range 2 {
			if next[who] == len(steps) {
				continue
			}
			if who == 0 && len(order) > 0 && order[len(order)-1] == 1 && steps[next[0]] == 'r' && steps[next[1]-1] == 'r' {
				continue
			}
			after := next
			after[who]++
			merge(append(order, who), after)
		}
	}
	merge(nil, [2]int{})
	return all
}

// race is a registry with the content of two images, but without tags.
type race struct {
	handler http.Handler
	addr    string
	images  [2]imageset.Image
}

func newRace(t *testing.T, second string) *race {
	t.Helper()
	r := &race{images: [2]imageset.Image{
		publishtest.Image(t, "hello", "v1.0.0", "first", "amd64"),
		publishtest.Image(t, "hello", second, "second", "amd64"),
	}}
	s := registrytest.Start(t, registry.Options{Wrap: func(next http.Handler) http.Handler {
		r.handler = next
		return next
	}})
	r.addr = s.Addr()
	for _, img := range r.images {
		o := publishtest.Options(t, r.addr)
		o.MoveTags = []string{img.Version}
		push(t, o, img)
	}
	return r
}

// run removes the tags, lets both push in that order, and checks what came of
// it.
func (r *race) run(t *testing.T, name string, order []int, isStep func(*participant, *http.Request) bool) {
	t.Helper()
	for _, tag := range []string{"v1.0.0", "v1.1.0", "latest"} {
		r.serve(httptest.NewRequest(http.MethodDelete, "/v2/hello/manifests/"+tag, nil))
	}
	turns := newTurns(order)
	var errs [2]error
	var wg sync.WaitGroup
	for i, img := range r.images {
		wg.Go(func() {
			defer turns.finish()
			o := publishtest.Options(t, r.addr)
			o.Transport = &participant{race: r, turns: turns, who: i, version: img.Version, isStep: isStep}
			_, errs[i] = publish.Push(t.Context(), []imageset.Image{img}, o)
		})
	}
	wg.Wait()
	if err := r.check(errs, turns.log); err != nil {
		t.Errorf("%s: %v\nerrors: %v\n%s", name, err, errs, strings.Join(turns.log, "\n"))
	}
}

func (r *race) check(errs [2]error, log []string) error {
	digests := [2]string{r.images[0].Digest.String(), r.images[1].Digest.String()}
	first, second, latest := r.tag("v1.0.0"), r.tag(r.images[1].Version), r.tag("latest")
	if r.images[0].Version != r.images[1].Version {
		if err := errors.Join(errs[:]...); err != nil {
			return err
		}
		if first != digests[0] || second != digests[1] || latest != digests[1] {
			return fmt.Errorf("tags %s, %s, latest %s; want %s, and %s twice", first, second, latest, digests[0], digests[1])
		}
		return nil
	}
	winner := slices.Index(digests[:], first)
	if winner < 0 || latest != first {
		return fmt.Errorf("v1.0.0 is %s, latest is %s", first, latest)
	}
	loser := 1 - winner
	if errs[winner] != nil {
		return fmt.Errorf("push %d won and failed", winner)
	}
	if errs[loser] == nil {
		return r.checkWindow(winner, loser, log)
	}
	if msg := errs[loser].Error(); !strings.Contains(msg, "another push set") || !strings.Contains(msg, digests[0]) || !strings.Contains(msg, digests[1]) {
		return fmt.Errorf("error of push %d: %w", loser, errs[loser])
	}
	return nil
}

// checkWindow checks that both may have succeeded: the winner looked before the
// loser wrote, and wrote after the loser had read back.
func (r *race) checkWindow(winner, loser int, log []string) error {
	const look, put = "GET v1.0.0", "PUT v1.0.0"
	event := func(who int, what string, nth int) int {
		for i, line := range log {
			if line == fmt.Sprintf("%d %s", who, what) {
				if nth--; nth == 0 {
					return i
				}
			}
		}
		return -1
	}
	// The first look is the guard's, the second the one before writing, the
	// third the reading back.
	if event(winner, look, 2) < event(loser, put, 1) && event(loser, look, 3) < event(winner, put, 1) {
		return nil
	}
	return errors.New("both succeeded")
}

func (r *race) tag(tag string) string {
	return r.serve(httptest.NewRequest(http.MethodHead, "/v2/hello/manifests/"+tag, nil)).Header.Get("Docker-Content-Digest")
}

// serve hands a request to the registry without a connection.
func (r *race) serve(req *http.Request) *http.Response {
	rec := httptest.NewRecorder()
	r.handler.ServeHTTP(rec, req)
	return rec.Result()
}

// participant is the transport of one of the pushes.
type participant struct {
	race    *race
	turns   *turns
	who     int
	version string
	isStep  func(*participant, *http.Request) bool

	// requests is the number of those about tags, listed whether the one
	// before was for the list of tags.
	requests int
	listed   bool
}

func (p *participant) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.URL.Scheme == "https" {
		return nil, http.ErrSchemeMismatch
	}
	if last := path.Base(req.URL.Path); last == "list" || last == "latest" || last == "v1.0.0" || last == "v1.1.0" {
		p.requests++
		// What the guard asks is not in the way of anything.
		if step := p.isStep(p, req); step && p.requests > 2 {
			p.turns.wait(p.who)
		}
		p.listed = last == "list"
		p.turns.note("%d %s %s", p.who, req.Method, last)
	}
	in := req.Clone(req.Context())
	in.Host, in.RequestURI = req.URL.Host, req.URL.RequestURI()
	if in.Body == nil {
		in.Body = http.NoBody
	}
	resp := p.race.serve(in)
	resp.Request = req
	return resp, nil
}

// fine makes each request about a tag a step.
func fine(*participant, *http.Request) bool { return true }

// coarse makes these the steps of a push without hindrance: look at the version
// tag, set it, read it back, look at all tags, set "latest", look at all tags.
func coarse(p *participant, req *http.Request) bool {
	last := path.Base(req.URL.Path)
	return req.Method == http.MethodPut || last == "list" || last == p.version && !p.listed
}

// turns lets one push go on at a time, in a given order, and when that is used
// up in any.
type turns struct {
	mu      sync.Mutex
	changed *sync.Cond
	order   []int
	waiting map[int]bool
	live    int
	turn    int
	log     []string
}

func newTurns(order []int) *turns {
	t := &turns{order: order, waiting: map[int]bool{}, live: 2, turn: -1}
	t.changed = sync.NewCond(&t.mu)
	return t
}

func (t *turns) note(format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.log = append(t.log, fmt.Sprintf(format, args...))
}

func (t *turns) wait(who int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.waiting[who] = true
	t.next()
	for t.turn != who {
		t.changed.Wait()
	}
	t.turn = -1
	delete(t.waiting, who)
}

func (t *turns) finish() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.live--
	t.next()
}

// next gives the turn away when all who still push wait for it.
func (t *turns) next() {
	if t.live == 0 || len(t.waiting) < t.live {
		return
	}
	for len(t.order) > 0 {
		who := t.order[0]
		t.order = t.order[1:]
		if t.waiting[who] {
			t.turn = who
			t.changed.Broadcast()
			return
		}
	}
	for who := range t.waiting {
		t.turn = who
	}
	t.changed.Broadcast()
}
