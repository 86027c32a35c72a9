// Package visitor is clients that use a web server as it is meant to be, and
// take the time.
package visitor

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"time"
)

const (
	// gap is the time that a visitor leaves between two requests.
	gap = 20 * time.Millisecond

	// patience is how long a visitor waits for an answer.
	patience = 6 * time.Second

	// enough is how much of an answer is read; ours are much smaller.
	enough = 1 << 20
)

// Report is how the visitors were served.
type Report struct {
	Times    []time.Duration // of the requests answered as they should be
	Failures int
	Failure  error // the first one
}

// Visit has so many clients ask for url over and over for a duration, once at
// least, and returns when the last request is answered or failed. Every other
// client keeps its connection, the rest open one for each request. As every
// browser, they ask again where a kept connection was closed before an answer (RFC
// 9110, section 9.2.2; RFC 9112, section 9.3.1). An answer should be status 200
// with that body. When ctx ends it returns its cause.
func Visit(ctx context.Context, url, body string, clients int, duration time.Duration) (Report, error) {
	end := time.Now().Add(duration)
	var report Report
	var mu sync.Mutex
	var all sync.WaitGroup
	for client := range clients {
		all.Go(func() {
			transport := &http.Transport{DisableKeepAlives: client%2 == 1, DisableCompression: true}
			defer transport.CloseIdleConnections()
			httpClient := &http.Client{Transport: transport, Timeout: patience}
			for {
				start := time.Now()
				err := visit(ctx, httpClient, url, body)
				took := time.Since(start)
				mu.Lock()
				if err == nil {
					report.Times = append(report.Times, took)
				} else if report.Failures++; report.Failure == nil {
					report.Failure = err
				}
				mu.Unlock()
				if ctx.Err() != nil || !time.Now().Before(end) {
					return
				}
				time.Sleep(gap)
			}
		})
	}
	all.Wait()
	if ctx.Err() != nil {
		return Report{}, context.Cause(ctx)
	}
	return report, nil
}

func visit(ctx context.Context, client *http.Client, url, body string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	got, err := io.ReadAll(io.LimitReader(response.Body, enough))
	switch {
	case err != nil:
		return fmt.Errorf("reading the answer of %s: %w", url, err)
	case response.StatusCode != http.StatusOK:
		return fmt.Errorf("%s answers %s", url, response.Status)
	case string(got) != body:
		return fmt.Errorf("%s answers %.40q, not %q", url, got, body)
	}
	return nil
}

// Add adds what another report has.
func (r *Report) Add(other Report) {
	r.Times = append(r.Times, other.Times...)
	r.Failures += other.Failures
	if r.Failure == nil {
		r.Failure = other.Failure
	}
}

// Quantile returns the time within which that part of the answers came, 0 to 1;
// 0 if there are none.
func (r Report) Quantile(part float64) time.Duration {
	if len(r.Times) == 0 {
		return 0
	}
	times := slices.Sorted(slices.Values(r.Times))
	return times[min(int(part*float64(len(times))), len(times)-1)]
}
