package job

import (
	"context"
	"fmt"
	"testing"

	"github.com/google/uuid"

	"github.com/ponimayu/opora/internal/tenancy"
	"github.com/ponimayu/opora/provisioner"
	"github.com/ponimayu/opora/provisioner/memory"
)

func op(kind OpKind, n int) Op {
	return Op{ID: int64(n), Kind: kind, Account: provisioner.Account{
		ID: tenancy.EmployeeID(uuid.NewString()), Tenant: "cdek", Login: fmt.Sprintf("cdek-aaaa%02d", n), FirstName: "Анна", LastName: "Примерова", Enabled: true,
	}}
}

func states(results []OpResult) map[int64]OpState {
	all := map[int64]OpState{}
	for _, r := range results {
		all[r.Op.ID] = r.State
	}
	return all
}

func TestSendSaysWhatBecameOfEachOp(t *testing.T) {
	people := memory.NewPeople("cdek")
	ops := []Op{op(OpCreate, 1), op(OpCreate, 2), op(OpDisable, 3), op(OpUpdate, 4), op(OpDelete, 5), op(OpCreate, 6)}
	people.Refuse(ops[1].Account.ID)
	// The account that op 4 changes is not there: it is made.
	ops[5].Account.Tenant = "avito" // its group is not there yet
	results, err := Send(t.Context(), people, ops)
	if err != nil {
		t.Fatal(err)
	}
	want := map[int64]OpState{1: OpConfirmed, 2: OpFailed, 3: OpConfirmed, 4: OpConfirmed, 5: OpConfirmed, 6: OpPending}
	for id, state := range states(results) {
		if state != want[id] {
			t.Errorf("op %d: %s, want %s", id, state, want[id])
		}
	}
	if len(results) != len(ops) {
		t.Errorf("%d results of %d ops", len(results), len(ops))
	}
}

// deaf does not answer.
type deaf struct{ *memory.People }

func (deaf) CreateAccounts(context.Context, []provisioner.Account) ([]provisioner.Outcome, error) {
	return nil, tenancy.E(tenancy.Unavailable, "keycloak_unavailable", "does not answer")
}

func (deaf) UpdateAccount(context.Context, provisioner.Account) error {
	return tenancy.E(tenancy.Unavailable, "keycloak_unavailable", "does not answer")
}

func TestSendToADeafKeycloakLeavesNothingDecided(t *testing.T) {
	results, err := Send(t.Context(), deaf{memory.NewPeople("cdek")}, []Op{op(OpCreate, 1), op(OpUpdate, 2)})
	if tenancy.KindOf(err) != tenancy.Unavailable {
		t.Errorf("error %v", err)
	}
	for id, state := range states(results) {
		if state != OpUnknown {
			t.Errorf("op %d: %s", id, state)
		}
	}
	if len(results) != 2 {
		t.Errorf("%d results", len(results))
	}
}
