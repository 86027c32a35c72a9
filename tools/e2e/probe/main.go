// Command probe looks at a container from inside: it is bind-mounted into one and
// run there beside the image's own program, as that would have to be done by
// somebody who broke in. It prints what it found as JSON, a [report.Report].
// With -hog it takes memory until it is killed.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
)

func main() {
	greedy := flag.Bool("hog", false, "take memory until killed")
	flag.Parse()
	if *greedy {
		hog()
	}
	found, err := look()
	if err == nil {
		err = json.NewEncoder(os.Stdout).Encode(found)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "probe:", err)
		os.Exit(1)
	}
}

// hog fills a gigabyte, which the container does not have.
func hog() {
	var taken [][]byte
	for range 1 << 10 {
		piece := make([]byte, 1<<20)
		for i := range piece {
			piece[i] = 1
		}
		taken = append(taken, piece)
	}
	fmt.Println(len(taken))
	os.Exit(0)
}
