package postgres_test

import (
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/ponimayu/opora/internal/postgres"
	"github.com/ponimayu/opora/internal/roster"
)

// TestAClaimLooksForAnEmployeesOpsByTheEmployee holds when the statistics are of
// a moment at which no op was open, as they mostly are.
func TestAClaimLooksForAnEmployeesOpsByTheEmployee(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	i := o.upload(hr, roster.Add, list(person(0)))
	o.exec(`INSERT INTO op (tenant, import_id, employee_id, kind, state, ended_at) SELECT 'cdek', gen_random_uuid(), gen_random_uuid(), 'create', 'confirmed', now() FROM generate_series(1, 20000)`)
	if _, err := o.db.Pool().Exec(t.Context(), `ANALYZE op`); err != nil {
		t.Fatal(err)
	}
	o.exec(`INSERT INTO op (tenant, import_id, employee_id, kind) SELECT 'cdek', $1, gen_random_uuid(), 'create' FROM generate_series(1, 3000)`, i.ID)
	err := o.db.ForTenant(t.Context(), "cdek", func(tx pgx.Tx) error {
		rows, err := tx.Query(t.Context(), "EXPLAIN "+postgres.ClaimStatement(i.ID), "cdek", i.ID, uuid.NewString(), 200, "30s", 0)
		if err != nil {
			return err
		}
		lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
		plan := strings.Join(lines, "\n")
		if !strings.Contains(plan, "op_open_by_employee on op b") || !strings.Contains(plan, "op_open on op o ") {
			t.Errorf("the plan is\n%s", plan)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
