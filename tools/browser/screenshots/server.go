package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"time"

	"example.com/reproducible-images/tools/demo/child"
	"github.com/bazelbuild/rules_go/go/runfiles"
)

// binaryEnv has the runfiles path of hello.
const binaryEnv = "HELLO_BINARY"

// server is a hello that runs.
type server struct {
	url  *url.URL
	stop func()
}

// startServer starts hello on a free port of this machine.
func startServer(ctx context.Context, getenv func(string) string) (server, error) {
	path := getenv(binaryEnv)
	if path == "" {
		return server{}, errors.New("`bazel run` brings it along; without it, say with --url what to take pictures of")
	}
	program, err := runfiles.Rlocation(path)
	if err != nil {
		return server{}, err
	}
	return listen(ctx, exec.CommandContext(ctx, program, "-listen", "127.0.0.1:0"))
}

// listen starts a hello and waits for where it says that it listens.
func listen(ctx context.Context, cmd *exec.Cmd) (server, error) {
	log, writer, err := os.Pipe()
	if err != nil {
		return server{}, err
	}
	cmd.Stdout, cmd.Stderr = writer, writer
	process, err := child.Start(cmd)
	writer.Close()
	if err != nil {
		log.Close()
		return server{}, err
	}
	// The log ends with the process, at the latest when ctx ends.
	lines := bufio.NewReader(log)
	line, _ := lines.ReadBytes('\n')
	go func() {
		defer log.Close()
		_, _ = io.Copy(io.Discard, lines)
	}()
	stop := func() { process.Stop(5 * time.Second) }
	page, err := address(line)
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		stop()
		return server{}, err
	}
	return server{page, stop}, nil
}

// address reads the first line of hello's log.
func address(line []byte) (*url.URL, error) {
	if len(line) == 0 {
		return nil, errors.New("it ended without a word")
	}
	var record struct{ Msg, Address string }
	if err := json.Unmarshal(line, &record); err != nil || record.Msg != "listening" || record.Address == "" {
		return nil, fmt.Errorf("it said %q, not where it listens", line)
	}
	return &url.URL{Scheme: "http", Host: record.Address, Path: "/"}, nil
}
