package entitlement

import (
	"slices"
	"time"

	"github.com/ponimayu/opora/internal/tenancy"
)

// Decide answers whether the employee may book what the query asks for, from
// what the snapshot holds. The query's At is the only clock: contract, status,
// segment, validity and window are those of the appointment, whenever it is
// asked for. It is total, changes nothing and may run in parallel.
//
// Refusals are looked for in the order of the reasons; of the grants, those
// that cover the type come first, then those of them that fit the format and
// length, then those that serve the audience. What is left adds up, the lower
// priority consumed first, each grant with its own window and count.
func Decide(s Snapshot, q Query) Decision {
	var d Decision
	DecideInto(&s, &q, &d)
	return d
}

// DecideInto is Decide into a decision of the caller's, whatever it held
// before. It uses the memory of d.Lines again, so that a caller who keeps d
// decides without allocating; snapshot and query are only read.
func DecideInto(s *Snapshot, q *Query, d *Decision) {
	*d = Decision{Reason: EmployeeUnknown, Lines: d.Lines[:0], Revision: s.Revision}
	if d.Lines == nil {
		d.Lines = []Line{} // in JSON a list, never null
	}
	if !s.Known() || (q.EmployeeID != "" && q.EmployeeID != s.Subject.id) {
		return
	}
	m := momentOf(s, q.At)
	if m.contract != nil {
		d.Contract = m.contract.ID
	}
	if d.Reason = m.refusal(q); d.Reason == OK {
		d.Lines, d.Reason = m.lines(d.Lines, q)
		d.total()
	}
	d.ValidUntil = m.next(q, d)
}

// total sums the lines up, and says which grant is consumed.
func (d *Decision) total() {
	for i := range d.Lines {
		line := &d.Lines[i]
		d.Limit += line.Limit
		d.Used += line.Used
		d.Remaining += line.Remaining
		if d.Consume == "" && line.Remaining > 0 {
			d.Consume, d.Window, d.Allowed = line.Grant, line.Window, true
		}
	}
	if d.Window.IsZero() && len(d.Lines) > 0 {
		d.Window = d.Lines[0].Window
	}
	if d.Reason == OK && !d.Allowed {
		d.Reason = exhausted(d.Lines)
	}
}

// exhausted is the reason when no line has anything left.
func exhausted(lines []Line) Reason {
	for _, line := range lines {
		if line.Per != tenancy.PerTenant {
			return QuotaExhausted
		}
	}
	return PoolExhausted
}

// moment is the snapshot at one instant.
type moment struct {
	terms    *Terms
	subject  Subject // a copy: a pointer would send the caller's snapshot to the heap
	at       time.Time
	contract *contract // running, or nil
	zone     *zone
	grace    int
	day      tenancy.Date // in the contract's zone
	standing standing
}

func momentOf(s *Snapshot, at time.Time) moment {
	m := moment{terms: s.Terms, subject: s.Subject, at: at, zone: utc, contract: s.Terms.running(at)}
	if reference := s.Terms.reference(at); reference != nil {
		m.zone, m.grace = reference.zone, reference.GraceDays
	}
	m.day = m.zone.dayOf(at)
	m.standing = m.subject.on(m.day, m.grace)
	return m
}

// refusal is the reason that needs no grant, or OK.
func (m *moment) refusal(q *Query) Reason {
	if reason := m.standing.reason(); reason != OK {
		return reason
	}
	switch {
	case m.suspendedOn(m.day):
		return TenantSuspended
	case m.contract == nil:
		return ContractAbsent
	}
	if _, ok := m.terms.types[q.SpecialistType]; !ok {
		return TypeUnknown
	}
	return OK
}

// suspendedOn reports whether the tenant is, or the contract that runs now, for
// good or on the day.
func (m *moment) suspendedOn(day tenancy.Date) bool {
	return m.terms.suspended || tenancy.SuspendedOn(day, m.terms.suspensions) ||
		m.contract != nil && (m.contract.Suspended || tenancy.SuspendedOn(day, m.contract.Suspensions))
}

// lines adds to lines, which is empty, what each covering grant gives, and, when there is none, which
// of the query's wishes no grant meets.
func (m *moment) lines(lines []Line, q *Query) ([]Line, Reason) {
	lines = slices.Grow(lines, len(m.contract.grants))
	reason := TypeNotCovered
	for i := range m.contract.grants {
		g := &m.contract.grants[i]
		if !g.covers(q.SpecialistType) {
			continue
		}
		limit, ok := m.limit(g)
		switch {
		case !ok:
			continue
		case !g.fits(q):
			reason = later(reason, FormatNotCovered)
		case !g.serves(q.audience()):
			reason = later(reason, AudienceNotCovered)
		default:
			reason = OK
			lines = append(lines, m.line(g, limit, q))
		}
	}
	return lines, reason
}

// later returns the reason that was reached further down the list: a grant
// that failed only by its audience says more than one that failed by its format.
func later(a, b Reason) Reason {
	if a == OK || a == AudienceNotCovered {
		return a
	}
	return b
}

// limit is the grant's amount for the subject now, or false when it gives him
// nothing: whom its segments leave out has what his overrides add, if they do.
func (m *moment) limit(g *grant) (int, bool) {
	if !g.holds(m.at) {
		return 0, false
	}
	extra := m.subject.extra(g.ID, m.day)
	if !g.meant(m.standing.segments) {
		return max(0, extra), extra > 0
	}
	return max(0, g.Amount+extra), true
}

func (m *moment) line(g *grant, limit int, q *Query) Line {
	line := Line{Grant: g.ID, Per: g.Per, Pool: g.pool, Used: q.Used.Of(g.ID), Window: m.contract.window(g, m.day, m.standing.since)}
	if g.CarryOver > 0 {
		line.CarryOver = m.carryOver(g, line.Window, q)
		limit += line.CarryOver.Carried
	}
	line.Limit = limit
	line.Remaining = max(0, limit-line.Used)
	return line
}

// carryOver says what the window takes over from the one before: at most
// carry_over of what was unused there, and nothing unless the caller counted it
// (used_before). It was unused only by someone the grant of that name already
// served on the last day before this window, with whatever types it had then:
// types share the amount. Carried appointments are not carried again.
func (m *moment) carryOver(g *grant, window Window, q *Query) CarryOver {
	before := moment{terms: m.terms, subject: m.subject, at: window.From.Add(-1)}
	before.contract = before.terms.running(before.at)
	last := m.zone.dayOf(window.From).AddDays(-1)
	carry := CarryOver{AtMost: g.CarryOver, Window: m.contract.window(g, last, m.standing.since)}
	if before.contract == nil || q.UsedBefore.IsZero() {
		return carry
	}
	before.day = before.contract.zone.dayOf(before.at)
	before.standing = before.subject.on(before.day, before.contract.GraceDays)
	for i := range before.contract.grants {
		old := &before.contract.grants[i]
		if old.ID != g.ID || !before.standing.active {
			continue
		}
		if amount, ok := before.limit(old); ok {
			carry.Carried = min(g.CarryOver, max(0, amount-q.UsedBefore.Of(g.ID)))
		}
	}
	return carry
}

// next is the next instant at which the same question can have another answer:
// a contract, a suspension, an employment, a grant, an override or a window
// begins or ends. What a refusal did not come to look at is left out.
func (m *moment) next(q *Query, d *Decision) time.Time {
	h := horizon{after: m.at}
	m.nextStanding(&h, d.Reason)
	m.nextContract(&h)
	if !m.standing.active {
		return h.next
	}
	m.nextSuspension(&h, m.terms.suspensions)
	if m.contract != nil {
		m.nextSuspension(&h, m.contract.Suspensions)
	}
	if refusedBeforeGrants(d.Reason) {
		return h.next
	}
	m.nextGrant(&h, q.SpecialistType)
	for i := range d.Lines {
		h.instant(d.Lines[i].Window.Until)
	}
	return h.next
}

// refusedBeforeGrants reports whether the reason was found without a look at a
// grant: see moment.refusal.
func refusedBeforeGrants(r Reason) bool {
	switch r {
	case EmployeeInactive, EmployeeNotStarted, TenantSuspended, ContractAbsent, TypeUnknown:
		return true
	}
	return false
}

// nextStanding notes when the subject stands otherwise: for a refusal that
// looked at no grant, only when he comes or goes.
func (m *moment) nextStanding(h *horizon, reason Reason) {
	now, onlyAccess := m.standing, refusedBeforeGrants(reason)
	for i := range m.subject.count {
		sp := m.subject.span(i)
		for _, day := range [2]tenancy.Date{sp.hired, sp.end(m.grace)} {
			if day.IsZero() || !m.day.Before(day) {
				continue
			}
			if then := m.subject.on(day, m.grace); then.reason() != now.reason() || !onlyAccess && then != now {
				h.day(day, m.zone)
			}
		}
	}
}

// nextContract notes the end of the running contract, or, without one, the
// beginning of the next.
func (m *moment) nextContract(h *horizon) {
	if m.contract != nil {
		h.instant(m.contract.until)
		return
	}
	for i := range m.terms.contracts {
		h.instant(m.terms.contracts[i].from)
	}
}

// nextSuspension notes when suspensions begin and end, where no other one holds.
func (m *moment) nextSuspension(h *horizon, all []tenancy.Suspension) {
	now := m.suspendedOn(m.day)
	for i := range all {
		for _, day := range [2]tenancy.Date{all[i].From, all[i].Until} {
			if m.day.Before(day) && m.suspendedOn(day) != now {
				h.day(day, m.zone)
			}
		}
	}
}

// nextGrant notes when grants of the type that may concern the subject begin
// and end, and his overrides of them.
func (m *moment) nextGrant(h *horizon, code tenancy.SpecialistTypeCode) {
	ever := m.subject.ever()
	for i := range m.contract.grants {
		g := &m.contract.grants[i]
		if !g.covers(code) {
			continue
		}
		concerned := g.meant(ever)
		for _, o := range m.subject.overrides {
			if o.Grant == g.ID {
				h.day(o.From, m.zone)
				h.day(o.Until, m.zone)
				concerned = true
			}
		}
		if concerned {
			h.instant(g.validFrom)
			h.instant(g.validU)
		}
	}
}
