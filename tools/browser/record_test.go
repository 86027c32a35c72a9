package browser

import (
	"testing"

	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/google/go-cmp/cmp"
)

func TestRecorder(t *testing.T) {
	t.Parallel()
	r := newRecorder()
	idle := func() bool {
		select {
		case <-r.idle:
			return true
		default:
			return false
		}
	}
	for _, event := range []any{
		// Of the empty page that a tab has first.
		&page.EventLifecycleEvent{LoaderID: "blank", Name: "networkIdle"},
		&network.EventRequestWillBeSent{LoaderID: "L", Type: network.ResourceTypeDocument, Request: &network.Request{URL: "http://a/"}},
		&network.EventRequestWillBeSent{LoaderID: "L", Type: network.ResourceTypeImage, Request: &network.Request{URL: "http://b/i.png"}},
		&network.EventRequestWillBeSent{LoaderID: "frame", Type: network.ResourceTypeDocument, Request: &network.Request{URL: "http://c/"}},
		&network.EventWebSocketCreated{URL: "ws://d/"},
		&network.EventWebTransportCreated{URL: "https://e/"},
		&log.EventEntryAdded{Entry: &log.Entry{Level: log.EntryLevelError, Text: "refused"}},
		&log.EventEntryAdded{Entry: &log.Entry{Level: log.EntryLevelWarning, Text: "old"}},
		&log.EventEntryAdded{Entry: &log.Entry{Level: log.EntryLevelInfo, Text: "fine"}},
		&runtime.EventConsoleAPICalled{Type: runtime.ConsoleAPICalledTypeError, Args: []*runtime.RemoteObject{{Value: []byte(`"a"`)}, {Description: "Object"}}},
		&runtime.EventConsoleAPICalled{Type: runtime.ConsoleAPICalledTypeWarning},
		&runtime.EventConsoleAPICalled{Type: runtime.ConsoleAPICalledTypeAssert},
		&runtime.EventConsoleAPICalled{Type: runtime.ConsoleAPICalledTypeLog, Args: []*runtime.RemoteObject{{Value: []byte(`"fine"`)}}},
		&runtime.EventExceptionThrown{ExceptionDetails: &runtime.ExceptionDetails{Text: "Uncaught", Exception: &runtime.RemoteObject{Description: "Error: no\n    at http://a/:1:7"}}},
		&runtime.EventExceptionThrown{ExceptionDetails: &runtime.ExceptionDetails{Text: "Uncaught 3", Exception: &runtime.RemoteObject{}}},
		&page.EventLifecycleEvent{LoaderID: "frame", Name: "networkIdle"},
		&page.EventLifecycleEvent{LoaderID: "L", Name: "load"},
	} {
		r.event(event)
	}
	if idle() {
		t.Error("it is idle before the page is")
	}
	for range 2 {
		r.event(&page.EventLifecycleEvent{LoaderID: "L", Name: "networkIdle"})
	}
	if !idle() {
		t.Error("it is not idle when the page is")
	}
	messages, requests := r.snapshot()
	if diff := cmp.Diff([]string{
		"refused", "old", `console.error: "a" Object`, "console.warning: ", "console.assert: ",
		"exception: Error: no", "exception: Uncaught 3",
	}, messages); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"http://a/", "http://b/i.png", "http://c/", "ws://d/", "https://e/"}, requests); diff != "" {
		t.Error(diff)
	}
}
