package entitlement

import (
	"slices"
	"time"

	"github.com/ponimayu/opora/internal/tenancy"
)

// Subject is an employee as Decide needs him: when he works, in which segments,
// and his overrides. It holds no name and no contact, is never changed, and is
// a plain value: a Directory hands it out without allocation.
type Subject struct {
	known     bool // false in the zero Subject: nobody
	id        tenancy.EmployeeID
	count     int          // of his spans
	first     packedSpan   // the earliest, when there is one
	more      []packedSpan // the others, by first day
	sets      []setView    // what the spans' sets stand for
	overrides []tenancy.Override
}

// packedSpan is a span as it is kept by the million: its days as numbers, and
// its segments as an index into the sets of its holder.
type packedSpan struct {
	hired, left packedDate
	set         uint32
}

// setView is a set of segments under certain terms.
type setView struct {
	terms    *Terms
	segments segmentSet
}

// packedDate is a date that orders as a number; 0 is the zero date.
type packedDate int32

func packDate(d tenancy.Date) packedDate {
	return packedDate(d.Year<<9 | int(d.Month)<<5 | d.Day) //nolint:gosec // a year of four digits
}

func (p packedDate) date() tenancy.Date {
	return tenancy.Date{Year: int(p >> 9), Month: time.Month(p >> 5 & 15), Day: int(p & 31)}
}

// Subject compiles an employee of the tenant.
func (t *Terms) Subject(employee tenancy.Employee) Subject {
	return t.SubjectOf(t.Record(employee, 0))
}

// SubjectOf compiles a record of the tenant. A segment that the terms do not
// know puts nobody anywhere: the record is older than the terms, or newer.
func (t *Terms) SubjectOf(r Record) Subject {
	s := Subject{known: true, id: r.ID, overrides: r.Overrides}
	for _, e := range r.sorted() {
		s.add(packedSpan{packDate(e.HiredOn), packDate(e.LeftOn), uint32(len(s.sets))}) //nolint:gosec // a handful
		s.sets = append(s.sets, setView{t, t.known(e.Segments)})
	}
	return s
}

// known returns those of the segments that the terms know.
func (t *Terms) known(ids []tenancy.SegmentID) segmentSet {
	var set segmentSet
	for i := range t.segments {
		if slices.Contains(ids, t.segments[i].id) {
			set |= 1 << i
		}
	}
	return set
}

func (s *Subject) add(sp packedSpan) {
	if s.count++; s.count == 1 {
		s.first = sp
		return
	}
	s.more = append(s.more, sp)
}

// span returns one employment; they are in the order of their first days.
func (s *Subject) span(i int) span {
	packed := s.first
	if i > 0 {
		packed = s.more[i-1]
	}
	return span{packed.hired.date(), packed.left.date(), s.sets[packed.set].segments}
}

// span is one employment: its days, and the segments it puts its holder in.
type span struct {
	hired, left tenancy.Date // zero: since ever, for ever; left is the last day
	segments    segmentSet
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
	coming   bool // not active, and has an employment that begins later
	segments segmentSet
	// since is the first day of the unbroken time of work that the day lies
	// in, over moves and second jobs; zero when not known. A gap no longer than
	// the grace period does not break it.
	since tenancy.Date
}

// reason is why he may not book, as far as his employments say it, or OK.
func (s standing) reason() Reason {
	switch {
	case s.active:
		return OK
	case s.coming:
		return EmployeeNotStarted
	}
	return EmployeeInactive
}

// on says how the subject stands on a day, under a contract's grace period.
func (s *Subject) on(day tenancy.Date, graceDays int) standing {
	var now standing
	var unbroken, endless bool
	var until tenancy.Date // of the unbroken time so far
	for i := range s.count {
		sp := s.span(i)
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
	now.coming = now.coming && !now.active
	return now
}

// extra returns what the overrides of the grant add on a day.
func (s *Subject) extra(grant tenancy.GrantID, day tenancy.Date) (amount int) {
	for _, o := range s.overrides {
		if o.Grant == grant && !day.Before(o.From) && (o.Until.IsZero() || day.Before(o.Until)) {
			amount += o.Amount
		}
	}
	return amount
}

// ever returns the segments that some employment, past or coming, puts the
// subject in.
func (s *Subject) ever() segmentSet {
	var set segmentSet
	for i := range s.count {
		sp := s.span(i)
		set |= sp.segments
	}
	return set
}
