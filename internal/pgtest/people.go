package pgtest

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/ponimayu/opora/internal/postgres"
)

// Held is what a database holds of a tenant's people when nothing is under way.
type Held struct {
	Enabled     map[string]bool // by the account's id, whether it may sign in
	Accounts    int             // rows: as many as ids, or one stands twice
	Employments int
	Open        int // calls to Keycloak that have not ended
	Twice       int // people with more than one call
}

// People reads the tenant's people from the database.
func People(ctx context.Context, database, tenant string) (h Held, err error) {
	conn, err := pgx.Connect(ctx, database)
	if err != nil {
		return h, postgres.Face(err)
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, `SET ROLE opora_contour`); err != nil {
		return h, postgres.Face(err)
	}
	err = conn.QueryRow(ctx, `
		SELECT (SELECT count(*) FROM employment WHERE tenant = $1), (SELECT count(*) FROM op WHERE tenant = $1 AND ended_at IS NULL),
			(SELECT count(*) FROM (SELECT employee_id FROM op WHERE tenant = $1 GROUP BY employee_id HAVING count(*) > 1) t)`, tenant).Scan(&h.Employments, &h.Open, &h.Twice)
	if err != nil {
		return h, postgres.Face(err)
	}
	rows, err := conn.Query(ctx, `SELECT id::text, enabled FROM account WHERE tenant = $1`, tenant)
	if err != nil {
		return h, postgres.Face(err)
	}
	h.Enabled = map[string]bool{}
	var id string
	var enabled bool
	_, err = pgx.ForEachRow(rows, []any{&id, &enabled}, func() error {
		h.Accounts++
		h.Enabled[id] = enabled
		return nil
	})
	return h, postgres.Face(err)
}
