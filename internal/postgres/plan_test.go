package postgres_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/google/uuid"

	"github.com/ponimayu/opora/internal/pgtest"
	"github.com/ponimayu/opora/internal/tenancy"
	"github.com/ponimayu/opora/provisioner"
	"github.com/ponimayu/opora/realms"
)

func TestPlanKeepsItsStates(t *testing.T) {
	t.Parallel()
	db, ctx := pgtest.New(t), t.Context()
	group := &realms.Group{Path: "/tenants/cdek", Attributes: map[string][]string{"tenant": {"cdek"}}, Roles: []string{"employee"}}
	want := provisioner.Plan{
		ID: provisioner.PlanID(uuid.NewString()), Country: "RU", Realm: "ponimayu", Source: "/catalogue", Revision: "r", Have: "h",
		Ops: []provisioner.Op{{Verb: provisioner.Create, Ref: group.Ref(), To: group}}, State: provisioner.Drafted, Actor: "operator", Accepted: []string{},
	}
	if err := db.StorePlan(ctx, want); err != nil {
		t.Fatal(err)
	}
	expect := func(state provisioner.PlanState, accepted ...string) {
		t.Helper()
		want.State, want.Accepted = state, append([]string{}, accepted...)
		got, err := db.Plan(ctx, want.ID)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(provisioner.Plan{}, "PlannedAt")); diff != "" {
			t.Errorf("plan (-want +got):\n%s", diff)
		}
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	refused := func(err error) {
		t.Helper()
		if tenancy.KindOf(err) != tenancy.Conflict {
			t.Errorf("error %v, want a conflict", err)
		}
	}
	expect(provisioner.Drafted)
	refused(db.EndPlan(ctx, want.ID, ""))
	must(db.BeginPlan(ctx, want.ID, []string{"removes_group"}))
	expect(provisioner.Applying, "removes_group")
	must(db.EndPlan(ctx, want.ID, "Keycloak is gone"))
	expect(provisioner.Failed, "removes_group")
	must(db.BeginPlan(ctx, want.ID, nil))
	must(db.EndPlan(ctx, want.ID, ""))
	expect(provisioner.Applied)
	refused(db.BeginPlan(ctx, want.ID, nil))
	if _, err := db.Plan(ctx, "no plan"); tenancy.KindOf(err) != tenancy.NotFound {
		t.Errorf("error %v, want not found", err)
	}
}

func TestRegistryRemembersByRealm(t *testing.T) {
	t.Parallel()
	db, ctx := pgtest.New(t), t.Context()
	flow := realms.Ref{Kind: realms.KindFlow, Key: "opora browser"}
	for range 2 {
		if err := db.Register(ctx, "ponimayu", flow); err != nil {
			t.Fatal(err)
		}
	}
	expect := func(realm string, want map[realms.Ref]bool) {
		t.Helper()
		got, err := db.Registered(ctx, realm)
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%s: %v %s", realm, err, diff)
		}
	}
	expect("ponimayu", map[realms.Ref]bool{flow: true})
	expect("empatia", map[realms.Ref]bool{})
	for range 2 {
		if err := db.Unregister(ctx, "ponimayu", flow); err != nil {
			t.Fatal(err)
		}
	}
	expect("ponimayu", map[realms.Ref]bool{})
}

func TestRealmIsLockedOnce(t *testing.T) {
	t.Parallel()
	db, ctx := pgtest.New(t), t.Context()
	unlock, err := db.LockRealm(ctx, "ponimayu")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.LockRealm(ctx, "ponimayu"); tenancy.KindOf(err) != tenancy.Conflict {
		t.Errorf("error %v, want a conflict", err)
	}
	other, err := db.LockRealm(ctx, "empatia")
	if err != nil {
		t.Fatal(err)
	}
	other()
	unlock()
	again, err := db.LockRealm(ctx, "ponimayu")
	if err != nil {
		t.Fatal(err)
	}
	again()
}
