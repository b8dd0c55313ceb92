package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/ponimayu/opora/internal/roster"
	"github.com/ponimayu/opora/internal/tenancy"
)

// Undo takes an applied import back: every change is reversed, kept or failed.
// Kept are those of persons and employments that something else has changed
// since (changed_since), or that a later list has shown to be right
// (confirmed_since). Whoever was new is removed with his account, unless he may
// have signed in: then the account is closed and stays his (account_kept), for
// the list that names him again. Who left may sign in again. An import that is
// not applied is tenancy.Conflict (import_state); when one is undone again, what
// was kept or has failed is looked at anew, and what was reversed stays so.
func (r *Rosters) Undo(ctx context.Context, actor tenancy.Actor, id roster.ImportID) (roster.UndoReport, error) {
	after, err := r.decide(ctx, actor, tenancy.ApplyRoster, id, func(tx pgx.Tx, i roster.Import) error {
		switch i.State {
		case roster.Applied, roster.Undone:
		case roster.Cancelled:
			var applied bool // dated leaves do not wait for the brake
			err := tx.QueryRow(ctx, `SELECT EXISTS (SELECT FROM import_change WHERE tenant = $1 AND import_id = $2 AND state = 'applied')`, i.Tenant, id).Scan(&applied)
			if err != nil || !applied {
				return errors.Join(err, wrongState(i, "cannot be undone: nothing of it was applied"))
			}
		default:
			return wrongState(i, "cannot be undone: only what is applied can")
		}
		a := applier{Rosters: r, tx: tx, tenant: i.Tenant, id: id, actor: actor.ID}
		return a.undo(ctx)
	})
	if err != nil {
		return roster.UndoReport{}, err
	}
	return r.undoReport(ctx, after)
}

func (r *Rosters) undoReport(ctx context.Context, i roster.Import) (roster.UndoReport, error) {
	report := roster.UndoReport{Import: i, Reversed: []roster.Change{}, Kept: []roster.Change{}, Failed: []roster.Change{}}
	err := r.db.ReadTenant(ctx, i.Tenant, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, changeColumns+` WHERE tenant = $1 AND import_id = $2 ORDER BY n`, i.Tenant, i.ID)
		if err != nil {
			return err
		}
		changes, err := pgx.CollectRows(rows, scanChange)
		for _, c := range changes {
			switch c.State {
			case roster.ChangeReversed:
				report.Reversed = append(report.Reversed, c)
			case roster.ChangeKept:
				report.Kept = append(report.Kept, c)
			default:
				report.Failed = append(report.Failed, c)
			}
		}
		return err
	})
	return report, err
}

var (
	personColumns = []string{"last_name", "first_name", "middle_name", "email", "phone", "birth_date", "national_id"}
	jobColumns    = []string{"department", "position", "segment", "hired_on"}
)

// touches is the condition that a change names one of the fields.
func touches(columns []string) string {
	return fmt.Sprintf(`EXISTS (SELECT FROM jsonb_array_elements(c.fields) x WHERE x ->> 'field' IN ('%s'))`, strings.Join(columns, "', '"))
}

func (a *applier) undo(ctx context.Context) error {
	c, err := contourIn(ctx, a.tx, a.tenant)
	if err != nil {
		return err
	}
	a.today = c.Today
	if err := a.refreshStatistics(ctx); err != nil {
		return err
	}
	if err := a.sortOut(ctx, len(c.Tenant.SSO) > 0); err != nil {
		return err
	}
	var reversed bool
	if err := a.tx.QueryRow(ctx, `SELECT EXISTS (SELECT FROM turn WHERE state = 'reversed')`).Scan(&reversed); err != nil {
		return err
	}
	if reversed {
		ended := c.Today.AddDays(-c.Grace - 1) // closed at once: no grace for what never was
		for _, step := range []func(context.Context) error{
			a.rehire, a.restoreJobs, func(ctx context.Context) error { return a.removeJobs(ctx, ended) }, a.returnNumbers, a.restorePeople, a.unhire, a.projectUndone,
		} {
			if err := step(ctx); err != nil {
				return err
			}
		}
	}
	return a.endUndo(ctx, reversed)
}

// sortOut decides on every change, into the table turn. signIn says that
// anybody who was listed may have signed in at once.
func (a *applier) sortOut(ctx context.Context, signIn bool) error {
	_, err := a.tx.Exec(ctx, `
		CREATE TEMP TABLE turn ON COMMIT DROP AS
		SELECT c.*, NOT c.new_person AND `+touches(personColumns)+` AS person_touched, c.new_job OR c.kind IN ('leave', 'return') OR `+touches(jobColumns)+` AS job_touched, false AS owned
		FROM import_change c WHERE c.tenant = $1 AND c.import_id = $2 AND c.state IN ('applied', 'kept', 'failed')`, a.tenant, a.id)
	if err != nil {
		return err
	}
	_, err = a.tx.Exec(ctx, `
		ANALYZE turn;
		CREATE TEMP TABLE later_list (id uuid, mode text, legal_entity text COLLATE "C", removed boolean) ON COMMIT DROP;
		CREATE TEMP TABLE later_held (import_id uuid, line integer) ON COMMIT DROP;
		CREATE TEMP TABLE later_full (import_id uuid, legal_entity text COLLATE "C") ON COMMIT DROP`)
	if err != nil {
		return err
	}
	for _, step := range []func(context.Context) error{a.sortChanged, a.sortConfirmed, a.sortTogether} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	_, err = a.tx.Exec(ctx, `
		UPDATE turn c SET owned = true, reason = CASE WHEN c.new_person THEN 'account_kept' ELSE '' END
		WHERE c.state = 'reversed' AND EXISTS (SELECT FROM turn h WHERE h.new_person AND h.employee_id = c.employee_id)
		AND ($2 OR EXISTS (SELECT FROM activation v WHERE v.tenant = $1 AND v.employee_id = c.employee_id))`, a.tenant, signIn)
	if err != nil {
		return err
	}
	_, err = a.tx.Exec(ctx, `ANALYZE turn`) // the states are new: planned for none of them, the joins below take minutes
	return err
}

// sortChanged keeps what another import or person wrote since: it is not ours
// to reverse.
func (a *applier) sortChanged(ctx context.Context) error {
	_, err := a.tx.Exec(ctx, `
		UPDATE turn c SET
			state = CASE WHEN p.id IS NULL OR p.erased_at IS NOT NULL THEN 'failed'
				WHEN (c.person_touched OR c.new_person) AND p.import_id IS DISTINCT FROM $2 OR c.job_touched AND e.import_id IS DISTINCT FROM $2
					OR c.from_id IS NOT NULL AND f.import_id IS DISTINCT FROM $2
					OR c.releases_id IS NOT NULL AND l.import_id IS DISTINCT FROM $2
					OR c.new_person AND EXISTS (SELECT FROM employment o WHERE o.tenant = $1 AND o.person_id = c.employee_id AND o.import_id IS DISTINCT FROM $2)
					OR c.new_person AND EXISTS (SELECT FROM grant_override o WHERE o.tenant = $1 AND o.person_id = c.employee_id) THEN 'kept'
				ELSE 'reversed' END
		FROM turn t LEFT JOIN person p ON p.tenant = $1 AND p.id = t.employee_id LEFT JOIN employment e ON e.tenant = $1 AND e.id = t.employment_id
			LEFT JOIN employment f ON f.tenant = $1 AND f.id = t.from_id LEFT JOIN employment l ON l.tenant = $1 AND l.id = t.releases_id
		WHERE t.n = c.n`, a.tenant, a.id)
	if err != nil {
		return err
	}
	_, err = a.tx.Exec(ctx, `UPDATE turn SET reason = CASE state WHEN 'failed' THEN 'erased' WHEN 'kept' THEN 'changed_since' ELSE '' END`)
	return err
}

// sortConfirmed keeps what a list that was applied later, and not undone, has
// shown to be right: it listed the person, it said the same, or it did not list
// him either. That list has changed nothing, so its rows tell; when they have
// been removed after their term nobody can tell any more, and all is kept.
func (a *applier) sortConfirmed(ctx context.Context) error {
	var later, removed int
	err := a.tx.QueryRow(ctx, `
		WITH made AS (
			INSERT INTO later_list SELECT l.id, l.mode, l.legal_entity,
				l.rows_read > l.rejected AND NOT EXISTS (SELECT FROM import_row r WHERE r.tenant = l.tenant AND r.import_id = l.id)
			FROM import l JOIN import i ON i.tenant = l.tenant AND i.id = $2
			WHERE l.tenant = $1 AND l.id <> i.id AND l.state IN ('applying', 'applied') AND l.applied_at > i.applied_at RETURNING removed)
		SELECT count(*), count(*) FILTER (WHERE removed) FROM made`, a.tenant, a.id).Scan(&later, &removed)
	switch {
	case err != nil || later == 0:
		return err
	case removed > 0:
		_, err = a.tx.Exec(ctx, `UPDATE turn SET state = 'kept', reason = 'too_late' WHERE state = 'reversed'`)
		return err
	}
	for _, statement := range []string{
		// The rows that were held are about somebody else.
		`INSERT INTO later_held SELECT p.import_id, p.line FROM import_problem p JOIN later_list l ON l.id = p.import_id
			WHERE p.tenant = $1 AND p.stage = 'plan' AND p.code IN ('identity_changed', 'national_id_shared')`,
		`INSERT INTO later_full SELECT l.id, l.legal_entity FROM later_list l WHERE l.mode = 'full' AND l.legal_entity <> '' UNION
			SELECT l.id, r.legal_entity FROM later_list l JOIN import_row r ON r.tenant = $1 AND r.import_id = l.id WHERE l.mode = 'full'`,
		`UPDATE turn c SET state = 'kept', reason = 'confirmed_since' FROM (
			SELECT DISTINCT t.n FROM turn t CROSS JOIN later_list l
				JOIN import_row r ON r.tenant = $1 AND r.import_id = l.id AND r.legal_entity = t.legal_entity AND r.employee_key = t.employee_key
				LEFT JOIN later_held h ON h.import_id = l.id AND h.line = r.line
			WHERE t.state = 'reversed' AND h.line IS NULL AND CASE
				WHEN t.kind = 'leave' THEN l.mode = 'leavers' OR r.left_on = t.left_on
				WHEN l.mode = 'leavers' THEN false
				WHEN t.kind = 'update' THEN EXISTS (SELECT FROM jsonb_array_elements(t.fields) x WHERE x ->> 'new' = to_jsonb(r) ->> (x ->> 'field'))
				ELSE true END) x
			WHERE c.n = x.n`,
		`UPDATE turn c SET state = 'kept', reason = 'confirmed_since' WHERE c.tenant = $1 AND c.state = 'reversed' AND c.kind = 'leave' AND EXISTS (
			SELECT FROM later_full f WHERE f.legal_entity = c.legal_entity AND NOT EXISTS (
				SELECT FROM import_row r WHERE r.tenant = $1 AND r.import_id = f.import_id AND r.legal_entity = c.legal_entity AND r.employee_key = c.employee_key))`,
	} {
		if _, err := a.tx.Exec(ctx, statement, a.tenant); err != nil {
			return err
		}
	}
	return nil
}

// sortTogether keeps all of a new person or nothing: a second employment hangs
// on him.
func (a *applier) sortTogether(ctx context.Context) error {
	_, err := a.tx.Exec(ctx, `
		UPDATE turn c SET state = 'kept', reason = h.reason FROM (
			SELECT t.employee_id, max(t.reason) AS reason FROM turn t
			WHERE t.state = 'kept' AND EXISTS (SELECT FROM turn n WHERE n.new_person AND n.employee_id = t.employee_id) GROUP BY t.employee_id) h
		WHERE c.state = 'reversed' AND c.employee_id = h.employee_id`)
	return err
}

// before is the import that had written a row before this one did, as far as
// this one has not written it twice.
func before(column string) string { return "nullif(c." + column + ", c.import_id)" }

// rehire gives those who moved their old employment back.
func (a *applier) rehire(ctx context.Context) error {
	_, err := a.tx.Exec(ctx, `
		UPDATE employment e SET left_on = c.was_left_on, import_id = `+before("was_from_import")+` FROM turn c
		WHERE e.tenant = $1 AND e.id = c.from_id AND c.state = 'reversed'`, a.tenant)
	return err
}

// oldValues spreads the reversed changes' fields into columns: the old value,
// or NULL where the field did not change.
func oldValues(by string, fields []string) string {
	columns := make([]string, len(fields))
	for i, f := range fields {
		columns[i] = fmt.Sprintf("max(coalesce(x ->> 'old', '')) FILTER (WHERE x ->> 'field' = '%[1]s') AS %[1]s", f)
	}
	return fmt.Sprintf(`SELECT c.%s, min(c.n) AS n, %s FROM turn c, jsonb_array_elements(c.fields) x
		WHERE c.state = 'reversed' AND NOT c.new_person AND x ->> 'field' IN ('%s') GROUP BY c.%s`, by, strings.Join(columns, ", "), strings.Join(fields, "', '"), by)
}

// restoreJobs writes the old fields and last days of employments that the
// import changed.
func (a *applier) restoreJobs(ctx context.Context) error {
	_, err := a.tx.Exec(ctx, `
		UPDATE employment e SET department = coalesce(f.department, e.department), position = coalesce(f.position, e.position), segment = coalesce(f.segment, e.segment),
			hired_on = CASE WHEN f.hired_on IS NULL THEN e.hired_on ELSE nullif(f.hired_on, '')::date END,
			left_on = CASE WHEN c.kind IN ('leave', 'return') THEN c.was_left_on ELSE e.left_on END, import_id = `+before("was_job_import")+`
		FROM turn c LEFT JOIN (`+oldValues("employment_id", jobColumns)+`) f ON f.n = c.n
		WHERE e.tenant = $1 AND e.id = c.employment_id AND c.state = 'reversed' AND c.job_touched AND NOT c.new_job`, a.tenant)
	return err
}

// removeJobs removes the employments that the import made. Those of an account
// that stays have ended, and give the number up.
func (a *applier) removeJobs(ctx context.Context, ended tenancy.Date) error {
	_, err := a.tx.Exec(ctx, `DELETE FROM employment e USING turn c WHERE e.tenant = $1 AND e.id = c.employment_id AND c.state = 'reversed' AND c.new_job AND NOT c.owned`, a.tenant)
	if err != nil {
		return err
	}
	_, err = a.tx.Exec(ctx, `
		UPDATE employment e SET left_on = $2, released_at = CASE WHEN c.releases_id IS NOT NULL THEN now() END, import_id = NULL FROM turn c
		WHERE e.tenant = $1 AND e.id = c.employment_id AND c.state = 'reversed' AND c.new_job AND c.owned`, a.tenant, day(ended))
	return err
}

// returnNumbers gives numbers back to those who had them before.
func (a *applier) returnNumbers(ctx context.Context) error {
	_, err := a.tx.Exec(ctx, `
		UPDATE employment e SET released_at = NULL, import_id = `+before("was_released_import")+` FROM turn c
		WHERE e.tenant = $1 AND e.id = c.releases_id AND c.state = 'reversed'`, a.tenant)
	return err
}

// restorePeople writes the old fields of persons that the import changed.
func (a *applier) restorePeople(ctx context.Context) error {
	rows, err := a.tx.Query(ctx, `
		UPDATE person p SET last_name = coalesce(f.last_name, p.last_name), first_name = coalesce(f.first_name, p.first_name), middle_name = coalesce(f.middle_name, p.middle_name),
			email = coalesce(f.email, p.email), phone = coalesce(f.phone, p.phone),
			birth_date = CASE WHEN f.birth_date IS NULL THEN p.birth_date ELSE nullif(f.birth_date, '')::date END,
			national_id = coalesce(f.national_id, p.national_id), national_id_hash = CASE WHEN f.national_id IS NULL THEN p.national_id_hash ELSE c.was_national_id_hash END,
			import_id = `+before("was_person_import")+`
		FROM (`+oldValues("employee_id", personColumns)+`) f JOIN turn c ON c.n = f.n WHERE p.tenant = $1 AND p.id = f.employee_id
		RETURNING p.id::text, p.last_name || ' ' || p.first_name || ' ' || p.middle_name`, a.tenant)
	if err != nil {
		return err
	}
	return a.refold(ctx, rows)
}

// unhire removes the persons that the import made, with their accounts, where
// nobody can have signed in.
func (a *applier) unhire(ctx context.Context) error {
	if _, err := a.tx.Exec(ctx, `GRANT SELECT ON turn TO opora_contour`); err != nil {
		return err
	}
	err := asContour(ctx, a.tx, a.tenant, func() error {
		_, err := a.tx.Exec(ctx, `DELETE FROM email_claim m USING turn c WHERE m.tenant = $1 AND m.employee_id = c.employee_id AND c.state = 'reversed' AND c.new_person AND NOT c.owned`, a.tenant)
		return err
	})
	if err != nil {
		return err
	}
	for _, statement := range []string{
		`INSERT INTO op (tenant, import_id, employee_id, kind, line) SELECT c.tenant, c.import_id, c.employee_id, 'delete', c.line FROM turn c WHERE c.tenant = $1 AND c.state = 'reversed' AND c.new_person AND NOT c.owned`,
		`DELETE FROM account m USING turn c WHERE m.tenant = $1 AND m.id = c.employee_id AND c.state = 'reversed' AND c.new_person AND NOT c.owned`,
		`DELETE FROM person m USING turn c WHERE m.tenant = $1 AND m.id = c.employee_id AND c.state = 'reversed' AND c.new_person AND NOT c.owned`,
	} {
		if _, err := a.tx.Exec(ctx, statement, a.tenant); err != nil {
			return err
		}
	}
	return nil
}

// projectUndone lays down the ops of those who stay.
func (a *applier) projectUndone(ctx context.Context) error {
	if err := a.findLetGo(ctx, `NOT EXISTS (SELECT FROM turn t WHERE t.import_id = l.import_id AND t.n = l.n AND t.state = 'reversed')`); err != nil {
		return err
	}
	_, err := a.tx.Exec(ctx, `
		CREATE TEMP TABLE wanted ON COMMIT DROP AS
		SELECT c.employee_id, false AS new_person, NULL::int AS line,
			bool_or(EXISTS (SELECT FROM jsonb_array_elements(c.fields) x WHERE x ->> 'field' IN ('last_name', 'first_name'))) AS renamed,
			EXISTS (SELECT FROM employment e WHERE e.tenant = $1 AND e.person_id = c.employee_id AND (e.left_on IS NULL OR e.left_on >= $2)
				AND (e.left_on IS DISTINCT FROM $2 OR NOT EXISTS (SELECT FROM let_go g WHERE g.employment_id = e.id))) AS enabled
		FROM turn c WHERE c.state = 'reversed' GROUP BY c.employee_id`, a.tenant, day(a.today))
	if err != nil {
		return err
	}
	return a.project(ctx)
}

// endUndo marks the changes and the import, and, when something was reversed,
// the tenant's people as changed.
func (a *applier) endUndo(ctx context.Context, reversed bool) error {
	_, err := a.tx.Exec(ctx, `
		UPDATE import_change c SET state = t.state, reason = t.reason FROM turn t
		WHERE c.tenant = $1 AND c.import_id = $2 AND c.n = t.n AND (c.state, c.reason) <> (t.state, t.reason)`, a.tenant, a.id)
	if err != nil {
		return err
	}
	tag, err := a.tx.Exec(ctx, `UPDATE import SET state = 'undone' WHERE tenant = $1 AND id = $2 AND state <> 'undone'`, a.tenant, a.id)
	if err != nil || !reversed && tag.RowsAffected() == 0 {
		return err
	}
	return a.touch(ctx)
}
