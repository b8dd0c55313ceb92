package entitlement

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"time"

	"github.com/ponimayu/opora/internal/tenancy"
)

// For says for whom an appointment is: the employee or someone of his family.
// Dependants are counted, never named.
type For string

// Whom an appointment is for; an empty For is Self.
const (
	Self      For = "self"
	Dependant For = "dependant"
)

// Query is a check: may the employee book this type of specialist at this
// time? Its JSON is the body of POST /v1/entitlements/check, and a query line
// of `opora entitlement decide` (there without employee_id).
type Query struct {
	EmployeeID     tenancy.EmployeeID         `json:"employee_id,omitempty"`
	SpecialistType tenancy.SpecialistTypeCode `json:"specialist_type"`
	// At is when the appointment begins. It is also the clock of the decision:
	// contract, window, segment and status are those of that instant.
	At      time.Time      `json:"at"`
	Format  tenancy.Format `json:"format,omitempty"`  // any when empty
	Minutes int            `json:"minutes,omitempty"` // length of the appointment; not asked about when 0
	For     For            `json:"for,omitempty"`
	Used    Used           `json:"used,omitzero"`
	// UsedBefore counts the window before the present one, by grant. Only a
	// grant with carry_over looks at it; without it nothing is carried over.
	UsedBefore Used `json:"used_before,omitzero"`
}

// The earliest and latest appointment that a query may ask about. Windows
// around them stay within the years that JSON and tz data can express.
var (
	earliestAt = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
	latestAt   = time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC)
)

// ParseQuery reads one check, strictly: an unknown field, a missing one, a
// value outside its range or anything after the object is an *tenancy.Error of
// kind Invalid with code json_invalid, field_unknown, field_missing or
// field_invalid, whose message names the field and never quotes the value. An
// employee's id may be spelled in capitals.
func ParseQuery(body []byte) (Query, error) {
	q, ok := readQuery(body)
	if !ok {
		var err error
		if q, err = decodeQuery(body); err != nil {
			return Query{}, err
		}
	}
	if err := q.Validate(); err != nil {
		return Query{}, err
	}
	q.EmployeeID = tenancy.EmployeeID(strings.ToLower(string(q.EmployeeID))) // as ids are kept
	return q, nil
}

// decodeQuery reads a check by encoding/json.
func decodeQuery(body []byte) (q Query, err error) {
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&q); err != nil {
		return Query{}, decodeError(err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return Query{}, tenancy.E(tenancy.Invalid, "json_invalid", "a check is one JSON object and nothing after it")
	}
	return q, nil
}

// decodeError puts what encoding/json found into our codes and words.
func decodeError(err error) error {
	var wrongType *json.UnmarshalTypeError
	var wrongTime *time.ParseError
	var ours *tenancy.Error
	switch {
	case errors.As(err, &ours):
		return ours
	case errors.As(err, &wrongType) && wrongType.Field != "":
		return fieldInvalid(wrongType.Field, "is a "+jsonNoun(wrongType.Type))
	case errors.As(err, &wrongTime):
		return fieldInvalid("at", "is an RFC 3339 time with its zone, such as 2026-12-01T10:00:00+03:00")
	case strings.HasPrefix(err.Error(), "json: unknown field "):
		name := strings.Trim(strings.TrimPrefix(err.Error(), "json: unknown field "), `"`)
		return tenancy.E(tenancy.Invalid, "field_unknown", fmt.Sprintf("a check has no field %.40q", name))
	case strings.HasPrefix(err.Error(), "Time.UnmarshalJSON"), strings.HasPrefix(err.Error(), "parsing time"):
		return fieldInvalid("at", "is an RFC 3339 time with its zone, such as 2026-12-01T10:00:00+03:00")
	}
	return tenancy.E(tenancy.Invalid, "json_invalid", "a check is one JSON object")
}

// jsonNoun is what a field of our type is in JSON.
func jsonNoun(t reflect.Type) string {
	if t.Kind() == reflect.Int {
		return "whole number"
	}
	return t.Kind().String()
}

func fieldInvalid(field, rule string) *tenancy.Error {
	return tenancy.E(tenancy.Invalid, "field_invalid", field+" "+rule)
}

func fieldMissing(field string) *tenancy.Error {
	return tenancy.E(tenancy.Invalid, "field_missing", "a check needs "+field)
}

// Validate says what is missing in the query or out of range; employee_id is
// the caller's to require.
func (q Query) Validate() error {
	switch {
	case q.SpecialistType == "":
		return fieldMissing("specialist_type")
	case q.At.IsZero():
		return fieldMissing("at")
	case q.At.Before(earliestAt) || !q.At.Before(latestAt):
		return fieldInvalid("at", "lies between the years 2000 and 2199")
	case q.Minutes < 0:
		return fieldInvalid("minutes", "is a positive number of minutes")
	}
	switch q.Format {
	case "", tenancy.Video, tenancy.Chat, tenancy.InPerson:
	default:
		return fieldInvalid("format", "is video, chat or in_person")
	}
	switch q.For {
	case "", Self, Dependant:
	default:
		return fieldInvalid("for", "is self or dependant")
	}
	return nil
}

// audience is whom a grant must cover for the query.
func (q *Query) audience() tenancy.Audience {
	if q.For == Dependant {
		return tenancy.ForDependant
	}
	return tenancy.ForEmployee
}
