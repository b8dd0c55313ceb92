package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"slices"
	_ "time/tzdata" // a contract's zone must be known on every machine

	"github.com/ponimayu/opora/internal/entitlement"
	"github.com/ponimayu/opora/internal/tenancy"
)

// fetchTerms asks for the terms of the revision, or later ones.
func (f *follower) fetchTerms(ctx context.Context, revision int64) (*entitlement.TermsDocument, error) {
	ctx, cancel := context.WithTimeout(ctx, f.pace.answer)
	defer cancel()
	doc, err := f.opora.terms(ctx, f.terms)
	if err != nil {
		return nil, err
	}
	if doc == nil || doc.Revision < revision {
		return nil, broken(terms, "is older than the feed says")
	}
	return doc, nil
}

// errNewer is why terms are refused that this program cannot decide by:
// deciding by half of them would be wrong without a sign of it.
var errNewer = errors.New("tells of what this version of the client does not know; build the program with a newer one")

// decodeTerms reads JSON that holds terms. What it does not know it refuses.
func decodeTerms(body []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		if json.Valid(body) {
			return errNewer
		}
		return errors.New("is no JSON")
	}
	return nil
}

// compile prepares the terms of all tenants. Those of a tenant that cannot be
// worked with, or that say what this program would not heed, are broken: its
// people are refused (ErrTerms), and the others are answered.
func compile(doc entitlement.TermsDocument) (compiled map[tenancy.TenantSlug]*entitlement.Terms, broken []tenancy.TenantSlug) {
	compiled = doc.Compile()
	for _, tenant := range doc.Tenants {
		if !understood(tenant) {
			compiled[tenant.Slug] = entitlement.Broken(tenant, errNewer)
		}
		if compiled[tenant.Slug].Err() != nil {
			broken = append(broken, tenant.Slug)
		}
	}
	return compiled, broken
}

var (
	knownPer    = []tenancy.Per{tenancy.PerEmployee, tenancy.PerFamily, tenancy.PerTenant}
	knownWindow = []tenancy.WindowKind{tenancy.CalendarMonth, tenancy.CalendarQuarter, tenancy.CalendarYear,
		tenancy.ContractYear, tenancy.HireYear, tenancy.Rolling, tenancy.WholeContract}
)

// understood reports whether contracts and grants are of kinds that this
// version decides by.
func understood(tenant tenancy.Tenant) bool {
	for _, contract := range tenant.Contracts {
		if contract.Renewal != "" && contract.Renewal != tenancy.RenewsItself {
			return false
		}
		for _, g := range contract.Grants {
			if !slices.Contains(knownPer, g.Per) || !slices.Contains(knownWindow, g.Window) {
				return false
			}
		}
	}
	return true
}
