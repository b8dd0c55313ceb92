package catalogue_test

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/ponimayu/opora/internal/catalogue"
	"github.com/ponimayu/opora/internal/tenancy"
)

// reload loads what Marshal wrote, alone in a folder.
func reload(t interface{ Fatalf(string, ...any) }, tenant tenancy.Tenant) tenancy.Tenant {
	document, err := catalogue.Marshal(tenant)
	if err != nil {
		t.Fatalf("%v", err)
	}
	loaded, problems := catalogue.Load(fstest.MapFS{"t.yaml": {Data: document}}, catalogue.Options{})
	if !catalogue.OK(problems) {
		t.Fatalf("what was written does not load: %v\n%s", problems, document)
	}
	return loaded.Tenants[0]
}

func TestMarshalSampleLoadsBackEqual(t *testing.T) {
	want, folder := sample(t).Tenants, fstest.MapFS{}
	for _, tenant := range want {
		document, err := catalogue.Marshal(tenant)
		if err != nil {
			t.Fatal(err)
		}
		folder[string(tenant.Slug)+".yaml"] = &fstest.MapFile{Data: document}
	}
	loaded, problems := catalogue.Load(folder, catalogue.Options{})
	if len(problems) > 0 {
		t.Fatal(written(problems))
	}
	if diff := cmp.Diff(want, loaded.Tenants); diff != "" {
		t.Errorf("(-had +loaded):\n%s", diff)
	}
}

func TestMarshalReadsLikeTheSample(t *testing.T) {
	cdek, _ := sample(t).Tenant("cdek")
	document, err := catalogue.Marshal(cdek)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{
		"tenant: cdek\n", "name: {ru: СДЭК, kk: СДЭК, en: CDEK}\n", "domains: [cdek.example]\n", "    from: 2026-01-01\n",
		"      - {id: talk, specialist_types: [psychologist, coach], amount: 6, per: employee, window: calendar_year, audience: [employee], priority: 10}\n",
	} {
		if !strings.Contains(string(document), line) {
			t.Errorf("there is no line %q in\n%s", line, document)
		}
	}
}

// words that YAML would read as something else if they were not quoted.
var words = []string{"Курьер", "null", "true", "17", "1e3", "2026-01-01", "~", "ООО «Ромашка», филиал: №1", "#5", "- x", "{a}", "Ә 'қ' \"ғ\"", "a: b", "*x", "&x", "!x", "%y", "0x1F", "<<", "@", "`", "x\u00a0y"}

func drawTenant(t *rapid.T) tenancy.Tenant {
	word := func(label string) string { return rapid.SampledFrom(words).Draw(t, label) }
	tenant := tenancy.Tenant{
		Slug: "t", Name: tenancy.Text{Ru: word("ru"), En: word("en")}, Suspended: rapid.Bool().Draw(t, "suspended"),
		LegalEntities: []tenancy.LegalEntity{{Code: "true", Name: word("entity"), Country: "RU", TaxNumber: "0100000004", Default: rapid.Bool().Draw(t, "default")}},
		Segments:      []tenancy.Segment{{ID: "1e3", Name: tenancy.Text{Kk: word("kk")}, When: tenancy.SegmentRule{Position: []string{word("position")}, LegalEntity: []tenancy.LegalEntityCode{"true"}}}},
	}
	if rapid.Bool().Draw(t, "sso") {
		tenant.Domains = []string{"пример.example", "1e3.example"}
		tenant.SSO = []tenancy.SSO{{Country: "RU", Protocol: tenancy.SAML, Alias: "no", Name: tenancy.Text{En: word("sso")}}}
		tenant.Contacts = []tenancy.Contact{{Role: "hr", Email: "hr@example.com"}, {Role: "0x1f"}}
	}
	from := tenancy.NewDate(2025, 1, 1)
	for i := range rapid.IntRange(0, 3).Draw(t, "contracts") {
		until := from.AddDays(rapid.IntRange(10, 900).Draw(t, "days"))
		c := tenancy.Contract{ID: tenancy.ContractID([]string{"17", "null", "c"}[i]), Country: "RU", TimeZone: "Asia/Omsk", From: from, Until: until,
			Seats: rapid.IntRange(0, 9).Draw(t, "seats"), GraceDays: rapid.IntRange(0, 9).Draw(t, "grace"), Suspended: rapid.Bool().Draw(t, "suspended")}
		if rapid.Bool().Draw(t, "dated") {
			c.Renewal = tenancy.RenewsItself
			c.Suspensions = []tenancy.Suspension{{From: from.AddDays(1), Until: from.AddDays(3)}, {From: from.AddDays(4)}}
			tenant.Suspensions = []tenancy.Suspension{{From: tenancy.NewDate(2025, 1, 1)}}
		}
		if rapid.Bool().Draw(t, "agreed") {
			c.Roster = tenancy.RosterTerms{AbsentTimes: rapid.IntRange(1, 10).Draw(t, "times"), DueEveryDays: rapid.IntRange(0, 366).Draw(t, "due"),
				Brake: tenancy.BrakeLimits{AbsentPercent: rapid.IntRange(0, 100).Draw(t, "percent"), IdentityCount: rapid.IntRange(0, 9).Draw(t, "count")}}
		}
		for j := range rapid.IntRange(0, 2).Draw(t, "grants") {
			c.Grants = append(c.Grants, drawGrant(t, tenancy.GrantID([]string{"a", "2026-01-01"}[j]), c))
		}
		tenant.Contracts, from = append(tenant.Contracts, c), until
	}
	return tenant
}

func drawGrant(t *rapid.T, id tenancy.GrantID, c tenancy.Contract) tenancy.Grant {
	g := tenancy.Grant{ID: id, SpecialistTypes: []tenancy.SpecialistTypeCode{"psychologist", "coach"}, Amount: rapid.IntRange(1, 99).Draw(t, "amount"),
		Per: tenancy.PerFamily, Window: rapid.SampledFrom([]tenancy.WindowKind{tenancy.CalendarMonth, tenancy.HireYear, tenancy.Rolling}).Draw(t, "window"),
		Minutes: rapid.IntRange(0, 90).Draw(t, "minutes"), Priority: rapid.IntRange(0, 9).Draw(t, "priority")}
	if g.Window == tenancy.Rolling {
		g.Days = 30
	} else {
		g.CarryOver = rapid.IntRange(0, 3).Draw(t, "carry over")
	}
	if rapid.Bool().Draw(t, "narrow") {
		g.Formats, g.Audience, g.Segments = []tenancy.Format{tenancy.Chat}, []tenancy.Audience{tenancy.ForDependant}, []tenancy.SegmentID{"1e3"}
		g.ValidFrom, g.ValidUntil = c.From.AddDays(1), c.Until
	}
	return g
}

func TestMarshalLoadsBackEqual(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tenant := drawTenant(t)
		if diff := cmp.Diff(tenant, reload(t, tenant)); diff != "" {
			t.Fatalf("(-had +loaded):\n%s", diff)
		}
	})
}

// A holding's contract stands in its holder's document, also when its members
// are written as they are read from a contour.
func TestMarshalHolding(t *testing.T) {
	tenants := []tenancy.Tenant{
		{Slug: "arm", Name: tenancy.Text{Ru: "Рука"}},
		{Slug: "head", Name: tenancy.Text{Ru: "Голова"}, Contracts: []tenancy.Contract{{ID: "head-ru", Country: "RU", TimeZone: "Europe/Moscow",
			From: tenancy.NewDate(2026, 1, 1), Until: tenancy.NewDate(2027, 1, 1), SharedWith: []tenancy.TenantSlug{"arm"}}}},
	}
	folder := fstest.MapFS{}
	for _, tenant := range tenancy.WithShared(tenants) {
		document, err := catalogue.Marshal(tenant)
		if err != nil {
			t.Fatal(err)
		}
		folder[string(tenant.Slug)+".yaml"] = &fstest.MapFile{Data: document}
	}
	loaded, problems := catalogue.Load(folder, catalogue.Options{})
	if len(problems) > 0 {
		t.Fatal(written(problems))
	}
	if diff := cmp.Diff(tenants, loaded.Tenants); diff != "" {
		t.Errorf("(-had +loaded):\n%s", diff)
	}
}
