package entitlement

import (
	"maps"
	"slices"

	"github.com/ponimayu/opora/internal/tenancy"
)

// Tenant returns whose terms these are.
func (t *Terms) Tenant() tenancy.TenantSlug { return t.tenant }

// SpecialistTypes returns the platform's types, in the order of their codes.
func (t *Terms) SpecialistTypes() []tenancy.SpecialistTypeCode {
	return slices.Sorted(maps.Keys(t.types))
}
