package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"example.com/reproducible-images/tools/internal/cli"
)

// imageRow is one platform of an image, or its index.
type imageRow struct {
	image, platform          string
	compressed, uncompressed int64 // of all layers; 0 for an index
	digest                   string
}

// stepRow is something that was done.
type stepRow struct {
	step    string
	took    time.Duration
	outcome string
}

// writeSummary writes two tables, of what there is and of what was done.
func writeSummary(w io.Writer, images []imageRow, steps []stepRow) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "IMAGE\tPLATFORM\tCOMPRESSED\tUNCOMPRESSED\tDIGEST")
	for _, r := range images {
		compressed, uncompressed := "-", "-"
		if r.compressed > 0 {
			compressed, uncompressed = cli.Bytes(r.compressed), cli.Bytes(r.uncompressed)
		}
		fmt.Fprintln(table, strings.Join([]string{r.image, r.platform, compressed, uncompressed, r.digest}, "\t"))
	}
	fmt.Fprintln(table)
	fmt.Fprintln(table, "STEP\tTIME\tRESULT")
	for _, r := range steps {
		fmt.Fprintln(table, strings.Join([]string{r.step, seconds(r.took), r.outcome}, "\t"))
	}
	return table.Flush()
}

// seconds writes a duration for people.
func seconds(d time.Duration) string { return fmt.Sprintf("%.2f s", d.Seconds()) }
