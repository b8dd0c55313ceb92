package booking

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/ponimayu/opora/client"
)

// accountOf names whose use a line counts: the pool's, over all tenants that
// share it, or the employee's. His family counts with him.
func accountOf(line client.Line, employee client.EmployeeID) string {
	if line.Per == client.PerTenant {
		return "pool:" + line.Pool
	}
	return employeeAccount(employee)
}

func employeeAccount(id client.EmployeeID) string { return "employee:" + string(id) }

// lockAccounts locks accounts until the transaction ends, in the order of
// their keys: employees come before pools, and nobody waits in a circle.
func lockAccounts(ctx context.Context, tx pgx.Tx, keys []string) error {
	keys = slices.Clone(keys)
	slices.Sort(keys)
	batch := &pgx.Batch{}
	batch.Queue(`INSERT INTO account (key) SELECT unnest($1::text[]) ON CONFLICT DO NOTHING`, keys)
	for _, key := range keys {
		batch.Queue(`SELECT FROM account WHERE key = $1 FOR UPDATE`, key)
	}
	return tx.SendBatch(ctx, batch).Close()
}

// place is where appointments are counted: a grant of an account, in a window.
type place struct {
	account     string
	grant       client.GrantID
	from, until time.Time
}

// count is how many appointments count in a place.
type count struct {
	used int
	own  int // of these, those in the counter of exactly this window
}

// countUsed counts appointments in places. A counter whose window lies within
// the place's is taken whole; of one that overlaps it, those appointments that
// begin within. So a count is right when windows have moved since the booking,
// and costs one row when they have not.
func countUsed(ctx context.Context, tx pgx.Tx, places []place) ([]count, error) {
	accounts, grants := make([]string, len(places)), make([]string, len(places))
	from, until := make([]time.Time, len(places)), make([]time.Time, len(places))
	for i, p := range places {
		accounts[i], grants[i], from[i], until[i] = p.account, string(p.grant), p.from, p.until
	}
	rows, err := tx.Query(ctx, `
		SELECT coalesce(sum(CASE
				WHEN c.window_from >= p.since AND c.window_until <= p.until THEN c.used
				ELSE (SELECT count(*) FROM appointment a WHERE a.counter = c.id AND a.counts AND a.at >= p.since AND a.at < p.until)
			END), 0)::int,
			coalesce(sum(c.used) FILTER (WHERE c.window_from = p.since AND c.window_until = p.until), 0)::int
		FROM unnest($1::text[], $2::text[], $3::timestamptz[], $4::timestamptz[]) WITH ORDINALITY AS p (account, grant_id, since, until, n)
		LEFT JOIN counter c ON c.account = p.account AND c.grant_id = p.grant_id AND c.used > 0
			AND c.window_from < p.until AND c.window_until > p.since
		GROUP BY p.n ORDER BY p.n`, accounts, grants, from, until)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (c count, err error) {
		return c, row.Scan(&c.used, &c.own)
	})
}

// errFull says that a counter would have gone beyond what is allowed. Under
// the account's lock it does not happen; without it the guard holds all the same.
var errFull = errors.New("the counter is full")

// take counts one more in a place, whose own counter may reach most, and
// returns the counter. It is errFull when it has reached it.
func take(ctx context.Context, tx pgx.Tx, p place, most int) (counter int64, err error) {
	err = tx.QueryRow(ctx, `
		INSERT INTO counter AS c (account, grant_id, window_from, window_until, used)
		SELECT $1, $2, $3, $4, 1 WHERE $5 > 0
		ON CONFLICT (account, grant_id, window_from, window_until) DO UPDATE SET used = c.used + 1 WHERE c.used < $5
		RETURNING c.id`, p.account, p.grant, p.from, p.until, most).Scan(&counter)
	if errors.Is(err, pgx.ErrNoRows) {
		return 0, errFull
	}
	return counter, err
}

// give counts one less.
func give(ctx context.Context, tx pgx.Tx, counter int64) error {
	_, err := tx.Exec(ctx, `UPDATE counter SET used = used - 1 WHERE id = $1`, counter)
	return err
}

// neighbours returns the wishes of later appointments of the same grant and
// account, one for each window that ends after the place's.
func neighbours(ctx context.Context, tx pgx.Tx, p place) ([]Wish, error) {
	rows, err := tx.Query(ctx, `
		SELECT a.employee_id, a.specialist_type, a.at, a.format, a.minutes, a.for_whom
		FROM counter c, LATERAL (
			SELECT * FROM appointment a WHERE a.counter = c.id AND a.counts ORDER BY a.at DESC LIMIT 1) a
		WHERE c.account = $1 AND c.grant_id = $2 AND c.used > 0 AND c.window_until > $3`, p.account, p.grant, p.until)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (w Wish, err error) {
		return w, row.Scan(&w.EmployeeID, &w.SpecialistType, &w.At, &w.Format, &w.Minutes, &w.For)
	})
}
