package postgres

import (
	"context"
	"encoding/json"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/ponimayu/opora/importers"
	"github.com/ponimayu/opora/internal/roster"
	"github.com/ponimayu/opora/internal/tenancy"
)

// employeeColumns reads whole employees; $2 is the tenant's today and $1 the tenant.
const employeeColumns = `
	SELECT p.id::text, p.tenant, coalesce(a.login, ''), p.last_name, p.first_name, p.middle_name, p.email, p.phone, p.birth_date, p.erased_at IS NOT NULL,
		coalesce((SELECT jsonb_agg(jsonb_strip_nulls(jsonb_build_object('id', e.id, 'legal_entity', e.legal_entity, 'employee_no', e.employee_no, 'employee_key', e.employee_key,
			'department', e.department, 'position', e.position, 'grade', e.grade, 'segment', e.segment, 'hired_on', e.hired_on, 'left_on', e.left_on)) ORDER BY e.hired_on NULLS FIRST, e.id)
			FROM employment e WHERE e.tenant = p.tenant AND e.person_id = p.id), '[]')
	FROM person p LEFT JOIN account a ON a.tenant = p.tenant AND a.id = p.id
	WHERE p.tenant = $1`

// scanEmployee reads an employee and says how he stands.
func scanEmployee(c contour) pgx.RowToFunc[tenancy.Employee] {
	return func(row pgx.CollectableRow) (e tenancy.Employee, err error) {
		var employments []byte
		var erased bool
		err = row.Scan(&e.ID, &e.Tenant, &e.Login, &e.LastName, &e.FirstName, &e.MiddleName, &e.Email, &e.Phone, dayInto{&e.BirthDate}, &erased, &employments)
		if err != nil {
			return e, err
		}
		if err := json.Unmarshal(employments, &e.Employments); err != nil {
			return e, err
		}
		e.Status = roster.Status(e.Employments, c.Today, c.Grace)
		if erased {
			e.Status = tenancy.Erased
		}
		return e, nil
	}
}

// Employee returns an employee with his employments and computed status.
func (r *Rosters) Employee(ctx context.Context, actor tenancy.Actor, id tenancy.EmployeeID) (e tenancy.Employee, err error) {
	tenant, err := r.tenantOfEmployee(ctx, actor, tenancy.ReadEmployees, id)
	if err != nil {
		return e, err
	}
	found, err := r.employees(ctx, tenant, ` AND p.id = $2`, id)
	if err == nil && len(found) == 0 {
		err = unknownEmployee()
	}
	if err != nil {
		return e, err
	}
	return found[0], nil
}

func (r *Rosters) employees(ctx context.Context, tenant tenancy.TenantSlug, where string, args ...any) (found []tenancy.Employee, err error) {
	err = r.db.ReadTenant(ctx, tenant, func(tx pgx.Tx) error {
		c, err := contourIn(ctx, tx, tenant)
		if err != nil {
			return err
		}
		rows, err := tx.Query(ctx, employeeColumns+where, append([]any{tenant}, args...)...)
		if err != nil {
			return err
		}
		found, err = pgx.CollectRows(rows, scanEmployee(c))
		return err
	})
	return found, err
}

// SearchEmployees returns a tenant's employees that match the filter, by name.
// A filter without exactly one of its three ways is tenancy.Invalid.
func (r *Rosters) SearchEmployees(ctx context.Context, actor tenancy.Actor, f roster.EmployeeFilter) ([]tenancy.Employee, error) {
	if err := r.allow(ctx, actor, tenancy.ReadEmployees, f.Tenant, "", unknownTenant()); err != nil {
		return nil, err
	}
	limit := min(f.Limit, 100)
	if limit <= 0 {
		limit = 20
	}
	const end = ` AND p.erased_at IS NULL ORDER BY p.search COLLATE "C", p.id LIMIT $3`
	switch {
	case f.EmployeeNo != "" && f.Email == "" && f.Query == "":
		return r.employees(ctx, f.Tenant, ` AND EXISTS (SELECT FROM employment e WHERE e.tenant = $1 AND e.person_id = p.id AND e.employee_key = $2 AND e.released_at IS NULL)`+end, importers.KeyOf(f.EmployeeNo), limit)
	case f.EmployeeNo == "" && f.Email != "" && f.Query == "":
		return r.employees(ctx, f.Tenant, ` AND p.email <> '' AND lower(p.email) = $2`+end, strings.ToLower(strings.TrimSpace(f.Email)), limit)
	case f.EmployeeNo == "" && f.Email == "" && strings.TrimSpace(f.Query) != "":
		return r.query(ctx, f.Tenant, f.Query, limit, end)
	}
	return nil, tenancy.E(tenancy.Invalid, "field_missing", "A search names exactly one of employee_no, email and q.")
}

// query looks for what somebody typed: the beginning of any part of a name, a
// login, or a whole personnel number.
func (r *Rosters) query(ctx context.Context, tenant tenancy.TenantSlug, text string, limit int, end string) ([]tenancy.Employee, error) {
	folded := roster.Fold(text)
	like := strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(folded)
	return r.employees(ctx, tenant, ` AND (p.search LIKE $2 || '%' OR p.search LIKE '% ' || $2 || '%' OR a.login LIKE $2 || '%'
		OR EXISTS (SELECT FROM employment e WHERE e.tenant = $1 AND e.person_id = p.id AND e.employee_key = $4 AND e.released_at IS NULL))`+end, like, limit, importers.KeyOf(tenancy.EmployeeNo(text)))
}
