package tenancy

import "testing"

func must(t *testing.T, s string) (d Date) {
	t.Helper()
	if err := d.UnmarshalText([]byte(s)); err != nil {
		t.Fatal(err)
	}
	return d
}

func TestPeriod(t *testing.T) {
	for _, tc := range []struct {
		name, from, until, day string
		want                   string // from/until
	}{
		{"before it", "2026-01-01", "2027-01-01", "2020-05-05", "2026-01-01/2027-01-01"},
		{"its first day", "2026-01-01", "2027-01-01", "2026-01-01", "2026-01-01/2027-01-01"},
		{"its last day", "2026-01-01", "2027-01-01", "2026-12-31", "2026-01-01/2027-01-01"},
		{"the second year", "2026-01-01", "2027-01-01", "2027-01-01", "2027-01-01/2028-01-01"},
		{"a leap year is a year", "2026-01-01", "2027-01-01", "2028-12-31", "2028-01-01/2029-01-01"},
		{"long after", "2026-01-01", "2027-01-01", "2099-07-07", "2099-01-01/2100-01-01"},
		{"half a year", "2026-03-15", "2026-09-15", "2027-03-14", "2026-09-15/2027-03-15"},
		{"half a year, the next", "2026-03-15", "2026-09-15", "2027-03-15", "2027-03-15/2027-09-15"},
		{"a leap day", "2024-02-29", "2025-03-01", "2025-03-01", "2025-03-01/2026-03-01"},
		{"to a leap day", "2024-02-29", "2025-03-01", "2028-02-28", "2027-03-01/2028-02-29"},
		{"a leap day again", "2024-02-29", "2025-03-01", "2028-02-29", "2028-02-29/2029-03-01"},
		{"the 31st", "2026-01-31", "2026-03-01", "2026-03-01", "2026-03-01/2026-03-31"},
		{"the 31st exists", "2026-01-31", "2026-03-01", "2026-04-30", "2026-03-31/2026-05-01"},
		{"by days", "2026-01-01", "2026-01-31", "2026-01-31", "2026-01-31/2026-03-02"},
		{"by days, across the leap day", "2023-02-28", "2024-02-29", "2025-03-01", "2025-03-01/2026-03-02"},
	} {
		c := Contract{From: must(t, tc.from), Until: must(t, tc.until), Renewal: RenewsItself}
		from, until := c.Period(must(t, tc.day))
		if got := from.String() + "/" + until.String(); got != tc.want {
			t.Errorf("%s: %s, want %s", tc.name, got, tc.want)
		}
		c.Renewal = ""
		if from, until := c.Period(must(t, tc.day)); from != c.From || until != c.Until {
			t.Errorf("%s: one that ends has the period %s to %s", tc.name, from, until)
		}
	}
}

// Periods follow each other without gap or overlap, whatever the first one is.
func TestPeriodsFollowEachOther(t *testing.T) {
	first := must(t, "2023-12-30")
	for _, begins := range []int{0, 1, 2, 15, 30, 31, 32, 33, 59, 60, 61, 62} { // ends of months, and a leap day
		for _, length := range []int{1, 2, 27, 28, 29, 30, 31, 59, 60, 61, 89, 92, 181, 184, 364, 365, 366, 367, 730, 731} {
			c := Contract{From: first.AddDays(begins), Renewal: RenewsItself}
			c.Until = c.From.AddDays(length)
			from, until := c.Period(c.From)
			for day := c.From; day.Before(c.From.AddDays(1600)); day = day.AddDays(1) {
				if day == until {
					from, until = until, Date{}
				}
				gotFrom, gotUntil := c.Period(day)
				if until.IsZero() {
					until = gotUntil
				}
				if gotFrom != from || gotUntil != until || !gotUntil.After(day) {
					t.Fatalf("contract %s to %s: on %s the period is %s to %s, want %s to %s", c.From, c.Until, day, gotFrom, gotUntil, from, until)
				}
			}
		}
	}
}

func TestEnd(t *testing.T) {
	renews := Contract{ID: "a", Country: "RU", From: must(t, "2026-01-01"), Until: must(t, "2027-01-01"), Renewal: RenewsItself}
	ends := renews
	ends.Renewal = ""
	next := Contract{ID: "b", Country: "RU", From: must(t, "2029-06-01"), Until: must(t, "2030-01-01")}
	later := Contract{ID: "c", Country: "RU", From: must(t, "2031-06-01"), Until: must(t, "2032-01-01")}
	before := Contract{ID: "d", Country: "RU", From: must(t, "2020-01-01"), Until: must(t, "2021-01-01")}
	abroad := Contract{ID: "e", Country: "KZ", From: must(t, "2027-06-01"), Until: must(t, "2028-01-01")}
	for _, tc := range []struct {
		name string
		of   Contract
		with []Contract
		want string
	}{
		{"one that ends", ends, []Contract{ends}, "2027-01-01"},
		{"alone", renews, []Contract{renews, before, abroad}, ""},
		{"with a successor", renews, []Contract{later, next, renews, before, abroad}, "2029-06-01"},
	} {
		if got := (Tenant{Contracts: tc.with}).End(tc.of); got.String() != tc.want {
			t.Errorf("%s: %q, want %q", tc.name, got, tc.want)
		}
	}
}

func TestSuspensionHolds(t *testing.T) {
	all := []Suspension{{From: must(t, "2026-03-01"), Until: must(t, "2026-04-01")}, {From: must(t, "2026-06-01")}}
	for day, want := range map[string]bool{"2026-02-28": false, "2026-03-01": true, "2026-03-31": true, "2026-04-01": false, "2026-05-31": false, "2026-06-01": true, "2099-01-01": true} {
		if got := SuspendedOn(must(t, day), all); got != want {
			t.Errorf("on %s: %v", day, got)
		}
	}
}
