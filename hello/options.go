package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"strconv"
	"time"
)

const (
	defaultListen = ":8060"

	// defaultShutdownTimeout equals what docker stop waits before it kills.
	defaultShutdownTimeout = 10 * time.Second

	usage = `Usage: hello [-listen ADDR] [-shutdown-timeout DURATION] [-access-log]
       hello -healthcheck [-listen ADDR]

  -listen ADDR   address to listen on, [HOST]:PORT; port 0 takes any free one
                 (default :8060, or :$PORT where PORT is set)
  -shutdown-timeout DURATION
                 how long requests in flight may take to finish after SIGTERM,
                 such as 500ms or 1m (default 10s)
  -access-log    log every request
  -healthcheck   ask the server that listens on ADDR whether it is healthy
                 (exit status 0) or not (1), instead of being one
`
)

// options are what the command line and the environment ask for.
type options struct {
	listen          string
	shutdownTimeout time.Duration
	accessLog       bool
	healthcheck     bool
}

// parseOptions reads the command line. The address to listen on is the flag,
// else PORT from the environment, else the default. Its errors fit on one
// line once what is not printable is escaped; it returns [flag.ErrHelp] if
// help was asked for.
func parseOptions(args []string, getenv func(string) string) (options, error) {
	var o options
	flags := flag.NewFlagSet("hello", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.StringVar(&o.listen, "listen", "", "")
	flags.DurationVar(&o.shutdownTimeout, "shutdown-timeout", defaultShutdownTimeout, "")
	flags.BoolVar(&o.accessLog, "access-log", false, "")
	flags.BoolVar(&o.healthcheck, "healthcheck", false, "")
	if err := flags.Parse(args); err != nil {
		return options{}, err
	}
	if flags.NArg() > 0 {
		return options{}, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	if o.shutdownTimeout < 0 {
		return options{}, fmt.Errorf("-shutdown-timeout %v is negative", o.shutdownTimeout)
	}

	given := false
	flags.Visit(func(f *flag.Flag) { given = given || f.Name == "listen" })
	if !given {
		var err error
		if o.listen, err = addressOfPort(getenv("PORT")); err != nil {
			return options{}, err
		}
	}
	port, err := portOf(o.listen)
	if err != nil {
		return options{}, err
	}
	if o.healthcheck && port == 0 {
		return options{}, errors.New("-healthcheck needs the port that the server listens on, not 0")
	}
	return o, nil
}

// addressOfPort returns the address to listen on where PORT is set to port.
func addressOfPort(port string) (string, error) {
	if port == "" {
		return defaultListen, nil
	}
	if n, ok := parsePort(port); !ok || n == 0 {
		return "", fmt.Errorf("PORT=%q is not a port number, 1 to 65535", port)
	}
	return ":" + port, nil
}

// portOf finds out what is wrong with an address before it is listened on, so
// that a slip of the pen is a usage error.
func portOf(address string) (port uint64, err error) {
	_, digits, err := net.SplitHostPort(address)
	if err != nil {
		return 0, fmt.Errorf("-listen %q is not an address such as :8060 or 127.0.0.1:8060", address)
	}
	port, ok := parsePort(digits)
	if !ok {
		return 0, fmt.Errorf("-listen %q: %q is not a port number, 0 to 65535", address, digits)
	}
	return port, nil
}

func parsePort(s string) (port uint64, ok bool) {
	port, err := strconv.ParseUint(s, 10, 16)
	return port, err == nil
}
