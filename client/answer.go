package client

import (
	"errors"
	"time"

	"github.com/ponimayu/opora/internal/entitlement"
	"github.com/ponimayu/opora/internal/tenancy"
)

// Answer is Opora's decision, and how old what it was made from is.
type Answer struct {
	Decision
	// AsOf is the moment up to which everything that was committed is in the
	// answer; zero when nothing is known.
	AsOf time.Time `json:"as_of,omitzero"`
	// Stale says that AsOf is longer ago than Config.MaxStale.
	Stale bool `json:"stale,omitempty"`
}

// ErrUnavailable is what Check returns, beside a refusal with the reason
// Unavailable, when it has to fail closed: there is no snapshot yet, or Opora
// has been away for longer than Config.Outage.
var ErrUnavailable = errors.New("what employees may use is not known: Opora has not been reached for too long")

// ErrTerms is what Check returns, beside a refusal with the reason Unavailable,
// about people of a tenant whose terms this program cannot work with
// (State.BrokenTenants), whatever Config.AfterOutage says. To errors.Is it is
// ErrUnavailable too.
var ErrTerms error = termsError{}

type termsError struct{}

// Error implements error.
func (termsError) Error() string {
	return "what the employee's company has bought cannot be worked with here: its terms are broken, or this program needs a newer client of Opora"
}

// Unwrap is for errors.Is.
func (termsError) Unwrap() error { return ErrUnavailable }

// ErrClosed is what Check and Ready return after Close.
var ErrClosed = errors.New("the client of Opora is closed")

// Check answers the query from memory. It is what POST
// /v1/entitlements/check answers, with the age of what was known. A query that
// is no question (without a type, with an impossible time) is an *Error.
// Any number of goroutines may ask at the same time.
func (c *Client) Check(q Query) (Answer, error) {
	var a Answer
	err := c.CheckInto(&q, &a)
	return a, err
}

// CheckInto is Check into an answer of the caller's, whatever it held before:
// it uses the memory of a.Lines again and allocates nothing. After an error
// the answer is a refusal.
func (c *Client) CheckInto(q *Query, a *Answer) error {
	if err := valid(q); err != nil {
		*a = Answer{Decision: Decision{Lines: empty(a.Lines)}}
		return err
	}
	k := c.known.Load()
	if k.directory == nil {
		return c.unavailable(k, a)
	}
	age := c.clock().since(k.asOf)
	if age > c.config.Outage {
		return c.unavailable(k, a)
	}
	snapshot, _ := k.directory.Snapshot(string(q.EmployeeID))
	if snapshot.Err() != nil {
		*a = Answer{Decision: Decision{Reason: Unavailable, Lines: empty(a.Lines)}, AsOf: k.asOf.wall, Stale: age > c.config.MaxStale}
		return ErrTerms
	}
	entitlement.DecideInto(&snapshot, q, &a.Decision)
	a.AsOf, a.Stale = k.asOf.wall, age > c.config.MaxStale
	return nil
}

// unavailable is the answer when there is none.
func (c *Client) unavailable(k *knowledge, a *Answer) error {
	open := c.config.AfterOutage == FailOpen && !k.closed
	*a = Answer{Decision: Decision{Allowed: open, Reason: Unavailable, Lines: empty(a.Lines)}, AsOf: k.asOf.wall, Stale: true}
	switch {
	case k.closed:
		return ErrClosed
	case open:
		return nil
	}
	return ErrUnavailable
}

// empty keeps the memory of lines; in JSON they are a list, never null.
func empty(lines []Line) []Line {
	if lines == nil {
		return []Line{}
	}
	return lines[:0]
}

var errNoEmployee = tenancy.E(tenancy.Invalid, "field_missing", "a check needs employee_id")

func valid(q *Query) error {
	if q.EmployeeID == "" {
		return errNoEmployee
	}
	return q.Validate()
}
