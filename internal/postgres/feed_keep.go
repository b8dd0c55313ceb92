package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/ponimayu/opora/internal/job"
)

var _ job.ChangeLog = (*Rosters)(nil)

// removeAtOnce is how many turns, or rows of the log, one transaction removes.
const removeAtOnce = 10_000

// RemoveChanges implements job.ChangeLog. First the floor is raised, so that no
// cursor reaches what goes; then the rows go, and the turns that find them last.
// Whatever ends it in between, the next one goes on there.
func (r *Rosters) RemoveChanges(ctx context.Context, before time.Time) error {
	if err := r.untilNothing(ctx, `
		UPDATE change_feed SET floor = t.position
		FROM (SELECT max(n.position) AS position FROM (SELECT position, placed_at FROM change_turn WHERE position > (SELECT floor FROM change_feed) ORDER BY position LIMIT $1) n WHERE n.placed_at < $2) t
		WHERE t.position > floor`, removeAtOnce, before); err != nil {
		return err
	}
	if err := r.untilNothing(ctx, `
		DELETE FROM employee_change WHERE ctid = ANY (ARRAY(
			SELECT c.ctid FROM change_turn t JOIN employee_change c ON c.tx = t.tx WHERE t.position <= (SELECT floor FROM change_feed) LIMIT $1))`, removeAtOnce); err != nil {
		return err
	}
	return r.untilNothing(ctx, `
		DELETE FROM change_turn WHERE ctid = ANY (ARRAY(SELECT ctid FROM change_turn WHERE position <= (SELECT floor FROM change_feed) ORDER BY position LIMIT $1))`, removeAtOnce)
}

// untilNothing repeats a statement, each time in a transaction of its own,
// until it finds nothing to do.
func (r *Rosters) untilNothing(ctx context.Context, statement string, args ...any) error {
	for {
		var done int64
		err := r.db.ForContour(ctx, func(tx pgx.Tx) error {
			tag, err := tx.Exec(ctx, statement, args...)
			done = tag.RowsAffected()
			return err
		})
		if err != nil || done == 0 {
			return err
		}
	}
}
