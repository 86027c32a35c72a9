package faults_test

import (
	"bytes"
	"encoding/json"
	"testing"

	toxiproxy "github.com/Shopify/toxiproxy/v2"
	"github.com/rs/zerolog"
)

// toxic is a fault of a connection, by toxiproxy's names.
type toxic struct {
	Type string `json:"type"`
	// Stream is "upstream" for what the push sends, "downstream" for what it
	// gets.
	Stream     string         `json:"stream"`
	Attributes map[string]any `json:"attributes"`
}

// proxy puts connections with these faults in front of a registry; it returns
// the address.
func proxy(t *testing.T, upstream string, toxics ...toxic) string {
	t.Helper()
	server := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop())
	p := toxiproxy.NewProxy(server, t.Name(), "127.0.0.1:0", upstream)
	for _, x := range toxics {
		raw, err := json.Marshal(x)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := p.Toxics.AddToxicJson(bytes.NewReader(raw)); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Stop)
	return p.Listen
}
