package entitlement

import (
	"github.com/ponimayu/opora/internal/tenancy"
)

// NewTermsDocument makes the document of what the tenants of a contour bought,
// which are given as the catalogue or the contour has them. It holds what
// decisions need and nothing else: of a tenant no name, domain, company or
// contact, of segments the ids only, and of contracts neither seats nor what is
// agreed about lists. A shared contract stands among those of each of its tenants.
func NewTermsDocument(revision int64, tenants []tenancy.Tenant, types []tenancy.SpecialistType) TermsDocument {
	d := TermsDocument{Revision: revision, SpecialistTypes: make([]tenancy.SpecialistTypeCode, len(types)), Tenants: tenancy.WithShared(tenants)}
	for i, st := range types {
		d.SpecialistTypes[i] = st.Code
	}
	for i, t := range d.Tenants {
		d.Tenants[i] = tenancy.Tenant{Slug: t.Slug, Suspended: t.Suspended, Suspensions: t.Suspensions, Segments: bareSegments(t.Segments), Contracts: bareContracts(t.Contracts)}
	}
	return d
}

// Compile compiles the document's terms by their tenants. Those of a tenant
// that cannot be compiled are Broken: they are the matter of its people alone.
func (d TermsDocument) Compile() map[tenancy.TenantSlug]*Terms {
	types := make([]tenancy.SpecialistType, len(d.SpecialistTypes))
	for i, code := range d.SpecialistTypes {
		types[i].Code = code
	}
	compiled := make(map[tenancy.TenantSlug]*Terms, len(d.Tenants))
	for _, t := range d.Tenants {
		terms, err := Compile(t, types)
		if err != nil {
			terms = Broken(t, err)
		}
		compiled[t.Slug] = terms
	}
	return compiled
}

// bareSegments keeps the ids; records name the segments that people are in, so
// that no rule is needed.
func bareSegments(all []tenancy.Segment) []tenancy.Segment {
	bare := make([]tenancy.Segment, len(all))
	for i, s := range all {
		bare[i] = tenancy.Segment{ID: s.ID, When: tenancy.SegmentRule{Listed: true}}
	}
	return bare
}

func bareContracts(all []tenancy.Contract) []tenancy.Contract {
	bare := make([]tenancy.Contract, len(all))
	for i, c := range all {
		c.Seats, c.Roster, c.SharedWith = 0, tenancy.RosterTerms{}, nil
		bare[i] = c
	}
	return bare
}
