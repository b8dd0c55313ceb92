package postgres

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
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
	p := planner{tx: tx, tenant: tenant, id: id, key: r.key.IDKey(), refused: map[string]bool{}}
	if err := p.prepare(ctx); err != nil {
		return err
	}
	result, err := roster.Diff(p.have(ctx), p.want(ctx), p.options())
	if err != nil {
		return err
	}
	if decided := decidedRows(result); decided != p.staged {
		return rowsLost(p.staged, decided)
	}
	return p.store(ctx, result)
}

// decidedRows counts the rows that the comparison has a decision for.
func decidedRows(result roster.Result) int {
	n := result.Unchanged + result.Held + result.Rejected
	for _, c := range result.Changes {
		if c.Line > 0 {
			n++
		}
	}
	return n
}

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
	refused  map[string]bool
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
	_, err = pgx.ForEachRow(rows, []any{&m}, func() error { p.refused[string(m)] = true; return nil })
	return err
}

func (p *planner) options() roster.Options {
	return roster.Options{
		Mode: p.mode, Today: p.contour.Today, LegalEntity: p.entity,
		Listed:          func(number tenancy.EmployeeKey) bool { return p.refused[string(mark(p.key, number))] },
		NewEmployeeID:   func() tenancy.EmployeeID { return tenancy.EmployeeID(newID()) },
		NewEmploymentID: func() tenancy.EmploymentID { return tenancy.EmploymentID(newID()) },
	}
}

// have reads the employments we hold, in the order of roster.Key.
func (p *planner) have(ctx context.Context) iter.Seq2[roster.Have, error] {
	return cursor(ctx, p.tx, "have", `
		SELECT e.legal_entity, e.employee_key, e.employee_no, e.department, e.position, e.segment, e.hired_on, e.left_on, e.id::text,
			p.id::text, p.last_name, p.first_name, p.middle_name, p.email, p.phone, p.birth_date, p.national_id, p.national_id_hash,
			p.email_confirmed, p.phone_confirmed, NOT a.enabled
		FROM employment e JOIN person p ON p.tenant = e.tenant AND p.id = e.person_id JOIN account a ON a.tenant = e.tenant AND a.id = e.person_id
		WHERE e.tenant = $1 ORDER BY e.legal_entity, e.employee_key`, []any{p.tenant},
		func(row pgx.CollectableRow) (h roster.Have, err error) {
			return h, row.Scan(&h.LegalEntity, &h.EmployeeKey, &h.EmployeeNo, &h.Department, &h.Position, &h.Segment, dayInto{&h.HiredOn}, dayInto{&h.LeftOn}, &h.EmploymentID,
				&h.EmployeeID, &h.LastName, &h.FirstName, &h.MiddleName, &h.Email, &h.Phone, dayInto{&h.BirthDate}, &h.NationalID, &h.NationalIDHash,
				&h.EmailConfirmed, &h.PhoneConfirmed, &h.Disabled)
		})
}

// want reads the staged rows, in the order of roster.Key.
func (p *planner) want(ctx context.Context) iter.Seq2[roster.Want, error] {
	return cursor(ctx, p.tx, "want", `
		SELECT r.legal_entity, r.employee_key, r.employee_no, r.department, r.position, r.segment, r.hired_on, r.left_on, r.line,
			r.last_name, r.first_name, r.middle_name, r.email, r.phone, r.birth_date, coalesce(i.national_id, ''), coalesce(i.national_id_hash, '')
		FROM import_row r LEFT JOIN import_identity i USING (tenant, import_id, legal_entity, employee_key)
		WHERE r.tenant = $1 AND r.import_id = $2 ORDER BY r.legal_entity, r.employee_key`, []any{p.tenant, p.id},
		func(row pgx.CollectableRow) (w roster.Want, err error) {
			return w, row.Scan(&w.LegalEntity, &w.EmployeeKey, &w.EmployeeNo, &w.Department, &w.Position, &w.Segment, dayInto{&w.HiredOn}, dayInto{&w.LeftOn}, &w.Line,
				&w.LastName, &w.FirstName, &w.MiddleName, &w.Email, &w.Phone, dayInto{&w.BirthDate}, &w.NationalID, &w.NationalIDHash)
		})
}

// store writes the plan over an earlier one.
func (p *planner) store(ctx context.Context, result roster.Result) error {
	standing, err := p.standing(ctx)
	if err != nil {
		return err
	}
	findings := roster.Brake(result, standing, roster.LimitsOf(p.contour.Roster.Brake))
	applied, err := p.clear(ctx)
	if err != nil {
		return err
	}
	if err := p.storeChanges(ctx, result.Changes, applied.last); err != nil {
		return err
	}
	if err := addProblems(ctx, p.tx, p.tenant, p.id, "plan", result.Problems); err != nil {
		return err
	}
	planned := digest(result.Changes)
	open, err := p.storeFindings(ctx, findings, planned == p.digest)
	if err != nil {
		return err
	}
	counts := result.Counts()
	counts.Leave += applied.leaves // decided by this import before, unchanged now
	counts.Unchanged += p.repeated - applied.leaves
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

// appliedLeaves are the explicit leaves of a held import that were carried out
// without waiting.
type appliedLeaves struct{ leaves, last int }

// clear removes what an earlier plan left, what was applied of it aside.
func (p *planner) clear(ctx context.Context) (a appliedLeaves, err error) {
	if _, err := p.tx.Exec(ctx, `DELETE FROM import_change WHERE tenant = $1 AND import_id = $2 AND state = 'planned'`, p.tenant, p.id); err != nil {
		return a, err
	}
	if _, err := p.tx.Exec(ctx, `DELETE FROM import_problem WHERE tenant = $1 AND import_id = $2 AND stage = 'plan'`, p.tenant, p.id); err != nil {
		return a, err
	}
	err = p.tx.QueryRow(ctx, `SELECT count(*), coalesce(max(n), 0) FROM import_change WHERE tenant = $1 AND import_id = $2`, p.tenant, p.id).Scan(&a.leaves, &a.last)
	return a, err
}

var changeCopied = []string{
	"n", "kind", "line", "legal_entity", "employee_no", "employee_key", "employee_id", "employment_id", "from_id",
	"login", "new_person", "explicit", "left_on", "was_left_on", "fields",
}

func (p *planner) storeChanges(ctx context.Context, changes []roster.Change, after int) error {
	logins := map[string]bool{}
	rows := make([][]any, len(changes))
	for i, c := range changes {
		fields, err := json.Marshal(c.Fields)
		if err != nil {
			return err
		}
		if c.Fields == nil {
			fields = []byte("[]")
		}
		rows[i] = []any{
			p.tenant, p.id, after + c.N, c.Kind, c.Line, c.LegalEntity, c.EmployeeNo, c.EmployeeKey, string(c.EmployeeID), string(c.Employment), orNull(string(c.From)),
			orNull(p.login(c, logins)), c.NewPerson, c.Explicit && c.Kind == roster.Leave, day(c.LeftOn), day(c.WasLeftOn), fields,
		}
	}
	return copyInto(ctx, p.tx, "import_change", with(changeCopied), rows)
}

// login draws a login for a new person, other than those drawn before.
func (p *planner) login(c roster.Change, drawn map[string]bool) string {
	if !c.NewPerson {
		return ""
	}
	for {
		if login := roster.NewLogin(p.tenant); !drawn[login] {
			drawn[login] = true
			return login
		}
	}
}

func orNull(s string) *string {
	if s == "" {
		return nil
	}
	return &s
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

// digest names a plan by what it does; the ids it draws for new people do not
// count. Two plans with one digest do the same.
func digest(changes []roster.Change) string {
	h := sha256.New()
	drawn := map[tenancy.EmployeeID]bool{}
	for _, c := range changes {
		drawn[c.EmployeeID] = drawn[c.EmployeeID] || c.NewPerson
	}
	for _, c := range changes {
		employee := c.EmployeeID
		if drawn[employee] {
			employee = ""
		}
		fmt.Fprintf(h, "%s|%d|%q|%q|%s|%s|%s|%q\n", c.Kind, c.Line, c.LegalEntity, c.EmployeeKey, employee, c.From, c.LeftOn, c.Fields)
	}
	return hex.EncodeToString(h.Sum(nil))
}
