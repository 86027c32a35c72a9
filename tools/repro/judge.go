package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"example.com/reproducible-images/tools/digests"
	"example.com/reproducible-images/tools/repro/explain"
	"example.com/reproducible-images/tools/repro/rebuild"
)

// result is a line of the table.
type result struct {
	row, text string
	images    digests.File
	verdict   string
	ok        bool
	took      time.Duration
}

// judge compares a result's images with the baseline, of which nothing may differ but
// the files of the image that changes lists, and they must. What should not be is
// explained; workspace is where the images were built, empty if there are none.
func (p *prover) judge(ctx context.Context, r result, changes []string, workspace string) {
	differences := digests.Compare(p.baseline, r.images)
	r.verdict, r.ok = verdict(differences, changes)
	if r.ok {
		p.add(r, "")
		return
	}
	var text strings.Builder
	digests.Print(&text, differences)
	for _, d := range differences {
		if workspace == "" || d.Recorded == nil || d.Built == nil {
			continue
		}
		before, after := p.runner.BaselineLayout(d.Label), rebuild.Layout(workspace, d.Label)
		if err := explain.Diffoscope(ctx, &text, before, after, d.Changes); err != nil {
			fmt.Fprintf(&text, "  diffoscope could not say more: %v\n", err)
		}
	}
	p.add(r, "%s", text.String())
}

// verdict says in a word how images are, and whether they are as they must be.
func verdict(differences []digests.Difference, changes []string) (text string, ok bool) {
	switch {
	case len(differences) == 0 && changes == nil:
		return "same", true
	case len(differences) == 0:
		return "SAME, MUST DIFFER", false
	case changes == nil:
		return "DIFFERENT", false
	}
	var files []string
	for _, d := range differences {
		if d.Label != image {
			return "DIFFERENT: " + d.Label, false
		}
		files = append(files, explain.Files(d.Changes)...)
	}
	if !slices.Equal(files, changes) {
		return fmt.Sprintf("DIFFERENT: %q", files), false
	}
	return "differs in " + strings.Join(files, ", ") + ", as it must", true
}

// add adds a result to the table and tells of it; a text explains it.
func (p *prover) add(r result, format string, args ...any) {
	p.mutex.Lock()
	p.results = append(p.results, r)
	p.mutex.Unlock()
	p.say("%s: %s, %s", r.row, r.verdict, seconds(r.took))
	if text := strings.TrimSpace(fmt.Sprintf(format, args...)); text != "" {
		p.say("%s", text)
	}
}

// say tells of progress, with the time since the start.
func (p *prover) say(format string, args ...any) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	fmt.Fprintf(p.log, "repro %s  %s\n", clock(time.Since(p.begun)), fmt.Sprintf(format, args...))
}
