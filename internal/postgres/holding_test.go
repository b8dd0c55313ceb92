package postgres_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ponimayu/opora/internal/entitlement"
	"github.com/ponimayu/opora/internal/pgtest"
	"github.com/ponimayu/opora/internal/postgres"
	"github.com/ponimayu/opora/internal/tenancy"
)

// A holding: whoever is shared with stands under the head's contract, with his
// own segments, for as long as it is shared with him.
func TestSharedContract(t *testing.T) {
	db := pgtest.New(t)
	part := soldTo("head", 6)
	grants := &part.Tenants[0].Contracts[0].Grants
	*grants = append(*grants, tenancy.Grant{ID: "pool", SpecialistTypes: []tenancy.SpecialistTypeCode{"psychologist"}, Amount: 100, Per: tenancy.PerTenant, Window: tenancy.WholeContract, Priority: 9})
	part.Tenants[0].Contracts[0].SharedWith = []tenancy.TenantSlug{"arm"}
	part.Tenants = append([]tenancy.Tenant{{Slug: "arm"}}, part.Tenants...)
	store(t, db, part, "1")

	have, _, err := db.Catalogue(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(part.Tenants, have.Tenants); diff != "" {
		t.Errorf("the contour's copy (-stored +read):\n%s", diff)
	}

	head, arm := hire(t, db, "head", "Курьер"), hire(t, db, "arm", "Курьер")
	e := postgres.NewEntitlements(db)
	pool := func(d entitlement.Decision) string { return d.Lines[len(d.Lines)-1].Pool }
	if d := decide(t, e, head); d.Limit != 108 || d.Contract != "c1" || pool(d) != "head/pool" {
		t.Errorf("of the head: %+v", d)
	}
	if d := decide(t, e, arm); d.Limit != 106 || d.Contract != "c1" || pool(d) != "head/pool" { // it has no segment of couriers
		t.Errorf("of the arm: %+v", d)
	}

	part.Tenants[1].Contracts[0].SharedWith = nil
	store(t, db, part, "2")
	if d := decide(t, e, arm); d.Reason != entitlement.ContractAbsent {
		t.Errorf("not shared any more: %+v", d)
	}
	part.Tenants[1].Contracts[0].SharedWith = []tenancy.TenantSlug{"arm"}
	store(t, db, part, "3")
	if d := decide(t, e, arm); d.Limit != 106 {
		t.Errorf("shared again: %+v", d)
	}
	part.Tenants = part.Tenants[:1] // the head is gone, and its contract with it
	store(t, db, part, "4")
	if d := decide(t, e, arm); d.Reason != entitlement.ContractAbsent {
		t.Errorf("the head is gone: %+v", d)
	}
}

// What is agreed about lists holds for a member too, and goes on as long as the
// contract renews itself.
func TestListsOfAHolding(t *testing.T) {
	db := pgtest.New(t)
	part := soldTo("head", 6)
	part.Countries = []tenancy.Country{{Code: "RU", TimeZone: "Europe/Moscow"}}
	contract := &part.Tenants[0].Contracts[0]
	contract.SharedWith, contract.Renewal, contract.Roster.DueEveryDays = []tenancy.TenantSlug{"arm"}, tenancy.RenewsItself, 7
	part.Tenants = append([]tenancy.Tenant{{Slug: "arm"}}, part.Tenants...)
	store(t, db, part, "1")
	due, err := db.ListsDue(t.Context(), november.AddDate(5, 0, 0))
	if err != nil || len(due) != 2 || !due[0].Overdue || due[0].Tenant != "arm" {
		t.Errorf("%v %+v", err, due)
	}
}
