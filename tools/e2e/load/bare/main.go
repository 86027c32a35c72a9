// Command bare is what the load test compares hello with: net/http's server as
// it comes, without a timeout or limit, and the same greeting.
//
// Usage:
//
//	bare [-listen ADDR]
package main

import (
	"flag"
	"io"
	"log"
	"net/http"
)

func main() {
	listen := flag.String("listen", ":8060", "`address` to listen on, [HOST]:PORT")
	flag.Parse()
	http.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		// There is nobody to tell when the client is gone.
		_, _ = io.WriteString(w, "Hello, world!\n")
	})
	log.Fatal(http.ListenAndServe(*listen, nil))
}
