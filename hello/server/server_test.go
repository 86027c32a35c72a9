package server

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

const request = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"

// TestTimeouts checks how long a client that does not go on is kept.
func TestTimeouts(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, data string
		answers    int
		want       time.Duration
	}{
		{"says nothing", "", 0, readHeaderTimeout},
		// What does not end is answered as if it ended there, or not at all.
		{"half a line", "GET / HT", 1, readHeaderTimeout},
		{"half a head", "GET / HTTP/1.1\r\nHost: x\r\n", 0, readHeaderTimeout},
		{"nothing behind a request", request, 1, idleTimeout},
		{"half a line behind a request", request + "GET / HT", 2, readHeaderTimeout},
		{"a bit of one", request + "GE", 1, idleTimeout},
		{"the last request", "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 1, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, site, func(t *testing.T, p *pipes, _ func(), _ func() error) {
				got, took := exchange(p, test.data)
				if answers := strings.Count(got, "HTTP/1.1 "); answers != test.answers || took != test.want {
					t.Errorf("got %d answers in %v, want %d in %v:\n%s", answers, took, test.answers, test.want, got)
				}
			})
		})
	}
}

// TestContentThatDoesNotCome checks how long the server waits for content that
// it throws away.
func TestContentThatDoesNotCome(t *testing.T) {
	t.Parallel()
	// How net/http closes a connection that its client may still write to
	// takes half a second more, or not, as the version is.
	const most = contentTimeout + 500*time.Millisecond
	for _, data := range []string{
		"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n",
		"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
		"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n",
	} {
		inBubble(t, site, func(t *testing.T, p *pipes, _ func(), _ func() error) {
			got, took := exchange(p, data)
			if strings.Count(got, "HTTP/1.1 ") != 1 || took > most {
				t.Errorf("%q: took %v, want at most %v:\n%s", data, took, most, got)
			}
		})
	}
}

// TestSlowHead sends a byte a second.
func TestSlowHead(t *testing.T) {
	t.Parallel()
	inBubble(t, site, func(t *testing.T, p *pipes, _ func(), _ func() error) {
		conn := p.dial()
		go io.Copy(io.Discard, conn)
		sent := 0
		for {
			if _, err := io.WriteString(conn, "G"); err != nil {
				break
			}
			sent++
			time.Sleep(time.Second)
		}
		if most := int(readHeaderTimeout / time.Second); sent > most+1 {
			t.Errorf("%d bytes were read, one a second, want at most %d", sent, most+1)
		}
	})
}

// TestSlowReader does not read its answer.
func TestSlowReader(t *testing.T) {
	t.Parallel()
	inBubble(t, site, func(t *testing.T, p *pipes, _ func(), _ func() error) {
		conn := p.dial()
		io.WriteString(conn, request)
		time.Sleep(writeTimeout + time.Millisecond)
		if got, _ := io.ReadAll(conn); len(got) > 0 {
			t.Errorf("still answered after %v: %s", writeTimeout, got)
		}
	})
}

// TestOwnServerErrors has a handler answer the errors that net/http may not.
func TestOwnServerErrors(t *testing.T) {
	t.Parallel()
	failing := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		status, _ := strconv.Atoi(r.URL.Path[1:])
		w.WriteHeader(status)
	})
	inBubble(t, failing, func(t *testing.T, p *pipes, _ func(), _ func() error) {
		got, _ := exchange(p, "GET /501 HTTP/1.1\r\nHost: x\r\n\r\nGET /505 HTTP/1.1\r\nHost: x\r\n\r\nGET /501 HTTP/2.0\r\n\r\n")
		statuses := regexp.MustCompile(`HTTP/1\.1 (\d+)`).FindAllString(got, -1)
		if want := []string{"HTTP/1.1 501", "HTTP/1.1 505", "HTTP/1.1 400"}; !slices.Equal(statuses, want) {
			t.Errorf("got %q, want %q", statuses, want)
		}
	})
}

// askOver sends a request over a connection and returns the answer.
func askOver(t *testing.T, conn net.Conn, reader *bufio.Reader) *http.Response {
	t.Helper()
	if _, err := io.WriteString(conn, request); err != nil {
		t.Fatal(err)
	}
	response, err := http.ReadResponse(reader, nil)
	if err != nil {
		t.Fatal(err)
	}
	io.Copy(io.Discard, response.Body)
	return response
}

// TestStopAndKeptConnections stops a server that has connections which were
// used, were never used, and are in the middle of a head.
func TestStopAndKeptConnections(t *testing.T) {
	t.Parallel()
	inBubble(t, site, func(t *testing.T, p *pipes, stop func(), finish func() error) {
		used, unused, half := p.dial(), p.dial(), p.dial()
		reader := bufio.NewReader(used)
		if got := askOver(t, used, reader); got.StatusCode != 200 || got.Close {
			t.Errorf("got %s, closing %v", got.Status, got.Close)
		}
		io.WriteString(half, "GET / HTTP/1.1\r\n")
		start := time.Now()
		stop()
		synctest.Wait()
		select {
		case p.accept <- half:
			t.Error("it still accepts")
		case <-p.closed:
		}

		if got := askOver(t, used, reader); got.StatusCode != 503 || !got.Close {
			t.Errorf("stopping: got %s, closing %v", got.Status, got.Close)
		}
		time.Sleep(lastRequestTimeout / 2)
		if got := askOver(t, unused, bufio.NewReader(unused)); got.StatusCode != 503 || !got.Close {
			t.Errorf("stopping: got %s, closing %v", got.Status, got.Close)
		}
		if rest, _ := io.ReadAll(half); len(rest) > 0 {
			t.Errorf("half a request was answered: %s", rest)
		}
		if err := finish(); err != nil {
			t.Error(err)
		}
		// net/http looks every few milliseconds whether all is done.
		if took := time.Since(start); took < lastRequestTimeout || took > lastRequestTimeout+10*time.Millisecond {
			t.Errorf("stopped in %v, want %v", took, lastRequestTimeout)
		}
	})
}

// TestStopIdle stops a server without connections.
func TestStopIdle(t *testing.T) {
	t.Parallel()
	inBubble(t, site, func(t *testing.T, p *pipes, stop func(), finish func() error) {
		exchange(p, "GET / HTTP/1.0\r\n\r\n")
		start := time.Now()
		stop()
		if err := finish(); err != nil {
			t.Error(err)
		}
		if took := time.Since(start); took > 5*time.Millisecond {
			t.Errorf("stopped in %v", took)
		}
	})
}

// TestStopUnderWay stops a server while it answers, for less and for more than
// the time it has.
func TestStopUnderWay(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		answer, want time.Duration
		err          string
	}{
		{discard.ShutdownTimeout - time.Second, discard.ShutdownTimeout, ""},
		{discard.ShutdownTimeout + time.Second, discard.ShutdownTimeout, "requests in flight did not finish within 10s and were cut off"},
	} {
		t.Run(test.answer.String(), func(t *testing.T) {
			t.Parallel()
			slow := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				time.Sleep(test.answer)
				io.WriteString(w, "late")
			})
			inBubble(t, slow, func(t *testing.T, p *pipes, stop func(), finish func() error) {
				conn := p.dial()
				io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
				go io.Copy(io.Discard, conn)
				synctest.Wait()
				start := time.Now()
				stop()
				err := finish()
				if test.err == "" && err != nil || test.err != "" && (err == nil || err.Error() != test.err) {
					t.Errorf("got %v, want %q", err, test.err)
				}
				if took := time.Since(start); took > test.want {
					t.Errorf("stopped in %v, want %v", took, test.want)
				}
				time.Sleep(test.answer) // until the handler ends
			})
		})
	}
}

// noticedListener tells when it is closed.
type noticedListener struct {
	net.Listener
	closed context.CancelFunc
}

func (l noticedListener) Close() error {
	l.closed()
	return l.Listener.Close()
}

// TestRequestInFlightFinishes stops the server while it answers.
func TestRequestInFlightFinishes(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(context.Background())
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	stopping, closed := context.WithCancel(context.Background())
	handler := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		cancel()
		<-stopping.Done()
		io.WriteString(w, "late")
	})
	served := make(chan error, 1)
	go func() {
		served <- Run(ctx, noticedListener{listener, closed}, handler, discard)
	}()
	response, err := http.Get("http://" + listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if body, err := io.ReadAll(response.Body); string(body) != "late" || err != nil {
		t.Errorf("got %q, %v", body, err)
	}
	if err := <-served; err != nil {
		t.Error(err)
	}
}
