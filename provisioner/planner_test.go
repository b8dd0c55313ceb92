package provisioner_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/ponimayu/opora/internal/tenancy"
	"github.com/ponimayu/opora/provisioner"
	"github.com/ponimayu/opora/provisioner/memory"
	"github.com/ponimayu/opora/provisioner/targettest"
	"github.com/ponimayu/opora/realms"
)

// contour is a planner over a realm and a store in memory.
type contour struct {
	*provisioner.Planner
	t      *testing.T
	realms *memory.Realms
	store  *memory.Store
}

func newContour(t *testing.T) *contour {
	c := &contour{t: t, realms: memory.NewRealms(), store: memory.NewStore()}
	c.Planner = &provisioner.Planner{Target: c.realms, Store: c.store, Country: "RU", Actor: "test"}
	return c
}

func (c *contour) mustPlan(catalogue tenancy.Catalogue) provisioner.Plan {
	c.t.Helper()
	plan, err := c.Plan(c.t.Context(), catalogue, "")
	if err != nil {
		c.t.Fatal(err)
	}
	return plan
}

func (c *contour) mustApply(plan provisioner.Plan, catalogue tenancy.Catalogue, accept ...string) {
	c.t.Helper()
	if _, err := c.Apply(c.t.Context(), plan.ID, catalogue, accept); err != nil {
		c.t.Fatal(err)
	}
}

// wantRefusal applies and wants the error code.
func (c *contour) wantRefusal(code string, plan provisioner.Plan, catalogue tenancy.Catalogue, accept ...string) {
	c.t.Helper()
	_, err := c.Apply(c.t.Context(), plan.ID, catalogue, accept)
	var refusal *tenancy.Error
	if !errors.As(err, &refusal) || refusal.Code != code {
		c.t.Errorf("error %v, want %s", err, code)
	}
}

// sample is the catalogue of the exam, with a grant.
func sample() tenancy.Catalogue {
	c := targettest.Sample("ponimayu")
	c.Tenants[1].Contracts[0].Grants = []tenancy.Grant{{ID: "talk", Amount: 6}}
	return c
}

// byHand changes a group of the realm as somebody would in Keycloak.
func (c *contour) byHand() {
	c.t.Helper()
	to := &realms.Group{Path: "/tenants/cdek/employees", Roles: []string{"platform-admin"}}
	if err := c.realms.Execute(c.t.Context(), "ponimayu", provisioner.Op{Verb: provisioner.Update, Ref: to.Ref(), To: to}); err != nil {
		c.t.Fatal(err)
	}
}

func TestPlanIsAppliedExactlyOnce(t *testing.T) {
	c := newContour(t)
	plan := c.mustPlan(sample())
	c.mustApply(plan, sample())
	c.wantRefusal("plan_applied", plan, sample())
	if again := c.mustPlan(sample()); again.ID != "" || len(again.Ops) > 0 {
		t.Errorf("a second plan has %d ops: %v", len(again.Ops), again.Ops)
	}
	if drift, err := c.Drift(t.Context()); err != nil || len(drift.Ops) > 0 {
		t.Errorf("drift %v, %v", drift.Ops, err)
	}
	if _, err := c.Apply(t.Context(), "11111111-1111-1111-1111-111111111111", sample(), nil); tenancy.KindOf(err) != tenancy.NotFound {
		t.Errorf("a plan nobody made: %v", err)
	}
}

func TestStalePlanIsRefused(t *testing.T) {
	changed := sample()
	changed.Tenants[1].Contracts[0].Grants[0].Amount = 7
	t.Run("the catalogue moved", func(t *testing.T) {
		c := newContour(t)
		c.wantRefusal("plan_stale", c.mustPlan(sample()), changed)
	})
	t.Run("Keycloak moved", func(t *testing.T) {
		c := newContour(t)
		c.mustApply(c.mustPlan(sample()), sample())
		plan := c.mustPlan(changed)
		c.byHand()
		c.wantRefusal("plan_stale", plan, changed)
	})
	t.Run("the contour's copy moved", func(t *testing.T) {
		c := newContour(t)
		c.mustApply(c.mustPlan(sample()), sample())
		first, second := c.mustPlan(changed), c.mustPlan(changed)
		c.mustApply(first, changed)
		c.wantRefusal("plan_stale", second, changed)
	})
	t.Run("something else moved after a break", func(t *testing.T) {
		c := newContour(t)
		c.mustApply(c.mustPlan(sample()), sample())
		plan := c.mustPlan(withTenant(sample()))
		c.breakAfter(plan, withTenant(sample()), 1)
		c.byHand()
		c.wantRefusal("plan_stale", plan, withTenant(sample()))
	})
}

// TestOthersDoNotMakeAPlanStale: what somebody makes beside ours is no reason
// to plan again, unless it stands in the way.
func TestOthersDoNotMakeAPlanStale(t *testing.T) {
	c := newContour(t)
	c.mustApply(c.mustPlan(sample()), sample())
	plan := c.mustPlan(withTenant(sample()))
	if err := c.realms.PutUnmarked("ponimayu", &realms.Client{ID: "theirs", Enabled: true}); err != nil {
		t.Fatal(err)
	}
	if err := c.realms.PutUnmarked("ponimayu", &realms.Group{Path: "/tenants/vega"}); err != nil {
		t.Fatal(err)
	}
	c.wantRefusal("plan_stale", plan, withTenant(sample()))
	if err := c.realms.Execute(t.Context(), "ponimayu", provisioner.Op{
		Verb: provisioner.Adopt, Ref: realms.Ref{Kind: realms.KindGroup, Key: "/tenants/vega"}, To: &realms.Group{Path: "/tenants/vega"},
	}); err != nil {
		t.Fatal(err)
	}
	c.wantRefusal("plan_stale", plan, withTenant(sample()))
	plan = c.mustPlan(withTenant(sample()))
	if err := c.realms.PutUnmarked("ponimayu", &realms.Role{Name: "theirs"}); err != nil {
		t.Fatal(err)
	}
	c.mustApply(plan, withTenant(sample()))
}

func withTenant(catalogue tenancy.Catalogue) tenancy.Catalogue {
	catalogue.Tenants = append(catalogue.Tenants, tenancy.Tenant{
		Slug: "vega", Name: tenancy.Text{Ru: "Вега"}, Domains: []string{"vega.example"}, Contracts: []tenancy.Contract{{ID: "vega-ru", Country: "RU"}},
	})
	return catalogue
}

// breakAfter applies the plan to a Keycloak that breaks after so many ops.
func (c *contour) breakAfter(plan provisioner.Plan, catalogue tenancy.Catalogue, after int) {
	c.t.Helper()
	c.Target = &breaksAfter{c.realms, after}
	_, err := c.Apply(c.t.Context(), plan.ID, catalogue, nil)
	if !errors.Is(err, errGone) {
		c.t.Fatalf("the fault did not strike: %v", err)
	}
	c.Target = c.realms
}

var errGone = errors.New("Keycloak is gone")

type breaksAfter struct {
	*memory.Realms
	left int
}

func (b *breaksAfter) Execute(ctx context.Context, realm string, op provisioner.Op) error {
	if b.left--; b.left < 0 {
		return errGone
	}
	return b.Realms.Execute(ctx, realm, op)
}

func TestBrokenPlanIsFinished(t *testing.T) {
	for _, after := range []int{0, 1, 20, 60} {
		c := newContour(t)
		plan := c.mustPlan(sample())
		c.breakAfter(plan, sample(), after)
		if stored, _ := c.store.Plan(t.Context(), plan.ID); stored.State != provisioner.Failed {
			t.Errorf("after the break the plan is %s", stored.State)
		}
		if _, revision, _ := c.store.Catalogue(t.Context()); revision != "" {
			t.Error("the contour's copy was written before Keycloak had it all")
		}
		c.mustApply(plan, sample())
		if left := c.mustPlan(sample()); len(left.Ops) > 0 {
			t.Errorf("broken after %d: still to do %v", after, left.Ops)
		}
	}
}

func TestFindingsAreAcceptedByName(t *testing.T) {
	c := newContour(t)
	c.mustApply(c.mustPlan(sample()), sample())
	without := sample()
	without.Tenants = slices.Delete(without.Tenants, 2, 3) // romashka
	plan := c.mustPlan(without)
	c.wantRefusal("finding_not_accepted", plan, without)
	c.wantRefusal("finding_not_accepted", plan, without, "removes_group", "removes_tenant")
	if left := c.mustPlan(sample()); len(left.Ops) > 0 {
		t.Fatalf("a refused apply changed something: %v", left.Ops)
	}
	c.mustApply(plan, without, "removes_group", "removes_tenant", "removes_contract")
	if left := c.mustPlan(without); len(left.Ops) > 0 {
		t.Errorf("still to do: %v", left.Ops)
	}
}

func TestDriftIsWhatSomebodyChanged(t *testing.T) {
	c := newContour(t)
	if _, err := c.Drift(t.Context()); tenancy.KindOf(err) != tenancy.Conflict {
		t.Errorf("drift of an empty contour: %v", err)
	}
	c.mustApply(c.mustPlan(sample()), sample())
	c.byHand()
	drift, err := c.Drift(t.Context())
	if err != nil || len(drift.Ops) != 1 || drift.Ops[0].String() != "update group /tenants/cdek/employees" || drift.ID != "" {
		t.Errorf("drift %v, %v", drift, err)
	}
	c.mustApply(c.mustPlan(sample()), sample())
	if drift, err := c.Drift(t.Context()); err != nil || len(drift.Ops) > 0 {
		t.Errorf("after mending: drift %v, %v", drift.Ops, err)
	}
}

func TestChangeOfAGrantIsInThePlan(t *testing.T) {
	c := newContour(t)
	c.mustApply(c.mustPlan(sample()), sample())
	changed := sample()
	changed.Tenants[1].Contracts[0].Grants[0].Amount = 8
	plan := c.mustPlan(changed)
	want := []realms.Change{{Field: "grants[talk].amount", From: "6", To: "8"}}
	if len(plan.Ops) != 1 || !slices.Equal(plan.Ops[0].Changes(), want) {
		t.Fatalf("the plan does %v", plan.Ops)
	}
	c.mustApply(plan, changed)
	part, _, _ := c.store.Catalogue(t.Context())
	if got := part.Tenants[1].Contracts[0].Grants[0].Amount; got != 8 {
		t.Errorf("the copy says %d", got)
	}
}

// TestConsoleKeepsItsTenants: a tenant of the console is in no plan, whatever
// the catalogue says.
func TestConsoleKeepsItsTenants(t *testing.T) {
	c := newContour(t)
	c.mustApply(c.mustPlan(withTenant(sample())), withTenant(sample()))
	c.store.Console = []tenancy.TenantSlug{"vega"}
	if plan := c.mustPlan(sample()); len(plan.Ops) > 0 {
		t.Errorf("the plan does %v", plan.Ops)
	}
}

func TestTwoAppliesDoNotMix(t *testing.T) {
	c := newContour(t)
	plan := c.mustPlan(sample())
	unlock, err := c.store.LockRealm(t.Context(), "ponimayu")
	if err != nil {
		t.Fatal(err)
	}
	c.wantRefusal("realm_busy", plan, sample())
	unlock()
	c.mustApply(plan, sample())
}
