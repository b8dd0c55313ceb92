package provisioner

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/ponimayu/opora/internal/tenancy"
	"github.com/ponimayu/opora/realms"
)

// PlanID is the UUID of a stored plan.
type PlanID string

// PlanState is where a stored plan stands; docs/life-of-a-plan.md has the
// picture.
type PlanState string

// The states of a plan. A plan of which nothing was applied stays drafted; one
// that broke half-way is failed (or, when the process died, applying) and is
// finished by applying it again.
const (
	Drafted  PlanState = "drafted"
	Applying PlanState = "applying"
	Applied  PlanState = "applied"
	Failed   PlanState = "failed"
)

// Plan is what would change in a country's realm and in the contour's own copy
// of the catalogue, and what it was computed from.
type Plan struct {
	ID        PlanID
	Country   tenancy.CountryCode
	Realm     string
	Source    string // the catalogue's folder on the machine that planned, if any
	Revision  string // of what is wanted
	Have      string // of what was there
	Ops       []Op
	State     PlanState
	Actor     string
	Accepted  []string // codes of findings accepted so far
	PlannedAt time.Time
}

// Findings returns the plan's dangers.
func (p Plan) Findings() []Finding { return Guard(p.Ops) }

// Store is what a Planner keeps in PostgreSQL.
type Store interface {
	Registry
	StorePlan(ctx context.Context, p Plan) error
	Plan(ctx context.Context, id PlanID) (Plan, error)
	BeginPlan(ctx context.Context, id PlanID, accepted []string) error
	EndPlan(ctx context.Context, id PlanID, problem string) error
	LockRealm(ctx context.Context, realm string) (unlock func(), err error)
	// Catalogue is the contour's own copy of the catalogue.
	Catalogue(ctx context.Context) (part tenancy.Catalogue, revision string, err error)
	ConsoleTenants(ctx context.Context) ([]tenancy.TenantSlug, error)
	StoreCatalogue(ctx context.Context, part tenancy.Catalogue, revision string) error
}

// Planner plans and applies what a catalogue wants of one country's contour.
type Planner struct {
	Target   Target
	Store    Store
	Country  tenancy.CountryCode
	Overlays [][]byte // of the contour, for realms.Compile
	Actor    string
	// Progress, if not nil, is told of each op that was carried out.
	Progress func(op Op, done, of int)
}

// wish is what a catalogue wants of the contour.
type wish struct {
	state    realms.State      // of the realm, and of the contour's copy
	part     tenancy.Catalogue // what the copy should hold of the catalogue's own
	revision string
}

// Plan compares the catalogue with the realm and the contour's copy. A plan
// with anything to do is stored and has an id.
func (p *Planner) Plan(ctx context.Context, catalogue tenancy.Catalogue, source string) (Plan, error) {
	plan, err := p.draft(ctx, catalogue)
	if err != nil || len(plan.Ops) == 0 {
		return plan, err
	}
	plan.ID, plan.Source = PlanID(uuid.NewString()), source
	return plan, p.Store.StorePlan(ctx, plan)
}

// Drift compares the contour's copy of the catalogue with the realm: what it
// finds was changed by hand. The plan is not stored.
func (p *Planner) Drift(ctx context.Context) (Plan, error) {
	part, _, err := p.Store.Catalogue(ctx)
	if err != nil {
		return Plan{}, err
	}
	if len(part.Countries) == 0 {
		return Plan{}, tenancy.E(tenancy.Conflict, "catalogue_absent", "this contour has no catalogue yet; apply it first: opora catalogue apply -f DIR")
	}
	return p.draft(ctx, part)
}

func (p *Planner) draft(ctx context.Context, catalogue tenancy.Catalogue) (Plan, error) {
	want, err := p.wish(ctx, catalogue)
	if err != nil {
		return Plan{}, err
	}
	have, err := p.observe(ctx, want.state.Realm)
	if err != nil {
		return Plan{}, err
	}
	name, err := have.Hash()
	return Plan{
		Country: p.Country, Realm: want.state.Realm, Revision: want.revision, Have: name,
		Ops: Diff(have, want.state), State: Drafted, Actor: p.Actor,
	}, err
}

// wish compiles the catalogue. Tenants that the console owns are wanted as
// they are, since what one owner wrote the other never mends.
func (p *Planner) wish(ctx context.Context, catalogue tenancy.Catalogue) (wish, error) {
	part := catalogue.Part(p.Country)
	whole, err := p.withConsole(ctx, catalogue, part)
	if err != nil {
		return wish{}, err
	}
	state, err := realms.Compile(whole, p.Country, p.Overlays...)
	if err != nil {
		return wish{}, err
	}
	entries, err := realms.Entries(whole.Part(p.Country))
	if err != nil {
		return wish{}, err
	}
	state = realms.NewState(state.Realm, append(state.Objects, entries...)...)
	revision, err := hash(state)
	return wish{state, part, revision}, err
}

// withConsole returns the part with the console's tenants.
func (p *Planner) withConsole(ctx context.Context, catalogue, part tenancy.Catalogue) (tenancy.Catalogue, error) {
	slugs, err := p.Store.ConsoleTenants(ctx)
	if err != nil || len(slugs) == 0 {
		return part, err
	}
	copied, _, err := p.Store.Catalogue(ctx)
	if err != nil {
		return part, err
	}
	part.Tenants = slices.Clone(part.Tenants)
	for _, slug := range slugs {
		if _, both := catalogue.Tenant(slug); both {
			part.Tenants = slices.DeleteFunc(part.Tenants, func(t tenancy.Tenant) bool { return t.Slug == slug })
		}
		if t, ok := copied.Tenant(slug); ok {
			part.Tenants = append(part.Tenants, t)
		}
	}
	return part, nil
}

// observe reads the realm and the contour's copy of the catalogue.
func (p *Planner) observe(ctx context.Context, realm string) (Observed, error) {
	have, err := Observe(ctx, p.Target, p.Store, realm)
	if err != nil {
		return Observed{}, err
	}
	part, _, err := p.Store.Catalogue(ctx)
	if err != nil {
		return Observed{}, err
	}
	entries, err := realms.Entries(part)
	if err != nil {
		return Observed{}, err
	}
	for _, e := range entries {
		have.Ours[e.Ref()] = true
	}
	have.State = realms.NewState(realm, append(have.State.Objects, entries...)...)
	return have, nil
}

// Apply carries out a stored plan, and nothing else: it refuses with plan_stale
// when the catalogue has changed since, or when what is there has. A plan that
// broke half-way may be applied again; then what is left must be a part of it.
func (p *Planner) Apply(ctx context.Context, id PlanID, catalogue tenancy.Catalogue, accept []string) (Plan, error) {
	plan, err := p.Store.Plan(ctx, id)
	if err != nil {
		return plan, err
	}
	if plan.State == Applied {
		return plan, tenancy.E(tenancy.Conflict, "plan_applied", "this plan has been applied already; plan again to see whether there is more to do")
	}
	if plan.Country != p.Country {
		return plan, tenancy.E(tenancy.Conflict, "plan_foreign", fmt.Sprintf("this plan is for %s and the contour is %s", plan.Country, p.Country))
	}
	unlock, err := p.Store.LockRealm(ctx, plan.Realm)
	if err != nil {
		return plan, err
	}
	defer unlock()
	want, ops, err := p.remaining(ctx, plan, catalogue)
	if err != nil {
		return plan, err
	}
	accepted := slices.Concat(plan.Accepted, accept)
	if err := Unaccepted(Guard(ops), accepted); err != nil {
		return plan, err
	}
	if err := p.Store.BeginPlan(ctx, id, accepted); err != nil {
		return plan, err
	}
	return p.carryOut(ctx, plan, want, ops)
}

// remaining returns the plan's ops that are still to do: all of them, unless
// an apply of it broke half-way.
func (p *Planner) remaining(ctx context.Context, plan Plan, catalogue tenancy.Catalogue) (wish, []Op, error) {
	want, err := p.wish(ctx, catalogue)
	if err != nil {
		return wish{}, nil, err
	}
	if want.revision != plan.Revision {
		return wish{}, nil, stale("the catalogue has changed since the plan was made")
	}
	have, err := p.observe(ctx, plan.Realm)
	if err != nil {
		return wish{}, nil, err
	}
	name, err := have.Hash()
	if err != nil {
		return wish{}, nil, err
	}
	ops := Diff(have, want.state)
	switch {
	case plan.State == Drafted && (name != plan.Have || !same(ops, plan.Ops)):
		return wish{}, nil, stale("Keycloak or the contour has changed since the plan was made")
	case plan.State != Drafted && !within(ops, plan.Ops):
		return wish{}, nil, stale("something else has changed since the plan broke off")
	}
	return want, ops, nil
}

// same reports whether two lists of ops are the same, from and to included.
func same(a, b []Op) bool {
	one, err := hash(a)
	two, failed := hash(b)
	return err == nil && failed == nil && one == two
}

// within reports whether every op is a step of the plan, or the rest of one:
// it ends in what the plan ends in.
func within(ops, plan []Op) bool {
	for _, op := range ops {
		if !slices.ContainsFunc(plan, func(planned Op) bool {
			return planned.Ref == op.Ref && (planned.To == nil) == (op.To == nil) && realms.Equal(planned.To, op.To)
		}) {
			return false
		}
	}
	return true
}

// carryOut applies the ops and notes how it ended.
func (p *Planner) carryOut(ctx context.Context, plan Plan, want wish, ops []Op) (Plan, error) {
	done := 0
	tell := func(op Op) {
		done++
		if p.Progress != nil {
			p.Progress(op, done, len(ops))
		}
	}
	// The ops of the contour's copy are the last ones, and one transaction.
	first := slices.IndexFunc(ops, func(op Op) bool { return op.Ref.Kind == realms.KindEntry })
	if first < 0 {
		first = len(ops)
	}
	err := Apply(ctx, ops[:first], plan.Realm, p.Target, p.Store, tell)
	if err == nil {
		err = p.Store.StoreCatalogue(ctx, want.part, want.revision)
	}
	if err == nil {
		for _, op := range ops[first:] {
			tell(op)
		}
	}
	problem := ""
	plan.State = Applied
	if err != nil {
		problem, plan.State = err.Error(), Failed
	}
	// How it ended is noted even when it ended because ctx did.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	if noted := p.Store.EndPlan(ctx, plan.ID, problem); err == nil {
		err = noted
	}
	return plan, err
}

func stale(why string) error {
	return tenancy.E(tenancy.Conflict, "plan_stale", why+"; plan again and look at what it would do now")
}
