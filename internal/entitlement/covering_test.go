package entitlement_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/ponimayu/opora/internal/entitlement"
	"github.com/ponimayu/opora/internal/tenancy"
)

// Each field of a segment's rule, alone and together; and the roster's column.
func TestSegmentRules(t *testing.T) {
	rules := map[string]tenancy.SegmentRule{
		"department":  {Department: []string{"Служба поддержки", "Қолдау"}},
		"position":    {Position: []string{"Приёмщик"}},
		"entity":      {LegalEntity: []tenancy.LegalEntityCode{"kz", "tech"}},
		"grade":       {Grade: []string{"G15", "G16"}},
		"listed":      {Listed: true},
		"two of them": {Position: []string{"Приёмщик"}, LegalEntity: []tenancy.LegalEntityCode{"kz"}},
		"no rule":     {},
	}
	for name, tc := range map[string]struct {
		job tenancy.Employment
		in  string // the segments, in the order of their names
	}{
		"nobody in particular":           {tenancy.Employment{Department: "Склад"}, ""},
		"a department":                   {tenancy.Employment{Department: "служба  ПОДДЕРЖКИ"}, "department"},
		"a department in Kazakh":         {tenancy.Employment{Department: "ҚОЛДАУ"}, "department"},
		"only a part of the name":        {tenancy.Employment{Department: "Служба поддержки клиентов"}, ""},
		"a position with ё":              {tenancy.Employment{Position: "приемщик"}, "position"},
		"a company":                      {tenancy.Employment{LegalEntity: "tech"}, "entity"},
		"a company's code is no word":    {tenancy.Employment{LegalEntity: "TECH"}, ""},
		"a grade":                        {tenancy.Employment{Grade: "g16"}, "grade"},
		"a position and its company":     {tenancy.Employment{Position: "Приёмщик", LegalEntity: "kz"}, "entity position two of them"},
		"on the list":                    {tenancy.Employment{Segment: "listed"}, "listed"},
		"listed where there is a rule":   {tenancy.Employment{Segment: "grade"}, "grade"},
		"listed in what is no segment":   {tenancy.Employment{Segment: "nowhere"}, ""},
		"a segment's id as a department": {tenancy.Employment{Department: "listed"}, ""},
	} {
		tenant := sold(t, "Europe/Moscow", "2026-01-01", "2027-01-01")
		for id, rule := range rules {
			segment := tenancy.SegmentID(id)
			tenant.Segments = append(tenant.Segments, tenancy.Segment{ID: segment, When: rule})
			tenant.Contracts[0].Grants = append(tenant.Contracts[0].Grants, tenancy.Grant{ID: tenancy.GrantID(id), SpecialistTypes: []tenancy.SpecialistTypeCode{"psychologist"},
				Amount: 1, Per: tenancy.PerEmployee, Window: tenancy.CalendarYear, Segments: []tenancy.SegmentID{segment}, Priority: strings.Index("department entity grade listed no rule position two of them", id)})
		}
		d := entitlement.Decide(snapshot(t, tenant, tenancy.Employee{Employments: []tenancy.Employment{tc.job}}), query(t, "psychologist", "2026-11-21T12:00:00+03:00"))
		var in []string
		for _, line := range d.Lines {
			in = append(in, string(line.Grant))
		}
		if got := strings.Join(in, " "); got != tc.in {
			t.Errorf("%s is in %q, want %q", name, got, tc.in)
		}
	}
}

// holdingOf makes a head whose contract is shared with an arm; both have
// couriers, by rules of their own, and only the head has managers.
func holdingOf(t testing.TB) (head, arm tenancy.Tenant) {
	grant := func(id tenancy.GrantID, per tenancy.Per, segments ...tenancy.SegmentID) tenancy.Grant {
		return tenancy.Grant{ID: id, Per: per, Window: tenancy.CalendarYear, Segments: segments}
	}
	head = sold(t, "Europe/Moscow", "2026-01-01", "2027-01-01", grant("all", ""), grant("couriers", "", "couriers"), grant("managers", "", "managers"), grant("either", tenancy.PerTenant, "managers", "couriers"))
	head.Slug = "head"
	head.Segments = []tenancy.Segment{{ID: "managers", When: tenancy.SegmentRule{Grade: []string{"М"}}}, {ID: "couriers", When: tenancy.SegmentRule{Position: []string{"Курьер"}}}}
	head.Contracts[0].SharedWith = []tenancy.TenantSlug{"arm"}
	arm = tenancy.Tenant{Slug: "arm", Segments: []tenancy.Segment{{ID: "couriers", When: tenancy.SegmentRule{Position: []string{"Водитель"}}}}}
	resolved := tenancy.WithShared([]tenancy.Tenant{head, arm})
	return resolved[0], resolved[1]
}

// Members stand under the holder's contract with their own segments; a segment
// that a member does not have has nobody there, and never everybody.
func TestHolding(t *testing.T) {
	head, arm := holdingOf(t)
	for name, tc := range map[string]struct {
		tenant tenancy.Tenant
		job    tenancy.Employment
		want   string
	}{
		"a courier of the head":        {head, tenancy.Employment{Position: "Курьер"}, "all couriers either"},
		"a manager of the head":        {head, tenancy.Employment{Grade: "М"}, "all managers either"},
		"anybody of the arm":           {arm, tenancy.Employment{Grade: "М"}, "all"},
		"the head's word in the arm":   {arm, tenancy.Employment{Position: "Курьер"}, "all"},
		"the arm's own word":           {arm, tenancy.Employment{Position: "Водитель"}, "all couriers either"},
		"listed as what the arm lacks": {arm, tenancy.Employment{Segment: "managers"}, "all"},
	} {
		d := entitlement.Decide(snapshot(t, tc.tenant, tenancy.Employee{Tenant: tc.tenant.Slug, Employments: []tenancy.Employment{tc.job}}), query(t, "psychologist", "2026-11-21T12:00:00+03:00"))
		var grants []string
		for _, line := range d.Lines {
			grants = append(grants, string(line.Grant))
			if pool := map[tenancy.Per]string{tenancy.PerTenant: "head/either"}[line.Per]; line.Pool != pool {
				t.Errorf("%s: %s is counted under %q", name, line.Grant, line.Pool)
			}
		}
		if got := strings.Join(grants, " "); got != tc.want || d.Contract != "c" {
			t.Errorf("%s: %q under contract %q, want %q", name, got, d.Contract, tc.want)
		}
	}
	// The holder's own mistake is one.
	head.Segments = nil
	if _, err := entitlement.Compile(head, types); tenancy.KindOf(err) != tenancy.Invalid {
		t.Errorf("a contract with an unknown segment of the tenant's own: %v", err)
	}
}

// A family's amount serves whom its audience names. Dependants are counted and
// never named: a check has no field for it.
func TestFamily(t *testing.T) {
	family := func(audience ...tenancy.Audience) tenancy.Tenant {
		return sold(t, "Europe/Moscow", "2026-01-01", "2027-01-01", tenancy.Grant{ID: "f", Amount: 4, Per: tenancy.PerFamily, Window: tenancy.CalendarYear, Audience: audience})
	}
	for name, tc := range map[string]struct {
		tenant tenancy.Tenant
		whom   entitlement.For
		used   int
		want   entitlement.Reason
	}{
		"the employee, when nobody is named": {family(), "", 0, entitlement.OK},
		"nobody else then":                   {family(), entitlement.Dependant, 0, entitlement.AudienceNotCovered},
		"both, the employee":                 {family(tenancy.ForEmployee, tenancy.ForDependant), entitlement.Self, 3, entitlement.OK},
		"both, a dependant":                  {family(tenancy.ForEmployee, tenancy.ForDependant), entitlement.Dependant, 3, entitlement.OK},
		"both, one count":                    {family(tenancy.ForEmployee, tenancy.ForDependant), entitlement.Self, 4, entitlement.QuotaExhausted},
		"only dependants":                    {family(tenancy.ForDependant), entitlement.Dependant, 0, entitlement.OK},
		"only dependants, the employee":      {family(tenancy.ForDependant), entitlement.Self, 0, entitlement.AudienceNotCovered},
	} {
		q := query(t, "psychologist", "2026-11-21T12:00:00+03:00")
		q.For, q.Used = tc.whom, entitlement.UsedEach(tc.used)
		d := entitlement.Decide(snapshot(t, tc.tenant, employee(t, "Оператор", "", "")), q)
		if d.Reason != tc.want || (len(d.Lines) > 0 && d.Lines[0].Pool != "") {
			t.Errorf("%s: %+v", name, d)
		}
	}
	for _, field := range []string{"dependant", "name", "dependant_id", "birth_date", "reason"} {
		_, err := entitlement.ParseQuery([]byte(fmt.Sprintf(`{"specialist_type":"coach","at":"2026-11-21T12:00:00Z","for":"dependant",%q:"x"}`, field)))
		if err == nil {
			t.Errorf("a check has a field %s", field)
		}
	}
}

// Each covering grant gives what it would give alone: grants only add up.
func TestGrantsAddUp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tenant, employee, q := drawTenant(t), drawSaneEmployee(t), drawQuery(t)
		types := []tenancy.SpecialistType{{Code: "psychologist"}, {Code: "coach"}, {Code: "lawyer"}}
		decide := func(tenant tenancy.Tenant) entitlement.Decision {
			terms, err := entitlement.Compile(tenant, types)
			if err != nil {
				t.Fatal(err)
			}
			return entitlement.Decide(entitlement.NewSnapshot(terms, employee, ""), q)
		}
		all := decide(tenant)
		var added []entitlement.Line
		for _, line := range all.Lines {
			alone := tenant
			alone.Contracts = nil
			for _, c := range tenant.Contracts {
				grants := c.Grants
				c.Grants = nil
				for _, g := range grants {
					if g.ID == line.Grant {
						c.Grants = append(c.Grants, g)
					}
				}
				alone.Contracts = append(alone.Contracts, c)
			}
			added = append(added, decide(alone).Lines...)
		}
		if diff := cmp.Diff(append([]entitlement.Line{}, all.Lines...), append([]entitlement.Line{}, added...), cmp.Comparer(time.Time.Equal)); diff != "" {
			t.Fatalf("(-together +alone):\n%s", diff)
		}
	})
}

// Who decides from the terms document, as it was sent, answers as who decides
// from the tenants themselves; and it holds nothing that decisions do not need.
func TestTermsDocument(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tenant := drawTenant(t)
		tenant.Name, tenant.Domains = tenancy.Text{Ru: "canary"}, []string{"canary.example"}
		tenant.Contacts = []tenancy.Contact{{Role: "canary"}}
		tenant.LegalEntities = []tenancy.LegalEntity{{Code: "canary"}}
		for i := range tenant.Contracts {
			tenant.Contracts[i].Seats = 424242
			tenant.Contracts[i].Roster.DueEveryDays = 424242
		}
		types := []tenancy.SpecialistType{{Code: "psychologist", Category: "canary"}, {Code: "coach"}, {Code: "lawyer"}}
		sent, err := json.Marshal(entitlement.NewTermsDocument(5, []tenancy.Tenant{tenant}, types))
		if err != nil {
			t.Fatal(err)
		}
		if s := string(sent); strings.Contains(s, "canary") || strings.Contains(s, "424242") || strings.Contains(s, "Курьер") {
			t.Fatalf("it tells too much: %s", s)
		}
		var received entitlement.TermsDocument
		if err := json.Unmarshal(sent, &received); err != nil {
			t.Fatal(err)
		}
		compiled := received.Compile()
		if err := compiled[tenant.Slug].Err(); err != nil {
			t.Fatal(err)
		}
		terms, err := entitlement.Compile(tenant, types)
		if err != nil {
			t.Fatal(err)
		}
		employee, q := drawSaneEmployee(t), drawQuery(t)
		subject := compiled[tenant.Slug].SubjectOf(terms.Record(employee, 1))
		got := entitlement.Decide(entitlement.Snapshot{Terms: compiled[tenant.Slug], Subject: subject}, q)
		if diff := cmp.Diff(entitlement.Decide(entitlement.NewSnapshot(terms, employee, ""), q), got, cmp.Comparer(time.Time.Equal)); diff != "" {
			t.Fatalf("(-tenant +document):\n%s", diff)
		}
	})
}

// In the document a shared contract stands with each of its tenants.
func TestTermsDocumentOfAHolding(t *testing.T) {
	head, arm := holdingOf(t)
	arm.Contracts = nil // as the catalogue has it
	d := entitlement.NewTermsDocument(5, []tenancy.Tenant{arm, head}, types)
	if len(d.Tenants) != 2 || len(d.Tenants[0].Contracts) != 1 || d.Tenants[0].Contracts[0].Holder != "head" || len(d.Tenants[1].Contracts) != 1 || d.Tenants[1].Contracts[0].Holder != "" {
		t.Errorf("%+v", d.Tenants)
	}
	for _, terms := range d.Compile() {
		if err := terms.Err(); err != nil {
			t.Error(err)
		}
	}
}

// Whatever the tenant, the employee and the question, Decide answers, and what
// it answers can be written.
func FuzzDecide(f *testing.F) {
	head, _ := holdingOf(f)
	for _, tenant := range []tenancy.Tenant{carrier(f), head, {Slug: "x"}} {
		for _, e := range []tenancy.Employee{employee(f, "Курьер", "2024-02-29", "2026-12-31"), {}} {
			a, _ := json.Marshal(tenant)
			b, _ := json.Marshal(e)
			c, _ := json.Marshal(query(f, "psychologist", "2026-12-01T10:00:00+03:00"))
			f.Add(a, b, c)
		}
	}
	f.Add([]byte(`{"contracts":[{"time_zone":"Asia/Almaty","from":"9999-12-31","until":"0001-01-01","renewal":"automatic","grants":[{"id":"g","specialist_types":["psychologist"],"amount":1,"window":"contract","carry_over":1}]}]}`),
		[]byte(`{"employments":[{"hired_on":"9999-12-31","left_on":"0001-01-01"}]}`), []byte(`{"specialist_type":"psychologist","at":"2026-12-01T10:00:00+03:00"}`))
	f.Add([]byte(`{"contracts":[{"time_zone":"Asia/Almaty","from":"0001-01-01","until":"9999-12-31","renewal":"automatic","grants":[{"id":"g","specialist_types":["psychologist"],"amount":1,"window":"rolling","days":-99999999,"carry_over":1}]}]}`),
		[]byte(`{"employments":[{}],"overrides":[{"grant":"g","amount":-9223372036854775808}]}`), []byte(`{"specialist_type":"psychologist","at":"2026-12-01T10:00:00+03:00","used_before":0}`))
	f.Fuzz(func(t *testing.T, a, b, c []byte) {
		var tenant tenancy.Tenant
		var e tenancy.Employee
		if json.Unmarshal(a, &tenant) != nil || json.Unmarshal(b, &e) != nil {
			return
		}
		q, err := entitlement.ParseQuery(c)
		if err != nil {
			return
		}
		terms, err := entitlement.Compile(tenant, types)
		if err != nil {
			if tenancy.KindOf(err) != tenancy.Invalid {
				t.Fatal(err)
			}
			return
		}
		d := entitlement.Decide(entitlement.NewSnapshot(terms, e, "r"), q)
		if d.Allowed != (d.Reason == entitlement.OK) || d.Allowed != (d.Consume != "") {
			t.Fatalf("contradicts itself: %+v", d)
		}
		if _, err := json.Marshal(d); err != nil && !strings.Contains(err.Error(), "year outside of range") {
			t.Fatal(err)
		}
	})
}
