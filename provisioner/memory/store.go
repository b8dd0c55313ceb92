package memory

import (
	"context"
	"encoding/json"
	"slices"

	"github.com/ponimayu/opora/internal/tenancy"
	"github.com/ponimayu/opora/provisioner"
)

// Store is provisioner.Store in maps. Use NewStore.
type Store struct {
	*Registry
	// Console are the tenants that the console owns.
	Console  []tenancy.TenantSlug
	plans    map[provisioner.PlanID][]byte
	part     tenancy.Catalogue
	revision string
	locked   map[string]bool
}

var _ provisioner.Store = (*Store)(nil)

// NewStore returns an empty store.
func NewStore() *Store {
	return &Store{Registry: NewRegistry(), plans: map[provisioner.PlanID][]byte{}, locked: map[string]bool{}}
}

// StorePlan implements provisioner.Store.
func (s *Store) StorePlan(_ context.Context, p provisioner.Plan) (err error) {
	s.plans[p.ID], err = json.Marshal(p)
	return err
}

// Plan implements provisioner.Store.
func (s *Store) Plan(_ context.Context, id provisioner.PlanID) (p provisioner.Plan, err error) {
	text, ok := s.plans[id]
	if !ok {
		return p, tenancy.E(tenancy.NotFound, "plan_unknown", "there is no such plan here")
	}
	return p, json.Unmarshal(text, &p)
}

// BeginPlan implements provisioner.Store.
func (s *Store) BeginPlan(ctx context.Context, id provisioner.PlanID, accepted []string) error {
	return s.change(ctx, id, func(p *provisioner.Plan) bool {
		p.Accepted = accepted
		was := p.State
		p.State = provisioner.Applying
		return was != provisioner.Applied
	})
}

// EndPlan implements provisioner.Store.
func (s *Store) EndPlan(ctx context.Context, id provisioner.PlanID, problem string) error {
	return s.change(ctx, id, func(p *provisioner.Plan) bool {
		was := p.State
		p.State = provisioner.Applied
		if problem != "" {
			p.State = provisioner.Failed
		}
		return was == provisioner.Applying
	})
}

func (s *Store) change(ctx context.Context, id provisioner.PlanID, change func(*provisioner.Plan) bool) error {
	p, err := s.Plan(ctx, id)
	if err != nil {
		return err
	}
	if !change(&p) {
		return tenancy.E(tenancy.Conflict, "plan_state", "the plan is not in a state for this")
	}
	return s.StorePlan(ctx, p)
}

// LockRealm implements provisioner.Store.
func (s *Store) LockRealm(_ context.Context, realm string) (func(), error) {
	if s.locked[realm] {
		return nil, tenancy.E(tenancy.Conflict, "realm_busy", "another apply is at work on the realm "+realm)
	}
	s.locked[realm] = true
	return func() { s.locked[realm] = false }, nil
}

// Catalogue implements provisioner.Store.
func (s *Store) Catalogue(context.Context) (tenancy.Catalogue, string, error) {
	return s.part, s.revision, nil
}

// ConsoleTenants implements provisioner.Store.
func (s *Store) ConsoleTenants(context.Context) ([]tenancy.TenantSlug, error) { return s.Console, nil }

// StoreCatalogue implements provisioner.Store. Tenants of the console stay.
func (s *Store) StoreCatalogue(_ context.Context, part tenancy.Catalogue, revision string) error {
	for _, t := range s.part.Tenants {
		if slices.Contains(s.Console, t.Slug) {
			part.Tenants = append(slices.Clone(part.Tenants), t)
		}
	}
	s.part, s.revision = part, revision
	return nil
}
