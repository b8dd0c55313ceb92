package booking

import (
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5/pgconn"
)

// Kind is the cause of an error in the words that an HTTP answer needs.
type Kind int

// The kinds of error.
const (
	Invalid     Kind = iota + 1 // the request is not one
	NotFound                    // no such appointment, or another's
	Refused                     // not covered, or nothing is left
	Conflict                    // the appointment's state does not allow it
	Unavailable                 // try again
)

// Error is an error with a stable code and a sentence for whoever has to act
// on it. The code of a refusal is Opora's reason.
type Error struct {
	Kind    Kind
	Code    string
	Message string
	Err     error // for our logs; never shown
}

// Error implements error.
func (e *Error) Error() string { return e.Message + " (" + e.Code + ")" }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// CodeOf returns the code of the outermost *Error in err's chain, or "".
func CodeOf(err error) string {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Code
	}
	return ""
}

// CauseOf says what was behind err without repeating what it says, which may
// quote rows: PostgreSQL's code, or the kind of the innermost error.
func CauseOf(err error) string {
	if state := sqlState(err); state != "" {
		return "sqlstate " + state
	}
	for errors.Unwrap(err) != nil {
		err = errors.Unwrap(err)
	}
	return fmt.Sprintf("%T", err)
}

var (
	errNotFound = &Error{Kind: NotFound, Code: "appointment_unknown", Message: "There is no such appointment."}
	errBusy     = &Error{Kind: Unavailable, Code: "busy", Message: "Too many are booking at this moment; try again with the same Idempotency-Key."}
	errReused   = &Error{Kind: Conflict, Code: "idempotency_key_reused", Message: "This Idempotency-Key belongs to another request; take a new one."}
)

func invalid(code, message string) *Error { return &Error{Kind: Invalid, Code: code, Message: message} }

func conflict(code, message string) *Error {
	return &Error{Kind: Conflict, Code: code, Message: message}
}

// PostgreSQL's codes that we know.
const (
	serializationFailure = "40001"
	deadlockDetected     = "40P01"
	lockNotAvailable     = "55P03"
	noSuchDatabase       = "3D000"
	duplicateDatabase    = "42P04"
	uniqueViolation      = "23505"
)

// sqlState returns PostgreSQL's code of err, or "".
func sqlState(err error) string {
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		return e.Code
	}
	return ""
}

// asRefused returns err as the refusal that it is.
func asRefused(err error) (*Error, bool) {
	e, ok := errors.AsType[*Error](err)
	return e, ok && e.Kind == Refused
}
