package postgres

import (
	"context"
	"errors"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/ponimayu/opora/internal/roster"
	"github.com/ponimayu/opora/internal/tenancy"
)

// allow decides whether the actor may do the action in the tenant, and writes a
// refusal into the audit log. unknown is the answer for what does not exist:
// what the actor's roles do not reach gets the same.
func (r *Rosters) allow(ctx context.Context, actor tenancy.Actor, action tenancy.Action, tenant tenancy.TenantSlug, subject string, unknown error) error {
	if actor.May(action, tenant) {
		return nil
	}
	refused := Entry{Actor: actor.ID, Action: action, Tenant: tenant, Subject: subject}
	if err := r.db.ForContour(ctx, func(tx pgx.Tx) error { return record(ctx, tx, refused) }); err != nil {
		return err
	}
	if !actor.Reaches(tenant) {
		return unknown
	}
	return tenancy.E(tenancy.Forbidden, "forbidden", "Your role does not include this.")
}

// tenantOfImport finds an import's tenant and checks that the actor may do the
// action there.
func (r *Rosters) tenantOfImport(ctx context.Context, actor tenancy.Actor, action tenancy.Action, id roster.ImportID) (tenancy.TenantSlug, error) {
	tenant, err := r.find(ctx, `SELECT tenant FROM import WHERE id = $1`, string(id), unknownImport())
	if err != nil {
		return "", err
	}
	return tenant, r.allow(ctx, actor, action, tenant, string(id), unknownImport())
}

// tenantOfEmployee is tenantOfImport for an employee.
func (r *Rosters) tenantOfEmployee(ctx context.Context, actor tenancy.Actor, action tenancy.Action, id tenancy.EmployeeID) (tenancy.TenantSlug, error) {
	tenant, err := r.find(ctx, `SELECT tenant FROM person WHERE id = $1`, string(id), unknownEmployee())
	if err != nil {
		return "", err
	}
	return tenant, r.allow(ctx, actor, action, tenant, string(id), unknownEmployee())
}

func (r *Rosters) find(ctx context.Context, query, id string, unknown error) (tenant tenancy.TenantSlug, err error) {
	if uuid.Validate(id) != nil {
		return "", unknown
	}
	err = r.db.ReadContour(ctx, func(tx pgx.Tx) error { return tx.QueryRow(ctx, query, id).Scan(&tenant) })
	if errors.Is(err, pgx.ErrNoRows) {
		return "", unknown
	}
	return tenant, err
}

// unknownTenant, unknownImport and unknownEmployee are the one answer both to
// what does not exist and to what the caller's roles do not reach.
func unknownTenant() error {
	return tenancy.E(tenancy.NotFound, "tenant_unknown", "There is no such tenant.")
}

func unknownImport() error {
	return tenancy.E(tenancy.NotFound, "import_unknown", "There is no such import.")
}

func unknownEmployee() error {
	return tenancy.E(tenancy.NotFound, "employee_unknown", "There is no such employee.")
}
