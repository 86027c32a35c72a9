// Command program is what the images of this package are made of.
package main

func main() { println(Greeting) }

// Greeting is set by the linker in one of the binaries.
var Greeting = "hello"
