package tenancy

// TenantSlug names a corporate client in addresses, groups and commands: lower
// case Latin letters, digits and hyphens, such as "cdek". It never changes.
type TenantSlug string

// Tenant is a corporate client. The catalogue describes it without any
// person's data: contacts are roles ("hr", "security"), not people.
type Tenant struct {
	Slug          TenantSlug    `json:"tenant"`
	Name          Text          `json:"name"`
	Suspended     bool          `json:"suspended,omitempty"`   // until it is taken back
	Suspensions   []Suspension  `json:"suspensions,omitempty"` // of the tenant's own people; days are those of the contract's zone
	Domains       []string      `json:"domains,omitempty"`
	LegalEntities []LegalEntity `json:"legal_entities,omitempty"`
	SSO           []SSO         `json:"sso,omitempty"`
	Contacts      []Contact     `json:"contacts,omitempty"`
	Segments      []Segment     `json:"segments,omitempty"`
	Contracts     []Contract    `json:"contracts,omitempty"`
}

// LegalEntityCode names one of a tenant's legal entities within the tenant.
type LegalEntityCode string

// LegalEntity is a company of the tenant that employs people.
type LegalEntity struct {
	Code      LegalEntityCode `json:"code"`
	Name      string          `json:"name"`
	Country   CountryCode     `json:"country,omitempty"` // empty: every country of the tenant
	TaxNumber string          `json:"tax_number,omitempty"`
	Default   bool            `json:"default,omitempty"` // holds when a roster names no entity
}

// SSOProtocol is how a tenant's own sign-in speaks: "oidc" or "saml".
type SSOProtocol string

// The protocols Keycloak brokers.
const (
	OIDC SSOProtocol = "oidc"
	SAML SSOProtocol = "saml"
)

// SSO says that a tenant signs its people in itself. Addresses, certificates
// and secrets are data of the contour, never of the catalogue.
type SSO struct {
	Country  CountryCode `json:"country"`
	Protocol SSOProtocol `json:"protocol"`
	Alias    string      `json:"alias"` // Keycloak identity provider alias
	Name     Text        `json:"name"`
}

// Contact is a role at the tenant and a shared mailbox, never a person.
type Contact struct {
	Role  string `json:"role"`
	Email string `json:"email,omitempty"`
}

// SegmentID names a segment within its tenant.
type SegmentID string

// Segment is a set of a tenant's employees, by what their employments say. An
// employment is in the segment when every named field has one of the named
// values (compared without case, ё as е, spaces folded).
type Segment struct {
	ID   SegmentID   `json:"id"`
	Name Text        `json:"name,omitzero"`
	When SegmentRule `json:"when"`
}

// SegmentRule lists the accepted values by field; an empty list accepts all.
type SegmentRule struct {
	Department  []string          `json:"department,omitempty"`
	Position    []string          `json:"position,omitempty"`
	LegalEntity []LegalEntityCode `json:"legal_entity,omitempty"`
	Grade       []string          `json:"grade,omitempty"`
	Listed      bool              `json:"listed,omitempty"` // by the roster's segment column only
}
