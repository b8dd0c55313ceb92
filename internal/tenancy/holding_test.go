package tenancy

import (
	"reflect"
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
