package main

import (
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

func TestExposedPort(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		exposed []string
		want    int // 0: an error
	}{
		{[]string{"8060/tcp"}, 8060},
		{[]string{"8060"}, 8060},
		{[]string{"9090/tcp", "8080/tcp", "10000/tcp"}, 8080},
		{[]string{"53/udp", "8080/tcp"}, 8080},
		{nil, 0},
		{[]string{"53/udp"}, 0},
		{[]string{"http/tcp", "0/tcp", "65536/tcp", "-1/tcp"}, 0},
	} {
		config := v1.Config{ExposedPorts: map[string]struct{}{}}
		for _, e := range test.exposed {
			config.ExposedPorts[e] = struct{}{}
		}
		if got, err := exposedPort(config); got != test.want || (err == nil) != (test.want > 0) {
			t.Errorf("exposedPort(%v) = %d, %v, want %d", test.exposed, got, err, test.want)
		}
	}
}
