package postgres

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/jackc/pgx/v5"

	"github.com/ponimayu/opora/internal/roster"
	"github.com/ponimayu/opora/internal/tenancy"
)

// Import returns an import with its counts, findings and problems.
func (r *Rosters) Import(ctx context.Context, actor tenancy.Actor, id roster.ImportID) (found roster.Import, err error) {
	tenant, err := r.tenantOfImport(ctx, actor, tenancy.ReadRoster, id)
	if err != nil {
		return found, err
	}
	err = r.db.ReadTenant(ctx, tenant, func(tx pgx.Tx) error {
		found, err = importIn(ctx, tx, tenant, id)
		return err
	})
	return found, err
}

// ImportProgress is Import without findings and problems: what changes while an
// import is being worked on, for whoever asks often.
func (r *Rosters) ImportProgress(ctx context.Context, actor tenancy.Actor, id roster.ImportID) (found roster.Import, err error) {
	tenant, err := r.tenantOfImport(ctx, actor, tenancy.ReadRoster, id)
	if err != nil {
		return found, err
	}
	err = r.db.ReadTenant(ctx, tenant, func(tx pgx.Tx) error {
		found, err = importRow(ctx, tx, tenant, id)
		return err
	})
	return found, err
}

// Imports returns a tenant's latest imports (at most 50), the newest first,
// without their findings and problems.
func (r *Rosters) Imports(ctx context.Context, actor tenancy.Actor, tenant tenancy.TenantSlug) (all []roster.Import, err error) {
	if err := r.allow(ctx, actor, tenancy.ReadRoster, tenant, "", unknownTenant()); err != nil {
		return nil, err
	}
	err = r.db.ReadTenant(ctx, tenant, func(tx pgx.Tx) error {
		if _, err := tenantIn(ctx, tx, tenant); err != nil {
			return err
		}
		rows, err := tx.Query(ctx, importColumns+` WHERE tenant = $1 ORDER BY uploaded_at DESC, id DESC LIMIT 50`, tenant)
		if err != nil {
			return err
		}
		all, err = pgx.CollectRows(rows, scanImport)
		return err
	})
	return all, err
}

const importColumns = `SELECT id::text, tenant, state, mode, legal_entity, uploaded_by, uploaded_at, counts, rows_read, rejected, ops_failed, done, ops, progress, waiting, summary,
	EXISTS (SELECT FROM error_workbook_chunk w WHERE w.tenant = import.tenant AND w.import_id = import.id AND w.n = 0 AND w.expires_at > now()) FROM import`

func scanImport(row pgx.CollectableRow) (i roster.Import, err error) {
	var counts, progress, waiting, summary []byte
	var rows, rejected, failed int
	err = row.Scan(&i.ID, &i.Tenant, &i.State, &i.Mode, &i.LegalEntity, &i.UploadedBy, &i.UploadedAt, &counts, &rows, &rejected, &failed, &i.Done, &i.Ops, &progress, &waiting, &summary, &i.ErrorWorkbook)
	if err != nil {
		return i, err
	}
	if err := json.Unmarshal(counts, &i.Counts); err != nil {
		return i, err
	}
	if err := errors.Join(unmarshalOptional(progress, &i.Progress), unmarshalOptional(waiting, &i.Waiting), unmarshalOptional(summary, &i.Summary)); err != nil {
		return i, err
	}
	if i.State == roster.Applying {
		i.Progress = &roster.Progress{Phase: roster.Sending, Rows: i.Done, Of: i.Ops}
	}
	i.UploadedAt = i.UploadedAt.UTC()
	i.Counts.Rows, i.Counts.Failed = rows, failed
	i.Counts.Rejected += rejected
	i.Findings, i.Problems = []roster.Finding{}, []tenancy.Problem{}
	return i, nil
}

// unmarshalOptional leaves the value as it is when the column is NULL.
func unmarshalOptional(b []byte, into any) error {
	if b == nil {
		return nil
	}
	return json.Unmarshal(b, into)
}

// importRow reads an import without what lies in other tables.
func importRow(ctx context.Context, tx pgx.Tx, tenant tenancy.TenantSlug, id roster.ImportID) (i roster.Import, err error) {
	rows, err := tx.Query(ctx, importColumns+` WHERE tenant = $1 AND id = $2`, tenant, id)
	if err != nil {
		return i, err
	}
	if i, err = pgx.CollectExactlyOneRow(rows, scanImport); errors.Is(err, pgx.ErrNoRows) {
		return i, unknownImport()
	}
	return i, err
}

// importIn reads an import whole.
func importIn(ctx context.Context, tx pgx.Tx, tenant tenancy.TenantSlug, id roster.ImportID) (i roster.Import, err error) {
	if i, err = importRow(ctx, tx, tenant, id); err != nil {
		return i, err
	}
	rows, err := tx.Query(ctx, `SELECT code, message, count, allowed, accepted_by <> '' FROM import_finding WHERE tenant = $1 AND import_id = $2 ORDER BY code COLLATE "C"`, tenant, id)
	if err != nil {
		return i, err
	}
	findings, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (f roster.Finding, err error) {
		return f, row.Scan(&f.Code, &f.Message, &f.Count, &f.Limit, &f.Accepted)
	})
	if err != nil {
		return i, err
	}
	i.Findings = append(i.Findings, findings...)
	if i.Problems, err = problemsIn(ctx, tx, tenant, id); err != nil {
		return i, err
	}
	i.ProblemsTotal, err = countProblems(ctx, tx, tenant, id, len(i.Problems))
	return i, err
}

// maxProblems bounds an answer; the error workbook has them all.
const maxProblems = 1000

func problemsIn(ctx context.Context, tx pgx.Tx, tenant tenancy.TenantSlug, id roster.ImportID) ([]tenancy.Problem, error) {
	rows, err := tx.Query(ctx, `
		SELECT code, severity, message, sheet, line, col, field FROM import_problem
		WHERE tenant = $1 AND import_id = $2 ORDER BY line <> 0, line, n LIMIT $3`, tenant, id, maxProblems)
	if err != nil {
		return nil, err
	}
	problems, err := pgx.CollectRows(rows, scanProblem)
	if problems == nil {
		problems = []tenancy.Problem{}
	}
	return problems, err
}

// Problems returns up to limit (at most 1000, 100 when 0) of an import's
// problems after the one numbered after, in the order in which they were found,
// and the number to go on from, 0 when there are no more.
func (r *Rosters) Problems(ctx context.Context, actor tenancy.Actor, id roster.ImportID, after, limit int) (problems []tenancy.Problem, next int, err error) {
	tenant, err := r.tenantOfImport(ctx, actor, tenancy.ReadRoster, id)
	if err != nil {
		return nil, 0, err
	}
	if limit <= 0 {
		limit = 100
	}
	limit = min(limit, maxProblems)
	err = r.db.ReadTenant(ctx, tenant, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `SELECT n, code, severity, message, sheet, line, col, field FROM import_problem
			WHERE tenant = $1 AND import_id = $2 AND n > $3 ORDER BY n LIMIT $4`, tenant, id, after, limit)
		if err != nil {
			return err
		}
		var p tenancy.Problem
		_, err = pgx.ForEachRow(rows, []any{&next, &p.Code, &p.Severity, &p.Message, &p.Sheet, &p.Line, &p.Column, &p.Field}, func() error {
			problems = append(problems, p)
			return nil
		})
		return err
	})
	if len(problems) < limit {
		next = 0
	}
	return problems, next, err
}

// countProblems counts an import's problems, of which some were read.
func countProblems(ctx context.Context, tx pgx.Tx, tenant tenancy.TenantSlug, id roster.ImportID, read int) (n int, err error) {
	if read < maxProblems {
		return read, nil
	}
	err = tx.QueryRow(ctx, `SELECT count(*) FROM import_problem WHERE tenant = $1 AND import_id = $2`, tenant, id).Scan(&n)
	return n, err
}

func scanProblem(row pgx.CollectableRow) (p tenancy.Problem, err error) {
	return p, row.Scan(&p.Code, &p.Severity, &p.Message, &p.Sheet, &p.Line, &p.Column, &p.Field)
}

// Changes returns up to limit (at most 1000, 100 when 0) of an import's changes
// after the change numbered after, in the plan's order: the preview.
func (r *Rosters) Changes(ctx context.Context, actor tenancy.Actor, id roster.ImportID, after, limit int) ([]roster.Change, error) {
	return r.ChangesOfKind(ctx, actor, id, "", after, limit)
}

// ChangesOfKind is Changes for one kind, or every kind when it is empty.
func (r *Rosters) ChangesOfKind(ctx context.Context, actor tenancy.Actor, id roster.ImportID, kind roster.Kind, after, limit int) (changes []roster.Change, err error) {
	tenant, err := r.tenantOfImport(ctx, actor, tenancy.ReadRoster, id)
	if err != nil {
		return nil, err
	}
	if limit <= 0 {
		limit = 100
	}
	err = r.db.ReadTenant(ctx, tenant, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, changeColumns+` WHERE tenant = $1 AND import_id = $2 AND n > $3 AND ($5 = '' OR kind = $5) ORDER BY n LIMIT $4`, tenant, id, after, min(limit, 1000), kind)
		if err != nil {
			return err
		}
		changes, err = pgx.CollectRows(rows, scanChange)
		return err
	})
	return changes, err
}

const changeColumns = `SELECT n, kind, state, line, legal_entity, employee_no, employee_key, employee_id::text, employment_id::text,
	coalesce(from_id::text, ''), new_person, explicit, left_on, was_left_on, fields, reason,
	coalesce((SELECT trim(concat_ws(' ', p.last_name, p.first_name, p.middle_name)) FROM person p WHERE p.tenant = import_change.tenant AND p.id = import_change.employee_id), '')
	FROM import_change`

func scanChange(row pgx.CollectableRow) (c roster.Change, err error) {
	var fields []byte
	err = row.Scan(&c.N, &c.Kind, &c.State, &c.Line, &c.LegalEntity, &c.EmployeeNo, &c.EmployeeKey, &c.EmployeeID, &c.Employment,
		&c.From, &c.NewPerson, &c.Explicit, dayInto{&c.LeftOn}, dayInto{&c.WasLeftOn}, &fields, &c.Reason, &c.Name)
	if err != nil {
		return c, err
	}
	return c, json.Unmarshal(fields, &c.Fields)
}
