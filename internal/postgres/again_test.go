package postgres_test

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/ponimayu/opora/internal/pgtest"
	"github.com/ponimayu/opora/internal/postgres"
	"github.com/ponimayu/opora/internal/roster"
	"github.com/ponimayu/opora/internal/tenancy"
	"github.com/ponimayu/opora/provisioner"
	"github.com/ponimayu/opora/provisioner/memory"
)

// counted is a Keycloak in memory that counts what is asked of it.
type counted struct {
	*memory.People
	created, updated, other atomic.Int32
}

func (c *counted) calls() int32 { return c.created.Load() + c.updated.Load() + c.other.Load() }

func (c *counted) CreateAccounts(ctx context.Context, all []provisioner.Account) ([]provisioner.Outcome, error) {
	c.created.Add(int32(len(all)))
	return c.People.CreateAccounts(ctx, all)
}

func (c *counted) UpdateAccount(ctx context.Context, a provisioner.Account) error {
	c.updated.Add(1)
	return c.People.UpdateAccount(ctx, a)
}

func (c *counted) DisableAccount(ctx context.Context, id tenancy.EmployeeID) error {
	c.other.Add(1)
	return c.People.DisableAccount(ctx, id)
}

func (c *counted) DeleteAccount(ctx context.Context, id tenancy.EmployeeID) error {
	c.other.Add(1)
	return c.People.DeleteAccount(ctx, id)
}

func (c *counted) ObserveAccounts(ctx context.Context, ids []tenancy.EmployeeID) (map[tenancy.EmployeeID]provisioner.Account, error) {
	c.other.Add(1)
	return c.People.ObserveAccounts(ctx, ids)
}

// TestTheSameListAgainWritesNobodyAndCallsNobody imports one list in each mode
// that it may come again in, then with one name in a hundred changed.
func TestTheSameListAgainWritesNobodyAndCallsNobody(t *testing.T) {
	url := pgtest.URL(t)
	db, err := postgres.Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	o := officeOn(t, db)
	target := &counted{People: o.people}
	o.target = target
	o.work()
	file := list(persons(0, 300)...)
	o.apply(hr, o.upload(hr, roster.Add, file).ID)
	if n := target.created.Load(); n != 300 || target.calls() != 300 {
		t.Fatalf("%d accounts were made by %d calls", n, target.calls())
	}
	written := func() string {
		t.Helper()
		lines, err := pgtest.Footprint(t.Context(), url)
		if err != nil {
			t.Fatal(err)
		}
		return lines
	}
	before := written()
	for _, mode := range []roster.Mode{roster.Add, roster.Full} {
		i := o.apply(hr, o.upload(hr, mode, file).ID)
		if i.State != roster.Applied || i.Counts.Unchanged != 300 || i.Ops != 0 {
			t.Errorf("mode %s: %+v", mode, i)
		}
		if after := written(); after != before {
			t.Errorf("mode %s wrote rows; before\n%safter\n%s", mode, before, after)
		}
	}
	if target.calls() != 300 {
		t.Errorf("Keycloak was called %d times", target.calls()-300)
	}
	for _, n := range []int{17, 117, 217} {
		old := person(n)
		file = strings.Replace(file, old, strings.Replace(old, "Иван", "Пётр", 1), 1)
	}
	if i := o.apply(hr, o.upload(hr, roster.Full, file).ID); i.Counts.Update != 3 || i.Ops != 3 || i.Counts.Failed != 0 {
		t.Errorf("%+v", i)
	}
	if target.updated.Load() != 3 || target.calls() != 303 {
		t.Errorf("three changes took %d updates and %d calls", target.updated.Load(), target.calls()-300)
	}
	if after := written(); after == before {
		t.Error("the footprint does not see what was written")
	}
}
