package token

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/ponimayu/opora/internal/tenancy"
)

// resource is the client of the realm whose roles are ours.
const resource = "opora-api"

// claims is what we read of an access token.
type claims struct {
	Issuer    string      `json:"iss"`
	Subject   string      `json:"sub"`
	Type      string      `json:"typ"`
	Audience  oneOrMany   `json:"aud"`
	Expires   int64       `json:"exp"`
	NotBefore int64       `json:"nbf"`
	IssuedAt  int64       `json:"iat"`
	Country   string      `json:"country"`
	HROf      oneOrMany   `json:"hr_of"`
	Scope     string      `json:"scope"`
	Realm     roles       `json:"realm_access"`
	Resources rolesByName `json:"resource_access"`
}

type roles struct {
	Roles []string `json:"roles"`
}

type rolesByName map[string]roles

// oneOrMany is a claim that is a string or a list of strings.
type oneOrMany []string

// UnmarshalJSON implements json.Unmarshaler.
func (o *oneOrMany) UnmarshalJSON(b []byte) error {
	var one string
	if json.Unmarshal(b, &one) == nil {
		*o = oneOrMany{one}
		return nil
	}
	return json.Unmarshal(b, (*[]string)(o))
}

// realmRoles and resourceRoles are the roles that mean something here; any
// other in a token is ignored. A role counts only where it belongs: a realm
// role named "booking-core" gives nothing.
var (
	realmRoles = map[string]tenancy.Role{
		"employee": tenancy.RoleEmployee, "hr-admin": tenancy.RoleHRAdmin,
		"platform-admin": tenancy.RolePlatformAdmin, "specialist": tenancy.RoleSpecialist,
	}
	resourceRoles = map[string]tenancy.Role{
		"booking-core": tenancy.RoleBookingCore, "payments": tenancy.RolePayments,
	}
)

// scopedRoles are resource roles that count only in a token of a scope of their
// own (RFC 9068, section 2.2.3): a token that was made for something else, by a
// service that has the role, does not open what the role opens.
var scopedRoles = map[tenancy.Role]string{tenancy.RolePayments: "payments"}

// actor returns who the claims speak for.
func (c claims) actor() tenancy.Actor {
	a := tenancy.Actor{ID: c.Subject}
	a.Roles = appendRoles(a.Roles, c.Realm, realmRoles)
	a.Roles = appendRoles(a.Roles, c.Resources[resource], resourceRoles)
	scopes := strings.Fields(c.Scope)
	a.Roles = slices.DeleteFunc(a.Roles, func(r tenancy.Role) bool {
		scope, needed := scopedRoles[r]
		return needed && !slices.Contains(scopes, scope)
	})
	for _, slug := range c.HROf {
		a.Tenants = append(a.Tenants, tenancy.TenantSlug(slug))
	}
	return a
}

func appendRoles(to []tenancy.Role, from roles, known map[string]tenancy.Role) []tenancy.Role {
	for _, name := range from.Roles {
		if role, ok := known[name]; ok {
			to = append(to, role)
		}
	}
	return to
}
