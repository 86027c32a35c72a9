package main

import (
	"flag"
	"fmt"
	"io"
	"net"
	"strconv"
)

const (
	defaultListen = ":8060"

	usage = `Usage: hello [-listen ADDR]

  -listen ADDR   address to listen on, [HOST]:PORT; port 0 takes any free one
                 (default :8060, or :$PORT where PORT is set)
`
)

// parseOptions returns the address to listen on: the flag, else PORT from the
// environment, else the default. Its errors fit on one line; it returns
// [flag.ErrHelp] if help was asked for.
func parseOptions(args []string, getenv func(string) string) (string, error) {
	flags := flag.NewFlagSet("hello", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	listen := flags.String("listen", "", "")
	if err := flags.Parse(args); err != nil {
		return "", err
	}
	if flags.NArg() > 0 {
		return "", fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}

	given := false
	flags.Visit(func(*flag.Flag) { given = true })
	if given {
		return *listen, checkAddress(*listen)
	}
	port := getenv("PORT")
	if port == "" {
		return defaultListen, nil
	}
	if n, ok := parsePort(port); !ok || n == 0 {
		return "", fmt.Errorf("PORT=%q is not a port number, 1 to 65535", port)
	}
	return ":" + port, nil
}

// checkAddress finds out what is wrong with an address before it is listened
// on, so that a slip of the pen is a usage error.
func checkAddress(address string) error {
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return fmt.Errorf("-listen %q is not an address such as :8060 or 127.0.0.1:8060", address)
	}
	if _, ok := parsePort(port); !ok {
		return fmt.Errorf("-listen %q: %q is not a port number, 0 to 65535", address, port)
	}
	return nil
}

func parsePort(s string) (port uint64, ok bool) {
	port, err := strconv.ParseUint(s, 10, 16)
	return port, err == nil
}
