package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/ponimayu/opora/internal/entitlement"
	"github.com/ponimayu/opora/internal/tenancy"
)

// Changes returns at most limit items after the cursor, in order; none are a
// page too. What was committed before the call is among what follows. The empty
// cursor is the beginning of what is kept, entitlement.Now the end of the feed.
// A cursor that nothing can be told after is tenancy.Gone (cursor_expired).
func (f *Feed) Changes(ctx context.Context, since entitlement.Cursor, limit int) (entitlement.ChangePage, error) {
	var from feedCursor
	var err error
	if since != "" && since != entitlement.Now {
		if from, err = parseCursor(since); err != nil {
			return entitlement.ChangePage{}, err
		}
	}
	if _, err := f.place(ctx, true); err != nil {
		return entitlement.ChangePage{}, err
	}
	if since == entitlement.Now {
		return f.now(ctx)
	}
	return f.page(ctx, from, limit)
}

// now returns the empty page at the end of the feed.
func (f *Feed) now(ctx context.Context) (page entitlement.ChangePage, err error) {
	err = f.db.ReadContour(ctx, func(tx pgx.Tx) error {
		state, err := readFeedState(ctx, tx)
		page = entitlement.ChangePage{Items: []entitlement.Change{}, Next: state.after(state.end).text()}
		return err
	})
	return page, err
}

// page reads what follows the cursor; the zero one stands before all.
func (f *Feed) page(ctx context.Context, from feedCursor, limit int) (page entitlement.ChangePage, err error) {
	err = f.db.ReadContour(ctx, func(tx pgx.Tx) error {
		state, err := readFeedState(ctx, tx)
		if err != nil {
			return err
		}
		if from.position == 0 {
			from = state.after(state.floor)
		}
		if err := state.allows(from); err != nil {
			return err
		}
		logged, err := readLogged(ctx, tx, from, limit+1)
		if err != nil {
			return err
		}
		more := len(logged) > limit
		if more {
			logged = logged[:limit]
		}
		page, err = f.tellOf(ctx, tx, from, logged)
		page.More = more
		return err
	})
	return page, err
}

// logged is a row of the log in its place.
type logged struct {
	next     feedCursor // what follows it
	tenant   tenancy.TenantSlug
	person   tenancy.EmployeeID // "": the terms
	revision int64
	newest   bool // no later change is committed
}

// readLogged reads the log after the cursor. The index gives the rows in order:
// a turn of a hundred thousand is not sorted for each of its pages.
func readLogged(ctx context.Context, tx pgx.Tx, from feedCursor, limit int) ([]logged, error) {
	rows, err := tx.Query(ctx, `
		SELECT l.position, l.id, l.id = l.last, l.tenant, coalesce(l.person_id::text, ''), coalesce(r.revision, s.revision, l.revision), coalesce(r.revision, s.revision) IS NOT NULL
		FROM (
			SELECT t.position, t.last, c.* FROM (SELECT position, tx, last FROM change_turn WHERE position >= $1 ORDER BY position LIMIT $3) t
			CROSS JOIN LATERAL (SELECT * FROM employee_change c WHERE c.tx = t.tx AND c.id > CASE WHEN t.position = $1 THEN $2 ELSE 0 END ORDER BY c.id LIMIT $3) c
			ORDER BY t.position, c.id LIMIT $3) l
		LEFT JOIN employee_revision r ON r.tenant = l.tenant AND r.person_id = l.person_id AND r.tx = l.tx
		LEFT JOIN terms_revision s ON l.person_id IS NULL AND s.tx = l.tx
		ORDER BY l.position, l.id`, from.position, from.id, limit)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (l logged, err error) {
		var last bool
		l.next.ground = from.ground
		err = row.Scan(&l.next.position, &l.next.id, &last, &l.tenant, &l.person, &l.revision, &l.newest)
		if last {
			l.next.position, l.next.id = l.next.position+1, 0
		}
		return l, err
	})
}

// tellOf makes the page's items: an employee's state goes with his newest change.
func (f *Feed) tellOf(ctx context.Context, tx pgx.Tx, from feedCursor, all []logged) (entitlement.ChangePage, error) {
	page := entitlement.ChangePage{Items: make([]entitlement.Change, 0, len(all)), Next: from.text()}
	records, err := f.newestRecords(ctx, tx, all)
	if err != nil {
		return page, err
	}
	for _, l := range all {
		page.Next = l.next.text()
		item := entitlement.Change{Cursor: page.Next, Type: entitlement.TermsChanged, Revision: l.revision}
		if l.person != "" {
			item.Type, item.EmployeeID, item.Tenant = entitlement.EmployeeChanged, l.person, l.tenant
			if item.Superseded = !l.newest; l.newest {
				item.Employee = records[l.person]
				item.Gone = item.Employee == nil
			}
		}
		page.Items = append(page.Items, item)
	}
	return page, nil
}

// newestRecords reads the employees whose newest change is among the rows. One
// who is not in the answer is gone.
func (f *Feed) newestRecords(ctx context.Context, tx pgx.Tx, all []logged) (map[tenancy.EmployeeID]*entitlement.Record, error) {
	var tenants, ids []string
	for _, l := range all {
		if l.newest && l.person != "" {
			tenants, ids = append(tenants, string(l.tenant)), append(ids, string(l.person))
		}
	}
	if len(ids) == 0 {
		return nil, nil
	}
	rules, err := f.segmentRules(ctx, tx, all[0].next.ground)
	if err != nil {
		return nil, err
	}
	found := make(map[tenancy.EmployeeID]*entitlement.Record, len(ids))
	among := recordReader{tx: tx, rules: rules, among: ` IN (SELECT t, i::uuid FROM unnest($1::text[], $2::text[]) u (t, i))`, args: []any{tenants, ids}}
	for record, err := range among.all(ctx) {
		if err != nil {
			return nil, err
		}
		found[record.ID] = &record
	}
	return found, nil
}
