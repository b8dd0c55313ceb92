package postgres

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"

	"github.com/jackc/pgx/v5"

	"github.com/ponimayu/opora/internal/roster"
	"github.com/ponimayu/opora/internal/tenancy"
)

// replan compares an import's staged rows with the people as they are now and
// stores the plan in place of an earlier one: state planned, or held when the
// brake finds a danger that nobody has accepted. Changes that were applied
// already (explicit leaves of a held import) stay. A plan that does not decide
// on every staged row is a tenancy.Problem, rows_lost.
func (r *Rosters) replan(ctx context.Context, tx pgx.Tx, tenant tenancy.TenantSlug, id roster.ImportID) error {
	p := planner{tx: tx, tenant: tenant, id: id, key: r.key.IDKey(), refused: map[refusedMark]bool{}}
	if err := p.prepare(ctx); err != nil {
		return err
	}
	if err := p.findKin(ctx); err != nil {
		return err
	}
	if err := p.clear(ctx); err != nil {
		return err
	}
	out, err := newPlanOutput(ctx, &p)
	if err != nil {
		return err
	}
	result, err := roster.Diff(p.have(ctx), p.want(ctx), p.options(), out)
	if err != nil {
		return err
	}
	if result.Decided != p.staged {
		return rowsLost(p.staged, result.Decided)
	}
	if err := out.store(ctx, result); err != nil {
		return err
	}
	if err := p.dropKin(ctx); err != nil {
		return err
	}
	return p.conclude(ctx, result, out.digest())
}

// refusedMark is as much of a refused row's mark as tells it from all others.
type refusedMark [16]byte

// planner makes one plan.
type planner struct {
	tx       pgx.Tx
	tenant   tenancy.TenantSlug
	id       roster.ImportID
	key      []byte // of the marks of refused rows
	contour  contour
	mode     roster.Mode
	entity   tenancy.LegalEntityCode
	staged   int
	repeated int    // rows of somebody who stands on an earlier row
	unknown  int    // refused rows that do not tell whose they are
	digest   string // of the plan before this one; "" when there was none
	revision int64
	refused  map[refusedMark]bool
	applied  appliedLeaves
}

func (p *planner) prepare(ctx context.Context) (err error) {
	if p.contour, err = contourIn(ctx, p.tx, p.tenant); err != nil {
		return err
	}
	err = p.tx.QueryRow(ctx, `
		SELECT i.mode, i.legal_entity, i.repeated, i.unidentified, i.digest,
			(SELECT count(*) FROM import_row r WHERE r.tenant = i.tenant AND r.import_id = i.id),
			coalesce((SELECT v.revision FROM roster_revision v WHERE v.tenant = i.tenant), 0)
		FROM import i WHERE i.tenant = $1 AND i.id = $2`, p.tenant, p.id).Scan(&p.mode, &p.entity, &p.repeated, &p.unknown, &p.digest, &p.staged, &p.revision)
	if err != nil {
		return err
	}
	rows, err := p.tx.Query(ctx, `SELECT mark FROM import_refused WHERE tenant = $1 AND import_id = $2`, p.tenant, p.id)
	if err != nil {
		return err
	}
	var m []byte
	_, err = pgx.ForEachRow(rows, []any{&m}, func() error { p.refused[refusedMark(m[:16])] = true; return nil })
	return err
}

func (p *planner) options() roster.Options {
	options := roster.Options{
		Mode: p.mode, Today: p.contour.Today, LegalEntity: p.entity, AbsentTimes: p.contour.Roster.AbsentTimes,
		NewEmployeeID:   func() tenancy.EmployeeID { return tenancy.EmployeeID(newID()) },
		NewEmploymentID: func() tenancy.EmploymentID { return tenancy.EmploymentID(newID()) },
	}
	if len(p.refused) > 0 {
		options.Listed = func(number tenancy.EmployeeKey) bool { return p.refused[refusedMark(mark(p.key, number)[:16])] }
	}
	return options
}

// have reads the employments we hold, in the order of roster.Key.
func (p *planner) have(ctx context.Context) iter.Seq2[roster.Have, error] {
	return cursor(ctx, p.tx, "have", `
		SELECT e.legal_entity, e.employee_key, e.employee_no, e.department, e.position, e.segment, e.hired_on, e.left_on, e.id::text,
			p.id::text, p.last_name, p.first_name, p.middle_name, p.email, p.phone, p.birth_date, p.national_id, p.national_id_hash,
			p.email_confirmed, p.phone_confirmed, NOT a.enabled OR g.employment_id IS NOT NULL, e.released_at IS NOT NULL, coalesce(m.days, 0), m.employment_id IS NOT NULL, k.id IS NULL
		FROM employment e JOIN person p ON p.tenant = e.tenant AND p.id = e.person_id JOIN account a ON a.tenant = e.tenant AND a.id = e.person_id
			LEFT JOIN kin_person k ON k.id = e.person_id LEFT JOIN kin_missed m ON m.employment_id = e.id LEFT JOIN kin_let_go g ON g.employment_id = e.id
		WHERE e.tenant = $1 ORDER BY e.legal_entity, e.employee_key, e.released_at`, []any{p.tenant},
		func(row pgx.CollectableRow) (h roster.Have, err error) {
			return h, row.Scan(&h.LegalEntity, &h.EmployeeKey, &h.EmployeeNo, &h.Department, &h.Position, &h.Segment, dayInto{&h.HiredOn}, dayInto{&h.LeftOn}, &h.EmploymentID,
				&h.EmployeeID, &h.LastName, &h.FirstName, &h.MiddleName, &h.Email, &h.Phone, dayInto{&h.BirthDate}, &h.NationalID, &h.NationalIDHash,
				&h.EmailConfirmed, &h.PhoneConfirmed, &h.LetGo, &h.Released, &h.AbsentDays, &h.Missed, &h.Alone)
		})
}

// want reads the staged rows, in the order of roster.Key.
func (p *planner) want(ctx context.Context) iter.Seq2[roster.Want, error] {
	return cursor(ctx, p.tx, "want", `
		SELECT r.legal_entity, r.employee_key, r.employee_no, r.department, r.position, r.segment, r.hired_on, r.left_on, r.line,
			r.last_name, r.first_name, r.middle_name, r.email, r.phone, r.birth_date, coalesce(i.national_id, ''), coalesce(i.national_id_hash, ''), k.line IS NULL
		FROM import_row r LEFT JOIN import_identity i USING (tenant, import_id, legal_entity, employee_key) LEFT JOIN kin_row k ON k.line = r.line
		WHERE r.tenant = $1 AND r.import_id = $2 ORDER BY r.legal_entity, r.employee_key`, []any{p.tenant, p.id},
		func(row pgx.CollectableRow) (w roster.Want, err error) {
			return w, row.Scan(&w.LegalEntity, &w.EmployeeKey, &w.EmployeeNo, &w.Department, &w.Position, &w.Segment, dayInto{&w.HiredOn}, dayInto{&w.LeftOn}, &w.Line,
				&w.LastName, &w.FirstName, &w.MiddleName, &w.Email, &w.Phone, dayInto{&w.BirthDate}, &w.NationalID, &w.NationalIDHash, &w.Alone)
		})
}

// appliedLeaves are the explicit leaves of a held import that were carried out
// without waiting.
type appliedLeaves struct{ leaves, last int }

// clear removes what an earlier plan left, what was applied of it aside.
func (p *planner) clear(ctx context.Context) error {
	for _, statement := range []string{
		`DELETE FROM import_change WHERE tenant = $1 AND import_id = $2 AND state = 'planned'`,
		`DELETE FROM import_absence WHERE tenant = $1 AND import_id = $2`,
		`DELETE FROM import_problem WHERE tenant = $1 AND import_id = $2 AND stage = 'plan'`,
	} {
		if _, err := p.tx.Exec(ctx, statement, p.tenant, p.id); err != nil {
			return err
		}
	}
	return p.tx.QueryRow(ctx, `SELECT count(*), coalesce(max(n), 0) FROM import_change WHERE tenant = $1 AND import_id = $2`, p.tenant, p.id).Scan(&p.applied.leaves, &p.applied.last)
}

// conclude lets the brake look at the plan and ends the planning.
func (p *planner) conclude(ctx context.Context, result roster.Result, planned string) error {
	standing, err := p.standing(ctx)
	if err != nil {
		return err
	}
	findings := roster.Brake(result, standing, roster.LimitsOf(p.contour.Roster.Brake))
	if err := addProblems(ctx, p.tx, p.tenant, p.id, "plan", p.absences(result)); err != nil {
		return err
	}
	open, err := p.storeFindings(ctx, findings, planned == p.digest)
	if err != nil {
		return err
	}
	counts := result.Counts
	counts.Leave += p.applied.leaves // decided by this import before, unchanged now
	counts.Unchanged += p.repeated - p.applied.leaves
	state := roster.Planned
	if open > 0 {
		state = roster.Held
	}
	b, err := json.Marshal(counts)
	if err != nil {
		return err
	}
	_, err = p.tx.Exec(ctx, `UPDATE import SET state = $3, counts = $4, revision = $5, digest = $6 WHERE tenant = $1 AND id = $2`,
		p.tenant, p.id, state, b, p.revision, planned)
	return err
}

// absences tells, in the preview, who is absent and does not leave yet.
func (p *planner) absences(result roster.Result) []tenancy.Problem {
	if result.Counts.Absent == 0 {
		return nil
	}
	return []tenancy.Problem{{Code: "absent_counted", Severity: tenancy.SeverityWarning, Message: fmt.Sprintf(
		"%d employees are not on this full list, %d of them for the first time. They keep access until %d full lists in a row, each of another day, have left them out.",
		result.Counts.Absent, result.Counts.Absent-result.Waiting, p.contour.Roster.AbsentTimes)}}
}

// storeFindings replaces the findings and returns how many nobody has accepted.
// What was accepted stays so only for the very plan that somebody looked at:
// the same number of absences may be other people.
func (p *planner) storeFindings(ctx context.Context, findings []roster.Finding, same bool) (open int, err error) {
	codes := make([]string, len(findings))
	for i, f := range findings {
		codes[i] = f.Code
		var accepted bool
		err := p.tx.QueryRow(ctx, `
			INSERT INTO import_finding AS f (tenant, import_id, code, message, count, allowed) VALUES ($1, $2, $3, $4, $5, $6)
			ON CONFLICT (tenant, import_id, code) DO UPDATE SET message = $4, count = $5, allowed = $6,
				accepted_by = CASE WHEN $7 AND $5 <= f.count THEN f.accepted_by ELSE '' END
			RETURNING f.accepted_by <> ''`, p.tenant, p.id, f.Code, f.Message, f.Count, f.Limit, same).Scan(&accepted)
		if err != nil {
			return 0, err
		}
		if !accepted {
			open++
		}
	}
	_, err = p.tx.Exec(ctx, `DELETE FROM import_finding WHERE tenant = $1 AND import_id = $2 AND code <> ALL($3)`, p.tenant, p.id, codes)
	return open, err
}

// standing is what the brake measures against.
func (p *planner) standing(ctx context.Context) (s roster.Standing, err error) {
	s.Seats, s.Departments, s.Unidentified = p.contour.Seats, map[string]int{}, p.unknown
	err = p.tx.QueryRow(ctx, `
		SELECT (SELECT count(DISTINCT person_id) FROM employment WHERE tenant = $1 AND (left_on IS NULL OR left_on >= $2)),
			(SELECT count(*) FROM import_change c JOIN import i ON i.tenant = c.tenant AND i.id = c.import_id
			 WHERE c.tenant = $1 AND c.kind = 'leave' AND NOT c.explicit AND c.state = 'applied' AND i.applied_at > now() - interval '7 days'
			   AND NOT EXISTS (SELECT FROM import_finding f WHERE f.tenant = i.tenant AND f.import_id = i.id AND f.code LIKE 'absent%' AND f.accepted_by <> ''))`,
		p.tenant, day(p.contour.Today)).Scan(&s.Employees, &s.AbsentWeek)
	if err != nil {
		return s, err
	}
	rows, err := p.tx.Query(ctx, `SELECT department, count(*) FROM employment WHERE tenant = $1 AND (left_on IS NULL OR left_on >= $2) GROUP BY department`, p.tenant, day(p.contour.Today))
	if err != nil {
		return s, err
	}
	var name string
	var n int
	_, err = pgx.ForEachRow(rows, []any{&name, &n}, func() error { s.Departments[name] = n; return nil })
	return s, err
}
