package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/ponimayu/opora/internal/job"
	"github.com/ponimayu/opora/internal/roster"
	"github.com/ponimayu/opora/internal/tenancy"
)

var _ job.Leftovers = (*Rosters)(nil)

// RemoveUploads implements job.Leftovers. What stays of an import for good is
// what was decided: its counts, its findings, its problems (which name lines
// and nobody), and the changes that were applied, which undo and the person's
// history need. Its rows are a copy of people's data without a further use.
func (r *Rosters) RemoveUploads(ctx context.Context, keep job.Terms, now time.Time) error {
	for _, remove := range []func(context.Context, pgx.Tx) error{
		func(ctx context.Context, tx pgx.Tx) error { return expireUploads(ctx, tx, now.Add(-keep.Upload)) },
		func(ctx context.Context, tx pgx.Tx) error { return expirePlans(ctx, tx, now.Add(-keep.Plan)) },
		func(ctx context.Context, tx pgx.Tx) error { return removeRows(ctx, tx, now.Add(-keep.Rows)) },
		func(ctx context.Context, tx pgx.Tx) error { return expireErrors(ctx, tx, now) },
	} {
		if err := r.db.ForContour(ctx, func(tx pgx.Tx) error { return remove(ctx, tx) }); err != nil {
			return err
		}
	}
	return nil
}

// expired is an import that came to an end by its age.
type expired struct {
	tenant tenancy.TenantSlug
	id     roster.ImportID
}

// end runs the statement that ends imports and returns which; the first
// argument is the instant before which they came.
func end(ctx context.Context, tx pgx.Tx, statement string, before time.Time) ([]expired, error) {
	rows, err := tx.Query(ctx, statement+` RETURNING tenant, id::text`, before)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (e expired, err error) { return e, row.Scan(&e.tenant, &e.id) })
}

// expireUploads ends imports that were never read, and removes every sealed
// file that is left.
func expireUploads(ctx context.Context, tx pgx.Tx, before time.Time) error {
	ended, err := end(ctx, tx, `
		UPDATE import SET state = 'failed', claim = NULL, lease_until = NULL, progress = NULL, waiting = NULL, ended_at = now()
		WHERE uploaded_at < $1 AND (state = 'received' OR state = 'parsing' AND lease_until < now())`, before)
	if err != nil {
		return err
	}
	for _, e := range ended {
		err := addProblems(ctx, tx, e.tenant, e.id, "parse", []tenancy.Problem{{Code: "upload_expired", Severity: tenancy.SeverityError,
			Message: "The list was not read within the time for which uploaded files are kept, and was removed: upload it again."}})
		if err != nil {
			return err
		}
	}
	_, err = tx.Exec(ctx, `DELETE FROM upload_chunk c USING import i WHERE i.tenant = c.tenant AND i.id = c.import_id AND i.uploaded_at < $1 AND i.state <> 'parsing'`, before)
	return err
}

// expirePlans cancels plans that nobody has applied: people have changed since,
// and the rows are people's data that wait for nothing.
func expirePlans(ctx context.Context, tx pgx.Tx, before time.Time) error {
	ended, err := end(ctx, tx, `UPDATE import SET state = 'cancelled', ended_at = now() WHERE uploaded_at < $1 AND state IN ('planned', 'held')`, before)
	if err != nil {
		return err
	}
	for _, e := range ended {
		err := addProblems(ctx, tx, e.tenant, e.id, "plan", []tenancy.Problem{{Code: "plan_expired", Severity: tenancy.SeverityWarning,
			Message: "Nobody applied the plan for so long that it was cancelled; nothing was changed by it. Upload a new list."}})
		if err != nil {
			return err
		}
		if err := dropPlan(ctx, tx, e.tenant, e.id); err != nil {
			return err
		}
	}
	return nil
}

// dropPlan removes what an import holds of people that it did not change.
func dropPlan(ctx context.Context, tx pgx.Tx, tenant tenancy.TenantSlug, id roster.ImportID) error {
	for _, statement := range []string{
		`DELETE FROM import_change WHERE tenant = $1 AND import_id = $2 AND state = 'planned'`,
		`DELETE FROM import_row WHERE tenant = $1 AND import_id = $2`, // and import_identity with it
		`DELETE FROM import_refused WHERE tenant = $1 AND import_id = $2`,
	} {
		if _, err := tx.Exec(ctx, statement, tenant, id); err != nil {
			return err
		}
	}
	return nil
}

// removeRows removes the rows of imports that have ended.
func removeRows(ctx context.Context, tx pgx.Tx, before time.Time) error {
	// The header's texts go too: where a list has no header they may be a person's.
	_, err := tx.Exec(ctx, `UPDATE import SET names = '{}' WHERE names <> '{}' AND state IN ('applied', 'failed', 'cancelled', 'undone') AND coalesce(ended_at, uploaded_at) < $1`, before)
	if err != nil {
		return err
	}
	const ended = `i.tenant = r.tenant AND i.id = r.import_id AND i.state IN ('applied', 'failed', 'cancelled', 'undone') AND coalesce(i.ended_at, i.uploaded_at) < $1`
	for _, table := range []string{"import_row", "import_refused"} {
		if _, err := tx.Exec(ctx, `DELETE FROM `+table+` r USING import i WHERE `+ended, before); err != nil {
			return err
		}
	}
	return nil
}

// expireErrors removes the workbooks of errors whose term has passed.
func expireErrors(ctx context.Context, tx pgx.Tx, now time.Time) error {
	_, err := tx.Exec(ctx, `DELETE FROM error_workbook_chunk WHERE expires_at <= $1`, now)
	return err
}
