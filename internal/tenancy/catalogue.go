package tenancy

import "slices"

// Catalogue is the whole catalogue, without personal data. The same catalogue
// is applied in every contour; each takes its own country's part (Part).
type Catalogue struct {
	Countries       []Country        `json:"countries"`
	Brands          []Brand          `json:"brands"`
	SpecialistTypes []SpecialistType `json:"specialist_types"`
	Tenants         []Tenant         `json:"tenants"`
}

// Country returns the country with the code.
func (c Catalogue) Country(code CountryCode) (Country, bool) {
	i := slices.IndexFunc(c.Countries, func(x Country) bool { return x.Code == code })
	if i < 0 {
		return Country{}, false
	}
	return c.Countries[i], true
}

// Tenant returns the tenant with the slug.
func (c Catalogue) Tenant(slug TenantSlug) (Tenant, bool) {
	i := slices.IndexFunc(c.Tenants, func(x Tenant) bool { return x.Slug == slug })
	if i < 0 {
		return Tenant{}, false
	}
	return c.Tenants[i], true
}

// Part returns what a contour takes of the catalogue: its country, the brand
// of that country, all specialist types, and the tenants with a contract there,
// their own or one shared with them, each with only that country's contracts of
// its own, legal entities and sign-in.
func (c Catalogue) Part(code CountryCode) Catalogue {
	part := Catalogue{SpecialistTypes: c.SpecialistTypes}
	if country, ok := c.Country(code); ok {
		part.Countries = []Country{country}
		for _, b := range c.Brands {
			if b.ID == country.Brand {
				part.Brands = append(part.Brands, b)
			}
		}
	}
	members := c.members(code)
	for _, t := range c.Tenants {
		t.Contracts = keep(t.Contracts, func(x Contract) bool { return x.Country == code })
		if len(t.Contracts) == 0 && !members[t.Slug] {
			continue
		}
		t.LegalEntities = keep(t.LegalEntities, func(x LegalEntity) bool { return x.Country == "" || x.Country == code })
		t.SSO = keep(t.SSO, func(x SSO) bool { return x.Country == code })
		part.Tenants = append(part.Tenants, t)
	}
	return part
}

func keep[T any](all []T, ok func(T) bool) []T {
	var kept []T
	for _, x := range all {
		if ok(x) {
			kept = append(kept, x)
		}
	}
	return kept
}
