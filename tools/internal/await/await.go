// Package await waits for a server that starts.
package await

import (
	"context"
	"fmt"
	"net/http"
	"time"
)

// OK asks for a URL, again after each interval, until the answer is 200 OK. When
// ctx ends the error has its cause and what was wrong last.
func OK(ctx context.Context, url string, interval time.Duration) error {
	client := &http.Client{
		// Neither a proxy nor a connection from before.
		Transport: &http.Transport{DisableKeepAlives: true},
		// A redirect is an answer other than 200.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	for {
		err := ask(ctx, client, url)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w, at last: %w", context.Cause(ctx), err)
		case <-time.After(interval):
		}
	}
}

func ask(ctx context.Context, client *http.Client, url string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answered %s", url, response.Status)
	}
	return nil
}
