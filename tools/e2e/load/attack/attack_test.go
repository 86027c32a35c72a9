package attack_test

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"example.com/reproducible-images/tools/e2e/load/attack"
)

func TestNewTarget(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"127.0.0.1:80", "[::1]:80", "172.17.0.2:8060", "10.0.0.1:1", "192.168.1.1:1", "[fd00::1]:80", "[::ffff:10.0.0.1]:80"} {
		if _, err := attack.NewTarget(address); err != nil {
			t.Errorf("%s: %v", address, err)
		}
	}
	for address, problem := range map[string]string{
		"192.0.2.1:80":          "neither a loopback nor a private address",
		"[2001:db8::1]:80":      "neither a loopback nor a private address",
		"[::ffff:192.0.2.1]:80": "neither a loopback nor a private address",
		"0.0.0.0:80":            "neither a loopback nor a private address",
		"172.32.0.1:80":         "neither a loopback nor a private address",
		"localhost:80":          `"localhost:80" is not an address IP:PORT`,
		"127.0.0.1":             `"127.0.0.1" is not an address IP:PORT`,
		"":                      `"" is not an address IP:PORT`,
	} {
		if _, err := attack.NewTarget(address); err == nil || !strings.Contains(err.Error(), problem) {
			t.Errorf("%q: error %v, want %q", address, err, problem)
		}
	}
}

// counter is a server that counts its open connections.
type counter struct {
	*httptest.Server
	mu   sync.Mutex
	open map[net.Conn]bool
	all  int
}

func newCounter(t *testing.T) *counter {
	c := &counter{open: map[net.Conn]bool{}}
	c.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Write([]byte("hello"))
	}))
	c.Config.MaxHeaderBytes = 8 << 10
	c.Config.ErrorLog = nil
	c.Config.ConnState = func(conn net.Conn, state http.ConnState) {
		c.mu.Lock()
		defer c.mu.Unlock()
		switch state {
		case http.StateNew:
			c.open[conn] = true
			c.all++
		case http.StateClosed, http.StateHijacked:
			delete(c.open, conn)
		}
	}
	c.Start()
	t.Cleanup(c.Close)
	return c
}

func (c *counter) opened() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.all
}

func target(t *testing.T, c *counter) attack.Target {
	t.Helper()
	target, err := attack.NewTarget(c.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return target
}

// Every attack gets to its strength, and ends when it is stopped.
func TestAttacks(t *testing.T) {
	t.Parallel()
	for _, a := range append(attack.All[:len(attack.All):len(attack.All)], attack.Idle) {
		t.Run(a.Name, func(t *testing.T) {
			t.Parallel()
			server := newCounter(t)
			running := a.Start(t.Context(), target(t, server), 16)
			<-running.AtStrength()
			stats := running.Stop()
			if problem := stats.Problem(); problem != "" || stats.Clients < 1 || stats.Clients > 16 || stats.Peak < 1 {
				t.Errorf("%+v, problem %q", stats, problem)
			}
			for server.opened() == 0 {
				time.Sleep(time.Millisecond)
			}
			if opened := server.opened(); opened > stats.Opened {
				t.Errorf("the server saw %d connections, the attackers %d", opened, stats.Opened)
			}
		})
	}
}

func TestAttackEndsWithContext(t *testing.T) {
	t.Parallel()
	server := newCounter(t)
	ctx, cancel := context.WithCancel(t.Context())
	running := attack.SlowHeads.Start(ctx, target(t, server), 4)
	<-running.AtStrength()
	release, err := attack.NotReading.Abandon(ctx, target(t, server), 2)
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	release()
	if stats := running.Stop(); stats.Opened != 4 || stats.Refused != 0 {
		t.Errorf("%+v", stats)
	}
}

// An attack that nobody takes is none.
func TestRefused(t *testing.T) {
	t.Parallel()
	server := newCounter(t)
	nobody := target(t, server)
	server.Close()
	running := attack.SlowHeads.Start(t.Context(), nobody, 2)
	stats := running.Stop()
	if problem := stats.Problem(); !strings.Contains(problem, "2 attackers got 0 connections") {
		t.Errorf("%+v, problem %q", stats, problem)
	}
	if _, err := attack.SlowHeads.Abandon(t.Context(), nobody, 2); err == nil {
		t.Error("connections were abandoned with nobody")
	}
}

func TestAdd(t *testing.T) {
	t.Parallel()
	stats := attack.Stats{Clients: 3, Opened: 3, Refused: 1, Peak: 2}
	stats.Add(attack.Stats{Clients: 3, Opened: 4, Refused: 1, Peak: 3})
	if want := (attack.Stats{Clients: 3, Opened: 7, Refused: 2, Peak: 3}); stats != want {
		t.Errorf("%+v, want %+v", stats, want)
	}
}
