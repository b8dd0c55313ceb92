package entitlement

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/ponimayu/opora/internal/tenancy"
)

// A zone's own reckoning of days is the time package's: every day of two and a
// half centuries, in every zone of the tests.
func TestAZonesDaysAreTheTimePackages(t *testing.T) {
	for _, name := range zones {
		z := newZone(zoneOf(t, name))
		for day, last := tenancy.NewDate(1975, 1, 1), tenancy.NewDate(2205, 1, 1); day != last; day = day.AddDays(1) {
			got, want := z.start(day), dayStart(day, z.Location)
			if got != want {
				t.Fatalf("%s: %s begins at %v, want %v", name, day, got, want)
			}
			for _, at := range []time.Time{want, want.Add(-1), want.Add(11*time.Hour + 1)} {
				if got, want := z.dayOf(at.UTC()), tenancy.DateOf(at.In(z.Location)); got != want {
					t.Fatalf("%s: %v is on %s, want %s", name, at, got, want)
				}
			}
		}
	}
}

func TestCivilDays(t *testing.T) {
	if day := civilDay(tenancy.NewDate(1970, 1, 1)); day != 0 {
		t.Errorf("1970-01-01 is day %d", day)
	}
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.Int64Range(-719468, 4_000_000).Draw(t, "day")
		d := dateOfDay(n)
		if want := tenancy.DateOf(time.Unix(n*secondsOfADay, 0).UTC()); d != want || civilDay(d) != n {
			t.Fatalf("day %d is %v, which is day %d; want %v", n, d, civilDay(d), want)
		}
	})
}
