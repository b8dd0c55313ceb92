package tenancy

import "errors"

// Kind is the cause of an error in the words that every edge understands: the
// API maps kinds to statuses in one table, the command line to exit codes.
type Kind string

// The kinds of error. Anything that is not an *Error is internal.
const (
	Invalid         Kind = "invalid"
	Unauthenticated Kind = "unauthenticated"
	Forbidden       Kind = "forbidden"
	NotFound        Kind = "not_found"
	Conflict        Kind = "conflict"
	Gone            Kind = "gone" // it was here and is not kept any more
	TooLarge        Kind = "too_large"
	Unavailable     Kind = "unavailable" // a dependency is down; may be tried again
	Busy            Kind = "busy"        // the caller has too much under way; may be tried again
	Slow            Kind = "slow"        // what the caller sends does not come
	Full            Kind = "full"        // there is no room to store it
	Internal        Kind = "internal"
)

// Error is an error with a kind, a stable code and a sentence for the person
// who has to act on it. Err is for our logs and is never shown.
type Error struct {
	Kind    Kind
	Code    string
	Message string
	Err     error
}

// E returns an *Error; the causes, if any, are joined and kept for our logs.
func E(kind Kind, code, message string, cause ...error) *Error {
	return &Error{Kind: kind, Code: code, Message: message, Err: errors.Join(cause...)}
}

// Error implements error.
func (e *Error) Error() string {
	if e.Err != nil {
		return e.Message + " (" + e.Code + "): " + e.Err.Error()
	}
	return e.Message + " (" + e.Code + ")"
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// KindOf returns the kind of the outermost *Error in err's chain, or Internal.
func KindOf(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return Internal
}
