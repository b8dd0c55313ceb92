package entitlement_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ponimayu/opora/internal/entitlement"
	"github.com/ponimayu/opora/internal/tenancy"
)

func date(t testing.TB, s string) tenancy.Date {
	t.Helper()
	d, err := tenancy.ParseDate(s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func instant(t testing.TB, s string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339, s)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

var types = []tenancy.SpecialistType{{Code: "psychologist"}, {Code: "coach"}, {Code: "lawyer"}, {Code: "dietitian"}, {Code: "physician"}}

// carrier is the sample of docs/design.md with its renewal, and with grants for the
// rules that the sample does not use.
func carrier(t testing.TB) tenancy.Tenant {
	psychologist, coach := tenancy.SpecialistTypeCode("psychologist"), tenancy.SpecialistTypeCode("coach")
	return tenancy.Tenant{
		Slug:          "cdek",
		LegalEntities: []tenancy.LegalEntity{{Code: "global", Default: true}},
		Segments: []tenancy.Segment{
			{ID: "couriers", When: tenancy.SegmentRule{Position: []string{"Курьер", "Учетчик склада"}}},
			{ID: "listed", When: tenancy.SegmentRule{Listed: true}},
		},
		Contracts: []tenancy.Contract{
			{ID: "cdek-ru-2026", Country: "RU", TimeZone: "Europe/Moscow", From: date(t, "2026-01-01"), Until: date(t, "2027-01-01"), GraceDays: 14, Grants: []tenancy.Grant{
				{ID: "extra", SpecialistTypes: []tenancy.SpecialistTypeCode{psychologist}, Amount: 2, Per: tenancy.PerEmployee, Window: tenancy.Rolling, Days: 90,
					Segments: []tenancy.SegmentID{"couriers"}, ValidFrom: date(t, "2026-06-01"), Priority: 20},
				{ID: "talk", SpecialistTypes: []tenancy.SpecialistTypeCode{psychologist, coach}, Amount: 6, Per: tenancy.PerEmployee, Window: tenancy.CalendarYear,
					Audience: []tenancy.Audience{tenancy.ForEmployee}, Priority: 10},
				{ID: "law", SpecialistTypes: []tenancy.SpecialistTypeCode{"lawyer"}, Amount: 500, Per: tenancy.PerTenant, Window: tenancy.WholeContract, Priority: 10},
				{ID: "food", SpecialistTypes: []tenancy.SpecialistTypeCode{"dietitian"}, Amount: 3, Per: tenancy.PerFamily, Window: tenancy.CalendarMonth,
					Formats: []tenancy.Format{tenancy.Video, tenancy.Chat}, Minutes: 45, Audience: []tenancy.Audience{tenancy.ForEmployee, tenancy.ForDependant}, Priority: 10},
			}},
			{ID: "cdek-ru-2027", Country: "RU", TimeZone: "Europe/Moscow", From: date(t, "2027-01-01"), Until: date(t, "2028-01-01"), GraceDays: 14, Grants: []tenancy.Grant{
				{ID: "talk", SpecialistTypes: []tenancy.SpecialistTypeCode{psychologist}, Amount: 4, Per: tenancy.PerEmployee, Window: tenancy.CalendarYear, CarryOver: 2},
			}},
		},
	}
}

func employee(t testing.TB, position, hired, left string) tenancy.Employee {
	e := tenancy.Employee{ID: "0b0e7d7e-0000-4000-8000-000000000001", Tenant: "cdek", Employments: []tenancy.Employment{
		{LegalEntity: "global", EmployeeNo: "17", Department: "Склад", Position: position}}}
	if hired != "" {
		e.Employments[0].HiredOn = date(t, hired)
	}
	if left != "" {
		e.Employments[0].LeftOn = date(t, left)
	}
	return e
}

func snapshot(t testing.TB, tenant tenancy.Tenant, e tenancy.Employee) entitlement.Snapshot {
	t.Helper()
	terms, err := entitlement.Compile(tenant, types)
	if err != nil {
		t.Fatal(err)
	}
	return entitlement.NewSnapshot(terms, e, "r1")
}

func query(t testing.TB, code, at string) entitlement.Query {
	return entitlement.Query{SpecialistType: tenancy.SpecialistTypeCode(code), At: instant(t, at)}
}

func TestDecideReasons(t *testing.T) {
	const noon = "2026-11-21T12:00:00+03:00"
	suspended := carrier(t)
	suspended.Suspended = true
	frozen := carrier(t)
	frozen.Contracts[0].Suspended = true
	idle := tenancy.Employee{ID: "x", Tenant: "cdek"}
	worker := employee(t, "Оператор", "2024-03-01", "")
	used := func(q entitlement.Query, n int) entitlement.Query { q.Used = entitlement.UsedEach(n); return q }
	with := func(q entitlement.Query, change func(*entitlement.Query)) entitlement.Query { change(&q); return q }
	leaver := employee(t, "Оператор", "2024-03-01", "2026-11-01") // 14 days of grace: access through 15 November

	for name, tc := range map[string]struct {
		tenant   tenancy.Tenant
		employee tenancy.Employee
		query    entitlement.Query
		want     entitlement.Reason
		until    string // valid_until
	}{
		"ok":                         {carrier(t), worker, query(t, "coach", noon), entitlement.OK, "2027-01-01T00:00:00+03:00"},
		"someone else":               {carrier(t), worker, with(query(t, "coach", noon), func(q *entitlement.Query) { q.EmployeeID = "other" }), entitlement.EmployeeUnknown, ""},
		"no employment":              {carrier(t), idle, query(t, "coach", noon), entitlement.EmployeeInactive, "2027-01-01T00:00:00+03:00"},
		"last day of grace":          {carrier(t), leaver, query(t, "coach", "2026-11-15T23:59:59+03:00"), entitlement.OK, "2026-11-16T00:00:00+03:00"},
		"beyond grace":               {carrier(t), leaver, query(t, "coach", "2026-11-16T00:00:00+03:00"), entitlement.EmployeeInactive, "2027-01-01T00:00:00+03:00"},
		"gone, and no contract":      {carrier(t), leaver, query(t, "coach", "2030-01-01T00:00:00+03:00"), entitlement.EmployeeInactive, ""},
		"gone before suspended":      {suspended, leaver, query(t, "coach", noon), entitlement.EmployeeInactive, "2027-01-01T00:00:00+03:00"},
		"day before the first":       {carrier(t), employee(t, "Оператор", "2026-12-01", ""), query(t, "coach", "2026-11-30T23:59:59+03:00"), entitlement.EmployeeNotStarted, "2026-12-01T00:00:00+03:00"},
		"first day":                  {carrier(t), employee(t, "Оператор", "2026-12-01", ""), query(t, "coach", "2026-12-01T00:00:00+03:00"), entitlement.OK, "2027-01-01T00:00:00+03:00"},
		"first day elsewhere":        {carrier(t), employee(t, "Оператор", "2026-12-01", ""), query(t, "coach", "2026-11-30T21:00:00Z"), entitlement.OK, "2027-01-01T00:00:00+03:00"},
		"unknown first day":          {carrier(t), employee(t, "Оператор", "", ""), query(t, "coach", noon), entitlement.OK, "2027-01-01T00:00:00+03:00"},
		"tenant suspended":           {suspended, worker, query(t, "nonsense", noon), entitlement.TenantSuspended, "2027-01-01T00:00:00+03:00"},
		"contract suspended":         {frozen, worker, query(t, "coach", noon), entitlement.TenantSuspended, "2027-01-01T00:00:00+03:00"},
		"its renewal is not":         {frozen, worker, query(t, "psychologist", "2027-01-01T00:00:00+03:00"), entitlement.OK, "2028-01-01T00:00:00+03:00"},
		"before every contract":      {carrier(t), worker, query(t, "coach", "2025-12-31T23:59:59+03:00"), entitlement.ContractAbsent, "2026-01-01T00:00:00+03:00"},
		"after every contract":       {carrier(t), worker, query(t, "nonsense", "2028-01-01T00:00:00+03:00"), entitlement.ContractAbsent, ""},
		"no such type":               {carrier(t), worker, query(t, "nonsense", noon), entitlement.TypeUnknown, "2027-01-01T00:00:00+03:00"},
		"no grant of the type":       {carrier(t), worker, query(t, "physician", noon), entitlement.TypeNotCovered, "2027-01-01T00:00:00+03:00"},
		"dropped by the renewal":     {carrier(t), worker, query(t, "coach", "2027-01-01T00:00:00+03:00"), entitlement.TypeNotCovered, "2028-01-01T00:00:00+03:00"},
		"wrong format":               {carrier(t), worker, with(query(t, "dietitian", noon), func(q *entitlement.Query) { q.Format = tenancy.InPerson }), entitlement.FormatNotCovered, "2027-01-01T00:00:00+03:00"},
		"too long":                   {carrier(t), worker, with(query(t, "dietitian", noon), func(q *entitlement.Query) { q.Minutes = 46 }), entitlement.FormatNotCovered, "2027-01-01T00:00:00+03:00"},
		"long enough":                {carrier(t), worker, with(query(t, "dietitian", noon), func(q *entitlement.Query) { q.Minutes, q.Format = 45, tenancy.Chat }), entitlement.OK, "2026-12-01T00:00:00+03:00"},
		"a dependant may":            {carrier(t), worker, with(query(t, "dietitian", noon), func(q *entitlement.Query) { q.For = entitlement.Dependant }), entitlement.OK, "2026-12-01T00:00:00+03:00"},
		"a dependant may not":        {carrier(t), worker, with(query(t, "lawyer", noon), func(q *entitlement.Query) { q.For = entitlement.Dependant }), entitlement.AudienceNotCovered, "2027-01-01T00:00:00+03:00"},
		"one left":                   {carrier(t), worker, used(query(t, "coach", noon), 5), entitlement.OK, "2027-01-01T00:00:00+03:00"},
		"used up":                    {carrier(t), worker, used(query(t, "coach", noon), 6), entitlement.QuotaExhausted, "2027-01-01T00:00:00+03:00"},
		"overdrawn":                  {carrier(t), worker, used(query(t, "coach", noon), 60), entitlement.QuotaExhausted, "2027-01-01T00:00:00+03:00"},
		"pool used up":               {carrier(t), worker, used(query(t, "lawyer", noon), 500), entitlement.PoolExhausted, "2027-01-01T00:00:00+03:00"},
		"family's month used up":     {carrier(t), worker, used(query(t, "dietitian", noon), 3), entitlement.QuotaExhausted, "2026-12-01T00:00:00+03:00"},
		"grant to come, a courier":   {carrier(t), employee(t, "Курьер", "2024-03-01", ""), query(t, "psychologist", "2026-03-01T00:00:00+03:00"), entitlement.OK, "2026-06-01T00:00:00+03:00"},
		"grant to come, not for him": {carrier(t), worker, query(t, "psychologist", "2026-03-01T00:00:00+03:00"), entitlement.OK, "2027-01-01T00:00:00+03:00"},
	} {
		t.Run(name, func(t *testing.T) {
			got := entitlement.Decide(snapshot(t, tc.tenant, tc.employee), tc.query)
			if got.Reason != tc.want || got.Allowed != (tc.want == entitlement.OK) {
				t.Errorf("reason %s (allowed %t), want %s", got.Reason, got.Allowed, tc.want)
			}
			if until := rfc(got.ValidUntil); until != tc.until {
				t.Errorf("valid_until %q, want %q", until, tc.until)
			}
			if got.Lines == nil || got.Revision != "r1" {
				t.Errorf("lines %v, revision %q", got.Lines, got.Revision)
			}
		})
	}
}

func rfc(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Format(time.RFC3339)
}

func TestDecideWithoutSnapshotIsEmployeeUnknown(t *testing.T) {
	if got := entitlement.Decide(entitlement.Snapshot{}, query(t, "coach", "2026-11-21T12:00:00+03:00")); got.Reason != entitlement.EmployeeUnknown || got.Allowed {
		t.Errorf("got %+v", got)
	}
}

// A courier's two grants add up: the lower priority first, each with its own
// window and its own count.
func TestDecideAddsGrantsUp(t *testing.T) {
	courier := snapshot(t, carrier(t), employee(t, "  КУРЬЕР ", "2024-03-01", ""))
	q := query(t, "psychologist", "2026-12-01T10:00:00+03:00")
	q.Used = entitlement.UsedByGrant(map[tenancy.GrantID]int{"talk": 6, "extra": 1, "unheard-of": 9})
	got := entitlement.Decide(courier, q)

	year := entitlement.Window{From: instant(t, "2026-01-01T00:00:00+03:00"), Until: instant(t, "2027-01-01T00:00:00+03:00")}
	ninety := entitlement.Window{From: instant(t, "2026-09-03T00:00:00+03:00"), Until: instant(t, "2026-12-02T00:00:00+03:00")}
	want := entitlement.Decision{
		Allowed: true, Reason: entitlement.OK, Contract: "cdek-ru-2026", Limit: 8, Used: 7, Remaining: 1, Consume: "extra",
		Lines: []entitlement.Line{
			{Grant: "talk", Limit: 6, Used: 6, Window: year, Per: tenancy.PerEmployee},
			{Grant: "extra", Limit: 2, Used: 1, Remaining: 1, Window: ninety, Per: tenancy.PerEmployee},
		},
		Window: ninety, ValidUntil: ninety.Until, Revision: "r1",
	}
	if diff := cmp.Diff(want, got, cmp.Comparer(time.Time.Equal)); diff != "" {
		t.Errorf("decision (-want +got):\n%s", diff)
	}
}

func TestDecideSegments(t *testing.T) {
	at := query(t, "psychologist", "2026-12-01T10:00:00+03:00")
	two := employee(t, "Оператор", "2024-03-01", "")
	two.Employments = append(two.Employments, tenancy.Employment{Position: "Курьер", HiredOn: date(t, "2026-11-01"), LeftOn: date(t, "2026-11-10")})
	listed := employee(t, "Оператор", "2024-03-01", "")
	listed.Employments[0].Segment = "couriers"
	for name, tc := range map[string]struct {
		employee tenancy.Employee
		at       string
		limit    int
	}{
		"not in it":              {employee(t, "Оператор", "", ""), "", 6},
		"in it":                  {employee(t, "курьер", "", ""), "", 8},
		"ё, spaces and case":     {employee(t, "УЧЁТЧИК  склада", "", ""), "", 8},
		"by the roster's column": {listed, "", 8},
		"not the whole word":     {employee(t, "Курьер-водитель", "", ""), "", 6},
		"second job":             {two, "2026-11-05T10:00:00+03:00", 8},
		"second job's grace":     {two, "2026-11-24T23:00:00+03:00", 8},
		"second job over":        {two, "2026-11-25T00:00:00+03:00", 6},
	} {
		t.Run(name, func(t *testing.T) {
			q := at
			if tc.at != "" {
				q = query(t, "psychologist", tc.at)
			}
			if got := entitlement.Decide(snapshot(t, carrier(t), tc.employee), q); got.Limit != tc.limit {
				t.Errorf("limit %d, want %d", got.Limit, tc.limit)
			}
		})
	}
}

func TestDecideOverrides(t *testing.T) {
	e := employee(t, "Оператор", "2024-03-01", "")
	e.Overrides = []tenancy.Override{
		{Grant: "talk", Amount: 3, From: date(t, "2026-11-01"), Until: date(t, "2026-12-01")},
		{Grant: "extra", Amount: 1, From: date(t, "2026-11-15")}, // of a grant that his segment does not get
		{Grant: "law", Amount: -1000},
	}
	s := snapshot(t, carrier(t), e)
	for at, want := range map[string]struct {
		limit int
		until string
	}{
		"2026-10-31T23:59:59+03:00": {6, "2026-11-01T00:00:00+03:00"},
		"2026-11-01T00:00:00+03:00": {9, "2026-11-15T00:00:00+03:00"},
		"2026-11-30T12:00:00+03:00": {10, "2026-12-01T00:00:00+03:00"},
		"2026-12-01T00:00:00+03:00": {7, "2026-12-02T00:00:00+03:00"}, // a rolling window moves every midnight
	} {
		got := entitlement.Decide(s, query(t, "psychologist", at))
		if got.Limit != want.limit || rfc(got.ValidUntil) != want.until {
			t.Errorf("at %s: limit %d until %s, want %d until %s", at, got.Limit, rfc(got.ValidUntil), want.limit, want.until)
		}
	}
	if got := entitlement.Decide(s, query(t, "lawyer", "2026-11-21T12:00:00+03:00")); got.Limit != 0 || got.Reason != entitlement.PoolExhausted {
		t.Errorf("an override below zero gives %+v", got)
	}
}

// What is carried over is known only when the caller counted the window before.
func TestDecideCarryOver(t *testing.T) {
	worker := employee(t, "Оператор", "2024-03-01", "")
	newcomer := employee(t, "Оператор", "2027-01-01", "")
	each := entitlement.UsedEach
	for name, tc := range map[string]struct {
		employee tenancy.Employee
		before   entitlement.Used
		carried  int
	}{
		"not counted":                 {worker, entitlement.Used{}, 0},
		"all used":                    {worker, each(6), 0},
		"overdrawn":                   {worker, each(7), 0},
		"one unused":                  {worker, each(5), 1},
		"more unused than is carried": {worker, each(0), 2},
		"counted by grant":            {worker, entitlement.UsedByGrant(map[tenancy.GrantID]int{"talk": 5}), 1},
		"not there last year":         {newcomer, each(0), 0},
	} {
		t.Run(name, func(t *testing.T) {
			q := query(t, "psychologist", "2027-02-01T10:00:00+03:00")
			q.UsedBefore = tc.before
			got := entitlement.Decide(snapshot(t, carrier(t), tc.employee), q)
			if got.Limit != 4+tc.carried || got.Lines[0].CarryOver.Window.IsZero() || got.Lines[0].CarryOver.Carried != tc.carried || got.Lines[0].CarryOver.AtMost != 2 {
				t.Fatalf("limit %d, carry-over %+v; want %d carried", got.Limit, got.Lines[0].CarryOver, tc.carried)
			}
			last := entitlement.Window{From: instant(t, "2026-01-01T00:00:00+03:00"), Until: instant(t, "2027-01-01T00:00:00+03:00")}
			if diff := cmp.Diff(last, got.Lines[0].CarryOver.Window, cmp.Comparer(time.Time.Equal)); diff != "" {
				t.Errorf("window before (-want +got):\n%s", diff)
			}
		})
	}
}

// The year of hire goes on over a move and begins anew after a real break.
func TestDecideHireYear(t *testing.T) {
	tenant := carrier(t)
	tenant.Contracts[0].Grants = []tenancy.Grant{{ID: "money", SpecialistTypes: []tenancy.SpecialistTypeCode{"lawyer"}, Amount: 2, Per: tenancy.PerEmployee, Window: tenancy.HireYear}}
	job := func(hired, left string) tenancy.Employment { return employee(t, "", hired, left).Employments[0] }
	for name, tc := range map[string]struct {
		jobs        []tenancy.Employment
		from, until string
	}{
		"one job":          {[]tenancy.Employment{job("2024-03-15", "")}, "2026-03-15T00:00:00+03:00", "2027-03-15T00:00:00+03:00"},
		"moved":            {[]tenancy.Employment{job("2026-06-01", ""), job("2024-03-15", "2026-05-31")}, "2026-03-15T00:00:00+03:00", "2027-03-15T00:00:00+03:00"},
		"back within days": {[]tenancy.Employment{job("2024-03-15", "2026-05-31"), job("2026-06-15", "")}, "2026-03-15T00:00:00+03:00", "2027-03-15T00:00:00+03:00"},
		"back much later":  {[]tenancy.Employment{job("2024-03-15", "2026-05-31"), job("2026-06-16", "")}, "2026-06-16T00:00:00+03:00", "2027-06-16T00:00:00+03:00"},
		"leap day":         {[]tenancy.Employment{job("2024-02-29", "")}, "2026-03-01T00:00:00+03:00", "2027-03-01T00:00:00+03:00"},
		"day not known":    {[]tenancy.Employment{job("", "")}, "2026-01-01T00:00:00+03:00", "2027-01-01T00:00:00+03:00"},
	} {
		t.Run(name, func(t *testing.T) {
			got := entitlement.Decide(snapshot(t, tenant, tenancy.Employee{Employments: tc.jobs}), query(t, "lawyer", "2026-11-21T12:00:00+03:00"))
			if got.Window.IsZero() || rfc(got.Window.From) != tc.from || rfc(got.Window.Until) != tc.until {
				t.Errorf("window %+v, want %s to %s", got.Window, tc.from, tc.until)
			}
		})
	}
}

func TestCountryOf(t *testing.T) {
	both := carrier(t)
	both.LegalEntities = append(both.LegalEntities, tenancy.LegalEntity{Code: "kz", Country: "KZ"}, tenancy.LegalEntity{Code: "ru", Country: "RU"})
	both.Contracts = append(both.Contracts, tenancy.Contract{ID: "kz", Country: "KZ"})
	in := func(entities ...tenancy.LegalEntityCode) (e tenancy.Employee) {
		for _, code := range entities {
			e.Employments = append(e.Employments, tenancy.Employment{LegalEntity: code})
		}
		return e
	}
	for name, tc := range map[string]struct {
		tenant   tenancy.Tenant
		employee tenancy.Employee
		want     tenancy.CountryCode
		fails    bool
	}{
		"the only country":      {carrier(t), in("global"), "RU", false},
		"the entity's":          {both, in("kz"), "KZ", false},
		"an entity of no one":   {both, in("global"), "", true},
		"entities of two":       {both, in("kz", "ru"), "", true},
		"one of them says it":   {both, in("global", "ru"), "RU", false},
		"no contracts, no word": {tenancy.Tenant{}, in("global"), "", false},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := entitlement.CountryOf(tc.tenant, tc.employee)
			if got != tc.want || (err != nil) != tc.fails {
				t.Errorf("got %q, %v", got, err)
			}
		})
	}
}

func TestCompileRefusesWhatItCannotWorkWith(t *testing.T) {
	zone := carrier(t)
	zone.Contracts[0].TimeZone = "Europe/Nowhere"
	segment := carrier(t)
	segment.Contracts[0].Grants[0].Segments = []tenancy.SegmentID{"unheard-of"}
	many := carrier(t)
	many.Segments = make([]tenancy.Segment, entitlement.MaxSegments+1)
	for name, tenant := range map[string]tenancy.Tenant{"zone": zone, "segment": segment, "segments": many} {
		if _, err := entitlement.Compile(tenant, types); tenancy.KindOf(err) != tenancy.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}
