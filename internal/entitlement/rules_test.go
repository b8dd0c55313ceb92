package entitlement_test

import (
	"testing"

	"github.com/ponimayu/opora/internal/entitlement"
	"github.com/ponimayu/opora/internal/tenancy"
)

// sold is a tenant with one contract and grants of the psychologist.
func sold(t testing.TB, zone, from, until string, grants ...tenancy.Grant) tenancy.Tenant {
	for i := range grants {
		g := &grants[i]
		if g.SpecialistTypes == nil {
			g.SpecialistTypes = []tenancy.SpecialistTypeCode{"psychologist"}
		}
		if g.Amount == 0 {
			g.Amount = 6
		}
		if g.Per == "" {
			g.Per = tenancy.PerEmployee
		}
	}
	return tenancy.Tenant{Slug: "cdek", Contracts: []tenancy.Contract{{ID: "c", TimeZone: zone, From: date(t, from), Until: date(t, until), Grants: grants}}}
}

// answer is a decision in few words: the reason, the limit, the first line's
// window in UTC, and valid_until in UTC.
type answer struct {
	reason      entitlement.Reason
	limit       int
	from, until string
	valid       string
}

func ask(t testing.TB, tenant tenancy.Tenant, e tenancy.Employee, at string) answer {
	t.Helper()
	d := entitlement.Decide(snapshot(t, tenant, e), query(t, "psychologist", at))
	a := answer{reason: d.Reason, limit: d.Limit, valid: rfc(d.ValidUntil.UTC())}
	if d.ValidUntil.IsZero() {
		a.valid = ""
	}
	if len(d.Lines) > 0 {
		a.from, a.until = rfc(d.Lines[0].Window.From.UTC()), rfc(d.Lines[0].Window.Until.UTC())
	}
	return a
}

// Kazakhstan moved to one zone on 2024-03-01: in Almaty the clock went from
// 24:00 of 29 February (+06) back to 23:00 (+05), so that day had 25 hours.
func TestAlmatyMovesToOneZone(t *testing.T) {
	month := tenancy.Grant{ID: "m", Window: tenancy.CalendarMonth}
	worker := employee(t, "Оператор", "2020-01-01", "")
	leaver := employee(t, "Оператор", "2020-01-01", "2024-02-29")
	almaty := sold(t, "Asia/Almaty", "2023-03-01", "2025-03-01", month)
	february := answer{entitlement.OK, 6, "2024-01-31T18:00:00Z", "2024-02-29T19:00:00Z", "2024-02-29T19:00:00Z"}
	march := answer{entitlement.OK, 6, "2024-02-29T19:00:00Z", "2024-03-31T19:00:00Z", "2024-03-31T19:00:00Z"}
	for name, tc := range map[string]struct {
		tenant   tenancy.Tenant
		employee tenancy.Employee
		at       string
		want     answer
	}{
		"an hour before the old midnight":          {almaty, worker, "2024-02-29T23:00:00+06:00", february},
		"at the old midnight it is still February": {almaty, worker, "2024-03-01T00:00:00+06:00", february},
		"the last second of the second hour":       {almaty, worker, "2024-02-29T23:59:59+05:00", february},
		"the new midnight":                         {almaty, worker, "2024-03-01T00:00:00+05:00", march},
		"booked with the old clock":                {almaty, worker, "2024-03-05T10:00:00+06:00", march},
		"a leaver, in the 25th hour":               {almaty, leaver, "2024-02-29T23:59:59+05:00", february},
		"a leaver, at midnight":                    {almaty, leaver, "2024-03-01T00:00:00+05:00", answer{entitlement.EmployeeInactive, 0, "", "", "2025-02-28T19:00:00Z"}},
		"a contract year begins that day": {sold(t, "Asia/Almaty", "2023-03-01", "2025-03-01", tenancy.Grant{ID: "y", Window: tenancy.ContractYear}), worker, "2024-03-01T00:00:00+05:00",
			answer{entitlement.OK, 6, "2024-02-29T19:00:00Z", "2025-02-28T19:00:00Z", "2025-02-28T19:00:00Z"}},
		"the year before it ends with the 25th hour": {sold(t, "Asia/Almaty", "2023-03-01", "2025-03-01", tenancy.Grant{ID: "y", Window: tenancy.ContractYear}), worker, "2024-03-01T00:59:59+06:00",
			answer{entitlement.OK, 6, "2023-02-28T18:00:00Z", "2024-02-29T19:00:00Z", "2024-02-29T19:00:00Z"}},
		"seven days back across the move": {sold(t, "Asia/Almaty", "2023-03-01", "2025-03-01", tenancy.Grant{ID: "r", Window: tenancy.Rolling, Days: 7}), worker, "2024-03-02T12:00:00+05:00",
			answer{entitlement.OK, 6, "2024-02-24T18:00:00Z", "2024-03-02T19:00:00Z", "2024-03-02T19:00:00Z"}},
		"Kostanay moved too": {sold(t, "Asia/Qostanay", "2023-03-01", "2025-03-01", month), worker, "2024-03-01T00:00:00+06:00", february},
		"Aktau had that zone already": {sold(t, "Asia/Aqtau", "2023-03-01", "2025-03-01", month), worker, "2024-03-01T00:00:00+06:00",
			answer{entitlement.OK, 6, "2024-01-31T19:00:00Z", "2024-02-29T19:00:00Z", "2024-02-29T19:00:00Z"}},
	} {
		if got := ask(t, tc.tenant, tc.employee, tc.at); got != tc.want {
			t.Errorf("%s:\n got %+v\nwant %+v", name, got, tc.want)
		}
	}
}

// The ends of months, leap days, and zones whose clocks are put forward and back.
func TestWindowsOfDecisions(t *testing.T) {
	worker := employee(t, "Оператор", "2020-02-29", "")
	for name, tc := range map[string]struct {
		zone, from, until string
		grant             tenancy.Grant
		at                string
		window            [2]string
	}{
		"Moscow, a month's last second":    {"Europe/Moscow", "2026-01-01", "2027-01-01", tenancy.Grant{Window: tenancy.CalendarMonth}, "2026-02-28T23:59:59+03:00", [2]string{"2026-01-31T21:00:00Z", "2026-02-28T21:00:00Z"}},
		"Moscow, seen from Kamchatka":      {"Europe/Moscow", "2026-01-01", "2027-01-01", tenancy.Grant{Window: tenancy.CalendarMonth}, "2026-03-01T08:59:59+12:00", [2]string{"2026-01-31T21:00:00Z", "2026-02-28T21:00:00Z"}},
		"a leap February":                  {"Europe/Moscow", "2028-01-01", "2029-01-01", tenancy.Grant{Window: tenancy.CalendarMonth}, "2028-02-29T12:00:00+03:00", [2]string{"2028-01-31T21:00:00Z", "2028-02-29T21:00:00Z"}},
		"a quarter's last day":             {"Europe/Moscow", "2026-01-01", "2027-01-01", tenancy.Grant{Window: tenancy.CalendarQuarter}, "2026-09-30T23:59:59+03:00", [2]string{"2026-06-30T21:00:00Z", "2026-09-30T21:00:00Z"}},
		"hired on a leap day, no leap day": {"Europe/Moscow", "2026-01-01", "2027-01-01", tenancy.Grant{Window: tenancy.HireYear}, "2026-02-28T12:00:00+03:00", [2]string{"2025-02-28T21:00:00Z", "2026-02-28T21:00:00Z"}},
		"hired on a leap day, a leap day":  {"Europe/Moscow", "2028-01-01", "2029-01-01", tenancy.Grant{Window: tenancy.HireYear}, "2028-02-29T12:00:00+03:00", [2]string{"2028-02-28T21:00:00Z", "2029-02-28T21:00:00Z"}},
		"a contract from the 31st":         {"Europe/Moscow", "2026-08-31", "2028-08-31", tenancy.Grant{Window: tenancy.ContractYear}, "2027-08-31T00:00:00+03:00", [2]string{"2027-08-30T21:00:00Z", "2028-08-30T21:00:00Z"}},
		"a calendar year is not cut":       {"Europe/Moscow", "2026-08-31", "2027-02-01", tenancy.Grant{Window: tenancy.CalendarYear}, "2026-09-01T12:00:00+03:00", [2]string{"2025-12-31T21:00:00Z", "2026-12-31T21:00:00Z"}},
		"the whole contract":               {"Europe/Moscow", "2026-08-31", "2027-02-01", tenancy.Grant{Window: tenancy.WholeContract}, "2026-09-01T12:00:00+03:00", [2]string{"2026-08-30T21:00:00Z", "2027-01-31T21:00:00Z"}},
		"one day of 23 hours":              {"Europe/Berlin", "2026-01-01", "2027-01-01", tenancy.Grant{Window: tenancy.Rolling, Days: 1}, "2026-03-29T12:00:00+02:00", [2]string{"2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z"}},
		"one day of 25 hours":              {"Europe/Berlin", "2026-01-01", "2027-01-01", tenancy.Grant{Window: tenancy.Rolling, Days: 1}, "2026-10-25T12:00:00+01:00", [2]string{"2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z"}},
		"a day without midnight":           {"Africa/Cairo", "2024-01-01", "2025-01-01", tenancy.Grant{Window: tenancy.Rolling, Days: 1}, "2024-04-26T12:00:00+03:00", [2]string{"2024-04-25T22:00:00Z", "2024-04-26T21:00:00Z"}},
	} {
		tc.grant.ID = "g"
		got := ask(t, sold(t, tc.zone, tc.from, tc.until, tc.grant), worker, tc.at)
		if got.reason != entitlement.OK || got.from != tc.window[0] || got.until != tc.window[1] {
			t.Errorf("%s: %+v, want the window %v", name, got, tc.window)
		}
	}
}

// Hires, leavers, returns and second jobs in the middle of a window: the amount
// is whole, and the window stays that of everybody, but for years of hire.
func TestPeopleInMidWindow(t *testing.T) {
	year := sold(t, "Europe/Moscow", "2026-01-01", "2027-01-01", tenancy.Grant{ID: "y", Window: tenancy.CalendarYear})
	hire := sold(t, "Europe/Moscow", "2024-01-01", "2028-01-01", tenancy.Grant{ID: "h", Window: tenancy.HireYear})
	hire.Contracts[0].GraceDays = 14
	jobs := func(days ...string) (e tenancy.Employee) { // pairs of first and last days
		for i := 0; i < len(days); i += 2 {
			job := tenancy.Employment{}
			_ = job.HiredOn.UnmarshalText([]byte(days[i]))
			_ = job.LeftOn.UnmarshalText([]byte(days[i+1]))
			e.Employments = append(e.Employments, job)
		}
		return e
	}
	const newYear, noon = "2026-12-31T21:00:00Z", "2026-11-21T12:00:00+03:00"
	for name, tc := range map[string]struct {
		tenant   tenancy.Tenant
		employee tenancy.Employee
		at       string
		want     answer
	}{
		"hired in mid-year":                  {year, jobs("2026-11-15", ""), noon, answer{entitlement.OK, 6, "2025-12-31T21:00:00Z", newYear, newYear}},
		"leaves in mid-year":                 {year, jobs("2020-01-01", "2026-11-30"), noon, answer{entitlement.OK, 6, "2025-12-31T21:00:00Z", newYear, "2026-11-30T21:00:00Z"}},
		"on the last day":                    {year, jobs("2020-01-01", "2026-11-21"), noon, answer{entitlement.OK, 6, "2025-12-31T21:00:00Z", newYear, "2026-11-21T21:00:00Z"}},
		"gone, and comes back":               {year, jobs("2020-01-01", "2026-11-01", "2026-12-10", ""), noon, answer{entitlement.EmployeeNotStarted, 0, "", "", "2026-12-09T21:00:00Z"}},
		"back in the same window":            {year, jobs("2020-01-01", "2026-05-01", "2026-11-10", ""), noon, answer{entitlement.OK, 6, "2025-12-31T21:00:00Z", newYear, newYear}},
		"one job ends, another goes on":      {year, jobs("2020-01-01", "2026-11-01", "2025-01-01", ""), noon, answer{entitlement.OK, 6, "2025-12-31T21:00:00Z", newYear, newYear}},
		"a second job begins":                {year, jobs("2020-01-01", "", "2026-12-01", ""), noon, answer{entitlement.OK, 6, "2025-12-31T21:00:00Z", newYear, newYear}},
		"years of hire":                      {hire, jobs("2025-03-15", ""), noon, answer{entitlement.OK, 6, "2026-03-14T21:00:00Z", "2027-03-14T21:00:00Z", "2027-03-14T21:00:00Z"}},
		"of the first job, over a move":      {hire, jobs("2025-03-15", "2026-06-30", "2026-07-01", ""), noon, answer{entitlement.OK, 6, "2026-03-14T21:00:00Z", "2027-03-14T21:00:00Z", "2027-03-14T21:00:00Z"}},
		"over a gap as long as the grace":    {hire, jobs("2025-03-15", "2026-06-30", "2026-07-15", ""), noon, answer{entitlement.OK, 6, "2026-03-14T21:00:00Z", "2027-03-14T21:00:00Z", "2027-03-14T21:00:00Z"}},
		"a longer gap begins years anew":     {hire, jobs("2025-03-15", "2026-06-30", "2026-07-16", ""), noon, answer{entitlement.OK, 6, "2026-07-15T21:00:00Z", "2027-07-15T21:00:00Z", "2027-07-15T21:00:00Z"}},
		"a second job changes no years":      {hire, jobs("2026-07-01", "", "2025-03-15", ""), noon, answer{entitlement.OK, 6, "2026-03-14T21:00:00Z", "2027-03-14T21:00:00Z", "2027-03-14T21:00:00Z"}},
		"of unknown hire, by the contract's": {hire, jobs("", ""), noon, answer{entitlement.OK, 6, "2025-12-31T21:00:00Z", newYear, newYear}},
	} {
		if got := ask(t, tc.tenant, tc.employee, tc.at); got != tc.want {
			t.Errorf("%s:\n got %+v\nwant %+v", name, got, tc.want)
		}
	}
}

// Two appointments, one before the renewal and one after it, are counted in
// their own windows, whenever they are booked.
func TestRenewalBetweenTwoAppointments(t *testing.T) {
	tenant := carrier(t)
	worker := employee(t, "Оператор", "2024-03-01", "")
	counts := map[tenancy.GrantID]int{"talk": 6} // all of 2026, none of 2027
	last, first := query(t, "psychologist", "2026-12-31T23:59:59+03:00"), query(t, "psychologist", "2027-01-01T00:00:00+03:00")
	last.Used = entitlement.UsedByGrant(counts)
	s := snapshot(t, tenant, worker)
	before, after := entitlement.Decide(s, last), entitlement.Decide(s, first)
	if before.Reason != entitlement.QuotaExhausted || before.Contract != "cdek-ru-2026" || !before.ValidUntil.Equal(first.At) {
		t.Errorf("the last of 2026: %+v", before)
	}
	if !after.Allowed || after.Limit != 4 || after.Contract != "cdek-ru-2027" || !after.Window.From.Equal(first.At) {
		t.Errorf("the first of 2027: %+v", after)
	}
}

// A contract that renews itself: windows of the contract begin anew with each
// period, years go on from the first day, until another contract begins.
func TestAutomaticRenewal(t *testing.T) {
	tenant := sold(t, "Europe/Moscow", "2026-02-01", "2026-08-01", tenancy.Grant{ID: "c", Window: tenancy.WholeContract, Priority: 1})
	renewed := &tenant.Contracts[0]
	renewed.Renewal = tenancy.RenewsItself
	worker := employee(t, "Оператор", "2024-03-01", "")
	yearly := tenant
	yearly.Contracts = []tenancy.Contract{*renewed}
	yearly.Contracts[0].Grants = []tenancy.Grant{{ID: "y", SpecialistTypes: renewed.Grants[0].SpecialistTypes, Amount: 2, Per: tenancy.PerEmployee, Window: tenancy.ContractYear}}
	followed := tenant
	next := *renewed
	next.ID, next.From, next.Until, next.Renewal = "next", date(t, "2027-10-15"), date(t, "2028-10-15"), ""
	followed.Contracts = []tenancy.Contract{next, *renewed}
	for name, tc := range map[string]struct {
		tenant tenancy.Tenant
		at     string
		want   answer
	}{
		"the first period":      {tenant, "2026-07-31T23:59:59+03:00", answer{entitlement.OK, 6, "2026-01-31T21:00:00Z", "2026-07-31T21:00:00Z", "2026-07-31T21:00:00Z"}},
		"the second":            {tenant, "2026-08-01T00:00:00+03:00", answer{entitlement.OK, 6, "2026-07-31T21:00:00Z", "2027-01-31T21:00:00Z", "2027-01-31T21:00:00Z"}},
		"years go on":           {yearly, "2026-08-01T00:00:00+03:00", answer{entitlement.OK, 2, "2026-01-31T21:00:00Z", "2027-01-31T21:00:00Z", "2027-01-31T21:00:00Z"}},
		"long after":            {yearly, "2099-08-01T00:00:00+03:00", answer{entitlement.OK, 2, "2099-01-31T21:00:00Z", "2100-01-31T21:00:00Z", "2100-01-31T21:00:00Z"}},
		"cut by the next":       {followed, "2027-10-14T23:59:59+03:00", answer{entitlement.OK, 6, "2027-07-31T21:00:00Z", "2027-10-14T21:00:00Z", "2027-10-14T21:00:00Z"}},
		"the next":              {followed, "2027-10-15T00:00:00+03:00", answer{entitlement.OK, 6, "2027-10-14T21:00:00Z", "2028-10-14T21:00:00Z", "2028-10-14T21:00:00Z"}},
		"it does not come back": {followed, "2028-10-15T00:00:00+03:00", answer{entitlement.ContractAbsent, 0, "", "", ""}},
	} {
		if got := ask(t, tc.tenant, worker, tc.at); got != tc.want {
			t.Errorf("%s:\n got %+v\nwant %+v", name, got, tc.want)
		}
	}
}

// Where a renewal moves to another time zone, there is neither a gap nor an
// overlap: the old contract runs until the new one's first day begins.
func TestRenewalInAnotherZone(t *testing.T) {
	worker := employee(t, "Оператор", "2020-03-01", "")
	for _, zones := range [][2]string{{"Europe/Moscow", "Asia/Kamchatka"}, {"Asia/Kamchatka", "Europe/Moscow"}} {
		tenant := sold(t, zones[0], "2026-01-01", "2027-01-01", tenancy.Grant{ID: "g", Window: tenancy.WholeContract})
		next := sold(t, zones[1], "2027-01-01", "2028-01-01", tenancy.Grant{ID: "g", Window: tenancy.WholeContract}).Contracts[0]
		next.ID = "next"
		tenant.Contracts = append(tenant.Contracts, next)
		s := snapshot(t, tenant, worker)
		first := entitlement.Decide(s, query(t, "psychologist", "2026-12-01T00:00:00Z"))
		second := entitlement.Decide(s, query(t, "psychologist", first.ValidUntil.Format("2006-01-02T15:04:05Z07:00")))
		if first.Contract != "c" || second.Contract != "next" || !first.Window.Until.Equal(second.Window.From) || first.ValidUntil.In(second.Window.From.Location()).Hour() != 0 {
			t.Errorf("%v: %+v and then %+v", zones, first, second)
		}
	}
}

// A dated suspension refuses on its days and only on them, in the contract's zone.
func TestSuspensions(t *testing.T) {
	worker := employee(t, "Оператор", "2020-03-01", "")
	year := tenancy.Grant{ID: "y", Window: tenancy.CalendarYear}
	contract := sold(t, "Asia/Almaty", "2026-01-01", "2027-01-01", year)
	contract.Contracts[0].Suspensions = []tenancy.Suspension{{From: date(t, "2026-03-01"), Until: date(t, "2026-04-01")}, {From: date(t, "2026-10-01")}}
	tenant := sold(t, "Asia/Almaty", "2026-01-01", "2027-01-01", year)
	tenant.Suspensions = []tenancy.Suspension{{From: date(t, "2026-12-01"), Until: date(t, "2027-02-01")}}
	whole := func(valid string) answer {
		return answer{entitlement.OK, 6, "2025-12-31T19:00:00Z", "2026-12-31T19:00:00Z", valid}
	}
	for name, tc := range map[string]struct {
		tenant tenancy.Tenant
		at     string
		want   answer
	}{
		"the day before":       {contract, "2026-02-28T23:59:59+05:00", whole("2026-02-28T19:00:00Z")},
		"its first instant":    {contract, "2026-03-01T00:00:00+05:00", answer{reason: entitlement.TenantSuspended, valid: "2026-03-31T19:00:00Z"}},
		"its last":             {contract, "2026-03-31T23:59:59+05:00", answer{reason: entitlement.TenantSuspended, valid: "2026-03-31T19:00:00Z"}},
		"the day after":        {contract, "2026-04-01T00:00:00+05:00", whole("2026-09-30T19:00:00Z")},
		"until further notice": {contract, "2026-12-31T00:00:00+05:00", answer{reason: entitlement.TenantSuspended, valid: "2026-12-31T19:00:00Z"}},
		"of the tenant":        {tenant, "2026-12-31T00:00:00+05:00", answer{reason: entitlement.TenantSuspended, valid: "2026-12-31T19:00:00Z"}},
		"beyond the contract":  {tenant, "2027-01-01T00:00:00+05:00", answer{reason: entitlement.TenantSuspended, valid: "2027-01-31T19:00:00Z"}},
		"over, no contract":    {tenant, "2027-02-01T00:00:00+05:00", answer{reason: entitlement.ContractAbsent}},
	} {
		if got := ask(t, tc.tenant, worker, tc.at); got != tc.want {
			t.Errorf("%s:\n got %+v\nwant %+v", name, got, tc.want)
		}
	}
}

// An override that begins in the middle of a window changes the limit from that
// day on; what was used before it stays used.
func TestOverrideInMidWindow(t *testing.T) {
	e := employee(t, "Оператор", "2024-03-01", "")
	e.Overrides = []tenancy.Override{{Grant: "talk", Amount: 2, From: date(t, "2026-11-01"), Reason: "доброй воли", Author: "x"}}
	s := snapshot(t, carrier(t), e)
	for at, want := range map[string]entitlement.Decision{
		"2026-10-31T23:59:59+03:00": {Reason: entitlement.QuotaExhausted, Limit: 6},
		"2026-11-01T00:00:00+03:00": {Reason: entitlement.OK, Limit: 8, Remaining: 2},
		"2026-12-31T23:59:59+03:00": {Reason: entitlement.OK, Limit: 8, Remaining: 2},
	} {
		q := query(t, "coach", at)
		q.Used = entitlement.UsedEach(6)
		got := entitlement.Decide(s, q)
		if got.Reason != want.Reason || got.Limit != want.Limit || got.Remaining != want.Remaining || rfc(got.Lines[0].Window.From) != "2026-01-01T00:00:00+03:00" {
			t.Errorf("at %s: %+v", at, got)
		}
	}
}

// An override gives somebody a grant that his segment does not have, for as long
// as the grant itself is valid.
func TestOverrideOfAnothersGrant(t *testing.T) {
	e := employee(t, "Оператор", "2024-03-01", "")
	e.Overrides = []tenancy.Override{{Grant: "extra", Amount: 1}}
	s := snapshot(t, carrier(t), e)
	for at, want := range map[string]struct {
		limit int
		valid string
	}{
		"2026-03-01T12:00:00+03:00": {6, "2026-06-01T00:00:00+03:00"},
		"2026-06-01T00:00:00+03:00": {7, "2026-06-02T00:00:00+03:00"},
		"2027-06-01T00:00:00+03:00": {4, "2028-01-01T00:00:00+03:00"}, // the renewal has no such grant
	} {
		if got := entitlement.Decide(s, query(t, "psychologist", at)); got.Limit != want.limit || rfc(got.ValidUntil) != want.valid {
			t.Errorf("at %s: limit %d until %s, want %+v", at, got.Limit, rfc(got.ValidUntil), want)
		}
	}
}

// An override that takes away gives nothing: whom the grant's segments leave
// out has not used up what he never had.
func TestOverrideBelowZeroGivesNothing(t *testing.T) {
	for name, tc := range map[string]struct {
		position string
		amounts  []int
		want     entitlement.Reason
	}{
		"taken from somebody without it": {"Оператор", []int{-1}, entitlement.TypeNotCovered},
		"given and taken":                {"Оператор", []int{2, -2}, entitlement.TypeNotCovered},
		"more given than taken":          {"Оператор", []int{2, -1}, entitlement.OK},
		"all taken from a courier":       {"Курьер", []int{-2}, entitlement.QuotaExhausted},
	} {
		e := employee(t, tc.position, "2024-03-01", "")
		for _, amount := range tc.amounts {
			e.Overrides = append(e.Overrides, tenancy.Override{Grant: "extra", Amount: amount})
		}
		tenant := carrier(t)
		tenant.Contracts[0].Grants = tenant.Contracts[0].Grants[:1]
		if got := entitlement.Decide(snapshot(t, tenant, e), query(t, "psychologist", "2026-11-21T12:00:00+03:00")); got.Reason != tc.want {
			t.Errorf("%s: %s, want %s", name, got.Reason, tc.want)
		}
	}
}

// The types of a grant share its amount, so they share what is carried over:
// also of the type that the grant of the old contract did not have.
func TestCarryOverIsTheGrantsAndNotTheTypes(t *testing.T) {
	tenant := carrier(t)
	tenant.Contracts[1].Grants[0].SpecialistTypes = []tenancy.SpecialistTypeCode{"psychologist", "lawyer"}
	s := snapshot(t, tenant, employee(t, "Оператор", "2024-03-01", ""))
	for _, code := range []string{"psychologist", "lawyer"} {
		q := query(t, code, "2027-02-01T10:00:00+03:00")
		q.UsedBefore = entitlement.UsedEach(5)
		if got := entitlement.Decide(s, q); got.Limit != 5 || got.Lines[0].CarryOver.Carried != 1 {
			t.Errorf("%s: %+v", code, got)
		}
	}
}

// The hours for which a contract waits for one in another time zone belong to
// its last period: they are no new period with an amount of its own.
func TestHoursBetweenTwoZonesAreOfTheLastPeriod(t *testing.T) {
	worker := employee(t, "Оператор", "2020-03-01", "")
	for _, renewal := range []tenancy.Renewal{"", tenancy.RenewsItself} {
		tenant := sold(t, "Asia/Kamchatka", "2026-01-01", "2027-01-01", tenancy.Grant{ID: "g", Window: tenancy.WholeContract})
		tenant.Contracts[0].Renewal = renewal
		next := sold(t, "Europe/Moscow", "2027-01-01", "2028-01-01", tenancy.Grant{ID: "g", Window: tenancy.WholeContract}).Contracts[0]
		next.ID = "next"
		tenant.Contracts = append(tenant.Contracts, next)
		s := snapshot(t, tenant, worker)
		first := entitlement.Decide(s, query(t, "psychologist", "2026-12-01T00:00:00Z"))
		hours := entitlement.Decide(s, query(t, "psychologist", "2026-12-31T15:00:00Z")) // 03:00 in Kamchatka, 18:00 in Moscow
		if hours.Contract != "c" || hours.Window != first.Window || !hours.ValidUntil.Equal(first.ValidUntil) {
			t.Errorf("renewal %q: %+v and then %+v", renewal, first, hours)
		}
		if got := rfc(first.Window.Until); got != "2027-01-01T09:00:00+12:00" {
			t.Errorf("renewal %q: until %s, want it in the contract's own zone", renewal, got)
		}
	}
}

// What a refused question did not come to look at cannot change its answer.
func TestValidUntilOfRefusals(t *testing.T) {
	jobs := func(days ...string) (e tenancy.Employee) {
		for i := 0; i < len(days); i += 2 {
			e.Employments = append(e.Employments, employee(t, "Оператор", days[i], days[i+1]).Employments...)
		}
		e.Overrides = []tenancy.Override{{Grant: "y", Amount: 1, From: date(t, "2026-11-25"), Until: date(t, "2026-11-26")}}
		return e
	}
	open := sold(t, "Europe/Moscow", "2026-01-01", "2027-01-01", tenancy.Grant{ID: "y", Window: tenancy.CalendarMonth, ValidUntil: date(t, "2026-12-10")})
	open.Contracts[0].Suspensions = []tenancy.Suspension{{From: date(t, "2026-11-27"), Until: date(t, "2026-11-28")}}
	shut := open
	shut.Suspended = true
	const noon = "2026-11-21T12:00:00+03:00"
	for name, tc := range map[string]struct {
		tenant   tenancy.Tenant
		employee tenancy.Employee
		want     answer
	}{
		"gone":                           {open, jobs("2020-01-01", "2026-11-01"), answer{reason: entitlement.EmployeeInactive, valid: "2026-12-31T21:00:00Z"}},
		"not yet there":                  {open, jobs("2026-12-15", ""), answer{reason: entitlement.EmployeeNotStarted, valid: "2026-12-14T21:00:00Z"}},
		"not yet there, two jobs coming": {open, jobs("2026-12-15", "", "2026-12-20", ""), answer{reason: entitlement.EmployeeNotStarted, valid: "2026-12-14T21:00:00Z"}},
		"suspended for good":             {shut, jobs("2020-01-01", ""), answer{reason: entitlement.TenantSuspended, valid: "2026-12-31T21:00:00Z"}},
		"suspended, a second job begins": {shut, jobs("2020-01-01", "", "2026-12-01", ""), answer{reason: entitlement.TenantSuspended, valid: "2026-12-31T21:00:00Z"}},
	} {
		if got := ask(t, tc.tenant, tc.employee, noon); got != tc.want {
			t.Errorf("%s:\n got %+v\nwant %+v", name, got, tc.want)
		}
	}
}
