package connections

import (
	"runtime/debug"
	"testing"
)

// TestLimits is not parallel: the memory limit is that of the process.
func TestLimits(t *testing.T) {
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(20 << 20))
	if got := maxMemory(); got != 10<<20 {
		t.Errorf("connections may take %d, want 10 MiB", got)
	}
	debug.SetMemoryLimit(1 << 62)
	if got := maxMemory(); got != enoughMemory {
		t.Errorf("without a limit connections may take %d, want %d", got, enoughMemory)
	}
	if got := maxCount(); got < 1 {
		t.Errorf("%d connections", got)
	}
}
