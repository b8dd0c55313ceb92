package catalogue

import (
	"slices"

	"github.com/ponimayu/opora/internal/tenancy"
)

// stand is a contract that a tenant stands under, and where that is said.
type stand struct {
	contract tenancy.Contract
	at       place
	shared   bool // by another tenant
}

// sharing checks with whom the contract is shared, and notes it for overlaps.
func (w *world) sharing(doc *document, i int) {
	c := doc.tenant.Contracts[i]
	w.stands[doc.tenant.Slug] = append(w.stands[doc.tenant.Slug], stand{c, doc.at("contracts", i, "from"), false})
	for j, slug := range c.SharedWith {
		at := doc.at("contracts", i, "shared_with", j)
		member, known := w.byTenant[slug]
		switch {
		case slug == "" || slices.Contains(c.SharedWith[:j], slug):
			// a problem of its own
		case slug == doc.tenant.Slug:
			w.problem(at, "shared_with_itself", "contract %q is %s's own; `shared_with:` names the other companies only", c.ID, slug)
		case !known:
			w.problem(at, "tenant_unknown", "there is no tenant %q to share contract %q with; %s", slug, c.ID, suggestion(string(slug), texts(w.tenants)))
		case !worksIn(member.tenant, c.Country):
			w.problem(at, "shared_country", "contract %q is of %s, where tenant %q has no legal entity (%s)", c.ID, c.Country, slug, member.at("legal_entities"))
		default:
			w.stands[slug] = append(w.stands[slug], stand{c, at, true})
		}
	}
}

// worksIn reports whether the tenant can have people in the country: a legal
// entity there, or of every country, or none named at all.
func worksIn(t tenancy.Tenant, code tenancy.CountryCode) bool {
	return len(t.LegalEntities) == 0 || slices.ContainsFunc(t.LegalEntities, func(e tenancy.LegalEntity) bool {
		return e.Country == "" || e.Country == code
	})
}

// sharedOverlaps finds contracts shared with a tenant that run while another of
// its contracts does.
func (w *world) sharedOverlaps() {
	for _, slug := range w.tenants {
		stands := w.stands[slug]
		delete(w.stands, slug) // a slug that stands twice is looked at once
		for i, s := range stands {
			for _, other := range stands[:i] {
				if !s.shared && !other.shared || !meet(s.contract, other.contract) {
					continue
				}
				if !s.shared {
					s, other = other, s // the problem stands where the sharing is said
				}
				w.problem(s.at, "contract_overlap", "contract %q (%s) is shared with %s, whose contract %q (%s, at %s) runs at the same time in %s",
					s.contract.ID, period(s.contract.From, s.contract.Until), slug, other.contract.ID, period(other.contract.From, other.contract.Until), other.at, s.contract.Country)
			}
		}
	}
}

// suspensions checks the dates of a list of suspensions that stands below path.
// What a contract suspends lies within it.
func (w *world) suspensions(doc *document, list []tenancy.Suspension, of *tenancy.Contract, path ...any) {
	part := func(i int, key string) place { return doc.at(append(slices.Clone(path), i, key)...) }
	for i, s := range list {
		if reversed(s.From, s.Until) {
			w.problem(part(i, "until"), "dates_reversed", "a suspension ends before it begins: until %s is not after from %s (%s)", s.Until, s.From, part(i, "from"))
			continue
		}
		if s.From.IsZero() {
			continue
		}
		for j, other := range list[:i] {
			if !other.From.IsZero() && !reversed(other.From, other.Until) && (other.Until.IsZero() || s.From.Before(other.Until)) && (s.Until.IsZero() || other.From.Before(s.Until)) {
				w.problem(part(i, "from"), "suspension_overlap", "two suspensions hold at the same time: this one and that at %s; make one of them", part(j, "from"))
				break
			}
		}
		if of == nil || undated(*of) {
			continue
		}
		late := of.Renewal == "" && !s.From.Before(of.Until)
		if late || (!s.Until.IsZero() && !s.Until.After(of.From)) {
			w.problem(part(i, "from"), "suspension_outside", "the suspension suspends no day of contract %q (%s)", of.ID, period(of.From, of.Until))
		}
	}
}
