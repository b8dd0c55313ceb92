package realms

// Role is a realm role. Includes are the roles that its holders get with it; a
// client role is written "client/role".
type Role struct {
	Name        string   `json:"name"`
	Description string   `json:"description"`
	Includes    []string `json:"includes"`
}

// Ref implements Object.
func (r *Role) Ref() Ref { return Ref{KindRole, r.Name} }

func (r *Role) normalise() { r.Includes = set(r.Includes) }

// Scope is a client scope: claims that tokens of its clients hold.
type Scope struct {
	Name        string            `json:"name"`
	Description string            `json:"description"`
	Mappers     map[string]Mapper `json:"mappers"`
}

// Mapper puts one claim into tokens.
type Mapper struct {
	Type   string            `json:"type"`
	Config map[string]string `json:"config"`
}

// Ref implements Object.
func (s *Scope) Ref() Ref { return Ref{KindScope, s.Name} }

func (s *Scope) normalise() {
	if s.Mappers == nil {
		s.Mappers = map[string]Mapper{}
	}
	for name, m := range s.Mappers {
		if m.Config == nil {
			m.Config = map[string]string{}
			s.Mappers[name] = m
		}
	}
}

// Client is an application. Its secret, if it has one, is made by Keycloak and
// known to nobody here.
type Client struct {
	ID             string   `json:"id"` // clientId
	Name           string   `json:"name"`
	Description    string   `json:"description"`
	Enabled        bool     `json:"enabled"`
	Public         bool     `json:"public"`
	StandardFlow   bool     `json:"standard_flow"`
	Implicit       bool     `json:"implicit"`
	DirectGrants   bool     `json:"direct_grants"`
	ServiceAccount bool     `json:"service_account"`
	DeviceGrant    bool     `json:"device_grant"`
	FullScope      bool     `json:"full_scope"` // its tokens may carry every role; Access says which otherwise
	PKCE           string   `json:"pkce"`
	RedirectURIs   []string `json:"redirect_uris"`
	AfterLogout    []string `json:"after_logout"`
	WebOrigins     []string `json:"web_origins"`
	Scopes         []string `json:"scopes"`
	OptionalScopes []string `json:"optional_scopes"`
}

// Ref implements Object.
func (c *Client) Ref() Ref { return Ref{KindClient, c.ID} }

func (c *Client) normalise() {
	c.RedirectURIs, c.AfterLogout, c.WebOrigins = set(c.RedirectURIs), set(c.AfterLogout), set(c.WebOrigins)
	c.Scopes, c.OptionalScopes = set(c.Scopes), set(c.OptionalScopes)
}

// ClientRole is a role that only means something to one client.
type ClientRole struct {
	Client      string `json:"client"`
	Name        string `json:"name"`
	Description string `json:"description"`
}

// Ref implements Object.
func (r *ClientRole) Ref() Ref { return Ref{KindClientRole, r.Client + "/" + r.Name} }

func (r *ClientRole) normalise() {}

// Access says what a client can do: the roles its tokens may carry, and those
// its own service account holds. A client role is written "client/role". Every
// client has an Access, empty at first.
type Access struct {
	Client         string   `json:"client"`
	TokenRoles     []string `json:"token_roles"`
	ServiceAccount []string `json:"service_account"`
}

// Ref implements Object.
func (a *Access) Ref() Ref { return Ref{KindAccess, a.Client} }

func (a *Access) normalise() {
	a.TokenRoles, a.ServiceAccount = set(a.TokenRoles), set(a.ServiceAccount)
}

// Group is a group of accounts. Its roles and attributes hold for those in it,
// so that an employee costs neither.
type Group struct {
	Path       string              `json:"path"`
	Attributes map[string][]string `json:"attributes"`
	Roles      []string            `json:"roles"`
}

// Ref implements Object.
func (g *Group) Ref() Ref { return Ref{KindGroup, g.Path} }

func (g *Group) normalise() {
	g.Roles = set(g.Roles)
	if g.Attributes == nil {
		g.Attributes = map[string][]string{}
	}
}

// IdentityProvider is a tenant's own sign-in. Whether it is switched on, its
// addresses, keys and secrets are the contour's and not compared.
type IdentityProvider struct {
	Alias       string `json:"alias"`
	Protocol    string `json:"protocol"` // oidc, saml
	DisplayName string `json:"display_name"`
	Hidden      bool   `json:"hidden"`      // reached by address, not by a button everybody sees
	TrustEmail  bool   `json:"trust_email"` // whether its word on an address is taken
	StoreToken  bool   `json:"store_token"`
	FirstBroker string `json:"first_broker"` // flow of the first sign-in
	Domain      string `json:"domain"`       // addresses of this domain are sent here; "ANY" for all of its organization
}

// Ref implements Object.
func (p *IdentityProvider) Ref() Ref { return Ref{KindIdentityProvider, p.Alias} }

func (p *IdentityProvider) normalise() {}

// Organization is a tenant that has its own sign-in or domain. Whether a
// domain is verified is the contour's.
type Organization struct {
	Alias             string   `json:"alias"`
	Name              string   `json:"name"`
	Enabled           bool     `json:"enabled"`
	Domains           []string `json:"domains"`
	IdentityProviders []string `json:"identity_providers"`
}

// Ref implements Object.
func (o *Organization) Ref() Ref { return Ref{KindOrganization, o.Alias} }

func (o *Organization) normalise() {
	o.Domains, o.IdentityProviders = set(o.Domains), set(o.IdentityProviders)
}

// Entry is one noun of the catalogue as the contour's own copy holds it, such
// as "tenant cdek" or "contract cdek-ru-2026".
type Entry struct {
	Noun string         `json:"noun"`
	Name string         `json:"name"`
	Body map[string]any `json:"body"`
}

// Ref implements Object.
func (e *Entry) Ref() Ref { return Ref{KindEntry, e.Noun + " " + e.Name} }

func (e *Entry) normalise() {}
