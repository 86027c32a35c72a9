package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
)

// result is what came of a check.
type result struct {
	check
	seen string
	err  error
	took time.Duration
}

func (r result) String() string {
	if r.err != nil {
		return "FAILED: " + strings.TrimSpace(r.err.Error())
	}
	return "ok: " + r.seen
}

// printTable prints the results and tells whether all checks passed.
func printTable(w io.Writer, results []result) (passed bool, err error) {
	failed := 0
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "\nRUNTIME\tCHECK\tRESULT")
	for _, r := range results {
		if r.err != nil {
			failed++
		}
		// What was seen may be several lines.
		fmt.Fprintf(tw, "%s\t%s\t%s\n", r.runtime, r.name, strings.ReplaceAll(r.String(), "\n", "\n\t\t"))
	}
	if err := tw.Flush(); err != nil {
		return false, err
	}
	_, err = fmt.Fprintf(w, "\n%d checks, %d failed\n", len(results), failed)
	return failed == 0, err
}
