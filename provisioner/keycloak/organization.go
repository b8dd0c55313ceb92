package keycloak

import (
	"context"
	"net/http"

	"github.com/ponimayu/opora/internal/tenancy"
	"github.com/ponimayu/opora/provisioner"
	"github.com/ponimayu/opora/realms"
)

// providerRepresentation is the part of Keycloak's identity provider that is
// ours. Its config otherwise belongs to the contour.
type providerRepresentation struct {
	Alias       string            `json:"alias"`
	ProviderID  string            `json:"providerId"`
	DisplayName string            `json:"displayName"`
	HideOnLogin bool              `json:"hideOnLogin"`
	TrustEmail  bool              `json:"trustEmail"`
	StoreToken  bool              `json:"storeToken"`
	FirstBroker string            `json:"firstBrokerLoginFlowAlias"`
	Config      map[string]string `json:"config"`
}

// The keys of a provider's config that are ours.
const (
	domainKey   = "kc.org.domain"
	redirectKey = "kc.org.broker.redirect.mode.email-matches"
)

func (s session) providers(ctx context.Context) ([]document, error) {
	return s.list(ctx, s.path("identity-provider", "instances"), nil)
}

func (s session) observeIdentityProviders(ctx context.Context, o *observation) error {
	all, err := s.providers(ctx)
	if err != nil {
		return err
	}
	for _, d := range all {
		var rep providerRepresentation
		if err := d.into(&rep); err != nil {
			return err
		}
		o.add(&realms.IdentityProvider{
			Alias: rep.Alias, Protocol: rep.ProviderID, DisplayName: rep.DisplayName, Hidden: rep.HideOnLogin,
			TrustEmail: rep.TrustEmail, StoreToken: rep.StoreToken, FirstBroker: rep.FirstBroker, Domain: rep.Config[domainKey],
		}, d)
	}
	return nil
}

// writeIdentityProvider makes a provider switched off: it has no addresses and
// keys until the contour gives it them.
func (s session) writeIdentityProvider(ctx context.Context, op provisioner.Op, to *realms.IdentityProvider) error {
	item := s.path("identity-provider", "instances", to.Alias)
	there, err := s.find(ctx, item)
	if err != nil {
		return err
	}
	ours, err := toDocument(providerRepresentation{
		Alias: to.Alias, ProviderID: to.Protocol, DisplayName: to.DisplayName, HideOnLogin: to.Hidden,
		TrustEmail: to.TrustEmail, StoreToken: to.StoreToken, FirstBroker: to.FirstBroker,
	})
	if err != nil {
		return err
	}
	ours["config"] = document{markKey: s.mark, domainKey: to.Domain, redirectKey: "true"}
	if there == nil {
		ours["enabled"] = false
	}
	return s.upsert(ctx, op, there, ours, s.path("identity-provider", "instances"), item)
}

func (s session) organizations(ctx context.Context) ([]document, error) {
	return s.list(ctx, s.path("organizations"), nil)
}

func (s session) observeOrganizations(ctx context.Context, o *observation) error {
	if enabled, _ := o.realm["organizationsEnabled"].(bool); !enabled {
		return nil
	}
	all, err := s.organizations(ctx)
	if err != nil {
		return err
	}
	for _, d := range all {
		organization, err := s.organization(ctx, d)
		if err != nil {
			return err
		}
		o.add(organization, d)
	}
	return nil
}

// organization reads an organization with its providers.
func (s session) organization(ctx context.Context, d document) (*realms.Organization, error) {
	var rep struct {
		ID      string     `json:"id"`
		Alias   string     `json:"alias"`
		Name    string     `json:"name"`
		Enabled bool       `json:"enabled"`
		Domains []document `json:"domains"`
	}
	if err := d.into(&rep); err != nil {
		return nil, err
	}
	organization := &realms.Organization{Alias: rep.Alias, Name: rep.Name, Enabled: rep.Enabled}
	for _, domain := range rep.Domains {
		organization.Domains = append(organization.Domains, domain.text("name"))
	}
	var providers []document
	if err := s.client.get(ctx, s.path("organizations", rep.ID, "identity-providers"), &providers); err != nil {
		return nil, err
	}
	for _, p := range providers {
		organization.IdentityProviders = append(organization.IdentityProviders, p.text("alias"))
	}
	return organization, nil
}

func (s session) findOrganization(ctx context.Context, alias string) (document, error) {
	all, err := s.organizations(ctx)
	for _, d := range all {
		if d.text("alias") == alias {
			return d, err
		}
	}
	return nil, err
}

func (s session) writeOrganization(ctx context.Context, op provisioner.Op, to *realms.Organization) error {
	there, err := s.findOrganization(ctx, to.Alias)
	if err != nil {
		return err
	}
	ours := document{
		"alias": to.Alias, "name": to.Name, "enabled": to.Enabled,
		"domains": domains(there, to.Domains), "attributes": document{markKey: []any{s.mark}},
	}
	if err := s.upsert(ctx, op, there, ours, s.path("organizations"), s.path("organizations", there.text("id"))); err != nil {
		return err
	}
	if there, err = s.findOrganization(ctx, to.Alias); err != nil {
		return err
	}
	return s.linkProviders(ctx, there, to.IdentityProviders)
}

// domains returns the wanted domains; those that are there already stay
// verified if they were.
func domains(there document, want []string) []document {
	verified := map[string]any{}
	have, _ := there["domains"].([]any)
	for _, x := range have {
		if d, ok := x.(map[string]any); ok {
			verified[document(d).text("name")] = d["verified"]
		}
	}
	all := []document{}
	for _, name := range want {
		d := document{"name": name}
		if v, ok := verified[name]; ok {
			d["verified"] = v
		}
		all = append(all, d)
	}
	return all
}

func (s session) linkProviders(ctx context.Context, there document, want []string) error {
	have, err := s.organization(ctx, there)
	if err != nil {
		return err
	}
	address := func(parts ...string) string {
		return s.path(append([]string{"organizations", there.text("id"), "identity-providers"}, parts...)...)
	}
	missing, extra := compareNames(have.IdentityProviders, want)
	for _, alias := range extra {
		if err := s.remove(ctx, address(alias), nil); err != nil {
			return err
		}
	}
	for _, alias := range missing {
		if _, err := s.client.send(ctx, http.MethodPost, address(), `"`+alias+`"`, nil); err != nil {
			return err
		}
	}
	return nil
}

// removeOrganization refuses while the organization has managed members:
// Keycloak would delete those people with it.
func (s session) removeOrganization(ctx context.Context, op provisioner.Op, from *realms.Organization) error {
	there, err := s.findOrganization(ctx, from.Alias)
	if err != nil || there == nil {
		return err
	}
	if err := may(op, there); err != nil {
		return err
	}
	var members []document
	address := s.path("organizations", there.text("id"))
	if err := s.client.get(ctx, address+"/members?membershipType=MANAGED&max=1", &members); err != nil {
		return err
	}
	if len(members) > 0 {
		return tenancy.E(tenancy.Conflict, "organization_has_managed_members", "the organization "+from.Alias+
			" has managed members, and Keycloak deletes such accounts with it; take them out of it first")
	}
	return s.remove(ctx, address, nil)
}
