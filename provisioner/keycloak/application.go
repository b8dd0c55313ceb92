package keycloak

import (
	"context"
	"net/http"
	"strings"

	"github.com/ponimayu/opora/internal/tenancy"
	"github.com/ponimayu/opora/provisioner"
	"github.com/ponimayu/opora/realms"
)

// builtIn are the clients that Keycloak makes in every realm. They are never
// ours, so they are not read.
var builtIn = map[string]bool{
	"account": true, "account-console": true, "admin-cli": true, "broker": true, "realm-management": true, "security-admin-console": true,
}

// clientRepresentation is the part of Keycloak's client that is ours.
type clientRepresentation struct {
	ClientID                  string            `json:"clientId"`
	Name                      string            `json:"name"`
	Description               string            `json:"description"`
	Protocol                  string            `json:"protocol"`
	Enabled                   bool              `json:"enabled"`
	PublicClient              bool              `json:"publicClient"`
	StandardFlowEnabled       bool              `json:"standardFlowEnabled"`
	ImplicitFlowEnabled       bool              `json:"implicitFlowEnabled"`
	DirectAccessGrantsEnabled bool              `json:"directAccessGrantsEnabled"`
	ServiceAccountsEnabled    bool              `json:"serviceAccountsEnabled"`
	FullScopeAllowed          bool              `json:"fullScopeAllowed"`
	RedirectURIs              []string          `json:"redirectUris"`
	WebOrigins                []string          `json:"webOrigins"`
	Attributes                map[string]string `json:"attributes"`
	DefaultClientScopes       []string          `json:"defaultClientScopes,omitempty"` // only when a client is made
	OptionalClientScopes      []string          `json:"optionalClientScopes,omitempty"`
}

// The attributes of a client that are ours.
const (
	pkceKey        = "pkce.code.challenge.method"
	afterLogoutKey = "post.logout.redirect.uris"
	deviceKey      = "oauth2.device.authorization.grant.enabled"
)

func (s session) observeClients(ctx context.Context, o *observation) error {
	all, err := s.list(ctx, s.path("clients"), nil)
	if err != nil {
		return err
	}
	for _, d := range all {
		if builtIn[d.text("clientId")] {
			continue
		}
		if err := s.observeClient(ctx, o, d); err != nil {
			return err
		}
	}
	return nil
}

func (s session) observeClient(ctx context.Context, o *observation, d document) error {
	var rep clientRepresentation
	if err := d.into(&rep); err != nil {
		return err
	}
	o.add(&realms.Client{
		ID: rep.ClientID, Name: rep.Name, Description: rep.Description, Enabled: rep.Enabled, Public: rep.PublicClient,
		StandardFlow: rep.StandardFlowEnabled, Implicit: rep.ImplicitFlowEnabled, DirectGrants: rep.DirectAccessGrantsEnabled,
		ServiceAccount: rep.ServiceAccountsEnabled, FullScope: rep.FullScopeAllowed,
		DeviceGrant: rep.Attributes[deviceKey] == "true", PKCE: rep.Attributes[pkceKey],
		RedirectURIs: rep.RedirectURIs, AfterLogout: splitURIs(rep.Attributes[afterLogoutKey]), WebOrigins: rep.WebOrigins,
		Scopes: rep.DefaultClientScopes, OptionalScopes: rep.OptionalClientScopes,
	}, d)
	uuid := d.text("id")
	roles, err := s.list(ctx, s.path("clients", uuid, "roles"), nil)
	if err != nil {
		return err
	}
	for _, role := range roles {
		o.add(&realms.ClientRole{Client: rep.ClientID, Name: role.text("name"), Description: role.text("description")}, role)
	}
	access, err := s.access(ctx, rep.ClientID, uuid, rep.ServiceAccountsEnabled)
	if err != nil {
		return err
	}
	o.add(access, d)
	return nil
}

func splitURIs(text string) []string {
	if text == "" {
		return nil
	}
	return strings.Split(text, "##")
}

// access reads what a client can do.
func (s session) access(ctx context.Context, id, uuid string, serviceAccount bool) (*realms.Access, error) {
	access := &realms.Access{Client: id}
	var scope mappings
	if err := s.client.get(ctx, s.path("clients", uuid, "scope-mappings"), &scope); err != nil {
		return nil, err
	}
	access.TokenRoles = scope.names(s.realm)
	if !serviceAccount {
		return access, nil
	}
	user, err := s.serviceAccount(ctx, uuid)
	if err != nil {
		return nil, err
	}
	var held mappings
	if err := s.client.get(ctx, s.path("users", user, "role-mappings"), &held); err != nil {
		return nil, err
	}
	access.ServiceAccount = held.names(s.realm)
	return access, nil
}

// serviceAccount returns the id of a client's own account.
func (s session) serviceAccount(ctx context.Context, uuid string) (string, error) {
	var user document
	err := s.client.get(ctx, s.path("clients", uuid, "service-account-user"), &user)
	return user.text("id"), err
}

func (s session) writeClient(ctx context.Context, op provisioner.Op, to *realms.Client) error {
	ours, err := s.clientDocument(to)
	if err != nil {
		return err
	}
	there, err := s.findClient(ctx, to.ID)
	if err != nil {
		return err
	}
	// Keycloak shows a client's secret; it is not sent back, so that it stays.
	delete(there, "secret")
	if there == nil {
		ours["defaultClientScopes"], ours["optionalClientScopes"] = to.Scopes, to.OptionalScopes
	}
	if err := s.upsert(ctx, op, there, ours, s.path("clients"), s.path("clients", there.text("id"))); err != nil {
		return err
	}
	return s.writeClientScopes(ctx, to)
}

// clientDocument is the client as Keycloak takes it. Attributes that a client
// does without are taken out.
func (s session) clientDocument(to *realms.Client) (document, error) {
	ours, err := toDocument(clientRepresentation{
		ClientID: to.ID, Name: to.Name, Description: to.Description, Protocol: "openid-connect", Enabled: to.Enabled,
		PublicClient: to.Public, StandardFlowEnabled: to.StandardFlow, ImplicitFlowEnabled: to.Implicit,
		DirectAccessGrantsEnabled: to.DirectGrants, ServiceAccountsEnabled: to.ServiceAccount, FullScopeAllowed: to.FullScope,
		RedirectURIs: to.RedirectURIs, WebOrigins: to.WebOrigins,
	})
	if err != nil {
		return nil, err
	}
	attributes := document{markKey: s.mark, deviceKey: "false", pkceKey: to.PKCE, afterLogoutKey: strings.Join(to.AfterLogout, "##")}
	if to.DeviceGrant {
		attributes[deviceKey] = "true"
	}
	ours["attributes"] = attributes
	return ours, nil
}

// writeClientScopes makes the client's scopes what is wanted: writing a client
// does not touch them.
func (s session) writeClientScopes(ctx context.Context, to *realms.Client) error {
	there, err := s.findClient(ctx, to.ID)
	if err != nil {
		return err
	}
	var have clientRepresentation
	if err := there.into(&have); err != nil {
		return err
	}
	newDefault, oldDefault := compareNames(have.DefaultClientScopes, to.Scopes)
	newOptional, oldOptional := compareNames(have.OptionalClientScopes, to.OptionalScopes)
	if len(newDefault)+len(oldDefault)+len(newOptional)+len(oldOptional) == 0 {
		return nil
	}
	ids, err := s.scopeIDs(ctx)
	if err != nil {
		return err
	}
	// What goes, goes first: a scope that is the one cannot be made the other.
	for _, change := range []struct {
		method, list string
		names        []string
	}{
		{http.MethodDelete, "default-client-scopes", oldDefault},
		{http.MethodDelete, "optional-client-scopes", oldOptional},
		{http.MethodPut, "default-client-scopes", newDefault},
		{http.MethodPut, "optional-client-scopes", newOptional},
	} {
		for _, name := range change.names {
			if ids[name] == "" {
				return tenancy.E(tenancy.NotFound, "scope_missing", "the realm has no client scope "+name)
			}
			if _, err := s.client.send(ctx, change.method, s.path("clients", there.text("id"), change.list, ids[name]), nil, nil); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s session) writeAccess(ctx context.Context, to *realms.Access) error {
	there, err := s.findClient(ctx, to.Client)
	if err != nil {
		return err
	}
	if there == nil {
		return tenancy.E(tenancy.NotFound, "client_missing", "the realm has no client "+to.Client)
	}
	uuid := there.text("id")
	serviceAccount, _ := there["serviceAccountsEnabled"].(bool)
	have, err := s.access(ctx, to.Client, uuid, serviceAccount)
	if err != nil {
		return err
	}
	at := func(base ...string) func(string) string {
		return func(client string) string {
			if client == "" {
				return s.path(append(base, "realm")...)
			}
			return s.path(append(base, "clients", client)...)
		}
	}
	if err := s.replaceRoles(ctx, have.TokenRoles, to.TokenRoles, at("clients", uuid, "scope-mappings")); err != nil {
		return err
	}
	if !serviceAccount {
		return nil
	}
	user, err := s.serviceAccount(ctx, uuid)
	if err != nil {
		return err
	}
	return s.replaceRoles(ctx, have.ServiceAccount, to.ServiceAccount, at("users", user, "role-mappings"))
}

func (s session) removeClient(ctx context.Context, op provisioner.Op, from *realms.Client) error {
	there, err := s.findClient(ctx, from.ID)
	if err != nil || there == nil {
		return err
	}
	if err := may(op, there); err != nil {
		return err
	}
	return s.remove(ctx, s.path("clients", there.text("id")), nil)
}

// Secret returns the secret of a confidential client of the realm.
func (r *Realms) Secret(ctx context.Context, realm, clientID string) (string, error) {
	s := session{Realms: r, realm: realm}
	uuid, err := s.clientUUID(ctx, clientID)
	if err != nil {
		return "", err
	}
	var secret struct {
		Value string `json:"value"`
	}
	if _, err := s.client.send(ctx, http.MethodGet, s.path("clients", uuid, "client-secret"), nil, &secret); err != nil {
		return "", err
	}
	if secret.Value == "" {
		return "", tenancy.E(tenancy.Invalid, "client_public", "the client "+clientID+" is public and has no secret")
	}
	return secret.Value, nil
}
