package importers

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// arena keeps bytes outside of the collected heap. What waits for the end of a
// file is most of what a parse holds; on the heap it would be counted once more
// as room for garbage, and would leave holes.
type arena struct {
	maps [][]byte
	free []byte
}

// arenaBytes is how much is taken from the system at a time; it is resident
// only when it is written to.
const arenaBytes = 4 << 20

// keep copies b and returns the copy, which is valid until close.
func (a *arena) keep(b []byte) ([]byte, error) {
	if len(b) > len(a.free) {
		m, err := unix.Mmap(-1, 0, max(arenaBytes, len(b)), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
		if err != nil {
			return nil, fmt.Errorf("importers: memory: %w", err)
		}
		a.maps, a.free = append(a.maps, m), m
	}
	kept := a.free[:len(b):len(b)]
	copy(kept, b)
	a.free = a.free[len(b):]
	return kept, nil
}

// close gives everything back.
func (a *arena) close() {
	for _, m := range a.maps {
		_ = unix.Munmap(m) // fails for what was never mapped only
	}
	a.maps, a.free = nil, nil
}
