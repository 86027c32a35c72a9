package main

import "example.com/reproducible-images/tools/repro/variation"

// row is a cold rebuild, and the controls that follow it in the same workspace.
type row struct {
	variation.Row
	controls []control
}

// allRows are the rows of a full run, the quick one first.
func allRows() []row {
	rows := []row{{variation.Quick(), sourceControls}}
	for _, r := range variation.Pairs() {
		rows = append(rows, row{Row: r})
	}
	return append(rows, row{Row: variation.Reprotest()}, row{variation.Fresh(), []control{toolchainControl}})
}
