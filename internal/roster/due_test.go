package roster_test

import (
	"testing"
	"time"

	"github.com/ponimayu/opora/internal/roster"
	"github.com/ponimayu/opora/internal/tenancy"
)

func TestDue(t *testing.T) {
	zone := func(name string) *time.Location {
		loc, err := time.LoadLocation(name)
		if err != nil {
			t.Fatal(err)
		}
		return loc
	}
	moscow, almaty := zone("Europe/Moscow"), zone("Asia/Almaty") // UTC+3, UTC+5
	at := func(text string) time.Time {
		if text == "" {
			return time.Time{}
		}
		when, err := time.Parse("2006-01-02 15:04", text)
		if err != nil {
			t.Fatal(err)
		}
		return when
	}
	weekly := tenancy.Contract{From: tenancy.NewDate(2026, 1, 1), Until: tenancy.NewDate(2027, 1, 1), Roster: tenancy.RosterTerms{DueEveryDays: 7}}
	for _, test := range []struct {
		name      string
		zone      *time.Location
		last, now string // UTC
		due       string // "" nothing is promised
		days      int    // overdue for; 0 not overdue
	}{
		{"just came", moscow, "2026-06-01 10:00", "2026-06-01 10:01", "2026-06-08", 0},
		{"on its day", moscow, "2026-06-01 10:00", "2026-06-08 20:59", "2026-06-08", 0},
		{"late by the day of grace", moscow, "2026-06-01 10:00", "2026-06-09 20:59", "2026-06-08", 0},
		{"the midnight after", moscow, "2026-06-01 10:00", "2026-06-09 21:00", "2026-06-08", 2},
		{"the same instant further east", almaty, "2026-06-01 10:00", "2026-06-09 19:00", "2026-06-08", 2},
		{"and a minute before", almaty, "2026-06-01 10:00", "2026-06-09 18:59", "2026-06-08", 0},
		{"applied after the zone's midnight", moscow, "2026-06-01 21:30", "2026-06-10 20:59", "2026-06-09", 0},
		{"none ever, from the contract's first day", moscow, "", "2026-01-09 20:59", "2026-01-08", 0},
		{"none ever, overdue", moscow, "", "2026-01-09 21:00", "2026-01-08", 2},
		{"a list of the contract before does not count", moscow, "2025-12-20 10:00", "2026-01-09 20:00", "2026-01-08", 0},
		{"not begun", moscow, "", "2025-12-31 20:59", "", 0},
		{"begun a minute ago", moscow, "", "2025-12-31 21:00", "2026-01-08", 0},
		{"over", moscow, "2026-06-01 10:00", "2026-12-31 21:00", "", 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			p, ok := roster.Due(weekly, test.zone, at(test.last), at(test.now))
			if ok != (test.due != "") || p.Due.String() != test.due || p.Days != test.days || p.Overdue != (test.days > 0) {
				t.Errorf("%+v, promised %v, want due %q and %d days", p, ok, test.due, test.days)
			}
		})
	}
	suspended := weekly
	suspended.Suspended = true
	paused := weekly
	paused.Suspensions = []tenancy.Suspension{{From: weekly.From, Until: weekly.Until}}
	for name, c := range map[string]tenancy.Contract{"suspended": suspended, "suspended for now": paused, "nothing agreed": {From: weekly.From, Until: weekly.Until}} {
		if p, ok := roster.Due(c, moscow, time.Time{}, at("2026-06-01 10:00")); ok {
			t.Errorf("%s: %+v", name, p)
		}
	}
}
