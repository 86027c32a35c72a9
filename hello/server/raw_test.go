package server

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

const host = "Host: x\r\n"

// rawRequests are what to send, and the statuses of the answers: what is on the
// wire when somebody tries to have one request taken for two, or to break the
// parser.
var rawRequests = []struct {
	name, data string
	want       string
}{
	{"one", "GET / HTTP/1.1\r\n" + host + "\r\n", "200"},
	{"HEAD", "HEAD / HTTP/1.1\r\n" + host + "\r\n", "200"},
	{"kept alive", "GET / HTTP/1.1\r\n" + host + "\r\nHEAD / HTTP/1.1\r\n" + host + "\r\nGET /healthz HTTP/1.1\r\n" + host + "\r\n", "200 200 200"},
	{"errors keep it alive", "GET /no HTTP/1.1\r\n" + host + "\r\nDELETE / HTTP/1.1\r\n" + host + "\r\nHEAD /no HTTP/1.1\r\n" + host + "\r\nGET / HTTP/1.1\r\n" + host + "\r\n", "404 405 404 200"},
	{"many", strings.Repeat("GET / HTTP/1.1\r\n"+host+"\r\n", 300), strings.TrimSpace(strings.Repeat("200 ", 300))},
	{"close", "GET / HTTP/1.1\r\n" + host + "Connection: close\r\n\r\nGET / HTTP/1.1\r\n" + host + "\r\n", "200"},
	{"HTTP/1.0", "GET / HTTP/1.0\r\n\r\nGET / HTTP/1.0\r\n\r\n", "200"},
	{"HTTP/1.0 kept alive", "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET / HTTP/1.0\r\n\r\n", "200 200"},
	{"LF alone", "GET / HTTP/1.1\nHost: x\n\nGET / HTTP/1.1\nHost: x\n\n", "200 200"},
	{"not modified", "GET / HTTP/1.1\r\n" + host + "If-None-Match: *\r\n\r\nGET / HTTP/1.1\r\n" + host + "\r\n", "304 200"},

	{"content", "GET / HTTP/1.1\r\n" + host + "Content-Length: 5\r\n\r\nabcdeGET / HTTP/1.1\r\n" + host + "\r\n", "413"},
	{"a request as content", "POST / HTTP/1.1\r\n" + host + "Content-Length: 27\r\n\r\nGET / HTTP/1.1\r\n" + host + "\r\n", "405"},
	{"chunks", "POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n0\r\n\r\nGET / HTTP/1.1\r\n" + host + "\r\n", "405"},
	{"no length", "POST / HTTP/1.1\r\n" + host + "\r\nGET / HTTP/1.1\r\n" + host + "\r\n", "405 200"},
	{"length 0", "POST / HTTP/1.1\r\n" + host + "Content-Length: 0\r\n\r\nGET / HTTP/1.1\r\n" + host + "\r\n", "405 200"},
	{"CL.TE", "POST / HTTP/1.1\r\n" + host + "Content-Length: 13\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET / HTTP/1.1\r\n" + host + "\r\n", "405"},
	{"TE.CL", "POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n8\r\nSMUGGLED\r\n0\r\n\r\nGET / HTTP/1.1\r\n" + host + "\r\n", "405"},
	{"CL 0 and TE", "GET / HTTP/1.1\r\n" + host + "Content-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET / HTTP/1.1\r\n" + host + "\r\n", "413"},
	{"the same length twice", "GET / HTTP/1.1\r\n" + host + "Content-Length: 5\r\nContent-Length: 5\r\n\r\nabcdeGET / HTTP/1.1\r\n" + host + "\r\n", "413"},
	{"two lengths", "GET / HTTP/1.1\r\n" + host + "Content-Length: 5\r\nContent-Length: 0\r\n\r\nabcdeGET / HTTP/1.1\r\n" + host + "\r\n", "400"},
	{"a list of lengths", "GET / HTTP/1.1\r\n" + host + "Content-Length: 5, 5\r\n\r\nabcde", "400"},
	{"length with a sign", "GET / HTTP/1.1\r\n" + host + "Content-Length: +5\r\n\r\nabcde", "400"},
	{"negative length", "GET / HTTP/1.1\r\n" + host + "Content-Length: -1\r\n\r\n", "400"},
	{"hexadecimal length", "GET / HTTP/1.1\r\n" + host + "Content-Length: 0x5\r\n\r\nabcde", "400"},
	{"huge length", "GET / HTTP/1.1\r\n" + host + "Content-Length: 99999999999999999999\r\n\r\n", "400"},
	{"largest length", "GET / HTTP/1.1\r\n" + host + "Content-Length: 9223372036854775807\r\n\r\n", "413"},
	{"no value for a length", "GET / HTTP/1.1\r\n" + host + "Content-Length:\r\n\r\n", "400"},
	{"space before the colon", "GET / HTTP/1.1\r\n" + host + "Content-Length : 5\r\n\r\nabcde", "400"},
	{"TE space before the colon", "GET / HTTP/1.1\r\n" + host + "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n", "400"},
	{"TE twice", "GET / HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "400"},
	{"TE list", "GET / HTTP/1.1\r\n" + host + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", "400"},
	{"TE identity", "GET / HTTP/1.1\r\n" + host + "Transfer-Encoding: identity\r\n\r\n", "400"},
	{"TE xchunked", "GET / HTTP/1.1\r\n" + host + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", "400"},
	{"TE of HTTP/1.0", "GET / HTTP/1.0\r\n" + host + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET / HTTP/1.0\r\n\r\n", "200"},
	{"TE with a control character", "GET / HTTP/1.1\r\n" + host + "Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n", "400"},
	{"length folded", "GET / HTTP/1.1\r\n" + host + "Content-Length:\r\n 5\r\n\r\nabcdeGET / HTTP/1.1\r\n" + host + "\r\n", "413"},
	{"length 0 folded", "GET / HTTP/1.1\r\n" + host + "Content-Length:\r\n 0\r\n\r\nGET / HTTP/1.1\r\n" + host + "\r\n", "200 200"},
	{"field folded", "GET / HTTP/1.1\r\n" + host + "A: b\r\n c\r\n\r\nGET / HTTP/1.1\r\n" + host + "\r\n", "200 200"},
	{"first field folded", "GET / HTTP/1.1\r\n Host: x\r\n\r\n", "400"},

	{"chunk size is not a number", "POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\nxyz\r\n", "405"},
	{"chunk size is huge", "POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n", "405"},
	{"chunk extension without end", "POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\n1;" + strings.Repeat("a", 8<<10), "405"},
	{"chunk without CR", "POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\n1\nab\n0\n\n", "405"},
	{"trailer", "POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\nTrailer: Content-Length\r\n\r\n0\r\nContent-Length: 5\r\n\r\n", "400"},

	{"long target", "GET /" + strings.Repeat("a", 64<<10) + " HTTP/1.1\r\n" + host + "\r\n", "431"},
	{"long field", "GET / HTTP/1.1\r\n" + host + "A: " + strings.Repeat("a", 64<<10) + "\r\n\r\n", "431"},
	{"long line without end", strings.Repeat("a", 64<<10), "431"},
	{"many fields", "GET / HTTP/1.1\r\n" + host + strings.Repeat("A: b\r\n", 1000) + "\r\n", "400"},
	{"many fields at once", "GET / HTTP/1.1\r\n" + host + strings.Repeat("A:\n", 1000) + "\r\n", "400"},
	{"many fields without end", "GET / HTTP/1.1\r\n" + host + strings.Repeat("A:\n", 600) + "A:", "400"},
	{"large cookie", "GET / HTTP/1.1\r\n" + host + "Cookie: " + strings.Repeat("a", 8<<10) + "\r\n\r\n", "200"},
	{"content of short lines", "POST / HTTP/1.1\r\n" + host + "Content-Length: 2000\r\n\r\n" + strings.Repeat("a\n", 1000), "405"},
	{"content too large for a head", "POST / HTTP/1.1\r\n" + host + "Content-Length: 1000000\r\n\r\n" + strings.Repeat("\n", 1_000_000), "405"},

	{"NUL in the target", "GET /\x00 HTTP/1.1\r\n" + host + "\r\n", "400"},
	{"NUL in a name", "GET / HTTP/1.1\r\n" + host + "A\x00: b\r\n\r\n", "400"},
	{"NUL in a value", "GET / HTTP/1.1\r\n" + host + "A: \x00\r\n\r\n", "400"},
	{"NUL in the method", "G\x00T / HTTP/1.1\r\n" + host + "\r\n", "400"},
	{"NULs", strings.Repeat("\x00", 100) + "\r\n\r\n", "400"},
	{"CR in a value", "GET / HTTP/1.1\r\n" + host + "A: b\rContent-Length: 5\r\n\r\n", "400"},
	{"CR for CRLF", "GET / HTTP/1.1\rHost: x\r\r", "400"},
	{"CR CR LF", "GET / HTTP/1.1\r\n" + host + "\r\r\nGET / HTTP/1.1\r\n" + host + "\r\n", "400"},
	{"LF before CR", "GET / HTTP/1.1\n\rHost: x\n\r\n\r", "400"},
	{"empty line first", "\r\nGET / HTTP/1.1\r\n" + host + "\r\n", "400"},
	{"ESC in a value", "GET / HTTP/1.1\r\n" + host + "A: \x1b[2J\r\n\r\n", "400"},
	{"no colon", "GET / HTTP/1.1\r\n" + host + "A\r\n\r\n", "400"},
	{"no name", "GET / HTTP/1.1\r\n" + host + ": b\r\n\r\n", "400"},
	{"not ASCII in a name", "GET / HTTP/1.1\r\n" + host + "\xc3\xa9: b\r\n\r\n", "400"},

	{"HTTP/0.9", "GET /\r\n", "400"},
	{"HTTP/0.9 in words", "GET / HTTP/0.9\r\n\r\n", "400"},
	{"HTTP/1.9", "GET / HTTP/1.9\r\n" + host + "\r\n", "200"},
	{"HTTP/2.0", "GET / HTTP/2.0\r\n" + host + "\r\n", "400"},
	{"HTTP/2.0 behind another", "GET / HTTP/1.1\r\n" + host + "\r\nGET / HTTP/2.0\r\n" + host + "\r\n", "200 400"},
	{"HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "404"},
	{"HTTP/2 upgrade", "GET / HTTP/1.1\r\n" + host + "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n", "200"},
	{"lower case version", "GET / http/1.1\r\n" + host + "\r\n", "400"},
	{"long version", "GET / HTTP/1.10\r\n" + host + "\r\n", "400"},
	{"two spaces", "GET  / HTTP/1.1\r\n" + host + "\r\n", "400"},
	{"tab for space", "GET\t/\tHTTP/1.1\r\n" + host + "\r\n", "400"},
	{"space in the target", "GET /a b HTTP/1.1\r\n" + host + "\r\n", "400"},
	{"TLS", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", "400"},

	{"absolute URI", "GET http://other/ HTTP/1.1\r\n" + host + "\r\n", "200"},
	{"absolute URI, not HTTP", "GET ftp://other/healthz HTTP/1.1\r\n" + host + "\r\n", "200"},
	{"CONNECT", "CONNECT other:443 HTTP/1.1\r\n" + host + "\r\n", "404"},
	{"OPTIONS *", "OPTIONS * HTTP/1.1\r\n" + host + "\r\n", "404"},
	{"TRACE", "TRACE / HTTP/1.1\r\n" + host + "Cookie: a\r\n\r\n", "405"},
	{"no host", "GET / HTTP/1.1\r\n\r\n", "400"},
	{"two hosts", "GET / HTTP/1.1\r\n" + host + host + "\r\n", "400"},
	{"bad host", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n", "400"},
	{"dots", "GET /../../etc/passwd HTTP/1.1\r\n" + host + "\r\n", "404"},
	{"escaped slash", "GET /%2fhealthz HTTP/1.1\r\n" + host + "\r\n", "404"},
	{"bad escape", "GET /%zz HTTP/1.1\r\n" + host + "\r\n", "400"},

	{"Expect", "GET / HTTP/1.1\r\n" + host + "Content-Length: 5\r\nExpect: 100-continue\r\n\r\nabcdeGET / HTTP/1.1\r\n" + host + "\r\n", "413"},
	{"Expect without content", "GET / HTTP/1.1\r\n" + host + "Expect: 100-continue\r\n\r\nGET / HTTP/1.1\r\n" + host + "\r\n", "200 200"},
	{"Expect something else", "GET / HTTP/1.1\r\n" + host + "Expect: cake\r\n\r\n", "417"},
	{"many ranges", "GET / HTTP/1.1\r\n" + host + "Range: bytes=" + strings.Repeat("0-,", 1000) + "0-\r\n\r\n", "200"},
	{"bad range", "GET / HTTP/1.1\r\n" + host + "Range: bytes=a-b\r\n\r\n", "416"},
}

func TestRawRequests(t *testing.T) {
	t.Parallel()
	for _, test := range rawRequests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got := strings.Join(statuses(answersTo(t, hardened, test.data)), " ")
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("%.200q: (-want +got):\n%s", test.data, diff)
			}
		})
	}
}

// FuzzRawRequest sends data to the server, in one piece and cut at a place. It
// checks that the server is done with it in time, that all that comes back is
// answers, none of which blames the server, that there are no more of them than
// requests, that it does not matter how the data arrives, and that a bare
// net/http server with the same routes answers alike.
func FuzzRawRequest(f *testing.F) {
	for i, seed := range rawRequests {
		if len(seed.data) < 4<<10 {
			f.Add([]byte(seed.data), uint16(i))
		}
	}
	f.Fuzz(func(t *testing.T, data []byte, place uint16) {
		cut := min(int(place), len(data))
		got := answersTo(t, hardened, string(data))
		inPieces := answersTo(t, hardened, string(data[:cut]), string(data[cut:]))
		if diff := cmp.Diff(statuses(got), statuses(inPieces)); diff != "" {
			t.Errorf("%q cut at %d: (-whole +cut):\n%s", data, cut, diff)
		}
		if most := len(methods(string(data))); len(got) > most {
			t.Errorf("%q: %d answers to %d requests", data, len(got), most)
		}
		for _, answer := range got {
			if answer.status < 200 || answer.status >= 500 {
				t.Errorf("%q: answered %d", data, answer.status)
			}
		}

		if strings.Count(string(data), "\n") > 100 {
			return // A bare server takes more fields.
		}
		want := answersTo(t, bare, string(data))
		if len(got) > len(want) {
			t.Errorf("%q: %d answers, %d of a bare server", data, len(got), len(want))
		}
		for i := range min(len(got), len(want)) {
			// It takes longer heads, and blames itself with 501 and 505.
			own := got[i].status == http.StatusRequestHeaderFieldsTooLarge
			if got[i].status/100 != min(want[i].status/100, 4) && !own {
				t.Errorf("%q: answer %d is %d, %d of a bare server", data, i, got[i].status, want[i].status)
			}
		}
	})
}

// hardened runs the server as it is, and checks that its timeouts hold for one
// connection whose client sends what it has.
func hardened(t *testing.T, test func(p *pipes)) {
	inBubble(t, site, func(t *testing.T, p *pipes, _ func(), _ func() error) {
		start := time.Now()
		test(p)
		if took, most := time.Since(start), readTimeout+writeTimeout+idleTimeout; took > most {
			t.Errorf("the connection ended after %v, want at most %v", took, most)
		}
	})
}

// bare runs a server of nothing but net/http and the same routes, and with
// timeouts that only keep the test from waiting for ever.
func bare(t *testing.T, test func(p *pipes)) {
	synctest.Test(t, func(t *testing.T) {
		p := newPipes()
		server := &http.Server{Handler: withHealth(context.Background(), site), IdleTimeout: time.Hour, ReadTimeout: time.Hour, DisableGeneralOptionsHandler: true}
		served := make(chan error, 1)
		go func() { served <- server.Serve(p) }()
		test(p)
		server.Close()
		<-served
	})
}

// rawAnswer is one answer of a server.
type rawAnswer struct {
	status int
	body   string
}

func statuses(answers []rawAnswer) (all []string) {
	for _, answer := range answers {
		all = append(all, fmt.Sprint(answer.status))
	}
	return all
}

// answersTo sends data over one connection, and returns the answers. It checks
// that the server ends the connection, and that it sent nothing else.
func answersTo(t *testing.T, server func(*testing.T, func(*pipes)), pieces ...string) (answers []rawAnswer) {
	t.Helper()
	server(t, func(p *pipes) {
		data := strings.Join(pieces, "")
		got, _ := exchange(p, pieces...)
		reader := bufio.NewReader(strings.NewReader(got))
		requested := methods(data)
		for {
			if _, err := reader.Peek(1); errors.Is(err, io.EOF) {
				return
			}
			var request *http.Request
			if len(answers) < len(requested) {
				request = &http.Request{Method: requested[len(answers)]}
			}
			response, err := http.ReadResponse(reader, request)
			if err != nil {
				t.Fatalf("%q: answer %d: %v:\n%s", data, len(answers), err, got)
			}
			body, err := io.ReadAll(response.Body)
			if err != nil {
				t.Fatalf("%q: answer %d: %v:\n%s", data, len(answers), err, got)
			}
			if request != nil && request.Method == http.MethodHead && response.Header.Get("Date") == "" {
				// With such an answer, to what is no proper request, net/http
				// sends a text up to the end all the same.
				body, _ = io.ReadAll(reader)
			}
			answers = append(answers, rawAnswer{response.StatusCode, string(body)})
		}
	})
	return answers
}

var (
	endOfHead = regexp.MustCompile(`\n\r?\n`)
	fold      = regexp.MustCompile(`\r?\n[ \t]+`)
	framing   = regexp.MustCompile(`(?im)^(transfer-encoding|content-length)[ \t]*:(.*)$`)
)

// methods returns the methods of the requests in data, at most; it is what the
// number of answers is held against. Behind a request that says anything about
// content but that there is none, there are no more.
func methods(data string) (all []string) {
	for data != "" {
		if len(all) > 0 && all[len(all)-1] == "POST" {
			// Old clients sent CRLF behind the content of POST; net/http
			// skips that.
			for i := 0; i < 4 && data != "" && (data[0] == '\r' || data[0] == '\n'); i++ {
				data = data[1:]
			}
			if data == "" {
				return all
			}
		}
		head := data
		if end := endOfHead.FindStringIndex(data); end != nil {
			head = data[:end[1]]
		}
		data = data[len(head):]
		line, _, _ := strings.Cut(head, "\n")
		method, _, complete := strings.Cut(line, " ")
		if !complete {
			method = "" // refused
		}
		all = append(all, method)
		for _, field := range framing.FindAllStringSubmatch(fold.ReplaceAllString(head, " "), -1) {
			if !strings.EqualFold(field[1], "Content-Length") || strings.Trim(field[2], " \t\r0") != "" || !strings.Contains(field[2], "0") {
				return all
			}
		}
	}
	return all
}
