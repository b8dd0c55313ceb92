package entitlement

import (
	"fmt"
	"sync"
	"time"
	_ "time/tzdata" // a contract's zone must be known on every machine, the client's too

	"github.com/ponimayu/opora/internal/tenancy"
)

// zone is a time zone whose days are found without asking the time package,
// which takes most of the time of a decision otherwise.
type zone struct {
	*time.Location
	steady []steadyTime // in order
}

// steadyTime is a time without a change of the clock.
type steadyTime struct {
	from, until int64 // instants in seconds since 1970; until is exclusive
	offset      int64 // seconds east of UTC
}

const (
	secondsOfADay = 24 * 60 * 60
	// epochDay is the number of 1970-01-01 when days are counted from 1 March
	// of the year 0, as civilDay and dateOfDay do: leap days end their years.
	epochDay = 719468
)

// The years of which a zone knows the steady times: those of queries, of whom
// they are about and of their windows. Other years are left to the time package.
const firstSteadyYear, lastSteadyYear = 1980, 2202

// newZone finds a location's steady times.
func newZone(location *time.Location) *zone {
	z := &zone{Location: location}
	end := time.Date(lastSteadyYear, 1, 1, 0, 0, 0, 0, time.UTC)
	for t := time.Date(firstSteadyYear, 1, 1, 0, 0, 0, 0, time.UTC).In(location); t.Before(end); {
		_, offset := t.Zone()
		_, until := t.ZoneBounds()
		switch {
		case until.IsZero(), until.After(end):
			until = end
		case !until.After(t): // so Go says of 31 December of leap years to come, where clocks change by a rule
			until = t.Add(time.Hour)
		}
		z.steady = append(z.steady, steadyTime{t.Unix(), until.Unix(), int64(offset)})
		t = until.In(location)
	}
	return z
}

// steadyAt returns the steady time that an instant lies in, or nil.
func (z *zone) steadyAt(second int64) *steadyTime {
	low, high := 0, len(z.steady) // the one looked for is in [low, high)
	for high-low > 1 {
		if middle := (low + high) / 2; z.steady[middle].from <= second {
			low = middle
		} else {
			high = middle
		}
	}
	if s := &z.steady[low]; s.from <= second && second < s.until {
		return s
	}
	return nil
}

// dayOf returns the civil day of an instant.
func (z *zone) dayOf(t time.Time) tenancy.Date {
	second := t.Unix()
	if s := z.steadyAt(second); s != nil {
		return dateOfDay(floorDiv(second+s.offset, secondsOfADay))
	}
	return tenancy.DateOf(t.In(z.Location))
}

// start returns the first instant of a civil day. It is midnight where no
// clock changes within a day before and after; else dayStart says.
func (z *zone) start(day tenancy.Date) time.Time {
	midnight := civilDay(day) * secondsOfADay
	if s := z.steadyAt(midnight); s != nil {
		if second := midnight - s.offset; s.from+secondsOfADay <= second && second+secondsOfADay <= s.until {
			return time.Unix(second, 0).In(z.Location)
		}
	}
	return dayStart(day, z.Location)
}

// civilDay counts the days from 1970-01-01; the date is one of the calendar,
// its year not negative.
func civilDay(d tenancy.Date) int64 {
	year, month := int64(d.Year), int64(d.Month)
	if month < 3 {
		year, month = year-1, month+12
	}
	return 365*year + floorDiv(year, 4) - floorDiv(year, 100) + floorDiv(year, 400) + (153*(month-3)+2)/5 + int64(d.Day) - 1 - epochDay
}

// dateOfDay is the inverse of civilDay.
func dateOfDay(n int64) tenancy.Date {
	const fourHundredYears = 146097
	n += epochDay
	era := floorDiv(n, fourHundredYears)
	n -= era * fourHundredYears
	year := (n - n/1460 + n/36524 - n/(fourHundredYears-1)) / 365
	n -= 365*year + year/4 - year/100
	month := (5*n + 2) / 153
	d := tenancy.Date{Year: int(year + era*400), Month: time.Month(month + 3), Day: int(n - (153*month+2)/5 + 1)}
	if d.Month > 12 {
		d.Year, d.Month = d.Year+1, d.Month-12
	}
	return d
}

// floorDiv divides, rounding down.
func floorDiv(a, b int64) int64 {
	if q := a / b; a%b >= 0 {
		return q
	}
	return a/b - 1
}

var utc = newZone(time.UTC)

// loadedZones are those that contracts named, by name: each is worked out once.
var loadedZones sync.Map

// loadZone loads a contract's time zone. One that the machine does not know, or
// does not know rightly, is an error: every window would be wrong by an hour.
func loadZone(c tenancy.Contract) (*zone, error) {
	if known, ok := loadedZones.Load(c.TimeZone); ok {
		return known.(*zone), nil
	}
	location, err := loadLocation(c)
	if err != nil {
		return nil, err
	}
	known, _ := loadedZones.LoadOrStore(c.TimeZone, newZone(location))
	return known.(*zone), nil
}

func loadLocation(c tenancy.Contract) (*time.Location, error) {
	zone, err := time.LoadLocation(c.TimeZone)
	if err != nil || c.TimeZone == "" || c.TimeZone == "Local" {
		return nil, tenancy.E(tenancy.Invalid, "time_zone_unknown", fmt.Sprintf("contract %s: there is no time zone %q", c.ID, c.TimeZone))
	}
	if !currentZone(zone) {
		return nil, tenancy.E(tenancy.Invalid, "time_zone_old", fmt.Sprintf("contract %s: this machine's data of time zones is older than Kazakhstan's move to one zone on 2024-03-01; renew its tzdata, or let ZONEINFO name newer data", c.ID))
	}
	return zone, nil
}

// currentZone reports whether the zone's data knows that Kazakhstan has had one
// zone, UTC+5, since 2024-03-01. Go takes the machine's data before its own.
func currentZone(zone *time.Location) bool {
	switch zone.String() {
	case "Asia/Almaty", "Asia/Qostanay":
		_, offset := time.Date(2024, time.March, 2, 0, 0, 0, 0, time.UTC).In(zone).Zone()
		return offset == 5*60*60
	}
	return true
}
