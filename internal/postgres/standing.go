package postgres

import (
	"time"

	"github.com/ponimayu/opora/internal/tenancy"
)

// contour is what the catalogue says of a tenant, as of now.
type contour struct {
	Tenant  tenancy.Tenant
	Country tenancy.Country
	Today   tenancy.Date // in the contract's time zone
	Grace   int          // days after the last day of work
	Seats   int          // of the contracts that hold today; 0: not limited
	Roster  tenancy.RosterTerms
}

// asOf reads the contracts that hold at the instant. Between contracts, the
// last one's time zone, grace period and terms of lists go on.
func asOf(t tenancy.Tenant, country tenancy.Country, now time.Time) contour {
	c := contour{Tenant: t, Country: country, Today: tenancy.DateOf(now.In(zone(country.TimeZone)))}
	var latest tenancy.Date
	for _, contract := range t.Contracts {
		name := contract.TimeZone
		if name == "" {
			name = country.TimeZone
		}
		today := tenancy.DateOf(now.In(zone(name)))
		if today.Before(contract.From) {
			continue
		}
		if !contract.From.Before(latest) {
			latest, c.Today, c.Grace, c.Roster = contract.From, today, contract.GraceDays, contract.Roster
		}
		if end := t.End(contract); end.IsZero() || today.Before(end) {
			c.Seats += contract.Seats
		}
	}
	return c
}

// zone loads a time zone; the catalogue's loader has refused names that do not
// exist, and a machine without the zone's data falls back to UTC.
func zone(name string) *time.Location {
	loc, err := time.LoadLocation(name)
	if err != nil {
		return time.UTC
	}
	return loc
}
