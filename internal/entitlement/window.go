package entitlement

import (
	"time"

	"github.com/ponimayu/opora/internal/tenancy"
)

// dayStart returns the first instant of a civil day in a zone. It is midnight,
// except where the clock jumps over midnight.
func dayStart(day tenancy.Date, zone *time.Location) time.Time {
	t := day.In(zone)
	if got := tenancy.DateOf(t); got.Before(day) {
		_, t = t.ZoneBounds() // midnight does not exist: the jump begins the day
		return t
	}
	if jump, _ := t.ZoneBounds(); !jump.IsZero() && tenancy.DateOf(jump) == day && tenancy.DateOf(jump.Add(-1)).Before(day) {
		return jump
	}
	return t
}

// days is a run of civil days; until is exclusive.
type days struct{ from, until tenancy.Date }

func (d days) in(z *zone) Window {
	return Window{From: z.start(d.from), Until: z.start(d.until)}
}

// windowOf returns the window of the kind in which the day lies. Windows of a
// kind follow each other without gap or overlap, except rolling ones, which
// end with the day itself and begin length-1 days before it. No window is cut by the
// ends of the contract, of the grant or of an employment.
//
// base is where years are counted from: the contract's first day or the
// employee's. A year that began on 29 February begins on 1 March in years
// without that day.
func windowOf(kind tenancy.WindowKind, day, base tenancy.Date, length int) days {
	switch kind {
	case tenancy.CalendarMonth:
		return days{firstOf(day.Year, day.Month), firstOf(day.Year, day.Month+1)}
	case tenancy.CalendarQuarter:
		first := (day.Month-1)/3*3 + 1
		return days{firstOf(day.Year, first), firstOf(day.Year, first+3)}
	case tenancy.ContractYear, tenancy.HireYear:
		year := day.Year
		if day.Before(anniversary(base, year)) {
			year--
		}
		return days{anniversary(base, year), anniversary(base, year+1)}
	case tenancy.Rolling:
		return days{day.AddDays(1 - length), day.AddDays(1)}
	}
	return days{firstOf(day.Year, time.January), firstOf(day.Year+1, time.January)}
}

// firstOf returns the first day of a month; the thirteenth is January.
func firstOf(year int, month time.Month) tenancy.Date {
	if month > time.December {
		year, month = year+1, month-12
	}
	return tenancy.Date{Year: year, Month: month, Day: 1}
}

// anniversary returns the day of a year on which another begins; 1 March for 29
// February in years without it.
func anniversary(base tenancy.Date, year int) tenancy.Date {
	if base.Month == time.February && base.Day == 29 {
		return tenancy.NewDate(year, base.Month, base.Day)
	}
	return tenancy.Date{Year: year, Month: base.Month, Day: base.Day}
}

// period returns the contract's period in which the day lies; the last one ends
// with the contract, and so holds the hours for which it waits for one in
// another time zone (Terms.join).
func (c *contract) period(day tenancy.Date) Window {
	if !c.end.IsZero() && !day.Before(c.end) {
		day = c.end.AddDays(-1)
	}
	from, until := c.Period(day)
	w := days{from, until}.in(c.zone)
	if !c.end.IsZero() && !until.Before(c.end) {
		w.Until = c.until
	}
	return w
}

// window returns the grant's window on a day for someone at work since a day.
func (c *contract) window(g *grant, day, since tenancy.Date) Window {
	if g.Window == tenancy.WholeContract {
		return c.period(day)
	}
	base := c.From
	if g.Window == tenancy.HireYear && !since.IsZero() {
		base = since
	}
	return windowOf(g.Window, day, base, g.Days).in(c.zone)
}

// horizon collects the next instant after `after` at which something changes.
type horizon struct{ after, next time.Time }

// instant takes note of an instant; those not after h.after are past.
func (h *horizon) instant(t time.Time) {
	if t.After(h.after) && (h.next.IsZero() || t.Before(h.next)) {
		h.next = t
	}
}

// day takes note of the beginning of a day; the zero day is none.
func (h *horizon) day(d tenancy.Date, z *zone) {
	if !d.IsZero() {
		h.instant(z.start(d))
	}
}
