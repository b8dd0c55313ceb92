package postgres

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/ponimayu/opora/internal/job"
	"github.com/ponimayu/opora/internal/roster"
	"github.com/ponimayu/opora/internal/tenancy"
)

// Apply carries out a planned import: people and ops, with the jobs, in one
// transaction. It returns the import in state applying (or applied, when there
// was nothing to do in Keycloak). tenancy.Conflict: import_held (its explicit
// leaves were applied, the rest waits for another person), plan_stale (people
// changed since; the plan was made anew and is to be read again), import_state.
// To apply an import again is success and changes nothing. Imports of one
// tenant take turns.
func (r *Rosters) Apply(ctx context.Context, actor tenancy.Actor, id roster.ImportID) (roster.Import, error) {
	var conflict error // told after the commit, for what led to it is kept
	after, err := r.decide(ctx, actor, tenancy.ApplyRoster, id, func(tx pgx.Tx, i roster.Import) error {
		switch i.State {
		case roster.Applying, roster.Applied:
			return nil
		case roster.Planned, roster.Held:
		default:
			return wrongState(i, "cannot be applied")
		}
		stale, err := r.refresh(ctx, tx, i)
		if err != nil {
			return err
		}
		if stale {
			conflict = planStale()
			return nil
		}
		a := applier{Rosters: r, tx: tx, tenant: i.Tenant, id: id, actor: actor.ID}
		if i.State == roster.Held {
			n, err := a.explicitLeaves(ctx)
			conflict = importHeld(i, n)
			return err
		}
		return a.all(ctx)
	})
	if err != nil {
		return after, err
	}
	return after, conflict
}

func openFindings(i roster.Import) string {
	var codes []string
	for _, f := range i.Findings {
		if !f.Accepted {
			codes = append(codes, f.Code)
		}
	}
	return strings.Join(codes, ", ")
}

// refresh checks that the plan still does what was reviewed. When the tenant's
// people have changed since, the plan is made anew; stale says that it is
// another one now.
func (r *Rosters) refresh(ctx context.Context, tx pgx.Tx, i roster.Import) (stale bool, err error) {
	var planned, now int64
	var before, after string
	err = tx.QueryRow(ctx, `
		SELECT i.revision, i.digest, coalesce((SELECT v.revision FROM roster_revision v WHERE v.tenant = i.tenant), 0)
		FROM import i WHERE i.tenant = $1 AND i.id = $2`, i.Tenant, i.ID).Scan(&planned, &before, &now)
	if err != nil || planned == now {
		return false, err
	}
	if err := r.replan(ctx, tx, i.Tenant, i.ID); err != nil {
		return false, err
	}
	var state roster.State
	err = tx.QueryRow(ctx, `SELECT digest, state FROM import WHERE tenant = $1 AND id = $2`, i.Tenant, i.ID).Scan(&after, &state)
	return before != after || state != i.State, err
}

// applier writes one import's changes. Every statement is for all of its rows:
// there is no round trip per person.
type applier struct {
	*Rosters
	tx     pgx.Tx
	tenant tenancy.TenantSlug
	id     roster.ImportID
	actor  string
	today  tenancy.Date
}

// all applies every planned change.
func (a *applier) all(ctx context.Context) error {
	if err := a.write(ctx, ""); err != nil {
		return err
	}
	if err := a.createRefused(ctx); err != nil {
		return err
	}
	if err := a.rememberMapping(ctx); err != nil {
		return err
	}
	if err := a.noteEntities(ctx); err != nil {
		return err
	}
	tag, err := a.tx.Exec(ctx, `
		UPDATE import SET state = CASE WHEN done = ops THEN 'applied' ELSE 'applying' END, ended_at = CASE WHEN done = ops THEN now() END, applied_by = $3, applied_at = clock_timestamp()
		WHERE tenant = $1 AND id = $2`, a.tenant, a.id, a.actor)
	if err != nil || tag.RowsAffected() != 1 {
		return err
	}
	_, err = a.tx.Exec(ctx, `DELETE FROM import_identity WHERE tenant = $1 AND import_id = $2`, a.tenant, a.id)
	return err
}

// manyChanges is from where on an import is worth fresh statistics.
const manyChanges = 500

// refreshStatistics makes PostgreSQL plan a large import with the tables'
// present sizes: the import before it may have filled them a moment ago.
func (a *applier) refreshStatistics(ctx context.Context) error {
	var changes int
	if err := a.tx.QueryRow(ctx, `SELECT count(*) FROM import_change WHERE tenant = $1 AND import_id = $2`, a.tenant, a.id).Scan(&changes); err != nil || changes < manyChanges {
		return err
	}
	_, err := a.tx.Exec(ctx, `SELECT opora_refresh_statistics()`)
	return err
}

// createRefused asks once more for the accounts of listed employees that
// Keycloak has refused to make and that nothing has made since.
func (a *applier) createRefused(ctx context.Context) error {
	tag, err := a.tx.Exec(ctx, `
		WITH refused AS MATERIALIZED (
			SELECT employee_id FROM op WHERE tenant = $1 AND kind IN ('create', 'update', 'enable')
			GROUP BY employee_id HAVING bool_and(state = 'failed') AND bool_or(kind = 'create'))
		INSERT INTO op (tenant, import_id, employee_id, kind, line)
		SELECT a.tenant, $2, a.id, 'create', min(r.line)
		FROM refused f JOIN account a ON a.tenant = $1 AND a.id = f.employee_id AND a.enabled JOIN employment e ON e.tenant = a.tenant AND e.person_id = a.id
			JOIN import_row r ON r.tenant = e.tenant AND r.import_id = $2 AND r.legal_entity = e.legal_entity AND r.employee_key = e.employee_key AND e.released_at IS NULL
		GROUP BY a.tenant, a.id`, a.tenant, a.id)
	if err != nil || tag.RowsAffected() == 0 {
		return err
	}
	return a.sendOff(ctx)
}

// explicitLeaves applies the leaves that the file dates itself and leaves the
// rest of a held import as it is. It returns how many there were.
func (a *applier) explicitLeaves(ctx context.Context) (n int, err error) {
	err = a.tx.QueryRow(ctx, `SELECT count(*) FROM import_change WHERE tenant = $1 AND import_id = $2 AND state = 'planned' AND kind = 'leave' AND explicit`, a.tenant, a.id).Scan(&n)
	if err != nil || n == 0 {
		return n, err
	}
	if err := a.write(ctx, " AND c.kind = 'leave' AND c.explicit"); err != nil {
		return n, err
	}
	_, err = a.tx.Exec(ctx, `UPDATE import SET applied_by = $3, applied_at = now() WHERE tenant = $1 AND id = $2`, a.tenant, a.id, a.actor)
	if err != nil {
		return n, err
	}
	return n, a.replan(ctx, a.tx, a.tenant, a.id)
}

// write carries out the planned changes that the filter leaves.
func (a *applier) write(ctx context.Context, filter string) error {
	c, err := contourIn(ctx, a.tx, a.tenant)
	if err != nil {
		return err
	}
	a.today = c.Today
	// The changes of this turn, by one name for every statement below, with what
	// was there before: undo needs it.
	_, err = a.tx.Exec(ctx, `
		CREATE TEMP TABLE turn ON COMMIT DROP AS
		SELECT c.tenant, c.import_id, c.n, c.kind, c.line, c.legal_entity, c.employee_key, c.employee_id, c.employment_id, c.from_id, c.releases_id, c.login, c.new_person, c.new_job,
			c.explicit, c.settled, coalesce(nullif(c.identity_line, 0), c.line) AS identity_line, c.left_on, c.fields,
			p.import_id AS was_person_import, e.import_id AS was_job_import, f.import_id AS was_from_import, l.import_id AS was_released_import, coalesce(p.national_id_hash, '') AS was_national_id_hash
		FROM import_change c LEFT JOIN person p ON p.tenant = c.tenant AND p.id = c.employee_id
			LEFT JOIN employment e ON e.tenant = c.tenant AND e.id = c.employment_id
			LEFT JOIN employment f ON f.tenant = c.tenant AND f.id = c.from_id
			LEFT JOIN employment l ON l.tenant = c.tenant AND l.id = c.releases_id
		WHERE c.tenant = $1 AND c.import_id = $2 AND c.state = 'planned'`+filter, a.tenant, a.id)
	if err != nil {
		return err
	}
	if err := a.refreshStatistics(ctx); err != nil {
		return err
	}
	// Without the index what is asked of each employment below reads the whole turn.
	if _, err := a.tx.Exec(ctx, `CREATE INDEX ON turn (employment_id)`); err != nil {
		return err
	}
	if _, err := a.tx.Exec(ctx, `ANALYZE turn`); err != nil { // or the joins below are planned for a handful of rows
		return err
	}
	var changes int
	if err := a.tx.QueryRow(ctx, `SELECT count(*) FROM turn`).Scan(&changes); err != nil {
		return err
	}
	if changes > 0 {
		if err := a.writePeople(ctx); err != nil {
			return err
		}
	}
	_, err = a.tx.Exec(ctx, `DROP TABLE turn`)
	return err
}

func (a *applier) writePeople(ctx context.Context) error {
	for _, step := range []func(context.Context) error{
		a.hire, a.updatePeople, a.makeAccounts, a.releaseNumbers, a.employ, a.updateJobs, a.endMoved, a.layOps, a.settle,
	} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// hire writes the persons that are new.
func (a *applier) hire(ctx context.Context) error {
	_, err := a.tx.Exec(ctx, `
		INSERT INTO person (tenant, id, last_name, first_name, middle_name, email, phone, birth_date, national_id, national_id_hash, search, import_id)
		SELECT c.tenant, c.employee_id, r.last_name, r.first_name, r.middle_name, r.email, r.phone, r.birth_date, coalesce(i.national_id, ''), coalesce(i.national_id_hash, ''), r.search, c.import_id
		FROM turn c JOIN import_row r USING (tenant, import_id, legal_entity, employee_key) LEFT JOIN import_identity i USING (tenant, import_id, legal_entity, employee_key)
		WHERE c.new_person`)
	return err
}

// makeAccounts gives each new person an account: a login that nobody has, and
// the e-mail address when it is free in the whole realm.
func (a *applier) makeAccounts(ctx context.Context) error {
	if err := a.settleLogins(ctx); err != nil {
		return err
	}
	_, err := a.tx.Exec(ctx, `GRANT SELECT ON turn TO opora_contour`)
	if err != nil {
		return err
	}
	return asContour(ctx, a.tx, a.tenant, func() error {
		_, err := a.tx.Exec(ctx, `
			INSERT INTO email_claim (email, tenant, employee_id)
			SELECT DISTINCT ON (lower(p.email)) lower(p.email), p.tenant, p.id FROM turn c JOIN person p ON p.tenant = c.tenant AND p.id = c.employee_id
			WHERE c.new_person AND p.email <> '' ORDER BY lower(p.email), c.n ON CONFLICT DO NOTHING`)
		if err != nil {
			return err
		}
		_, err = a.tx.Exec(ctx, `
			INSERT INTO account (tenant, id, login, email)
			SELECT c.tenant, c.employee_id, c.login, coalesce(e.email, '') FROM turn c LEFT JOIN email_claim e ON e.tenant = c.tenant AND e.employee_id = c.employee_id
			WHERE c.new_person`)
		return err
	})
}

// settleLogins draws again for the logins that somebody has.
func (a *applier) settleLogins(ctx context.Context) error {
	for {
		rows, err := a.tx.Query(ctx, `SELECT c.n FROM turn c JOIN account a ON a.tenant = c.tenant AND a.login = c.login WHERE c.new_person`)
		if err != nil {
			return err
		}
		taken, err := pgx.CollectRows(rows, pgx.RowTo[int])
		if err != nil || len(taken) == 0 {
			return err
		}
		for _, n := range taken {
			_, err := a.tx.Exec(ctx, `UPDATE turn SET login = $2 WHERE n = $1 AND NOT EXISTS (SELECT FROM turn t WHERE t.login = $2)`, n, roster.NewLogin(a.tenant))
			if err != nil {
				return err
			}
		}
	}
}

// releaseNumbers takes the numbers that were given to somebody else from the
// ended employments that had them.
func (a *applier) releaseNumbers(ctx context.Context) error {
	_, err := a.tx.Exec(ctx, `
		UPDATE employment e SET released_at = now(), import_id = $2 FROM turn c
		WHERE e.tenant = $1 AND e.id = c.releases_id AND e.released_at IS NULL`, a.tenant, a.id)
	return err
}

// employ writes the employments that are new.
func (a *applier) employ(ctx context.Context) error {
	_, err := a.tx.Exec(ctx, `UPDATE turn c SET new_job = true WHERE NOT EXISTS (SELECT FROM employment e WHERE e.tenant = c.tenant AND e.id = c.employment_id)`)
	if err != nil {
		return err
	}
	_, err = a.tx.Exec(ctx, `
		INSERT INTO employment (tenant, id, person_id, legal_entity, employee_no, employee_key, department, position, segment, hired_on, left_on, import_id)
		SELECT c.tenant, c.employment_id, c.employee_id, r.legal_entity, r.employee_no, r.employee_key, r.department, r.position, r.segment, r.hired_on, r.left_on, c.import_id
		FROM turn c JOIN import_row r USING (tenant, import_id, legal_entity, employee_key)
		WHERE c.new_job`)
	return err
}

// newValues spreads the changes' fields into columns: the new value, or NULL
// where the field does not change.
func newValues(by string, fields ...string) string {
	columns := make([]string, len(fields))
	for i, f := range fields {
		columns[i] = fmt.Sprintf("max(x ->> 'new') FILTER (WHERE x ->> 'field' = '%[1]s') AS %[1]s", f)
	}
	return fmt.Sprintf(`SELECT c.%s, min(c.n) AS n, %s FROM turn c, jsonb_array_elements(c.fields) x
		WHERE (c.settled OR NOT c.new_person) AND x ->> 'field' IN ('%s') GROUP BY c.%s`, by, strings.Join(columns, ", "), strings.Join(fields, "', '"), by)
}

// updatePeople writes the fields of persons we have, and of new ones of whom
// several rows speak. Another e-mail or telephone is not confirmed any more.
func (a *applier) updatePeople(ctx context.Context) error {
	rows, err := a.tx.Query(ctx, `
		UPDATE person p SET last_name = coalesce(f.last_name, p.last_name), first_name = coalesce(f.first_name, p.first_name), middle_name = coalesce(f.middle_name, p.middle_name),
			email = coalesce(f.email, p.email), email_confirmed = p.email_confirmed AND f.email IS NULL,
			phone = coalesce(f.phone, p.phone), phone_confirmed = p.phone_confirmed AND f.phone IS NULL,
			birth_date = coalesce(f.birth_date::date, p.birth_date),
			national_id = coalesce(f.national_id, p.national_id),
			national_id_hash = CASE WHEN f.national_id IS NULL THEN p.national_id_hash ELSE coalesce(i.national_id_hash, p.national_id_hash) END,
			import_id = $2
		FROM (`+newValues("employee_id", "last_name", "first_name", "middle_name", "email", "phone", "birth_date", "national_id")+`) f
			JOIN turn c ON c.n = f.n
			LEFT JOIN import_row r ON f.national_id IS NOT NULL AND r.tenant = c.tenant AND r.import_id = c.import_id AND r.line = c.identity_line
			LEFT JOIN import_identity i ON i.tenant = r.tenant AND i.import_id = r.import_id AND i.legal_entity = r.legal_entity AND i.employee_key = r.employee_key
		WHERE p.tenant = $1 AND p.id = f.employee_id
		RETURNING p.id::text, p.last_name || ' ' || p.first_name || ' ' || p.middle_name`, a.tenant, a.id)
	if err != nil {
		return err
	}
	return a.refold(ctx, rows)
}

// refold writes the names of persons (id and whole name) as a search compares
// them, where they are others.
func (a *applier) refold(ctx context.Context, rows pgx.Rows) error {
	var ids, names []string
	var id, name string
	_, err := pgx.ForEachRow(rows, []any{&id, &name}, func() error {
		ids, names = append(ids, id), append(names, roster.Fold(name))
		return nil
	})
	if err != nil || len(ids) == 0 {
		return err
	}
	_, err = a.tx.Exec(ctx, `UPDATE person p SET search = u.search FROM unnest($2::text[], $3::text[]) u (id, search) WHERE p.tenant = $1 AND p.id = u.id::uuid AND p.search <> u.search`, a.tenant, ids, names)
	return err
}

// updateJobs writes the fields and the last days of employments we have.
func (a *applier) updateJobs(ctx context.Context) error {
	_, err := a.tx.Exec(ctx, `
		UPDATE employment e SET department = coalesce(f.department, e.department), position = coalesce(f.position, e.position), segment = coalesce(f.segment, e.segment),
			hired_on = coalesce(f.hired_on::date, e.hired_on), left_on = CASE WHEN c.kind IN ('leave', 'return') THEN c.left_on ELSE e.left_on END, import_id = $2
		FROM turn c LEFT JOIN (`+newValues("employment_id", "department", "position", "segment", "hired_on")+`) f ON f.n = c.n
		WHERE e.tenant = $1 AND e.id = c.employment_id AND NOT c.new_job AND (f.n IS NOT NULL OR c.kind IN ('leave', 'return'))`, a.tenant, a.id)
	return err
}

// endMoved ends the employments that people have moved from.
func (a *applier) endMoved(ctx context.Context) error {
	_, err := a.tx.Exec(ctx, `
		UPDATE employment e SET left_on = c.left_on, import_id = $2 FROM turn c
		WHERE e.tenant = $1 AND e.id = c.from_id`, a.tenant, a.id)
	return err
}

// layOps compares what accounts should be with what they are and lays down the
// calls that make them so: a new account, names, and whether somebody with no
// employment left may sign in. A leave without a date of its own ends at once.
func (a *applier) layOps(ctx context.Context) error {
	if err := a.findLetGo(ctx, "true"); err != nil {
		return err
	}
	_, err := a.tx.Exec(ctx, `
		CREATE TEMP TABLE wanted ON COMMIT DROP AS
		SELECT t.employee_id, bool_or(t.new_person) AS new_person, min(t.line) FILTER (WHERE t.line > 0) AS line,
			bool_or(EXISTS (SELECT FROM jsonb_array_elements(t.fields) x WHERE x ->> 'field' IN ('last_name', 'first_name'))) AS renamed,
			EXISTS (SELECT FROM employment e WHERE e.tenant = $1 AND e.person_id = t.employee_id AND (e.left_on IS NULL OR e.left_on >= $2)
				AND NOT EXISTS (SELECT FROM turn l LEFT JOIN import_row r USING (tenant, import_id, legal_entity, employee_key)
					WHERE l.employment_id = e.id AND l.kind = 'leave' AND r.left_on IS NULL AND l.left_on <= $2)
				AND (e.left_on IS DISTINCT FROM $2 OR NOT EXISTS (SELECT FROM let_go g WHERE g.employment_id = e.id)
					OR EXISTS (SELECT FROM turn l WHERE l.employment_id = e.id AND l.kind IN ('leave', 'return')))) AS enabled
		FROM turn t GROUP BY t.employee_id`, a.tenant, day(a.today))
	if err != nil {
		return err
	}
	return a.project(ctx)
}

// letGoToday selects the employments that a list has ended today ($2) without a
// date of its own: their last day is over already, and what is laid down later
// on the day, for another job of the person or by an undo, must not open his
// account again. A list of leavers dates them where its row has a date. but is a
// condition on the changes l that tell so.
func letGoToday(but string) string {
	return `SELECT employment_id FROM (
		SELECT DISTINCT ON (l.employment_id) l.employment_id, l.kind, l.left_on, l.explicit AND (i.mode <> 'leavers' OR r.left_on IS NOT NULL) AS dated
		FROM import i JOIN import_change l ON l.tenant = i.tenant AND l.import_id = i.id
			LEFT JOIN import_row r ON r.tenant = l.tenant AND r.import_id = l.import_id AND r.legal_entity = l.legal_entity AND r.employee_key = l.employee_key
		WHERE i.tenant = $1 AND i.applied_at > now() - interval '2 days' AND l.state IN ('applied', 'kept') AND l.kind IN ('leave', 'return') AND ` + but + `
		ORDER BY l.employment_id, i.applied_at DESC) x
		WHERE kind = 'leave' AND NOT dated AND left_on = $2`
}

// findLetGo fills the table let_go with letGoToday; project drops it.
func (a *applier) findLetGo(ctx context.Context, but string) error {
	if _, err := a.tx.Exec(ctx, `CREATE TEMP TABLE let_go (employment_id uuid PRIMARY KEY) ON COMMIT DROP`); err != nil {
		return err
	}
	_, err := a.tx.Exec(ctx, `INSERT INTO let_go `+letGoToday(but), a.tenant, day(a.today))
	return err
}

// project lays down the ops for the people in the table wanted (employee_id,
// new_person, line, renamed, enabled), brings their accounts to it, and sends
// the ops off.
func (a *applier) project(ctx context.Context) error {
	_, err := a.tx.Exec(ctx, `
		INSERT INTO op (tenant, import_id, employee_id, kind, line)
		SELECT a.tenant, $2, a.id, CASE WHEN w.new_person THEN 'create' WHEN w.enabled AND NOT a.enabled THEN 'enable' WHEN a.enabled AND NOT w.enabled THEN 'disable' ELSE 'update' END, coalesce(w.line, 0)
		FROM wanted w JOIN account a ON a.tenant = $1 AND a.id = w.employee_id
		WHERE w.new_person OR w.enabled <> a.enabled OR w.renamed AND a.enabled`, a.tenant, a.id)
	if err != nil {
		return err
	}
	_, err = a.tx.Exec(ctx, `UPDATE account a SET enabled = w.enabled FROM wanted w WHERE a.tenant = $1 AND a.id = w.employee_id AND a.enabled <> w.enabled`, a.tenant)
	if err != nil {
		return err
	}
	if _, err := a.tx.Exec(ctx, `DROP TABLE wanted, let_go`); err != nil {
		return err
	}
	return a.sendOff(ctx)
}

// sendOff counts the import's new ops and enqueues who carries them out.
func (a *applier) sendOff(ctx context.Context) error {
	var ops, before int
	err := a.tx.QueryRow(ctx, `
		UPDATE import i SET ops = (SELECT count(*) FROM op o WHERE o.tenant = i.tenant AND o.import_id = i.id)
		FROM (SELECT ops FROM import WHERE tenant = $1 AND id = $2) o
		WHERE i.tenant = $1 AND i.id = $2 RETURNING i.ops, o.ops`, a.tenant, a.id).Scan(&ops, &before)
	if err != nil || ops == before {
		return err
	}
	return asContour(ctx, a.tx, a.tenant, func() error {
		return a.queue.Shards(ctx, a.tx, job.ApplyOps{Tenant: a.tenant, Import: a.id}, ops-before)
	})
}

// settle marks the changes as applied.
func (a *applier) settle(ctx context.Context) error {
	_, err := a.tx.Exec(ctx, `
		UPDATE import_change c SET state = 'applied', login = t.login, new_job = t.new_job, was_person_import = t.was_person_import, was_job_import = t.was_job_import,
			was_from_import = t.was_from_import, was_released_import = t.was_released_import, was_national_id_hash = CASE WHEN t.new_person THEN '' ELSE t.was_national_id_hash END
		FROM turn t WHERE c.tenant = $1 AND c.import_id = $2 AND c.n = t.n`, a.tenant, a.id)
	if err != nil {
		return err
	}
	return a.touch(ctx)
}

// touch says that the tenant's people have changed: plans made before are
// checked again.
func (a *applier) touch(ctx context.Context) error {
	_, err := a.tx.Exec(ctx, `INSERT INTO roster_revision AS v (tenant, revision) VALUES ($1, 1) ON CONFLICT (tenant) DO UPDATE SET revision = v.revision + 1`, a.tenant)
	return err
}

// importHeld says what a held import waits for, and how many leaves with a date
// of their own did not wait with it.
func importHeld(i roster.Import, leaves int) error {
	message := fmt.Sprintf("The import is held: another person must accept %s.", openFindings(i))
	if leaves > 0 {
		message += fmt.Sprintf(" Leaves with a date of their own do not wait: %d were applied now.", leaves)
	}
	return tenancy.E(tenancy.Conflict, "import_held", message)
}
