// Command helper is a second program in an image.
package main

import "fmt"

func main() { fmt.Print("helps") }
