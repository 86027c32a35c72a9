package main

import (
	"errors"
	"flag"
	"strings"
	"testing"
	"time"
)

func TestParseOptions(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name string
		args []string
		port string
		want string
		err  string // what the error must say
	}{
		{name: "default", want: ":8060"},
		{name: "flag", args: []string{"-listen", "127.0.0.1:1"}, want: "127.0.0.1:1"},
		{name: "two dashes", args: []string{"--listen=:0"}, want: ":0"},
		{name: "IPv6", args: []string{"-listen", "[::1]:8060"}, want: "[::1]:8060"},
		{name: "name", args: []string{"-listen", "localhost:8060"}, want: "localhost:8060"},
		{name: "PORT", port: "80", want: ":80"},
		{name: "flag wins over PORT", args: []string{"-listen", ":8060"}, port: "80", want: ":8060"},
		{name: "flag wins over a bad PORT", args: []string{"-listen", ":8060"}, port: "x", want: ":8060"},

		{name: "word in PORT", port: "http", err: `PORT="http" is not a port number`},
		{name: "address in PORT", port: ":80", err: `PORT=":80"`},
		{name: "zero PORT", port: "0", err: `PORT="0"`},
		{name: "large PORT", port: "65536", err: `PORT="65536"`},
		{name: "negative PORT", port: "-1", err: `PORT="-1"`},
		{name: "line break in PORT", port: "80\n", err: `PORT="80\n"`},

		{name: "no port", args: []string{"-listen", "localhost"}, err: `-listen "localhost" is not an address`},
		{name: "bare port", args: []string{"-listen", "8060"}, err: `-listen "8060" is not an address`},
		{name: "empty address", args: []string{"-listen", ""}, err: `-listen "" is not an address`},
		{name: "empty port", args: []string{"-listen", ":"}, err: `"" is not a port number`},
		{name: "named port", args: []string{"-listen", ":http"}, err: `"http" is not a port number`},
		{name: "large port", args: []string{"-listen", ":70000"}, err: `"70000" is not a port number`},
		{name: "bare IPv6", args: []string{"-listen", "::1:8060"}, err: "is not an address"},

		{name: "health of PORT", args: []string{"-healthcheck"}, port: "80", want: ":80"},
		{name: "health of any port", args: []string{"-healthcheck", "-listen", ":0"}, err: "-healthcheck needs the port"},
		{name: "negative timeout", args: []string{"-shutdown-timeout", "-1s"}, err: "-shutdown-timeout -1s is negative"},
		{name: "timeout without unit", args: []string{"-shutdown-timeout", "10"}, err: `"10" for flag -shutdown-timeout`},
		{name: "not a truth", args: []string{"-access-log=sometimes"}, err: "-access-log"},
		{name: "PORT stays in force", args: []string{"-access-log"}, port: "81", want: ":81"},

		{name: "unknown flag", args: []string{"-port", "80"}, err: "-port"},
		{name: "flag without value", args: []string{"-listen"}, err: "-listen"},
		{name: "stray argument", args: []string{"-listen", ":1", "serve"}, err: `unexpected argument "serve"`},
		{name: "help", args: []string{"-help"}, err: flag.ErrHelp.Error()},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			getenv := func(name string) string {
				if name == "PORT" {
					return test.port
				}
				return ""
			}
			options, err := parseOptions(test.args, getenv)
			got := options.listen
			if test.err == "" {
				if err != nil || got != test.want {
					t.Errorf("got %q, %v, want %q", got, err, test.want)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), test.err) || strings.Contains(err.Error(), "\n") {
				t.Errorf("got %q, error %q, want one line with %q", got, err, test.err)
			}
			if test.name == "help" && !errors.Is(err, flag.ErrHelp) {
				t.Errorf("got %v, want flag.ErrHelp", err)
			}
		})
	}
}

func TestParseOtherOptions(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		args []string
		want options
	}{
		{nil, options{listen: ":8060", shutdownTimeout: 10 * time.Second}},
		{[]string{"-access-log", "-shutdown-timeout=0"}, options{listen: ":8060", accessLog: true}},
		{[]string{"-healthcheck", "-shutdown-timeout=1m"}, options{listen: ":8060", healthcheck: true, shutdownTimeout: time.Minute}},
	} {
		got, err := parseOptions(test.args, func(string) string { return "" })
		if err != nil || got != test.want {
			t.Errorf("%q: got %+v, %v, want %+v", test.args, got, err, test.want)
		}
	}
}
