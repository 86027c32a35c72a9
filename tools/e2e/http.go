package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"time"

	"example.com/reproducible-images/tools/e2e/engines"
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
func awaitHello(ctx context.Context) error { return awaitOK(ctx, url) }

// awaitOK waits until a container answers.
func awaitOK(ctx context.Context, url string) error {
	ctx, cancel := context.WithTimeoutCause(ctx, startTimeout, fmt.Errorf("no answer within %v", startTimeout))
	defer cancel()
	return await.OK(ctx, url, time.Millisecond)
}

// ownAddress is where a container listens in its engine's network: not the published
// port, behind which docker's proxy accepts whether the container does or not.
func ownAddress(ctx context.Context, c *engines.Container) (address string, err error) {
	ip, err := c.Address(ctx)
	return net.JoinHostPort(ip.String(), "8060"), err
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
