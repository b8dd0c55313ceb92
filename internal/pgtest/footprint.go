package pgtest

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/ponimayu/opora/internal/postgres"
)

// ofPeople are the tables that hold people, their history and their calls.
var ofPeople = []string{"person", "account", "employment", "email_claim", "op", "person_history", "account_history", "employment_history"}

// Footprint returns a line for each table that holds people: how many rows it
// has, and a digest of where they lie and which transaction wrote each. Any
// write alters it, an update to the same values too.
func Footprint(ctx context.Context, database string) (string, error) {
	conn, err := pgx.Connect(ctx, database)
	if err != nil {
		return "", postgres.Face(err)
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, `SET ROLE opora_contour`); err != nil {
		return "", postgres.Face(err)
	}
	var lines strings.Builder
	for _, table := range ofPeople {
		var rows, digest int64
		err := conn.QueryRow(ctx, `SELECT count(*), coalesce(sum(hashtext(t.ctid::text || t.xmin::text)::bigint), 0)::bigint FROM `+table+` t`).Scan(&rows, &digest)
		if err != nil {
			return "", fmt.Errorf("table %s: %w", table, postgres.Face(err))
		}
		fmt.Fprintf(&lines, "%s: %d rows, %x\n", table, rows, uint64(digest)) //nolint:gosec // any 64 bits will do
	}
	return lines.String(), nil
}
