package webhook

import (
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"
)

// Result says in a word how a try went.
type Result string

// The results of a try.
const (
	Accepted       Result = "accepted"        // a status of 200 to 299
	Gone           Result = "gone"            // 410: the receiver wants no more
	Busy           Result = "busy"            // 429 or 503: later
	Redirected     Result = "redirected"      // redirects are not followed
	Rejected       Result = "rejected"        // any other status
	TimedOut       Result = "timed_out"       // no answer within Deadline
	Unreachable    Result = "unreachable"     // no such name, no connection, no TLS, or no HTTP
	AddressRefused Result = "address_refused" // the policy does not allow where it leads
)

// Outcome is how a try went.
type Outcome struct {
	Result Result
	Status int // what was answered; 0 without an answer
	Took   time.Duration
	// RetryAfter is how long the receiver asks us to wait; 0 when it does not.
	RetryAfter time.Duration
}

// OK reports whether the message was delivered.
func (o Outcome) OK() bool { return o.Result == Accepted }

// waits are the pauses after the first, the second… try that failed, a little
// more than a day in all. After the last one the message is given up: it was a
// hint, and the feed has what it told of.
var waits = [...]time.Duration{
	5 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour, 10 * time.Hour, 10 * time.Hour,
}

// maxRetryAfter bounds what a receiver may ask for with Retry-After.
const maxRetryAfter = 12 * time.Hour

// Wait returns how long to wait after a try has failed; false when it was the
// last. try is 1 for the first. Retry-After makes the pause longer and never
// shorter: else a receiver that is always busy would use up all tries at once.
func (o Outcome) Wait(try int) (time.Duration, bool) {
	if try < 1 || try > len(waits) || o.Result == Gone {
		return 0, false
	}
	return jitter(max(waits[try-1], min(o.RetryAfter, maxRetryAfter))), true
}

// jitter lengthens a pause by up to a fifth, so that what failed together is
// not tried again together.
func jitter(d time.Duration) time.Duration { return d + rand.N(d/5+1) }

// resultOf reads a status.
func resultOf(status int) Result {
	switch {
	case status >= 200 && status < 300:
		return Accepted
	case status == http.StatusGone:
		return Gone
	case status == http.StatusTooManyRequests, status == http.StatusServiceUnavailable:
		return Busy
	case status >= 300 && status < 400:
		return Redirected
	}
	return Rejected
}

// retryAfter reads the header, seconds or a date; 0 when it says nothing.
func retryAfter(text string, now time.Time) time.Duration {
	if n, err := strconv.ParseUint(text, 10, 31); err == nil {
		return time.Duration(n) * time.Second
	}
	if at, err := http.ParseTime(text); err == nil {
		return max(0, at.Sub(now))
	}
	return 0
}
