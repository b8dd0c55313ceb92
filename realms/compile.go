package realms

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/ponimayu/opora/internal/tenancy"
)

// Compile returns what the country's realm should contain, from the baseline
// in templates/realms, the country's overlay and the catalogue. Overlays of the
// contour (YAML in the baseline's form: addresses, limits) are merged last.
//
// Of the catalogue each specialist type becomes a role and a group, each tenant
// with a contract in the country its groups, and an organization when it has a
// domain or its own sign-in there.
func Compile(catalogue tenancy.Catalogue, code tenancy.CountryCode, overlays ...[]byte) (State, error) {
	part := catalogue.Part(code)
	if len(part.Countries) == 0 {
		return State{}, tenancy.E(tenancy.NotFound, "country_unknown", fmt.Sprintf("the catalogue has no country %s", code))
	}
	country := part.Countries[0]
	language := tenancy.Russian
	if len(country.Languages) > 0 {
		language = country.Languages[0]
	}
	brand := country.Realm
	if len(part.Brands) > 0 {
		brand = part.Brands[0].Name.In(language)
	}
	base, err := readBaseline(country, brand, overlays)
	if err != nil {
		return State{}, err
	}
	c := compiler{base: base, country: country, language: language}
	c.compileRealm()
	c.compileTypes(part.SpecialistTypes)
	c.compileClients(part.SpecialistTypes)
	for _, t := range part.Tenants {
		c.compileTenant(t)
	}
	return NewState(country.Realm, c.objects...), nil
}

type compiler struct {
	base     baseline
	country  tenancy.Country
	language tenancy.Language
	objects  []Object
}

func (c *compiler) add(o Object) { c.objects = append(c.objects, o) }

// compileRealm adds what every realm has.
func (c *compiler) compileRealm() {
	realm := c.base.Realm
	realm.Name = c.country.Realm
	for _, l := range c.country.Languages {
		realm.Languages = append(realm.Languages, string(l))
	}
	c.add(&realm)
	c.add(&c.base.Profile)
	c.add(&c.base.SignIn)
	for _, alias := range names(c.base.RequiredActions) {
		action := c.base.RequiredActions[alias]
		action.Alias = alias
		c.add(&action)
	}
	for _, name := range names(c.base.Roles) {
		c.add(&Role{Name: name, Description: c.base.Roles[name]})
	}
	for _, path := range names(c.base.Groups) {
		c.add(c.base.Groups[path].filled(path, nil))
	}
	for _, name := range names(c.base.Scopes) {
		scope := c.base.Scopes[name]
		scope.Name = name
		c.add(&scope)
	}
	for _, alias := range names(c.base.Flows) {
		flow := c.base.Flows[alias]
		flow.Alias = alias
		c.add(&flow)
	}
}

// compileTypes adds a role and a group for each specialist type.
func (c *compiler) compileTypes(types []tenancy.SpecialistType) {
	for _, t := range types {
		words := map[string]string{"type": string(t.Code), "type_name": t.Name.In(c.language)}
		c.add(&Role{Name: string(t.Code), Description: put(c.base.SpecialistTypes.Role, words)})
		c.add(c.base.SpecialistTypes.Group.filled("/specialists/"+string(t.Code), words))
	}
}

// compileClients adds the clients, their roles and what they can do.
func (c *compiler) compileClients(types []tenancy.SpecialistType) {
	defaults := c.base.ClientDefaults
	for _, id := range names(c.base.Clients) {
		template := c.base.Clients[id]
		client := template.Client
		client.ID, client.Enabled = id, defaults.Enabled
		if client.StandardFlow {
			client.PKCE = defaults.PKCE
		}
		if client.Scopes == nil {
			client.Scopes = slices.Clone(defaults.Scopes)
		}
		if client.OptionalScopes == nil {
			client.OptionalScopes = slices.Clone(defaults.OptionalScopes)
		}
		c.add(&client)
		for _, role := range names(template.Roles) {
			c.add(&ClientRole{Client: id, Name: role, Description: template.Roles[role]})
		}
		c.add(&Access{Client: id, TokenRoles: withTypes(template.TokenRoles, types), ServiceAccount: template.ServiceAccountRoles})
	}
}

// withTypes puts the roles of all specialist types where the list says so.
func withTypes(roles []string, types []tenancy.SpecialistType) []string {
	var all []string
	for _, r := range roles {
		if r != "$(specialist_types)" {
			all = append(all, r)
			continue
		}
		for _, t := range types {
			all = append(all, string(t.Code))
		}
	}
	return all
}

// compileTenant adds a tenant's groups, and its organization when it has a
// domain or a sign-in of its own.
func (c *compiler) compileTenant(t tenancy.Tenant) {
	words := map[string]string{"tenant": string(t.Slug)}
	home := "/tenants/" + string(t.Slug)
	c.add(&Group{Path: home})
	for _, name := range names(c.base.TenantGroups) {
		group := c.base.TenantGroups[name].filled(home+"/"+name, words)
		if len(t.SSO) > 0 {
			group.Roles = slices.DeleteFunc(group.Roles, func(role string) bool { return slices.Contains(c.base.PasswordRoles, role) })
		}
		c.add(group)
	}
	if len(t.SSO) == 0 && len(t.Domains) == 0 {
		return
	}
	organization := &Organization{
		Alias: string(t.Slug), Name: t.Name.In(c.language), Enabled: true, Domains: slices.Clone(t.Domains),
	}
	for _, sso := range t.SSO {
		provider := &IdentityProvider{
			Alias: sso.Alias, Protocol: string(sso.Protocol), DisplayName: sso.Name.In(c.language),
			Hidden: true, FirstBroker: c.base.SignIn.FirstBroker, Domain: anyDomain,
		}
		organization.IdentityProviders = append(organization.IdentityProviders, sso.Alias)
		c.add(provider)
	}
	c.add(organization)
}

// anyDomain is Keycloak's word for all domains of the provider's organization.
// A provider that names one of them would have to change with it, and Keycloak
// refuses a name that the organization does not have yet.
const anyDomain = "ANY"

// Entries returns the country's part of the catalogue as objects, one for each
// noun that the contour's copy holds, so that a change in it is shown like a
// change in the realm.
func Entries(part tenancy.Catalogue) ([]Object, error) {
	var entries []Object
	var failed error
	add := func(noun, name string, value any) {
		text, err := json.Marshal(value)
		body := map[string]any{}
		if err == nil {
			err = json.Unmarshal(text, &body)
		}
		if err != nil {
			failed = err
		}
		entries = append(entries, &Entry{Noun: noun, Name: name, Body: body})
	}
	for _, x := range part.Countries {
		add("country", string(x.Code), x)
	}
	for _, x := range part.Brands {
		add("brand", string(x.ID), x)
	}
	for _, x := range part.SpecialistTypes {
		add("specialist type", string(x.Code), x)
	}
	for _, t := range part.Tenants {
		for _, x := range t.Contracts {
			add("contract", string(x.ID), x)
		}
		t.Contracts = nil
		add("tenant", string(t.Slug), t)
	}
	return NewState("", entries...).Objects, failed
}
