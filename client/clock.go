package client

import "time"

// reading is what the clocks show at one moment.
type reading struct {
	wall time.Time
	// mono is the time since some fixed moment by a clock that is never set.
	mono time.Duration
}

// clock reads the time.
type clock func() reading

// systemClock reads the machine's clocks.
func systemClock() clock {
	start := time.Now()
	return func() reading {
		now := time.Now()
		return reading{wall: now, mono: now.Sub(start)}
	}
}

// since returns how long ago then was: the longer of what the two clocks say.
// The wall clock may be set back, the other one may stand still while the
// machine sleeps; both times the longer one errs on the side of stale.
func (r reading) since(then reading) time.Duration {
	return max(r.mono-then.mono, time.Duration(r.wall.UnixNano()-then.wall.UnixNano()))
}
