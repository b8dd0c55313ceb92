package booking

import (
	"cmp"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/ponimayu/opora/client"
)

// State is where an appointment stands.
type State string

// The states. From Booked an appointment goes to one of the others and stays.
const (
	Booked    State = "booked"
	Cancelled State = "cancelled"
	Completed State = "completed"
	NoShow    State = "no_show"
)

// Wish is what somebody wants to book. It says nothing of why.
type Wish struct {
	EmployeeID     client.EmployeeID         `json:"-"` // who is signed in
	SpecialistType client.SpecialistTypeCode `json:"specialist_type"`
	At             time.Time                 `json:"at"`
	Format         client.Format             `json:"format,omitempty"`
	Minutes        int                       `json:"minutes,omitempty"`
	For            client.For                `json:"for,omitempty"` // the employee himself when empty
}

// query asks Opora about the wish, nothing being counted yet.
func (w Wish) query() client.Query {
	return client.Query{EmployeeID: w.EmployeeID, SpecialistType: w.SpecialistType, At: w.At, Format: w.Format, Minutes: w.Minutes, For: w.For}
}

// Appointment is what was booked. It holds no name and no reason for the visit.
type Appointment struct {
	ID             uuid.UUID                 `json:"id"`
	EmployeeID     client.EmployeeID         `json:"-"`
	SpecialistType client.SpecialistTypeCode `json:"specialist_type"`
	At             time.Time                 `json:"at"`
	Format         client.Format             `json:"format,omitempty"`
	Minutes        int                       `json:"minutes,omitempty"`
	For            client.For                `json:"for"`
	State          State                     `json:"state"`
	// Counts says whether the appointment is one of those used. One that was
	// cancelled too late still is.
	Counts   bool              `json:"counts"`
	Grant    client.GrantID    `json:"grant"`
	Contract client.ContractID `json:"contract"`
	Window   client.Window     `json:"window"` // in which it counts, as it was when it was booked
	// Uncovered is why Opora does not cover a booked appointment any more
	// (the employee left, the contract is suspended); empty when it does.
	Uncovered client.Reason `json:"uncovered,omitempty"`

	account  string
	counter  int64
	revision string
}

// MarshalJSON writes times in UTC: the database does not keep in which zone one
// was asked for, and a repeated request is answered as the first was.
func (a Appointment) MarshalJSON() ([]byte, error) {
	type plain Appointment
	a.At, a.Window.From, a.Window.Until = a.At.UTC(), a.Window.From.UTC(), a.Window.Until.UTC()
	return json.Marshal(plain(a))
}

// wish returns what the appointment was booked as.
func (a Appointment) wish() Wish {
	return Wish{EmployeeID: a.EmployeeID, SpecialistType: a.SpecialistType, At: a.At, Format: a.Format, Minutes: a.Minutes, For: a.For}
}

// Policy is what the platform, not Opora, decides about appointments.
type Policy struct {
	// FreeUntil is how long before its beginning an appointment may still be
	// cancelled with its place given back, or be moved; 0: until it begins.
	FreeUntil time.Duration
	// Ahead is how far ahead one may book; 0: a year.
	Ahead time.Duration
}

const year = 366 * 24 * time.Hour

// allows says whether an appointment may be made for a time.
func (p Policy) allows(at, now time.Time) error {
	if !at.After(now) {
		return invalid("at_passed", "An appointment is booked for a time ahead.")
	}
	if ahead := cmp.Or(p.Ahead, year); at.After(now.Add(ahead)) {
		return invalid("at_far", fmt.Sprintf("An appointment is booked at most %d days ahead.", int(ahead.Hours()/24)))
	}
	return nil
}

// late reports whether it is too late to give an appointment back.
func (p Policy) late(at, now time.Time) bool { return !now.Before(at.Add(-p.FreeUntil)) }

// The times that Opora answers about.
var (
	earliest = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
	latest   = time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC)
)

// validate says what is missing in the wish or is not as it should be.
func (w Wish) validate() error {
	switch {
	case w.SpecialistType == "":
		return invalid("specialist_type_missing", "Say which type of specialist is wished.")
	case w.At.Before(earliest) || !w.At.Before(latest):
		return invalid("at_invalid", "Say when the appointment begins, with the zone.")
	case w.Minutes < 0 || w.Minutes > 24*60:
		return invalid("minutes_invalid", "An appointment lasts at most a day.")
	case w.For != "" && w.For != client.Self && w.For != client.Dependant:
		return invalid("for_invalid", "An appointment is for self or for a dependant.")
	}
	switch w.Format {
	case "", client.Video, client.Chat, client.InPerson:
		return nil
	}
	return invalid("format_invalid", "An appointment is video, chat or in_person.")
}

// whom is for whom the wish is.
func (w Wish) whom() client.For { return cmp.Or(w.For, client.Self) }
