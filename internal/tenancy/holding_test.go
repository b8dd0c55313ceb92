package tenancy

import (
	"reflect"
	"slices"
	"testing"
)

func holding() []Tenant {
	return []Tenant{
		{Slug: "arm", Contracts: []Contract{{ID: "arm-kz", Country: "KZ"}}},
		{Slug: "head", Contracts: []Contract{{ID: "head-ru", Country: "RU", SharedWith: []TenantSlug{"arm", "leg", "nobody", "head"}}}},
		{Slug: "leg"},
		{Slug: "stranger"},
	}
}

func TestWithShared(t *testing.T) {
	given := holding()
	got := WithShared(given)
	shared := Contract{ID: "head-ru", Country: "RU", Holder: "head"}
	want := [][]Contract{
		{given[0].Contracts[0], shared},
		given[1].Contracts,
		{shared},
		nil,
	}
	for i, contracts := range want {
		if got[i].Slug != given[i].Slug || !reflect.DeepEqual(got[i].Contracts, contracts) {
			t.Errorf("%s: %+v, want %+v", got[i].Slug, got[i].Contracts, contracts)
		}
	}
	if !reflect.DeepEqual(given, holding()) {
		t.Error("what was given has changed")
	}
	if again := WithShared(got); !reflect.DeepEqual(again, got) {
		t.Errorf("resolved again: %+v", again)
	}
	if own := got[0].OwnContracts(); !reflect.DeepEqual(own, given[0].Contracts) {
		t.Errorf("own contracts %+v", own)
	}
}

// A shared contract that renews itself ends for everybody when its holder's next
// one begins, and for a member when the member's own does, whichever is first.
func TestASharedContractEndsForAll(t *testing.T) {
	date := func(year int) Date { return NewDate(year, 1, 1) }
	contract := func(id ContractID, from int, members ...TenantSlug) Contract {
		return Contract{ID: id, Country: "RU", From: date(from), Until: date(from + 1), Renewal: RenewsItself, SharedWith: members}
	}
	tenants := WithShared(WithShared([]Tenant{
		{Slug: "arm"},
		{Slug: "head", Contracts: []Contract{contract("first", 2026, "arm", "leg"), contract("next", 2030)}},
		{Slug: "leg", Contracts: []Contract{contract("own", 2028)}},
	}))
	for i, want := range []Date{date(2030), date(2030), date(2028)} {
		j := slices.IndexFunc(tenants[i].Contracts, func(c Contract) bool { return c.ID == "first" })
		if got := tenants[i].End(tenants[i].Contracts[j]); got != want {
			t.Errorf("%s: until %s, want %s", tenants[i].Slug, got, want)
		}
	}
}

// A company that only shares another's contract belongs to the country.
func TestPartHasMembers(t *testing.T) {
	part := Catalogue{Tenants: holding()}.Part("RU")
	if len(part.Tenants) != 3 || len(part.Tenants[0].Contracts) != 0 || len(part.Tenants[1].Contracts) != 1 || part.Tenants[2].Slug != "leg" {
		t.Errorf("the Russian part holds %+v", part.Tenants)
	}
	if part := (Catalogue{Tenants: holding()}).Part("KZ"); len(part.Tenants) != 1 || part.Tenants[0].Slug != "arm" {
		t.Errorf("the Kazakh part holds %+v", part.Tenants)
	}
}
