package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	_ "time/tzdata" // a contract's zone must be known on every machine

	"github.com/ponimayu/opora/internal/entitlement"
	"github.com/ponimayu/opora/internal/tenancy"
)

// fetchTerms asks for the terms of the revision, or later ones, and compiles
// them.
func (f *follower) fetchTerms(ctx context.Context, revision int64) (int64, map[tenancy.TenantSlug]*entitlement.Terms, error) {
	ctx, cancel := context.WithTimeout(ctx, f.pace.answer)
	defer cancel()
	doc, err := f.opora.terms(ctx, f.terms)
	if err != nil {
		return 0, nil, err
	}
	if doc == nil || doc.Revision < revision {
		return 0, nil, broken(terms, "is older than the feed says")
	}
	compiled, err := compile(*doc)
	if err != nil {
		return 0, nil, broken(terms, err.Error())
	}
	return doc.Revision, compiled, nil
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

// compile prepares the terms of all tenants. One that is not understood spoils
// them all: answers then grow stale in sight of everybody instead of being
// wrong for one tenant.
func compile(doc entitlement.TermsDocument) (map[tenancy.TenantSlug]*entitlement.Terms, error) {
	for _, tenant := range doc.Tenants {
		if !understood(tenant) {
			return nil, errNewer
		}
	}
	compiled, err := doc.Compile()
	if err != nil {
		return nil, fmt.Errorf("holds terms that do not compile: %w", err)
	}
	return compiled, nil
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
