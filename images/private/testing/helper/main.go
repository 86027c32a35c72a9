// Command helper is a second program in an image. It prints a file that its go_binary
// names in the attribute data.
package main

import (
	"fmt"
	"os"

	"github.com/bazelbuild/rules_go/go/runfiles"
)

func main() {
	path, err := runfiles.Rlocation("_main/images/private/testing/helper/data.txt")
	if err != nil {
		fmt.Print(err)
		return
	}
	content, err := os.ReadFile(path)
	fmt.Print(string(content), " ", err)
}
