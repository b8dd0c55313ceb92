package entitlement_test

import (
	"errors"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/ponimayu/opora/internal/entitlement"
	"github.com/ponimayu/opora/internal/tenancy"
)

// payingTerms are those of a company with a contract of its own until mid-year
// and a shared one of its holding after.
func payingTerms(t *testing.T) *entitlement.Terms {
	t.Helper()
	types := []tenancy.SpecialistType{{Code: "psychologist"}, {Code: "lawyer"}, {Code: "coach"}}
	grants := []tenancy.Grant{
		{ID: "talk", SpecialistTypes: []tenancy.SpecialistTypeCode{"psychologist"}, Amount: 2, Per: tenancy.PerEmployee, Window: tenancy.CalendarYear, Priority: 10},
		{ID: "extra", SpecialistTypes: []tenancy.SpecialistTypeCode{"psychologist"}, Amount: 1, Per: tenancy.PerEmployee, Window: tenancy.CalendarYear, Priority: 20},
		{ID: "law", SpecialistTypes: []tenancy.SpecialistTypeCode{"lawyer"}, Amount: 3, Per: tenancy.PerTenant, Window: tenancy.WholeContract, Priority: 10},
	}
	contract := func(id tenancy.ContractID, holder tenancy.TenantSlug, from, until tenancy.Date) tenancy.Contract {
		return tenancy.Contract{ID: id, Holder: holder, Country: "RU", TimeZone: "Europe/Moscow", From: from, Until: until, Grants: grants}
	}
	terms, err := entitlement.Compile(tenancy.Tenant{Slug: "cdek-north", Contracts: []tenancy.Contract{
		contract("north-2026", "", tenancy.NewDate(2026, 1, 1), tenancy.NewDate(2026, 7, 1)),
		contract("cdek-ru-2026", "cdek", tenancy.NewDate(2026, 7, 1), tenancy.NewDate(2027, 1, 1)),
	}}, types)
	if err != nil {
		t.Fatal(err)
	}
	return terms
}

const payingEmployee = "0193b6f2-7d5a-7c11-9a55-3d1f5b0e7a01"

func payingSnapshot(t *testing.T) entitlement.Snapshot {
	return entitlement.NewSnapshot(payingTerms(t), tenancy.Employee{ID: payingEmployee, Tenant: "cdek-north",
		Employments: []tenancy.Employment{{HiredOn: tenancy.NewDate(2024, 3, 1), LeftOn: tenancy.NewDate(2026, 11, 30)}}}, "1.1")
}

func TestWhoPays(t *testing.T) {
	s := payingSnapshot(t)
	const spring, autumn, gone, after = `"2026-03-01T10:00:00+03:00"`, `"2026-10-01T10:00:00+03:00"`, `"2026-12-15T10:00:00+03:00"`, `"2027-03-01T10:00:00+03:00"`
	person := func(reason entitlement.Reason) entitlement.Payment {
		return entitlement.Payment{Payer: entitlement.ByPerson, Reason: reason}
	}
	contract := func(id tenancy.ContractID, holder tenancy.TenantSlug, grant tenancy.GrantID) entitlement.Payment {
		return entitlement.Payment{Payer: entitlement.ByContract, Reason: entitlement.OK, Contract: id, Tenant: holder, Grant: grant}
	}
	for more, want := range map[string]entitlement.Payment{
		// Not booked yet: who would pay.
		`"specialist_type":"psychologist","at":` + spring:                                                      contract("north-2026", "cdek-north", "talk"),
		`"specialist_type":"psychologist","at":` + autumn:                                                      contract("cdek-ru-2026", "cdek", "talk"),
		`"specialist_type":"psychologist","used":{"talk":2},"at":` + autumn:                                    contract("cdek-ru-2026", "cdek", "extra"),
		`"specialist_type":"psychologist","used":3,"at":` + autumn:                                             person(entitlement.QuotaExhausted),
		`"specialist_type":"lawyer","used":{"law":3},"at":` + autumn:                                           person(entitlement.PoolExhausted),
		`"specialist_type":"coach","at":` + autumn:                                                             person(entitlement.TypeNotCovered),
		`"specialist_type":"wizard","at":` + autumn:                                                            person(entitlement.TypeUnknown),
		`"specialist_type":"psychologist","for":"dependant","at":` + autumn:                                    person(entitlement.AudienceNotCovered),
		`"specialist_type":"psychologist","at":` + gone:                                                        person(entitlement.EmployeeInactive),
		`"specialist_type":"psychologist","at":` + after:                                                       person(entitlement.EmployeeInactive),
		`"employee_id":"0193b6f2-7d5a-7c11-9a55-3d1f5b0e7aff","specialist_type":"psychologist","at":` + spring: person(entitlement.EmployeeUnknown),
		`"employee_id":"0193B6F2-7D5A-7C11-9A55-3D1F5B0E7A01","specialist_type":"psychologist","at":` + spring: contract("north-2026", "cdek-north", "talk"),
		`"specialist_type":"psychologist","grant":"talk","at":` + gone:                                         person(entitlement.EmployeeInactive),
		`"specialist_type":"psychologist","grant":"talk","used":{"talk":2},"at":` + autumn:                     contract("cdek-ru-2026", "cdek", "talk"), // the second of two is this one
		`"specialist_type":"psychologist","grant":"talk","used":{"talk":3},"at":` + autumn:                     person(entitlement.QuotaExhausted),
		`"specialist_type":"psychologist","grant":"extra","used":{"talk":9,"extra":1},"at":` + autumn:          contract("cdek-ru-2026", "cdek", "extra"),
		`"specialist_type":"psychologist","grant":"extra","at":` + autumn:                                      contract("cdek-ru-2026", "cdek", "extra"),
		`"specialist_type":"psychologist","grant":"law","at":` + autumn:                                        person(entitlement.TypeNotCovered),
		`"specialist_type":"lawyer","grant":"law","used":{"law":4},"at":` + autumn:                             person(entitlement.PoolExhausted),
		`"specialist_type":"coach","grant":"talk","at":` + autumn:                                              person(entitlement.TypeNotCovered),
	} {
		body := `{"employee_id":"` + payingEmployee + `",` + more + `}`
		if more[:12] == `"employee_id` {
			body = `{` + more + `}`
		}
		q, err := entitlement.ParsePayerQuery([]byte(body))
		if err != nil {
			t.Errorf("%s: %v", more, err)
			continue
		}
		got := entitlement.WhoPays(s, q)
		if d := entitlement.Decide(s, q.Query); got.Revision != d.Revision || !got.ValidUntil.Equal(d.ValidUntil) {
			t.Errorf("%s: revision %s until %v, the decision has %s until %v", more, got.Revision, got.ValidUntil, d.Revision, d.ValidUntil)
		}
		got.Revision, got.ValidUntil = "", time.Time{}
		if got != want {
			t.Errorf("%s: %+v, want %+v", more, got, want)
		}
	}
}

// TestPayerAgreesWithTheCheck: what may be booked the contract pays, and what
// was then counted it pays still.
func TestPayerAgreesWithTheCheck(t *testing.T) {
	s := payingSnapshot(t)
	rapid.Check(t, func(t *rapid.T) {
		counts := map[tenancy.GrantID]int{}
		for _, g := range []tenancy.GrantID{"talk", "extra", "law"} {
			counts[g] = rapid.IntRange(0, 4).Draw(t, string(g))
		}
		q := entitlement.PayerQuery{Query: entitlement.Query{EmployeeID: payingEmployee,
			SpecialistType: rapid.SampledFrom([]tenancy.SpecialistTypeCode{"psychologist", "lawyer", "coach", "wizard"}).Draw(t, "type"),
			At:             time.Date(2025, 12, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(rapid.IntRange(0, 400*24).Draw(t, "hour")) * time.Hour),
			Used:           entitlement.UsedByGrant(counts)}}
		d, p := entitlement.Decide(s, q.Query), entitlement.WhoPays(s, q)
		if d.Allowed != (p.Payer == entitlement.ByContract) || p.Grant != d.Consume || p.Reason != d.Reason {
			t.Fatalf("the check says %+v, the payer %+v", d, p)
		}
		if !d.Allowed {
			return
		}
		counts[d.Consume]++
		q.Grant, q.Used = d.Consume, entitlement.UsedByGrant(counts)
		if p := entitlement.WhoPays(s, q); p.Payer != entitlement.ByContract || p.Grant != d.Consume {
			t.Fatalf("booked against %s and counted, yet %+v", d.Consume, p)
		}
	})
}

func TestPayerQueriesThatAreRefused(t *testing.T) {
	for body, want := range map[string]string{
		`{"specialist_type":"lawyer","at":"2026-10-01T10:00:00+03:00"}`:                                  "field_missing",
		`{"employee_id":"x","at":"2026-10-01T10:00:00+03:00"}`:                                           "field_missing",
		`{"employee_id":"x","specialist_type":"lawyer","at":"2026-10-01T10:00:00+03:00","reason":"sad"}`: "field_unknown",
		`{"employee_id":"x","specialist_type":"lawyer","at":"2026-10-01T10:00:00+03:00","grant":7}`:      "field_invalid",
		`{"employee_id":"x","specialist_type":"lawyer","at":"yesterday"}`:                                "field_invalid",
		`{"employee_id":"x","specialist_type":"lawyer","at":"2026-10-01T10:00:00+03:00"} {}`:             "json_invalid",
		`[]`: "json_invalid",
		``:   "json_invalid",
	} {
		_, err := entitlement.ParsePayerQuery([]byte(body))
		known, ok := errors.AsType[*tenancy.Error](err)
		if !ok || known.Code != want {
			t.Errorf("%s: %v, want %s", body, err, want)
		}
	}
}
