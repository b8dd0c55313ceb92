package tenancy

import "time"

// Renewal says what becomes of a contract whose period is over. An empty
// Renewal ends with it; whatever comes next is another contract.
type Renewal string

// RenewsItself goes on for further periods of equal length, until another
// contract of the tenant begins.
const RenewsItself Renewal = "automatic"

// Suspension is a time in which nobody may book; Until is exclusive, and
// without it the suspension holds until somebody ends it.
type Suspension struct {
	From  Date `json:"from"`
	Until Date `json:"until,omitzero"`
}

// Holds reports whether the day lies in the suspension.
func (s Suspension) Holds(day Date) bool {
	return !day.Before(s.From) && (s.Until.IsZero() || day.Before(s.Until))
}

// SuspendedOn reports whether one of the suspensions holds on the day.
func SuspendedOn(day Date, all []Suspension) bool {
	for i := range all {
		if all[i].Holds(day) {
			return true
		}
	}
	return false
}

// Period returns the contract's period in which the day lies; until is
// exclusive. It is that of the catalogue, unless the contract renews itself and
// the day comes after it: the periods then follow each other, each as many
// months as the first when that is of whole months, else as many days. A day
// before the contract is in its first period.
//
// A period that would begin on a day which its month does not have (29
// February, the 31st) begins on the first of the month after.
func (c Contract) Period(day Date) (from, until Date) {
	if c.Renewal != RenewsItself || day.Before(c.Until) || !c.From.Before(c.Until) {
		return c.From, c.Until
	}
	if months := c.From.monthsUntil(c.Until); months > 0 {
		n := ((day.Year-c.From.Year)*12 + int(day.Month-c.From.Month)) / months
		if day.Before(c.From.addMonths(n * months)) {
			n--
		}
		return c.From.addMonths(n * months), c.From.addMonths((n + 1) * months)
	}
	length := c.From.daysUntil(c.Until)
	from = c.From.AddDays(c.From.daysUntil(day) / length * length)
	return from, from.AddDays(length)
}

// End returns the first day on which the tenant's contract does not run any
// more: its Until, or, when it renews itself, the day on which the next of the
// tenant's contracts in that country begins, or of its holder's when it is
// another's. The zero Date means that it has no end. The tenant is one that shared contracts stand in (WithShared).
func (t Tenant) End(c Contract) Date {
	if c.Renewal != RenewsItself {
		return c.Until
	}
	end := c.RenewsUntil
	for i := range t.Contracts {
		other := &t.Contracts[i]
		if other.Country == c.Country && other.From.After(c.From) && (end.IsZero() || other.From.Before(end)) {
			end = other.From
		}
	}
	return end
}

// addMonths returns the same day n months later, or the first day of the month
// after when that month does not have it.
func (d Date) addMonths(n int) Date { // time.Month overflows into years as a day does into months
	first := NewDate(d.Year, d.Month+time.Month(n), 1)
	if same := NewDate(first.Year, first.Month, d.Day); same.Month == first.Month {
		return same
	}
	return NewDate(first.Year, first.Month+1, 1)
}

// monthsUntil returns how many whole months lead from d to the later e, or 0
// when no number of them does.
func (d Date) monthsUntil(e Date) int {
	n := (e.Year-d.Year)*12 + int(e.Month-d.Month)
	for ; n > 0 && e.Compare(d.addMonths(n)) <= 0; n-- {
		if d.addMonths(n) == e {
			return n
		}
	}
	return 0
}

// daysUntil returns how many days later e is than d.
func (d Date) daysUntil(e Date) int {
	const day = 24 * 60 * 60 // seconds; a Duration ends after 292 years
	return int((e.In(time.UTC).Unix() - d.In(time.UTC).Unix()) / day)
}
