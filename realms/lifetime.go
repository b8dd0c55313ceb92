package realms

import (
	"fmt"
	"time"
)

// Lifetime is how long something holds, in whole seconds. It is written as Go
// writes durations: "2m", "720h".
type Lifetime time.Duration

// Seconds returns the lifetime in seconds.
func (l Lifetime) Seconds() int { return int(time.Duration(l) / time.Second) }

// Seconds returns a lifetime of n seconds.
func Seconds(n int) Lifetime { return Lifetime(time.Duration(n) * time.Second) }

// String returns the spelling without zero parts: "2m", not "2m0s".
func (l Lifetime) String() string {
	d := time.Duration(l)
	switch {
	case d == 0:
		return "0s"
	case d%time.Hour == 0:
		return fmt.Sprintf("%dh", d/time.Hour)
	case d%time.Minute == 0:
		return fmt.Sprintf("%dm", d/time.Minute)
	}
	return fmt.Sprintf("%ds", d/time.Second)
}

// MarshalText implements encoding.TextMarshaler.
func (l Lifetime) MarshalText() ([]byte, error) { return []byte(l.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (l *Lifetime) UnmarshalText(b []byte) error {
	d, err := time.ParseDuration(string(b))
	if err != nil || d < 0 || d%time.Second != 0 {
		return fmt.Errorf("a lifetime is whole seconds, written like 90s, 2m or 720h, not %q", b)
	}
	*l = Lifetime(d)
	return nil
}
