package load

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"sync"
	"time"

	"example.com/reproducible-images/tools/e2e/load/attack"
	"example.com/reproducible-images/tools/e2e/load/process"
)

// interval is how often servers are looked at.
const interval = 100 * time.Millisecond

// endpoint is a server under test.
type endpoint struct {
	name    string
	root    fs.FS
	target  attack.Target
	url     string
	restart func(context.Context) (Server, error)
	stuck   bool // it answered nothing the last time

	// Before all load: descriptors, and memory of the cgroup, which may have
	// had other processes.
	atRest       int
	memoryAtRest process.Memory

	mu      sync.Mutex
	process *process.Process
	highest process.Sample // of each value
	ends    int            // how often it ended
	counted bool           // whether the last time is among them
}

func newEndpoint(root fs.FS, name string, server Server) (*endpoint, error) {
	e := &endpoint{name: name, root: root, restart: server.Restart}
	if err := e.point(server); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return e, nil
}

func (e *endpoint) point(server Server) error {
	target, err := attack.NewTarget(server.Address)
	if err != nil {
		return err
	}
	found, err := process.Open(e.root, server.PID)
	if err != nil {
		return err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.target, e.url, e.process, e.counted = target, "http://"+server.Address+"/", found, false
	return nil
}

// look takes a sample of the process.
func (e *endpoint) look() (process.Sample, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	sample, err := e.process.Look()
	if err != nil {
		return process.Sample{}, err
	}
	e.highest.Files = max(e.highest.Files, sample.Files)
	e.highest.Threads = max(e.highest.Threads, sample.Threads)
	e.highest.Resident = max(e.highest.Resident, sample.Resident)
	e.highest.Anonymous = max(e.highest.Anonymous, sample.Anonymous)
	return sample, nil
}

// watch looks at the process all the time, until stop is called.
func (e *endpoint) watch() (stop func()) {
	end := make(chan struct{})
	var done sync.WaitGroup
	done.Go(func() {
		ticker := time.NewTicker(interval)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
				// That it has ended is found out where it matters.
				_, _ = e.look()
			case <-end:
				return
			}
		}
	})
	return func() {
		close(end)
		done.Wait()
	}
}

func (e *endpoint) gone() bool {
	_, err := e.look()
	return errors.Is(err, process.ErrGone)
}

// noteEnd tells whether the server has ended, and counts it once.
func (e *endpoint) noteEnd() bool {
	gone := e.gone()
	e.mu.Lock()
	defer e.mu.Unlock()
	if gone && !e.counted {
		e.counted = true
		e.ends++
	}
	return gone
}

// revive starts the server again, if it can be, once it has ended or is stuck.
// alive tells whether it runs.
func (e *endpoint) revive(ctx context.Context) (alive bool, err error) {
	gone := e.gone()
	if e.restart == nil || !gone && !e.stuck {
		return !gone, nil
	}
	server, err := e.restart(ctx)
	if err == nil {
		e.stuck = false
		err = e.point(server)
	}
	if err != nil {
		return false, fmt.Errorf("%s, starting it again: %w", e.name, err)
	}
	return true, nil
}
