package entitlement

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/ponimayu/opora/internal/tenancy"
)

// OverrideID is the UUID of an override.
type OverrideID string

// OverrideReason says why an employee was given something else than the
// contract gives. None of them says anything about the person: why somebody
// needs help is health data, and is nowhere in Opora.
type OverrideReason string

// The reasons of overrides.
const (
	Agreement         OverrideReason = "agreement"          // agreed with the company for this employee
	ContractAmendment OverrideReason = "contract_amendment" // the company's contract changes, and this employee's part is early
	Correction        OverrideReason = "correction"         // makes a mistake of a list or of the platform good
	Goodwill          OverrideReason = "goodwill"           // given by the platform of its own accord
	Migration         OverrideReason = "migration"          // brought over from the system before
	OtherReason       OverrideReason = "other"
)

// OverrideReasons are all reasons, in the order in which they are offered.
func OverrideReasons() []OverrideReason {
	return []OverrideReason{Agreement, ContractAmendment, Correction, Goodwill, Migration, OtherReason}
}

// MaxOverride bounds what one override adds or takes, in appointments.
const MaxOverride = 1000

// OverrideRequest is an override that somebody wants to be made. There is no
// field for free text, on purpose (decision 0047).
type OverrideRequest struct {
	Grant     tenancy.GrantID `json:"grant"`
	Amount    int             `json:"amount"` // added to what the grant gives; taken from it when negative
	From      tenancy.Date    `json:"from"`
	Until     tenancy.Date    `json:"until"` // exclusive
	Reason    OverrideReason  `json:"reason"`
	Reference string          `json:"reference,omitempty"` // a ticket: a number, or such as HELP-1234
}

// Override is a tenancy.Override as a contour keeps it.
type Override struct {
	ID        OverrideID      `json:"id"`
	Grant     tenancy.GrantID `json:"grant"`
	Amount    int             `json:"amount"`
	From      tenancy.Date    `json:"from,omitzero"`
	Until     tenancy.Date    `json:"until,omitzero"` // exclusive
	Reason    OverrideReason  `json:"reason"`
	Reference string          `json:"reference,omitempty"`
	Author    string          `json:"author"` // a subject: Actor.ID
	MadeAt    time.Time       `json:"made_at"`
	// EndedAt and EndedBy are set once somebody has ended it; Until is then the
	// day from which on it did not hold any more, and From when it never has.
	EndedAt time.Time     `json:"ended_at,omitzero"`
	EndedBy string        `json:"ended_by,omitempty"`
	State   OverrideState `json:"state"`
}

// OverrideState is where an override stands on a day.
type OverrideState string

// The states of an override.
const (
	OverridePlanned   OverrideState = "planned"   // begins on a later day
	OverrideCurrent   OverrideState = "current"   // holds
	OverrideEnded     OverrideState = "ended"     // its days are over, or somebody ended it
	OverrideWithdrawn OverrideState = "withdrawn" // somebody ended it before it began
)

// StateOn says where the override stands on a day.
func (o Override) StateOn(day tenancy.Date) OverrideState {
	switch {
	case !o.EndedAt.IsZero() && !o.From.IsZero() && o.Until == o.From:
		return OverrideWithdrawn
	case !o.Until.IsZero() && !day.Before(o.Until):
		return OverrideEnded
	case day.Before(o.From):
		return OverridePlanned
	}
	return OverrideCurrent
}

// HoldsOn reports whether the override's days include the day.
func (o Override) HoldsOn(day tenancy.Date) bool {
	return !day.Before(o.From) && (o.Until.IsZero() || day.Before(o.Until))
}

var referencePattern = regexp.MustCompile(`^([A-Z]{1,6}-)?[0-9]{1,10}$`)

// Validate says what is wrong with the request, under the contracts of the
// employee's tenant, those shared with it among them: the grant must be in one
// of them on some of the override's days (grant_unknown), and it lasts no longer
// than they do.
func (r OverrideRequest) Validate(tenant tenancy.Tenant) error {
	switch {
	case r.Grant == "":
		return overrideInvalid("field_missing", "An override names the grant that it adds to.")
	case r.Amount == 0 || r.Amount < -MaxOverride || r.Amount > MaxOverride:
		return overrideInvalid("field_invalid", fmt.Sprintf("amount is a whole number between -%d and %d and not 0: so many appointments are added, or taken when it is negative.", MaxOverride, MaxOverride))
	case r.From.IsZero() || r.Until.IsZero():
		return overrideInvalid("field_missing", "An override is dated: it has from, its first day, and until, the day on which it does not hold any more.")
	case !r.From.Before(r.Until):
		return overrideInvalid("override_dates", "from lies before until, which is the first day without the override.")
	case r.Reason == "":
		return overrideInvalid("field_missing", "An override has a reason. "+reasonRule())
	case !slices.Contains(OverrideReasons(), r.Reason):
		return overrideInvalid("reason_unknown", reasonRule())
	case r.Reference != "" && !referencePattern.MatchString(r.Reference):
		return overrideInvalid("reference_invalid", "reference is the number of a ticket, such as 48151 or HELP-1234, and nothing else: a sentence about one person soon says why he needs help, and that is kept nowhere.")
	}
	return r.within(tenant)
}

// reasonRule says which reasons there are, and why not in one's own words.
func reasonRule() string {
	words := make([]string, 0, len(OverrideReasons()))
	for _, reason := range OverrideReasons() {
		words = append(words, string(reason))
	}
	return "The reason is one of " + strings.Join(words, ", ") + ". It is never put in free words: a sentence about one person soon says why he needs help, and that is kept nowhere."
}

// within looks for the grant in the contracts, and for the override's days in
// those of the contracts that have it.
func (r OverrideRequest) within(tenant tenancy.Tenant) error {
	var first, end tenancy.Date
	var meets bool
	for _, c := range tenant.Contracts {
		if !slices.ContainsFunc(c.Grants, func(g tenancy.Grant) bool { return g.ID == r.Grant }) {
			continue
		}
		last := r.lastEnd(tenant, c)
		meets = meets || r.From.Before(last) && c.From.Before(r.Until)
		if first.IsZero() || c.From.Before(first) {
			first = c.From
		}
		if last.After(end) {
			end = last
		}
	}
	switch {
	case !meets:
		return overrideInvalid("grant_unknown", r.unknown(tenant))
	case r.From.Before(first) || r.Until.After(end):
		return overrideInvalid("override_dates", fmt.Sprintf("The contracts with the grant %s run from %s until %s (renewal included); an override lies within these days.", r.Grant, first, end))
	}
	return nil
}

// unknown names the grants that there are on the override's days.
func (r OverrideRequest) unknown(tenant tenancy.Tenant) string {
	var known []string
	for _, c := range tenant.Contracts {
		if !r.From.Before(r.lastEnd(tenant, c)) || !c.From.Before(r.Until) {
			continue
		}
		for _, g := range c.Grants {
			known = append(known, string(g.ID))
		}
	}
	if len(known) == 0 {
		return "The company has no contract here on any of these days, so there is no grant to add to."
	}
	slices.Sort(known)
	return fmt.Sprintf("No contract of the company has the grant %.40q on any of these days; there are %s.", r.Grant, strings.Join(slices.Compact(known), ", "))
}

func overrideInvalid(code, message string) error { return tenancy.E(tenancy.Invalid, code, message) }

// lastEnd is the first day after a contract, as far as an override may count
// on it: of one that renews itself, after the period that comes after the
// override's first day.
func (r OverrideRequest) lastEnd(tenant tenancy.Tenant, c tenancy.Contract) tenancy.Date {
	end := tenant.End(c)
	if end.IsZero() {
		_, renewed := c.Period(r.From)
		_, end = c.Period(renewed)
	}
	return end
}
