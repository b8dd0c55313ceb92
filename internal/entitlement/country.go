package entitlement

import (
	"fmt"
	"slices"

	"github.com/ponimayu/opora/internal/tenancy"
)

// CountryOf says whose contracts an employee of the tenant is under, where no
// contour says it: the country of his legal entities, else the tenant's only
// country. It is "" for a tenant without contracts. When several are possible
// the error (Invalid, country_ambiguous) says so.
func CountryOf(tenant tenancy.Tenant, employee tenancy.Employee) (tenancy.CountryCode, error) {
	var codes []tenancy.CountryCode
	for _, e := range employee.Employments {
		i := slices.IndexFunc(tenant.LegalEntities, func(x tenancy.LegalEntity) bool { return x.Code == e.LegalEntity })
		if i >= 0 && tenant.LegalEntities[i].Country != "" {
			codes = append(codes, tenant.LegalEntities[i].Country)
		}
	}
	if len(codes) == 0 {
		for _, c := range tenant.Contracts {
			codes = append(codes, c.Country)
		}
	}
	slices.Sort(codes)
	switch codes = slices.Compact(codes); len(codes) {
	case 0:
		return "", nil
	case 1:
		return codes[0], nil
	}
	return "", tenancy.E(tenancy.Invalid, "country_ambiguous", fmt.Sprintf("tenant %s has contracts in %v and the employee's legal entity is of no single one; say which country", tenant.Slug, codes))
}

// InCountry returns the tenant with only the country's contracts.
func InCountry(tenant tenancy.Tenant, country tenancy.CountryCode) tenancy.Tenant {
	tenant.Contracts = slices.DeleteFunc(slices.Clone(tenant.Contracts), func(c tenancy.Contract) bool { return c.Country != country })
	return tenant
}
