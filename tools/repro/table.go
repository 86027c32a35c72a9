package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"example.com/reproducible-images/tools/inventory"
)

// printTable prints the results; same tells whether all are as they must be.
func printTable(w io.Writer, results []result, total time.Duration) (same bool, err error) {
	same = true
	fmt.Fprintln(w)
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "ROW\tIMAGE\tDIGEST\tRESULT\tTIME\tVARIATION")
	for _, r := range results {
		same = same && r.ok
		images := slices.Sorted(maps.Keys(r.images))
		if len(images) == 0 {
			fmt.Fprintf(tw, "%s\t–\t–\t%s\t%s\t%s\n", r.row, r.verdict, seconds(r.took), r.text)
		}
		for i, label := range images {
			if i == 0 {
				fmt.Fprintf(tw, "%s\t%s\t%s\t%s\t%s\t%s\n", r.row, label, short(r.images[label]), r.verdict, seconds(r.took), r.text)
			} else {
				fmt.Fprintf(tw, "\t%s\t%s\t\t\t\n", label, short(r.images[label]))
			}
		}
	}
	if err := tw.Flush(); err != nil {
		return false, err
	}
	outcome := "all is as it must be"
	if !same {
		outcome = "NOT all is as it must be"
	}
	_, err = fmt.Fprintf(w, "\n%d rows in %s: %s\n", len(results), seconds(total), outcome)
	return same, err
}

// list prints the rows and their controls.
func list(w io.Writer, rows []row) error {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, r := range rows {
		fmt.Fprintf(tw, "%s\t%s\n", r.Name, r.Text)
		for _, c := range r.controls {
			must := "must not change the digest"
			if c.changes != nil {
				must = "must change " + strings.Join(c.changes, ", ") + " and nothing else"
			}
			fmt.Fprintf(tw, "\t+ %s: %s; %s\n", c.name, c.text, must)
		}
	}
	return tw.Flush()
}

// short is the start of an image's digest, as docker shows IDs.
func short(image inventory.Image) string {
	return fmt.Sprintf("%.12s", strings.TrimPrefix(image.Digest, "sha256:"))
}

// seconds is a duration for people: "4.2 s", "3 min 05 s".
func seconds(d time.Duration) string {
	if d < 100*time.Second {
		return fmt.Sprintf("%.1f s", d.Seconds())
	}
	d = d.Round(time.Second)
	return fmt.Sprintf("%d min %02d s", int(d.Minutes()), int(d.Seconds())%60)
}

// clock is a duration as a stopwatch shows it: "03:05".
func clock(d time.Duration) string {
	return fmt.Sprintf("%02d:%02d", int(d.Minutes()), int(d.Seconds())%60)
}
