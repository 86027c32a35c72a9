package main

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

func TestToTrue(t *testing.T) {
	t.Parallel()
	const year = 365 * 24 * 3600
	for name, test := range map[string]struct {
		ts     unix.Timespec
		offset int64
		want   unix.Timespec
	}{
		"ahead":           {unix.Timespec{Sec: 4000, Nsec: 7}, 3600, unix.Timespec{Sec: 400, Nsec: 7}},
		"behind":          {unix.Timespec{Sec: 400, Nsec: 7}, -3600, unix.Timespec{Sec: 4000, Nsec: 7}},
		"long past":       {unix.Timespec{Sec: 1}, year, unix.Timespec{}},
		"never":           {unix.Timespec{Sec: math.MaxInt64}, -year, unix.Timespec{Sec: math.MaxInt64}},
		"negative":        {unix.Timespec{Sec: -1}, -year, unix.Timespec{Sec: -1}},
		"bad nanoseconds": {unix.Timespec{Sec: 4000, Nsec: 1e9}, 3600, unix.Timespec{Sec: 400, Nsec: 1e9}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(test.want, toTrue(test.ts, test.offset)); diff != "" {
				t.Errorf("toTrue(%v, %d) (-want +got):\n%s", test.ts, test.offset, diff)
			}
		})
	}
}
