package client

import (
	"time"

	"github.com/ponimayu/opora/internal/entitlement"
)

// Clock is a clock that a test sets: the wall clock and the one that is never
// set apart from each other.
type Clock func() (wall time.Time, mono time.Duration)

// OpenAt is New with a clock, and with failures that are tried again soon. An
// answer is waited for as long as the argument says.
func OpenAt(config Config, now Clock, answer time.Duration) (*Client, error) {
	read := systemClock()
	if now != nil {
		read = func() reading { wall, mono := now(); return reading{wall, mono} }
	}
	return open(config, read, pace{first: 5 * time.Millisecond, most: 20 * time.Millisecond, snapshot: 40 * time.Millisecond, answer: answer, line: answer, whole: 10 * time.Second})
}

// Directory is what the client answers from.
func (c *Client) Directory() *entitlement.Directory { return c.known.Load().directory }
