package entitlement

import (
	"testing"
	"time"
	_ "time/tzdata"

	"pgregory.net/rapid"

	"github.com/ponimayu/opora/internal/tenancy"
)

func zoneOf(t interface{ Fatal(...any) }, name string) *time.Location {
	zone, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return zone
}

// zones have, besides ours, those whose clocks jump over or around midnight.
var zones = []string{"Europe/Moscow", "Asia/Almaty", "Asia/Qyzylorda", "Asia/Kamchatka", "UTC", "America/Havana", "Asia/Beirut", "America/Asuncion", "Africa/Cairo", "Pacific/Apia", "America/Sao_Paulo"}

func TestDayStart(t *testing.T) {
	for _, tc := range []struct{ zone, day, want string }{
		{"Europe/Moscow", "2026-11-21", "2026-11-21T00:00:00+03:00"},
		// Kazakhstan went from +06 to +05 at midnight: 29 February had 25 hours.
		{"Asia/Almaty", "2024-02-29", "2024-02-29T00:00:00+06:00"},
		{"Asia/Almaty", "2024-03-01", "2024-03-01T00:00:00+05:00"},
		{"Asia/Qyzylorda", "2024-03-01", "2024-03-01T00:00:00+05:00"},
		// Midnight does not exist: the day begins with the jump.
		{"America/Asuncion", "2023-10-01", "2023-10-01T01:00:00-03:00"},
		{"America/Sao_Paulo", "2018-11-04", "2018-11-04T01:00:00-02:00"},
		{"Africa/Cairo", "2024-04-26", "2024-04-26T01:00:00+03:00"},
		// Midnight comes twice: the day begins with the first.
		{"America/Havana", "2024-11-03", "2024-11-03T00:00:00-04:00"},
		// Samoa had no 30 December 2011 at all.
		{"Pacific/Apia", "2011-12-31", "2011-12-31T00:00:00+14:00"},
	} {
		day, err := tenancy.ParseDate(tc.day)
		if err != nil {
			t.Fatal(err)
		}
		if got := dayStart(day, zoneOf(t, tc.zone)).Format(time.RFC3339); got != tc.want {
			t.Errorf("%s begins in %s at %s, want %s", tc.day, tc.zone, got, tc.want)
		}
	}
}

func TestWindowOf(t *testing.T) {
	for _, tc := range []struct {
		kind        tenancy.WindowKind
		day, base   string
		length      int
		from, until string
	}{
		{kind: tenancy.CalendarMonth, day: "2026-11-30", from: "2026-11-01", until: "2026-12-01"},
		{kind: tenancy.CalendarMonth, day: "2026-12-31", from: "2026-12-01", until: "2027-01-01"},
		{kind: tenancy.CalendarMonth, day: "2028-02-29", from: "2028-02-01", until: "2028-03-01"},
		{kind: tenancy.CalendarQuarter, day: "2026-11-21", from: "2026-10-01", until: "2027-01-01"},
		{kind: tenancy.CalendarQuarter, day: "2026-03-31", from: "2026-01-01", until: "2026-04-01"},
		{kind: tenancy.CalendarYear, day: "2026-12-31", from: "2026-01-01", until: "2027-01-01"},
		{kind: tenancy.ContractYear, day: "2026-02-28", base: "2025-03-01", from: "2025-03-01", until: "2026-03-01"},
		{kind: tenancy.ContractYear, day: "2026-03-01", base: "2025-03-01", from: "2026-03-01", until: "2027-03-01"},
		{kind: tenancy.HireYear, day: "2025-02-28", base: "2024-02-29", from: "2024-02-29", until: "2025-03-01"},
		{kind: tenancy.HireYear, day: "2025-03-01", base: "2024-02-29", from: "2025-03-01", until: "2026-03-01"},
		{kind: tenancy.HireYear, day: "2028-02-28", base: "2024-02-29", from: "2027-03-01", until: "2028-02-29"},
		{kind: tenancy.HireYear, day: "2028-02-29", base: "2024-02-29", from: "2028-02-29", until: "2029-03-01"},
		{kind: tenancy.Rolling, day: "2026-03-01", length: 1, from: "2026-03-01", until: "2026-03-02"},
		{kind: tenancy.Rolling, day: "2028-03-01", length: 2, from: "2028-02-29", until: "2028-03-02"},
		{kind: tenancy.Rolling, day: "2026-12-01", length: 90, from: "2026-09-03", until: "2026-12-02"},
	} {
		parse := func(s string) (d tenancy.Date) {
			if err := d.UnmarshalText([]byte(s)); err != nil {
				t.Fatal(err)
			}
			return d
		}
		got := windowOf(tc.kind, parse(tc.day), parse(tc.base), tc.length)
		if got.from.String() != tc.from || got.until.String() != tc.until {
			t.Errorf("%s on %s (base %s): %s to %s, want %s to %s", tc.kind, tc.day, tc.base, got.from, got.until, tc.from, tc.until)
		}
	}
}

var fixedKinds = []tenancy.WindowKind{tenancy.CalendarMonth, tenancy.CalendarQuarter, tenancy.CalendarYear, tenancy.ContractYear, tenancy.HireYear}

func drawDay(t *rapid.T, label string) tenancy.Date {
	return tenancy.NewDate(2010, 1, 1).AddDays(rapid.IntRange(0, 9000).Draw(t, label))
}

// Windows of a kind have neither gap nor overlap: every instant lies in its own
// window, and the window's neighbours begin and end where it ends and begins.
func TestWindowsNeitherGapNorOverlap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		zone := newZone(zoneOf(t, rapid.SampledFrom(zones).Draw(t, "zone")))
		kind := rapid.SampledFrom(fixedKinds).Draw(t, "kind")
		day, base := drawDay(t, "day"), drawDay(t, "base")
		at := day.In(zone.Location).Add(time.Duration(rapid.Int64Range(0, int64(24*time.Hour)).Draw(t, "time")))
		day = tenancy.DateOf(at.In(zone.Location))

		here := windowOf(kind, day, base, 0)
		if !here.in(zone).Contains(at) {
			t.Fatalf("%v is not in its window %v", at, here.in(zone))
		}
		if next := windowOf(kind, here.until, base, 0); next.from != here.until {
			t.Fatalf("the window after %v is %v", here, next)
		}
		if last := windowOf(kind, here.from.AddDays(-1), base, 0); last.until != here.from {
			t.Fatalf("the window before %v is %v", here, last)
		}
	})
}

// A rolling window has as many days as it says, and ends with the day.
func TestRollingWindow(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		day, length := drawDay(t, "day"), rapid.IntRange(1, 400).Draw(t, "length")
		w := windowOf(tenancy.Rolling, day, tenancy.Date{}, length)
		if w.from.AddDays(length) != w.until || w.until != day.AddDays(1) {
			t.Fatalf("%d days to %s are %v", length, day, w)
		}
	})
}

// Days follow each other, and begin within themselves, in every zone.
func TestDaysFollowEachOther(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		zone := zoneOf(t, rapid.SampledFrom(zones).Draw(t, "zone"))
		day := drawDay(t, "day")
		if zone.String() == "Pacific/Apia" && day == tenancy.NewDate(2011, 12, 30) {
			t.Skip("the day that was not")
		}
		start, next := dayStart(day, zone), dayStart(day.AddDays(1), zone)
		if !start.Before(next) || tenancy.DateOf(start) != day || !tenancy.DateOf(start.Add(-1)).Before(day) {
			t.Fatalf("%s begins at %v, the next day at %v", day, start, next)
		}
	})
}
