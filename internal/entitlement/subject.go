package entitlement

import (
	"slices"
	"time"

	"github.com/ponimayu/opora/internal/tenancy"
)

// Subject is an employee as Decide needs him: when he works, in which segments,
// and his overrides. It holds no name and no contact. It is never changed.
type Subject struct {
	id        tenancy.EmployeeID
	spans     []span // by first day
	overrides []tenancy.Override
}

// span is one employment: its days, and the segments it puts its holder in.
type span struct {
	hired, left tenancy.Date // zero: since ever, for ever; left is the last day
	segments    segmentSet
}

// Subject compiles an employee of the tenant.
func (t *Terms) Subject(employee tenancy.Employee) Subject {
	s := Subject{id: employee.ID, overrides: employee.Overrides}
	for _, e := range employee.Employments {
		made := span{hired: e.HiredOn, left: e.LeftOn}
		for i := range t.segments {
			if t.segments[i].has(e) {
				made.segments |= 1 << i
			}
		}
		s.spans = append(s.spans, made)
	}
	slices.SortStableFunc(s.spans, func(a, b span) int { return a.hired.Compare(b.hired) })
	return s
}

// end returns the first day without access: the day after the last one, and
// after the grace period; zero for an employment without end.
func (s span) end(graceDays int) tenancy.Date {
	if s.left.IsZero() {
		return tenancy.Date{}
	}
	return s.left.AddDays(1 + graceDays)
}

func (s span) active(day tenancy.Date, graceDays int) bool {
	if day.Before(s.hired) {
		return false
	}
	end := s.end(graceDays)
	return end.IsZero() || day.Before(end)
}

// standing is how an employee stands on a day.
type standing struct {
	active   bool
	coming   bool // has an employment that begins later
	segments segmentSet
	// since is the first day of the unbroken time of work that the day lies
	// in, over moves and second jobs; zero when not known. A gap no longer than
	// the grace period does not break it.
	since tenancy.Date
}

// on says how the subject stands on a day, under a contract's grace period.
func (s *Subject) on(day tenancy.Date, graceDays int) standing {
	var now standing
	var unbroken, endless bool
	var until tenancy.Date // of the unbroken time so far
	for _, sp := range s.spans {
		if day.Before(sp.hired) {
			now.coming = true
			continue
		}
		if sp.active(day, graceDays) {
			now.active = true
			now.segments |= sp.segments
		}
		if !unbroken || (!endless && sp.hired.After(until)) {
			now.since, until, unbroken = sp.hired, tenancy.Date{}, true
		}
		if end := sp.end(graceDays); end.IsZero() {
			endless = true
		} else if end.After(until) {
			until = end
		}
	}
	return now
}

// extra returns what the overrides of the grant add on a day; given is false
// when there is none.
func (s *Subject) extra(grant tenancy.GrantID, day tenancy.Date) (amount int, given bool) {
	for _, o := range s.overrides {
		if o.Grant == grant && !day.Before(o.From) && (o.Until.IsZero() || day.Before(o.Until)) {
			amount, given = amount+o.Amount, true
		}
	}
	return amount, given
}

// ever returns the segments that some employment, past or coming, puts the
// subject in.
func (s *Subject) ever() segmentSet {
	var set segmentSet
	for _, sp := range s.spans {
		set |= sp.segments
	}
	return set
}

// nextChange tells horizon every instant at which the subject's standing or an
// override of the grants concerned begins or ends.
func (s *Subject) nextChange(h *horizon, zone *time.Location, graceDays int) {
	for _, sp := range s.spans {
		h.day(sp.hired, zone)
		h.day(sp.end(graceDays), zone)
	}
}
