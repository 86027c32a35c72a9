package browser

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
)

// recorder collects what a tab reports while it loads a page.
type recorder struct {
	mu                 sync.Mutex
	messages, requests []string
	document           cdp.LoaderID
	// idle is closed when the page is loaded and has asked for nothing for half
	// a second.
	idle chan struct{}
	once sync.Once
}

func newRecorder() *recorder { return &recorder{idle: make(chan struct{})} }

// snapshot returns the warnings and errors, and the URLs that were asked for,
// so far.
func (r *recorder) snapshot() (messages, requests []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.messages), slices.Clone(r.requests)
}

// event takes an event of the protocol.
func (r *recorder) event(event any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		r.requests = append(r.requests, e.Request.URL)
		if r.document == "" && e.Type == network.ResourceTypeDocument {
			r.document = e.LoaderID
		}
	case *network.EventWebSocketCreated:
		r.requests = append(r.requests, e.URL)
	case *network.EventWebTransportCreated:
		r.requests = append(r.requests, e.URL)
	case *log.EventEntryAdded:
		if e.Entry.Level == log.EntryLevelError || e.Entry.Level == log.EntryLevelWarning {
			r.say("%s", e.Entry.Text)
		}
	case *runtime.EventConsoleAPICalled:
		switch e.Type {
		case runtime.ConsoleAPICalledTypeError, runtime.ConsoleAPICalledTypeWarning, runtime.ConsoleAPICalledTypeAssert:
			r.say("console.%s: %s", e.Type, arguments(e.Args))
		}
	case *runtime.EventExceptionThrown:
		r.say("exception: %s", exception(e.ExceptionDetails))
	case *page.EventLifecycleEvent:
		if e.LoaderID == r.document && e.Name == "networkIdle" {
			r.once.Do(func() { close(r.idle) })
		}
	}
}

// say records the first line of a message; what may follow is a stack.
func (r *recorder) say(format string, args ...any) {
	line, _, _ := strings.Cut(fmt.Sprintf(format, args...), "\n")
	r.messages = append(r.messages, line)
}

func exception(e *runtime.ExceptionDetails) string {
	if e.Exception != nil && e.Exception.Description != "" {
		return e.Exception.Description
	}
	return e.Text
}

func arguments(args []*runtime.RemoteObject) string {
	var words []string
	for _, a := range args {
		word := a.Description
		if word == "" {
			word = string(a.Value)
		}
		words = append(words, word)
	}
	return strings.Join(words, " ")
}
