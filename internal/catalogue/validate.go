package catalogue

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/net/idna"

	"github.com/ponimayu/opora/internal/tenancy"
)

// validate checks what one document cannot know alone: references, clashes
// between documents, and dates that contradict each other. Where two places
// contradict, the problem stands at the later one and names the other.
func (l *loader) validate() {
	w := &world{loader: l, seen: map[string]place{}, byTenant: map[tenancy.TenantSlug]*document{}, stands: map[tenancy.TenantSlug][]stand{}}
	w.gather()
	for _, doc := range l.documents {
		switch doc.kind {
		case countryKind:
			w.country(doc)
		case brandKind:
			w.once(doc.at("brand"), "brand_duplicate", "brand", string(doc.brand.ID))
		case typesKind:
			w.types(doc)
		case tenantKind:
			w.tenant(doc)
		}
	}
	w.sharedOverlaps()
	if len(w.tenants) == 0 && OK(l.problems) {
		l.warn(place{file: l.folder}, "tenant_missing", "the catalogue has no tenant yet")
	}
}

// world is everything that documents may refer to, and what was seen so far.
type world struct {
	*loader
	countries map[tenancy.CountryCode]tenancy.Country
	brands    []string
	typeCodes []string
	tenants   []tenancy.TenantSlug
	byTenant  map[tenancy.TenantSlug]*document
	stands    map[tenancy.TenantSlug][]stand
	seen      map[string]place
}

func (w *world) gather() {
	w.countries = map[tenancy.CountryCode]tenancy.Country{}
	for _, doc := range w.documents {
		switch doc.kind {
		case countryKind:
			w.countries[doc.country.Code] = doc.country
		case brandKind:
			w.brands = append(w.brands, string(doc.brand.ID))
		case typesKind:
			for _, st := range doc.types {
				w.typeCodes = append(w.typeCodes, string(st.Code))
			}
		case tenantKind:
			w.tenants = append(w.tenants, doc.tenant.Slug)
			w.byTenant[doc.tenant.Slug] = doc
		}
	}
}

// once says that something with a name stands in a second place; what names
// the kind of thing and keeps names of different kinds apart.
func (w *world) once(at place, code tenancy.ProblemCode, what, name string) {
	if name == "" {
		return // its absence is a problem of its own
	}
	key := what + " " + name
	if first, again := w.seen[key]; again {
		w.problem(at, code, "%s %q is here and at %s", what, name, first)
		return
	}
	w.seen[key] = at
}

func (w *world) countryCodes() []string {
	codes := make([]string, 0, len(w.countries))
	for code := range w.countries {
		codes = append(codes, string(code))
	}
	slices.Sort(codes)
	return codes
}

// knownCountry reports whether the catalogue has the country.
func (w *world) knownCountry(at place, code tenancy.CountryCode) bool {
	if code == "" {
		return false
	}
	if _, ok := w.countries[code]; !ok {
		w.problem(at, "country_unknown", "the catalogue has no country %q; %s", code, suggestion(string(code), w.countryCodes()))
		return false
	}
	return true
}

func (w *world) zone(at place, name string) {
	if name == "" {
		return
	}
	if _, err := time.LoadLocation(name); err != nil || name == "Local" {
		w.problem(at, "time_zone_unknown", "there is no time zone %q; zones have IANA names such as Europe/Moscow or Asia/Almaty", name)
	}
}

func (w *world) country(doc *document) {
	c := doc.country
	w.once(doc.at("country"), "country_duplicate", "country", string(c.Code))
	w.once(doc.at("realm"), "realm_duplicate", "realm", c.Realm)
	if c.Realm == "master" {
		w.problem(doc.at("realm"), "name_reserved", "realm \"master\" is Keycloak's own, from which all others are ruled; give the country another")
	}
	w.zone(doc.at("time_zone"), c.TimeZone)
	if c.Brand != "" && !slices.Contains(w.brands, string(c.Brand)) {
		w.problem(doc.at("brand"), "brand_unknown", "the catalogue has no brand %q; %s", c.Brand, suggestion(string(c.Brand), w.brands))
	}
}

// reservedRoles are realm roles already, Opora's or Keycloak's; a specialist
// type is one too.
var reservedRoles = []string{
	string(tenancy.RoleEmployee), string(tenancy.RoleHRAdmin), string(tenancy.RolePlatformAdmin), string(tenancy.RoleSpecialist),
	"second-factor", "offline_access", "uma_authorization", "admin", "create-realm",
}

// isReservedRole reports whether the name is taken; each realm has a role
// default-roles-<realm>.
func isReservedRole(name string) bool {
	return slices.Contains(reservedRoles, name) || strings.HasPrefix(name, "default-roles-")
}

func (w *world) types(doc *document) {
	for i, st := range doc.types {
		at := doc.at("specialist_types", i, "code")
		w.once(at, "specialist_type_duplicate", "specialist type", string(st.Code))
		if isReservedRole(string(st.Code)) {
			w.problem(at, "name_reserved", "%q is a role of Opora's or Keycloak's own and cannot be a specialist type", st.Code)
		}
	}
}

func (w *world) tenant(doc *document) {
	w.once(doc.at("tenant"), "tenant_duplicate", "tenant", string(doc.tenant.Slug))
	w.domains(doc)
	w.legalEntities(doc)
	w.sso(doc)
	w.segments(doc)
	w.suspensions(doc, doc.tenant.Suspensions, nil, "suspensions")
	w.contracts(doc)
}

// domains belong to one tenant, however they are spelt.
func (w *world) domains(doc *document) {
	for i, domain := range doc.tenant.Domains {
		if domain == "" || slices.Contains(doc.tenant.Domains[:i], domain) {
			continue // a problem of its own
		}
		ascii, err := idna.Lookup.ToASCII(domain)
		if err != nil {
			w.problem(doc.at("domains", i), "value_invalid", "%q is not %s", domain, spelledDomain)
			continue
		}
		key := "domain " + ascii
		if first, again := w.seen[key]; again {
			w.problem(doc.at("domains", i), "domain_clash", "domain %s is claimed here and at %s", domain, first)
			continue
		}
		w.seen[key] = doc.at("domains", i)
	}
}

func (w *world) legalEntities(doc *document) {
	codes := map[tenancy.LegalEntityCode]place{}
	for i, entity := range doc.tenant.LegalEntities {
		at := doc.at("legal_entities", i, "code")
		if first, again := codes[entity.Code]; again && entity.Code != "" {
			w.problem(at, "legal_entity_duplicate", "legal entity %q is here and at %s", entity.Code, first)
		} else {
			codes[entity.Code] = at
		}
		known := entity.Country != "" && w.knownCountry(doc.at("legal_entities", i, "country"), entity.Country)
		if entity.Country == "" || known {
			w.taxNumber(doc, i)
		}
		w.defaultEntity(doc, i)
	}
}

// defaultEntity finds a second default in the same country.
func (w *world) defaultEntity(doc *document, i int) {
	entity := doc.tenant.LegalEntities[i]
	if !entity.Default {
		return
	}
	for j, other := range doc.tenant.LegalEntities[:i] {
		if other.Default && (other.Country == "" || entity.Country == "" || other.Country == entity.Country) {
			w.problem(doc.at("legal_entities", i, "default"), "legal_entity_default", "two legal entities are the default of one country: this one and that at %s", doc.at("legal_entities", j, "default"))
			return
		}
	}
}

// taxNumber checks the number by its country's rule, or, for an entity of
// every country, by that of any country where the tenant has a contract.
func (w *world) taxNumber(doc *document, i int) {
	entity := doc.tenant.LegalEntities[i]
	if entity.TaxNumber == "" {
		return
	}
	countries := []tenancy.CountryCode{entity.Country}
	if entity.Country == "" {
		countries = nil
		for _, c := range doc.tenant.Contracts {
			countries = append(countries, c.Country)
		}
	}
	var why error
	for _, c := range countries {
		if why = checkTaxNumber(c, entity.TaxNumber); why == nil {
			return
		}
	}
	if why != nil {
		w.problem(doc.at("legal_entities", i, "tax_number"), "tax_number_invalid", "%v", why)
	}
}

func (w *world) sso(doc *document) {
	byCountry := map[tenancy.CountryCode]place{}
	for i, sso := range doc.tenant.SSO {
		at := doc.at("sso", i, "country")
		w.once(doc.at("sso", i, "alias"), "alias_duplicate", "identity provider of "+string(sso.Country), sso.Alias)
		if !w.knownCountry(at, sso.Country) {
			continue
		}
		if first, again := byCountry[sso.Country]; again {
			w.problem(at, "sso_duplicate", "the tenant has a second sign-in of %s here; the first is at %s", sso.Country, first)
		}
		byCountry[sso.Country] = at
		if len(doc.tenant.Domains) == 0 {
			w.warn(doc.at("sso", i), "sso_without_domain", "the tenant has its own sign-in but no `domains:`, so nobody is sent to it by his address")
		}
	}
}

func (w *world) segments(doc *document) {
	ids := map[tenancy.SegmentID]place{}
	entities := entityCodes(doc.tenant)
	for i, segment := range doc.tenant.Segments {
		at := doc.at("segments", i, "id")
		if first, again := ids[segment.ID]; again && segment.ID != "" {
			w.problem(at, "segment_duplicate", "segment %q is here and at %s", segment.ID, first)
		} else {
			ids[segment.ID] = at
		}
		when := segment.When
		ruled := doc.has("segments", i, "when", "department") || doc.has("segments", i, "when", "position") ||
			doc.has("segments", i, "when", "legal_entity") || doc.has("segments", i, "when", "grade")
		switch {
		case !ruled && !when.Listed:
			w.problem(doc.at("segments", i, "when"), "segment_empty", "segment %q has no rule and would take everybody; name a position, department, legal entity or grade, or say `listed: true`", segment.ID)
		case ruled && when.Listed:
			w.problem(doc.at("segments", i, "when", "listed"), "segment_empty", "segment %q is by the roster's column only (`listed: true`) and has rules too; keep one of them", segment.ID)
		}
		for j, code := range when.LegalEntity {
			if code != "" && !slices.Contains(entities, string(code)) {
				w.problem(doc.at("segments", i, "when", "legal_entity", j), "legal_entity_unknown", "the tenant has no legal entity %q; %s", code, suggestion(string(code), entities))
			}
		}
	}
}

func entityCodes(t tenancy.Tenant) []string {
	codes := make([]string, 0, len(t.LegalEntities))
	for _, e := range t.LegalEntities {
		codes = append(codes, string(e.Code))
	}
	return codes
}

// period is a run of days in words.
func period(from, until tenancy.Date) string { return fmt.Sprintf("%s to %s", from, until.AddDays(-1)) }
