// Command hello is a small web server: one page and a health check.
//
//	hello [-addr ADDR] [-shutdown-timeout DURATION]
//	hello -healthcheck [-addr ADDR]
//
// SIGTERM or SIGINT stops it: it accepts no new connections and finishes the
// requests in flight. A second signal ends it at once.
//
// The exit status is 0 after a clean stop or for a healthy server; 1 if it could
// not serve, cut requests off, or is not healthy; 2 for wrong usage.
package main

import (
	"context"
	"errors"
	"flag"
	"io"
	"log"
	"net"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"
)

// healthTimeout is the time that a healthy server may take to say so.
const healthTimeout = 3 * time.Second

func main() {
	// No time of day: container engines add their own.
	log.SetFlags(0)
	log.SetPrefix("hello: ")

	addr := flag.String("addr", ":8060", "listen on, or check, `[HOST]:PORT`")
	healthcheck := flag.Bool("healthcheck", false, "ask the server at -addr for its health, instead of being one")
	shutdownTimeout := flag.Duration("shutdown-timeout", 10*time.Second, "time to finish the requests in flight")
	flag.Parse()
	if flag.NArg() > 0 {
		log.Printf("unexpected argument %q", flag.Arg(0))
		os.Exit(2)
	}

	if *healthcheck {
		if err := checkHealth(*addr); err != nil {
			log.Fatalf("-healthcheck -addr %s: %v", *addr, err)
		}
		return
	}
	ctx := untilSignal()
	listener, err := net.Listen("tcp", *addr)
	if err != nil {
		log.Fatalf("-addr %s: %v", *addr, err)
	}
	log.Printf("listening on %v", listener.Addr())
	if err := newService().run(ctx, listener, *shutdownTimeout); err != nil {
		log.Fatal(err)
	}
	log.Print("stopped")
}

// untilSignal returns a context that ends at the first SIGTERM or SIGINT. The
// second one ends the process. It is not left to the default action of signals,
// because the kernel does not apply that to process 1 of a container.
func untilSignal() context.Context {
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGTERM, os.Interrupt)
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		log.Printf("%v: stopping", <-signals)
		cancel()
		log.Fatalf("%v again: not waiting for requests in flight", <-signals)
	}()
	return ctx
}

// checkHealth asks the server at addr whether it is healthy. An address without
// a host is dialled on this machine.
func checkHealth(addr string) error {
	// By hand, because http.Client would link a TLS client and more.
	conn, err := net.DialTimeout("tcp", addr, healthTimeout)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(healthTimeout)); err != nil {
		return err
	}
	if _, err := io.WriteString(conn, "GET /healthz HTTP/1.0\r\n\r\n"); err != nil {
		return err
	}
	const healthy = "HTTP/1.0 200"
	status := make([]byte, len(healthy))
	if _, err := io.ReadFull(conn, status); err != nil {
		return err
	}
	if string(status) != healthy {
		return errors.New("the server answers " + strconv.Quote(string(status)))
	}
	return nil
}
