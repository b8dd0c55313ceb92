package tenancy

import "testing"

func TestPartTakesOneCountryOnly(t *testing.T) {
	whole := Catalogue{
		Countries: []Country{{Code: "RU", Brand: "ponimayu"}, {Code: "KZ", Brand: "empatia"}},
		Brands:    []Brand{{ID: "ponimayu"}, {ID: "empatia"}},
		Tenants: []Tenant{
			{Slug: "both",
				LegalEntities: []LegalEntity{{Code: "any"}, {Code: "ru", Country: "RU"}, {Code: "kz", Country: "KZ"}},
				SSO:           []SSO{{Country: "KZ", Alias: "both-kz"}},
				Contracts:     []Contract{{ID: "ru", Country: "RU"}, {ID: "kz", Country: "KZ"}}},
			{Slug: "only-kz", Contracts: []Contract{{ID: "kz2", Country: "KZ"}}},
		},
	}
	part := whole.Part("RU")
	if len(part.Countries) != 1 || part.Countries[0].Code != "RU" || len(part.Brands) != 1 || part.Brands[0].ID != "ponimayu" {
		t.Errorf("countries and brands: %+v", part)
	}
	if len(part.Tenants) != 1 || part.Tenants[0].Slug != "both" {
		t.Fatalf("tenants: %+v", part.Tenants)
	}
	got := part.Tenants[0]
	if len(got.Contracts) != 1 || got.Contracts[0].ID != "ru" || len(got.LegalEntities) != 2 || len(got.SSO) != 0 {
		t.Errorf("the Russian part holds %+v", got)
	}
	if len(whole.Tenants[0].Contracts) != 2 {
		t.Error("Part changed the catalogue it was taken from")
	}
}
