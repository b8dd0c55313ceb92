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
	tenant      tenancy.TenantSlug
	suspended   bool
	suspensions []tenancy.Suspension
	types       map[tenancy.SpecialistTypeCode]struct{}
	segments    []segment
	contracts   []contract // by first day
	broken      error      // why nobody may be decided about
}

// contract is a tenancy.Contract with its instants worked out.
type contract struct {
	tenancy.Contract
	zone        *zone
	end         tenancy.Date // the first day after it; zero when it has no end
	from, until time.Time    // from its first day to its end; until is zero without end
	grants      []grant      // by priority, then as the catalogue has them
}

// grant is a tenancy.Grant with its segments resolved and its own days as
// instants (zero where the catalogue gives none).
type grant struct {
	tenancy.Grant
	everybody         bool       // it names no segment
	segments          segmentSet // those of the tenant that it names, perhaps none
	pool              string     // the key of a tenant-wide amount
	validFrom, validU time.Time
}

// Compile prepares what the tenant bought in one country (tenancy.Catalogue.Part,
// tenancy.WithShared) with the platform's specialist types. The
// catalogue is expected to be valid; what Compile cannot work with all the same
// is a *tenancy.Error of kind Invalid.
func Compile(tenant tenancy.Tenant, types []tenancy.SpecialistType) (*Terms, error) {
	t := &Terms{tenant: tenant.Slug, suspended: tenant.Suspended, suspensions: tenant.Suspensions, types: make(map[tenancy.SpecialistTypeCode]struct{}, len(types))}
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
		compiled, err := t.compileContract(c, tenant.End(c))
		if err != nil {
			return nil, err
		}
		t.contracts = append(t.contracts, compiled)
	}
	slices.SortStableFunc(t.contracts, func(a, b contract) int { return a.from.Compare(b.from) })
	t.join()
	return t, nil
}

// Broken returns what stands for the terms of a tenant that Compile cannot work
// with. They know its people and their segments, and why they are broken (Err);
// nobody may be decided about under them, as if nothing had been bought for him.
func Broken(tenant tenancy.Tenant, why error) *Terms {
	t, err := Compile(tenancy.Tenant{Slug: tenant.Slug, Segments: tenant.Segments}, nil)
	if err != nil {
		t = &Terms{tenant: tenant.Slug}
	}
	t.broken = why
	return t
}

// Err returns why nobody may be decided about under these terms; nil when all is well.
func (t *Terms) Err() error { return t.broken }

// join lets a contract that ends on the day on which the next begins run until
// that one does: in other time zones the day begins at other times. The instant
// is told in the zone of the contract that it ends.
func (t *Terms) join() {
	for i := 1; i < len(t.contracts); i++ {
		if last, next := &t.contracts[i-1], &t.contracts[i]; last.end == next.From {
			last.until = next.from.In(last.zone.Location)
		}
	}
}

func (t *Terms) compileContract(c tenancy.Contract, end tenancy.Date) (contract, error) {
	zone, err := loadZone(c)
	if err != nil {
		return contract{}, err
	}
	compiled := contract{Contract: c, zone: zone, end: end, from: zone.start(c.From)}
	if !end.IsZero() {
		compiled.until = zone.start(end)
	}
	for _, g := range c.Grants {
		made, err := t.compileGrant(g, &compiled)
		if err != nil {
			return contract{}, err
		}
		compiled.grants = append(compiled.grants, made)
	}
	slices.SortStableFunc(compiled.grants, func(a, b grant) int { return cmp.Compare(a.Priority, b.Priority) })
	return compiled, nil
}

func (t *Terms) compileGrant(g tenancy.Grant, of *contract) (grant, error) {
	made := grant{Grant: g, everybody: len(g.Segments) == 0}
	holder := cmp.Or(of.Holder, t.tenant)
	var unknown tenancy.SegmentID
	made.segments, unknown = t.segmentSet(g.Segments)
	if unknown != "" && holder == t.tenant { // a member of a holding need not have each segment of its head
		return grant{}, tenancy.E(tenancy.Invalid, "segment_unknown", fmt.Sprintf("tenant %s has no segment %q", t.tenant, unknown))
	}
	if g.Per == tenancy.PerTenant {
		made.pool = string(holder) + "/" + string(g.ID)
	}
	if !g.ValidFrom.IsZero() {
		made.validFrom = of.zone.start(g.ValidFrom)
	}
	if !g.ValidUntil.IsZero() {
		made.validU = of.zone.start(g.ValidUntil)
	}
	return made, nil
}

// segmentSet resolves the names of segments; unknown is one that the tenant
// does not have. A set is empty when it has none of them, which is nobody.
func (t *Terms) segmentSet(ids []tenancy.SegmentID) (set segmentSet, unknown tenancy.SegmentID) {
	for _, id := range ids {
		i := slices.IndexFunc(t.segments, func(s segment) bool { return s.id == id })
		if i < 0 {
			unknown = id
			continue
		}
		set |= 1 << i
	}
	return set, unknown
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

func (c *contract) runs(at time.Time) bool {
	return !at.Before(c.from) && (c.until.IsZero() || at.Before(c.until))
}

// holds reports whether the grant is within its own dates.
func (g *grant) holds(at time.Time) bool {
	return !at.Before(g.validFrom) && (g.validU.IsZero() || at.Before(g.validU))
}

// meant reports whether the grant is meant for somebody in the segments.
func (g *grant) meant(segments segmentSet) bool { return g.everybody || g.segments&segments != 0 }

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
