package entitlement

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/ponimayu/opora/internal/tenancy"
)

// MaxSegments is how many segments a tenant may have: an employee's are one
// machine word, so that a decision compares them without looking them up.
const MaxSegments = 64

// Terms is what one tenant bought in one country, compiled: zones are loaded,
// names resolved, grants sorted. It is never changed and safe to share.
type Terms struct {
	tenant    tenancy.TenantSlug
	suspended bool
	types     map[tenancy.SpecialistTypeCode]struct{}
	segments  []segment
	contracts []contract // by first day
}

// contract is a tenancy.Contract with its instants worked out.
type contract struct {
	id          tenancy.ContractID
	zone        *time.Location
	first       tenancy.Date
	from, until time.Time
	graceDays   int
	suspended   bool
	grants      []grant // by priority, then as the catalogue has them
}

// grant is a tenancy.Grant with its segments resolved and its own days as
// instants (zero where the catalogue gives none).
type grant struct {
	tenancy.Grant
	segments          segmentSet // 0: everybody
	validFrom, validU time.Time
}

// Compile prepares the tenant's part of the catalogue (tenancy.Catalogue.Part:
// the contracts of one country) and the platform's specialist types. The
// catalogue is expected to be valid; what Compile cannot work with all the same
// is a *tenancy.Error of kind Invalid.
func Compile(tenant tenancy.Tenant, types []tenancy.SpecialistType) (*Terms, error) {
	t := &Terms{tenant: tenant.Slug, suspended: tenant.Suspended, types: make(map[tenancy.SpecialistTypeCode]struct{}, len(types))}
	for _, st := range types {
		t.types[st.Code] = struct{}{}
	}
	if len(tenant.Segments) > MaxSegments {
		return nil, tenancy.E(tenancy.Invalid, "segments_too_many", fmt.Sprintf("tenant %s has %d segments; %d are possible", tenant.Slug, len(tenant.Segments), MaxSegments))
	}
	for _, s := range tenant.Segments {
		t.segments = append(t.segments, compileSegment(s))
	}
	for _, c := range tenant.Contracts {
		compiled, err := t.compileContract(c)
		if err != nil {
			return nil, err
		}
		t.contracts = append(t.contracts, compiled)
	}
	slices.SortStableFunc(t.contracts, func(a, b contract) int { return a.from.Compare(b.from) })
	return t, nil
}

func (t *Terms) compileContract(c tenancy.Contract) (contract, error) {
	zone, err := time.LoadLocation(c.TimeZone)
	if err != nil || c.TimeZone == "" {
		return contract{}, tenancy.E(tenancy.Invalid, "time_zone_unknown", fmt.Sprintf("contract %s: there is no time zone %q", c.ID, c.TimeZone))
	}
	compiled := contract{
		id: c.ID, zone: zone, first: c.From, from: dayStart(c.From, zone), until: dayStart(c.Until, zone),
		graceDays: c.GraceDays, suspended: c.Suspended,
	}
	for _, g := range c.Grants {
		set, err := t.segmentSet(g.Segments)
		if err != nil {
			return contract{}, err
		}
		made := grant{Grant: g, segments: set}
		if !g.ValidFrom.IsZero() {
			made.validFrom = dayStart(g.ValidFrom, zone)
		}
		if !g.ValidUntil.IsZero() {
			made.validU = dayStart(g.ValidUntil, zone)
		}
		compiled.grants = append(compiled.grants, made)
	}
	slices.SortStableFunc(compiled.grants, func(a, b grant) int { return cmp.Compare(a.Priority, b.Priority) })
	return compiled, nil
}

// segmentSet resolves the names of segments.
func (t *Terms) segmentSet(ids []tenancy.SegmentID) (segmentSet, error) {
	var set segmentSet
	for _, id := range ids {
		i := slices.IndexFunc(t.segments, func(s segment) bool { return s.id == id })
		if i < 0 {
			return 0, tenancy.E(tenancy.Invalid, "segment_unknown", fmt.Sprintf("tenant %s has no segment %q", t.tenant, id))
		}
		set |= 1 << i
	}
	return set, nil
}

// running returns the contract that runs at the instant, or nil.
func (t *Terms) running(at time.Time) *contract {
	for i := range t.contracts {
		if c := &t.contracts[i]; c.runs(at) {
			return c
		}
	}
	return nil
}

// reference returns the contract whose zone and grace period say what day it
// is for the tenant: the running one, else the last that has begun, else the
// first to come; nil without any contract.
func (t *Terms) reference(at time.Time) *contract {
	if c := t.running(at); c != nil {
		return c
	}
	for i := len(t.contracts) - 1; i >= 0; i-- {
		if !t.contracts[i].from.After(at) {
			return &t.contracts[i]
		}
	}
	if len(t.contracts) > 0 {
		return &t.contracts[0]
	}
	return nil
}

func (c *contract) runs(at time.Time) bool { return !at.Before(c.from) && at.Before(c.until) }

// holds reports whether the grant is within its own dates.
func (g *grant) holds(at time.Time) bool {
	return !at.Before(g.validFrom) && (g.validU.IsZero() || at.Before(g.validU))
}

func (g *grant) covers(code tenancy.SpecialistTypeCode) bool {
	return slices.Contains(g.SpecialistTypes, code)
}

// fits reports whether the appointment's format and length are the grant's.
func (g *grant) fits(q *Query) bool {
	if q.Format != "" && len(g.Formats) > 0 && !slices.Contains(g.Formats, q.Format) {
		return false
	}
	return g.Minutes == 0 || q.Minutes <= g.Minutes
}

func (g *grant) serves(whom tenancy.Audience) bool {
	if len(g.Audience) == 0 {
		return whom == tenancy.ForEmployee
	}
	return slices.Contains(g.Audience, whom)
}
