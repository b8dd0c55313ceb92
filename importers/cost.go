package importers

import (
	"bytes"
	"os"
	"strconv"
	"time"
)

// Cost says where the time of a parse went and what memory it took. It is
// measured on every parse, for `make bench`, and is no part of what the list
// says.
type Cost struct {
	Find   time.Duration `json:"find"`   // opening, shared texts, looking for the header
	Read   time.Duration `json:"read"`   // unpacking, decoding, cells
	Values time.Duration `json:"values"` // cells to a row and its problems
	Keep   time.Duration `json:"keep"`   // packing rows until the end is known
	Match  time.Duration `json:"match"`  // who shares a number or an address
	Give   time.Duration `json:"give"`   // unpacking, and handing over to the caller
	Peak   int64         `json:"peak"`   // bytes that the child had resident at most; 0 without a child
}

// stopwatch measures one thing after the other.
type stopwatch struct{ last time.Time }

// lap adds the time since the last lap to what it was spent on.
func (s *stopwatch) lap(on *time.Duration) {
	now := time.Now()
	*on += now.Sub(s.last)
	s.last = now
}

// peakMemory is what this process had resident at most, in bytes; 0 where the
// system does not tell.
func peakMemory() int64 {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	_, after, _ := bytes.Cut(status, []byte("VmHWM:"))
	kilobytes, _, _ := bytes.Cut(after, []byte("kB"))
	n, _ := strconv.ParseInt(string(bytes.TrimSpace(kilobytes)), 10, 64)
	return n << 10
}
