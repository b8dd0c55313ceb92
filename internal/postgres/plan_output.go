package postgres

import (
	"context"
	"crypto/sha512"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"

	"github.com/ponimayu/opora/internal/roster"
	"github.com/ponimayu/opora/internal/tenancy"
)

// planOutput takes what Diff decides and brings it into temporary tables, a
// piece at a time: nothing of it grows with the list in this process, logins
// aside.
type planOutput struct {
	ctx               context.Context
	p                 *planner
	changes, absences copier
	problems          copier
	told              int                  // problems, in their order
	logins            map[[6]byte]struct{} // the random part of those drawn
	sum               [8]uint64
	text              []byte // of the change that is being added up
}

var _ roster.Output = (*planOutput)(nil)

var changeColumnsPlanned = []string{
	"kind", "line", "legal_entity", "employee_no", "employee_key", "employee_id", "employment_id", "from_id",
	"login", "new_person", "explicit", "left_on", "was_left_on", "fields", "releases_id", "settled", "identity_line",
}

func newPlanOutput(ctx context.Context, p *planner) (*planOutput, error) {
	_, err := p.tx.Exec(ctx, `
		CREATE TEMP TABLE planned_change ON COMMIT DROP AS SELECT `+columnList(changeColumnsPlanned)+` FROM import_change WITH NO DATA;
		CREATE TEMP TABLE planned_absence ON COMMIT DROP AS SELECT employment_id, listed FROM import_absence WITH NO DATA;
		CREATE TEMP TABLE planned_problem ON COMMIT DROP AS SELECT n, code, severity, message, line, field FROM import_problem WITH NO DATA`)
	return &planOutput{
		ctx: ctx, p: p, logins: map[[6]byte]struct{}{},
		changes:  copier{table: "planned_change", columns: changeColumnsPlanned},
		absences: copier{table: "planned_absence", columns: []string{"employment_id", "listed"}},
		problems: copier{table: "planned_problem", columns: []string{"n", "code", "severity", "message", "line", "field"}},
	}, err
}

// Change implements roster.Output.
func (o *planOutput) Change(c roster.Change) error {
	o.add(c)
	fields := []byte("[]")
	if len(c.Fields) > 0 {
		var err error
		if fields, err = json.Marshal(c.Fields); err != nil {
			return err
		}
	}
	o.changes.put(string(c.Kind), c.Line, string(c.LegalEntity), string(c.EmployeeNo), string(c.EmployeeKey), string(c.EmployeeID), string(c.Employment), orNull(string(c.From)),
		orNull(o.login(c)), c.NewPerson, c.Explicit && c.Kind == roster.Leave, c.LeftOn, c.WasLeftOn, string(fields), orNull(string(c.Releases)), c.Settled, c.IdentityLine)
	return o.changes.end(o.ctx, o.p.tx)
}

// Absence implements roster.Output.
func (o *planOutput) Absence(a roster.Absence) error {
	o.absences.put(string(a.Employment), a.Listed)
	return o.absences.end(o.ctx, o.p.tx)
}

// Problem implements roster.Output.
func (o *planOutput) Problem(problem tenancy.Problem) error {
	o.told++
	o.problems.put(o.told, string(problem.Code), string(problem.Severity), problem.Message, problem.Line, problem.Field)
	return o.problems.end(o.ctx, o.p.tx)
}

// login draws a login for a new person, other than those drawn before.
func (o *planOutput) login(c roster.Change) string {
	if !c.NewPerson {
		return ""
	}
	for {
		login := roster.NewLogin(o.p.tenant)
		drawn := [6]byte([]byte(login[len(login)-6:]))
		if _, again := o.logins[drawn]; !again {
			o.logins[drawn] = struct{}{}
			return login
		}
	}
}

// store numbers what was decided and writes it to the import.
func (o *planOutput) store(ctx context.Context, result roster.Result) error {
	for _, c := range []*copier{&o.changes, &o.absences, &o.problems} {
		if err := c.flush(ctx, o.p.tx); err != nil {
			return err
		}
	}
	list := columnList(changeColumnsPlanned)
	stored, err := o.p.tx.Exec(ctx, `
		INSERT INTO import_change (tenant, import_id, n, `+list+`)
		SELECT $1, $2::uuid, $3 + row_number() OVER (ORDER BY line = 0, line, legal_entity, employee_key), `+list+` FROM planned_change`, o.p.tenant, o.p.id, o.p.applied.last)
	if err != nil {
		return err
	}
	if decided := result.Create + result.Update + result.Move + result.Leave + result.Return; int(stored.RowsAffected()) != decided {
		return rowsLost(decided, int(stored.RowsAffected()))
	}
	_, err = o.p.tx.Exec(ctx, `INSERT INTO import_absence (tenant, import_id, employment_id, day, listed) SELECT $1, $2::uuid, employment_id, $3, listed FROM planned_absence`,
		o.p.tenant, o.p.id, day(o.p.contour.Today))
	if err != nil {
		return err
	}
	_, err = o.p.tx.Exec(ctx, `
		INSERT INTO import_problem (tenant, import_id, n, stage, code, severity, message, line, field)
		SELECT $1, $2::uuid, m.n + row_number() OVER (ORDER BY p.line, p.n), 'plan', p.code, p.severity, p.message, p.line, p.field
		FROM planned_problem p, (SELECT coalesce(max(n), 0) AS n FROM import_problem WHERE tenant = $1 AND import_id = $2::uuid) m`, o.p.tenant, o.p.id)
	if err != nil {
		return err
	}
	_, err = o.p.tx.Exec(ctx, `DROP TABLE planned_change, planned_absence, planned_problem`)
	return err
}

// add takes a change into the digest. Changes come in no order, so their hashes
// are added up; the ids drawn for new people do not count.
func (o *planOutput) add(c roster.Change) {
	employee := c.EmployeeID
	if c.OfNewPerson {
		employee = ""
	}
	o.text = binary.AppendUvarint(o.text[:0], uint64(c.Line)) //nolint:gosec // lines are not negative
	for _, part := range []string{string(c.Kind), string(c.LegalEntity), string(c.EmployeeKey), string(employee), string(c.From), c.LeftOn.String(), string(c.Releases)} {
		o.text = appendPart(o.text, part)
	}
	for _, f := range c.Fields {
		o.text = appendPart(appendPart(appendPart(o.text, f.Field), f.Old), f.New)
	}
	hash := sha512.Sum512(o.text)
	for i := range o.sum {
		o.sum[i] += binary.LittleEndian.Uint64(hash[8*i:])
	}
}

// appendPart appends a text and its length, so that no two rows of parts are alike.
func appendPart(b []byte, part string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(part))), part...)
}

// digest names a plan by what it does: two plans with one digest do the same.
func (o *planOutput) digest() string {
	var b []byte
	for _, lane := range o.sum {
		b = binary.LittleEndian.AppendUint64(b, lane)
	}
	return hex.EncodeToString(b)
}

// orNull is a value of the copier: NULL when there is none.
func orNull(s string) any {
	if s == "" {
		return nil
	}
	return s
}
