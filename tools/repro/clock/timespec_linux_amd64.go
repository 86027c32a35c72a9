package main

import (
	"encoding/binary"

	"golang.org/x/sys/unix"
)

// toTrue turns a moment of the shifted clock into that of the true clock. What
// is not valid stays as it is, for the kernel to say so.
func toTrue(ts unix.Timespec, offset int64) unix.Timespec {
	if ts.Sec < 0 {
		return ts
	}
	switch sec := ts.Sec - offset; {
	case sec >= 0:
		return unix.Timespec{Sec: sec, Nsec: ts.Nsec}
	case offset < 0: // too large for an int64: as late as it was
		return ts
	default: // before 1970, which the kernel would not take: long past
		return unix.Timespec{Nsec: ts.Nsec}
	}
}

// encode gives the bytes of struct timespec.
func encode(ts unix.Timespec) []byte {
	b := binary.LittleEndian.AppendUint64(nil, uint64(ts.Sec))
	return binary.LittleEndian.AppendUint64(b, uint64(ts.Nsec))
}

// decode is the inverse of encode.
func decode(b []byte) unix.Timespec {
	return unix.Timespec{
		Sec:  int64(binary.LittleEndian.Uint64(b)),
		Nsec: int64(binary.LittleEndian.Uint64(b[8:])),
	}
}
