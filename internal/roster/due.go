package roster

import (
	"time"

	"github.com/ponimayu/opora/internal/tenancy"
)

// ListStatus says when a tenant's lists came and when the next are due.
type ListStatus struct {
	Tenant   tenancy.TenantSlug `json:"tenant"`
	Overdue  bool               `json:"overdue"` // some promised list has not come
	LastList *LastList          `json:"last_list,omitempty"`
	Promises []Promise          `json:"promises"`
}

// LastList is the last full list that was applied.
type LastList struct {
	Import      ImportID                `json:"import"`
	LegalEntity tenancy.LegalEntityCode `json:"legal_entity,omitempty"`
	AppliedAt   time.Time               `json:"applied_at"`
}

// Promise is a list that a contract promises, of one legal entity where a
// tenant has several.
type Promise struct {
	LegalEntity tenancy.LegalEntityCode `json:"legal_entity,omitempty"`
	Every       int                     `json:"due_every_days"`
	Last        tenancy.Date            `json:"last,omitzero"` // the last one, in the contract's zone
	Due         tenancy.Date            `json:"due"`
	Overdue     bool                    `json:"overdue"`
	Days        int                     `json:"days"` // for how many it is overdue
}

// dueGrace is for how many days after its day a list is late and no alarm.
const dueGrace = 1

// Due says when the next list of a contract is due, and whether it is overdue
// at the instant. last is when the last one was applied, zero when none was. A
// contract's count begins with its first day, whatever came before. ok is false
// when the contract promises nothing today. Days are those of the zone.
//
//	last list     due = last + every    alarm from due + 2
//	----|---------------|--------|---------|------▶ days
func Due(c tenancy.Contract, zone *time.Location, last, now time.Time) (p Promise, ok bool) {
	today := tenancy.DateOf(now.In(zone))
	over := !c.Until.IsZero() && !today.Before(c.Until)
	if c.Roster.DueEveryDays <= 0 || c.Suspended || tenancy.SuspendedOn(today, c.Suspensions) || today.Before(c.From) || over {
		return p, false
	}
	p.Every = c.Roster.DueEveryDays
	from := c.From
	if !last.IsZero() {
		p.Last = tenancy.DateOf(last.In(zone))
		if p.Last.After(from) {
			from = p.Last
		}
	}
	p.Due = from.AddDays(p.Every)
	if p.Overdue = today.After(p.Due.AddDays(dueGrace)); p.Overdue {
		p.Days = int(today.In(time.UTC).Sub(p.Due.In(time.UTC)) / (24 * time.Hour))
	}
	return p, true
}
