package tenancy

import "slices"

// WithShared returns the tenants, each with the contracts that others share
// with it among its own. Such a contract names its Holder and nobody whom it is
// shared with. A contract of a tenant that is not given is not there either.
// Tenants that have their shared contracts already stay as they are. What is
// given is not changed.
func WithShared(tenants []Tenant) []Tenant {
	held := make([]Tenant, len(tenants))
	place := make(map[TenantSlug]int, len(tenants))
	for i, t := range tenants {
		t.Contracts = slices.Clone(t.Contracts)
		held[i], place[t.Slug] = t, i
	}
	for _, holder := range tenants {
		for _, c := range holder.Contracts {
			members := c.SharedWith
			c.SharedWith, c.Holder = nil, holder.Slug
			if c.Renewal == RenewsItself {
				c.RenewsUntil = holder.End(c)
			}
			for _, member := range members {
				if i, known := place[member]; known && member != holder.Slug && !held[i].hasContract(c.ID) {
					held[i].Contracts = append(held[i].Contracts, c)
				}
			}
		}
	}
	return held
}

func (t Tenant) hasContract(id ContractID) bool {
	return slices.ContainsFunc(t.Contracts, func(c Contract) bool { return c.ID == id })
}

// OwnContracts returns the contracts that the tenant holds itself, without
// those that others share with it.
func (t Tenant) OwnContracts() []Contract {
	return keep(t.Contracts, func(c Contract) bool { return c.Holder == "" })
}

// members are the tenants that contracts of the country are shared with.
func (c Catalogue) members(code CountryCode) map[TenantSlug]bool {
	members := map[TenantSlug]bool{}
	for _, t := range c.Tenants {
		for _, contract := range t.Contracts {
			for _, member := range contract.SharedWith {
				if contract.Country == code {
					members[member] = true
				}
			}
		}
	}
	return members
}
