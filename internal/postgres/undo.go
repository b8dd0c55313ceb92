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

// Undo takes an applied import back: every change is reversed, or kept because
// something else has changed the person or the employment since, or failed.
// Whoever was new is removed with his account; who left may sign in again. An
// import that is not applied is tenancy.Conflict (import_state); to undo one
// again is success and changes nothing.
func (r *Rosters) Undo(ctx context.Context, actor tenancy.Actor, id roster.ImportID) (roster.UndoReport, error) {
	after, err := r.decide(ctx, actor, tenancy.ApplyRoster, id, func(tx pgx.Tx, i roster.Import) error {
		switch i.State {
		case roster.Undone:
			return nil
		case roster.Applied:
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
	for _, step := range []func(context.Context) error{
		a.sortOut, a.rehire, a.restoreJobs, a.restorePeople, a.unhire, a.projectUndone, a.endUndo,
	} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// sortOut decides on every change, into the table turn: a row that another
// import or person wrote since is not ours to reverse.
func (a *applier) sortOut(ctx context.Context) error {
	_, err := a.tx.Exec(ctx, `
		CREATE TEMP TABLE turn ON COMMIT DROP AS
		SELECT c.*, NOT c.new_person AND `+touches(personColumns)+` AS person_touched, c.new_job OR c.kind IN ('leave', 'return') OR `+touches(jobColumns)+` AS job_touched
		FROM import_change c WHERE c.tenant = $1 AND c.import_id = $2 AND c.state = 'applied'`, a.tenant, a.id)
	if err != nil {
		return err
	}
	if _, err := a.tx.Exec(ctx, `ANALYZE turn`); err != nil {
		return err
	}
	_, err = a.tx.Exec(ctx, `
		UPDATE turn c SET
			state = CASE WHEN p.id IS NULL OR p.erased_at IS NOT NULL THEN 'failed'
				WHEN (c.person_touched OR c.new_person) AND p.import_id IS DISTINCT FROM $2 OR c.job_touched AND e.import_id IS DISTINCT FROM $2
					OR c.from_id IS NOT NULL AND f.import_id IS DISTINCT FROM $2
					OR c.new_person AND EXISTS (SELECT FROM employment o WHERE o.tenant = $1 AND o.person_id = c.employee_id AND o.import_id IS DISTINCT FROM $2) THEN 'kept'
				ELSE 'reversed' END,
			reason = CASE WHEN p.id IS NULL OR p.erased_at IS NOT NULL THEN 'erased' ELSE '' END
		FROM turn t LEFT JOIN person p ON p.tenant = $1 AND p.id = t.employee_id LEFT JOIN employment e ON e.tenant = $1 AND e.id = t.employment_id
			LEFT JOIN employment f ON f.tenant = $1 AND f.id = t.from_id
		WHERE t.n = c.n`, a.tenant, a.id)
	if err != nil {
		return err
	}
	// Of one new person all is reversed or nothing: a second employment hangs on him.
	_, err = a.tx.Exec(ctx, `
		UPDATE turn c SET state = 'kept' WHERE c.state = 'reversed'
		AND EXISTS (SELECT FROM turn h WHERE h.new_person AND h.employee_id = c.employee_id AND h.state <> 'reversed')`)
	if err != nil {
		return err
	}
	if _, err = a.tx.Exec(ctx, `UPDATE turn SET reason = 'changed_since' WHERE state = 'kept'`); err != nil {
		return err
	}
	_, err = a.tx.Exec(ctx, `ANALYZE turn`) // the states are new: planned for none of them, the joins below take minutes
	return err
}

// rehire gives those who moved their old employment back.
func (a *applier) rehire(ctx context.Context) error {
	_, err := a.tx.Exec(ctx, `
		UPDATE employment e SET left_on = c.was_left_on, import_id = NULL FROM turn c
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
// import changed, and removes those that it made.
func (a *applier) restoreJobs(ctx context.Context) error {
	_, err := a.tx.Exec(ctx, `
		UPDATE employment e SET department = coalesce(f.department, e.department), position = coalesce(f.position, e.position), segment = coalesce(f.segment, e.segment),
			hired_on = CASE WHEN f.hired_on IS NULL THEN e.hired_on ELSE nullif(f.hired_on, '')::date END,
			left_on = CASE WHEN c.kind IN ('leave', 'return') THEN c.was_left_on ELSE e.left_on END, import_id = NULL
		FROM turn c LEFT JOIN (`+oldValues("employment_id", jobColumns)+`) f ON f.n = c.n
		WHERE e.tenant = $1 AND e.id = c.employment_id AND c.state = 'reversed' AND c.job_touched AND NOT c.new_job`, a.tenant)
	if err != nil {
		return err
	}
	_, err = a.tx.Exec(ctx, `DELETE FROM employment e USING turn c WHERE e.tenant = $1 AND e.id = c.employment_id AND c.state = 'reversed' AND c.new_job`, a.tenant)
	return err
}

// restorePeople writes the old fields of persons that the import changed.
func (a *applier) restorePeople(ctx context.Context) error {
	rows, err := a.tx.Query(ctx, `
		UPDATE person p SET last_name = coalesce(f.last_name, p.last_name), first_name = coalesce(f.first_name, p.first_name), middle_name = coalesce(f.middle_name, p.middle_name),
			email = coalesce(f.email, p.email), phone = coalesce(f.phone, p.phone),
			birth_date = CASE WHEN f.birth_date IS NULL THEN p.birth_date ELSE nullif(f.birth_date, '')::date END,
			national_id = CASE WHEN f.national_id = '' THEN '' ELSE p.national_id END, national_id_hash = CASE WHEN f.national_id = '' THEN '' ELSE p.national_id_hash END,
			import_id = NULL
		FROM (`+oldValues("employee_id", personColumns)+`) f WHERE p.tenant = $1 AND p.id = f.employee_id
		RETURNING p.id::text, p.last_name || ' ' || p.first_name || ' ' || p.middle_name`, a.tenant)
	if err != nil {
		return err
	}
	var ids, names []string
	var id, name string
	_, err = pgx.ForEachRow(rows, []any{&id, &name}, func() error {
		ids, names = append(ids, id), append(names, roster.Fold(name))
		return nil
	})
	if err != nil {
		return err
	}
	_, err = a.tx.Exec(ctx, `UPDATE person p SET search = u.search FROM unnest($2::text[], $3::text[]) u (id, search) WHERE p.tenant = $1 AND p.id = u.id::uuid AND p.search <> u.search`, a.tenant, ids, names)
	return err
}

// unhire removes the persons that the import made, with their accounts.
func (a *applier) unhire(ctx context.Context) error {
	if _, err := a.tx.Exec(ctx, `GRANT SELECT ON turn TO opora_contour`); err != nil {
		return err
	}
	err := asContour(ctx, a.tx, a.tenant, func() error {
		_, err := a.tx.Exec(ctx, `DELETE FROM email_claim m USING turn c WHERE m.tenant = $1 AND m.employee_id = c.employee_id AND c.state = 'reversed' AND c.new_person`, a.tenant)
		return err
	})
	if err != nil {
		return err
	}
	for _, statement := range []string{
		`INSERT INTO op (tenant, import_id, employee_id, kind, line) SELECT c.tenant, c.import_id, c.employee_id, 'delete', c.line FROM turn c WHERE c.tenant = $1 AND c.state = 'reversed' AND c.new_person`,
		`DELETE FROM account m USING turn c WHERE m.tenant = $1 AND m.id = c.employee_id AND c.state = 'reversed' AND c.new_person`,
		`DELETE FROM person m USING turn c WHERE m.tenant = $1 AND m.id = c.employee_id AND c.state = 'reversed' AND c.new_person`,
	} {
		if _, err := a.tx.Exec(ctx, statement, a.tenant); err != nil {
			return err
		}
	}
	return nil
}

// projectUndone lays down the ops of those who stay.
func (a *applier) projectUndone(ctx context.Context) error {
	_, err := a.tx.Exec(ctx, `
		CREATE TEMP TABLE wanted ON COMMIT DROP AS
		SELECT c.employee_id, false AS new_person, NULL::int AS line,
			bool_or(EXISTS (SELECT FROM jsonb_array_elements(c.fields) x WHERE x ->> 'field' IN ('last_name', 'first_name'))) AS renamed,
			EXISTS (SELECT FROM employment e WHERE e.tenant = $1 AND e.person_id = c.employee_id AND (e.left_on IS NULL OR e.left_on >= $2)) AS enabled
		FROM turn c WHERE c.state = 'reversed' GROUP BY c.employee_id`, a.tenant, day(a.today))
	if err != nil {
		return err
	}
	return a.project(ctx)
}

// endUndo marks the changes and the import, and the tenant's people as changed.
func (a *applier) endUndo(ctx context.Context) error {
	_, err := a.tx.Exec(ctx, `UPDATE import_change c SET state = t.state, reason = t.reason FROM turn t WHERE c.tenant = $1 AND c.import_id = $2 AND c.n = t.n`, a.tenant, a.id)
	if err != nil {
		return err
	}
	_, err = a.tx.Exec(ctx, `UPDATE import SET state = 'undone' WHERE tenant = $1 AND id = $2`, a.tenant, a.id)
	if err != nil {
		return err
	}
	return a.touch(ctx)
}
