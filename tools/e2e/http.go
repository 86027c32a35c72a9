package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"time"

	"example.com/reproducible-images/tools/internal/await"
)

// platform is that of the images that run here without emulation.
const platform = "linux/" + runtime.GOARCH

const (
	// published is the exercise's own port, on the host and in the container.
	published = "8060:8060"
	url       = "http://localhost:8060/"

	// startTimeout is how long a container may take to answer.
	startTimeout = 20 * time.Second
)

// awaitHello waits until the published port answers.
func awaitHello(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, startTimeout, fmt.Errorf("no answer within %v", startTimeout))
	defer cancel()
	return await.OK(ctx, url, time.Millisecond)
}

// get returns the body of a page, which is to be answered with 200 OK.
func get(ctx context.Context, url, accept string) (string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", err
	}
	request.Header.Set("Accept", accept)
	// No proxy, which the default transport would take from the environment.
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: startTimeout}
	response, err := client.Do(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return "", fmt.Errorf("%s answered %s", url, response.Status)
	}
	body, err := io.ReadAll(response.Body)
	return string(body), err
}
