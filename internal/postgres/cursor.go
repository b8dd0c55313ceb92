package postgres

import (
	"context"
	"fmt"
	"iter"

	"github.com/jackc/pgx/v5"
)

// fetch is how many rows a cursor brings at a time.
const fetch = 2000

// cursor reads a query piece by piece, so that two of them can be read side by
// side in one transaction and neither is held in memory. Each may be ranged
// over once. name must be unique in the transaction.
func cursor[T any](ctx context.Context, tx pgx.Tx, name, query string, args []any, scan pgx.RowToFunc[T]) iter.Seq2[T, error] {
	return cursorOf(ctx, tx, name, fetch, query, args, scan)
}

// cursorOf is cursor for rows of another size: fetch of them come at a time.
func cursorOf[T any](ctx context.Context, tx pgx.Tx, name string, fetch int, query string, args []any, scan pgx.RowToFunc[T]) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var none T
		if _, err := tx.Exec(ctx, "DECLARE "+name+" NO SCROLL CURSOR FOR "+query, args...); err != nil {
			yield(none, err)
			return
		}
		defer tx.Exec(ctx, "CLOSE "+name) //nolint:errcheck // the transaction's end closes it too
		for {
			rows, err := tx.Query(ctx, fmt.Sprintf("FETCH %d FROM %s", fetch, name))
			if err != nil {
				yield(none, err)
				return
			}
			piece, err := pgx.CollectRows(rows, scan)
			if err != nil {
				yield(none, err)
				return
			}
			for _, item := range piece {
				if !yield(item, nil) {
					return
				}
			}
			if len(piece) < fetch {
				return
			}
		}
	}
}

// copyInto brings rows into a tenant's table. COPY is not possible into a table
// under row-level security, so it goes through a temporary one; the INSERT that
// follows is checked row by row.
func copyInto(ctx context.Context, tx pgx.Tx, table string, columns []string, rows [][]any) error {
	if len(rows) == 0 {
		return nil
	}
	staging := "stage_" + table
	list := columnList(columns)
	if _, err := tx.Exec(ctx, fmt.Sprintf("CREATE TEMP TABLE %s ON COMMIT DROP AS SELECT %s FROM %s WITH NO DATA", staging, list, table)); err != nil {
		return err
	}
	if _, err := tx.CopyFrom(ctx, pgx.Identifier{staging}, columns, pgx.CopyFromRows(rows)); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, fmt.Sprintf("INSERT INTO %s (%s) SELECT %s FROM %s", table, list, list, staging)); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, "DROP TABLE "+staging)
	return err
}

// columnList writes column names for a statement.
func columnList(columns []string) string {
	list := pgx.Identifier{columns[0]}.Sanitize()
	for _, c := range columns[1:] {
		list += ", " + pgx.Identifier{c}.Sanitize()
	}
	return list
}
