package entitlement

import (
	"fmt"
	"time"
	_ "time/tzdata" // a contract's zone must be known on every machine, the client's too

	"github.com/ponimayu/opora/internal/tenancy"
)

// loadZone loads a contract's time zone. One that the machine does not know, or
// does not know rightly, is an error: every window would be wrong by an hour.
func loadZone(c tenancy.Contract) (*time.Location, error) {
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
