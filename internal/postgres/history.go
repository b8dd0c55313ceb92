package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/ponimayu/opora/internal/entitlement"
	"github.com/ponimayu/opora/internal/roster"
	"github.com/ponimayu/opora/internal/tenancy"
)

// EmployeeAsOf returns an employee as he was at an instant, as far as it was
// known at another: EmployeeAsOf(at, time.Now()) is the truth as we have it
// today, EmployeeAsOf(at, at) what was answered then. Of employments only those
// that had begun are there; an employee whom nothing is known of is
// NotFound.
func (r *Rosters) EmployeeAsOf(ctx context.Context, actor tenancy.Actor, id tenancy.EmployeeID, at, known time.Time) (e tenancy.Employee, err error) {
	tenant, err := r.tenantOfEmployee(ctx, actor, tenancy.ReadEmployees, id)
	if err != nil {
		return e, err
	}
	err = r.db.ReadTenant(ctx, tenant, func(tx pgx.Tx) error {
		c, err := contourIn(ctx, tx, tenant)
		if err != nil {
			return err
		}
		day := tenancy.DateOf(at.In(zone(c.Country.TimeZone)))
		employments, err := employmentsAsOf(ctx, tx, tenant, id, at, known, day)
		if err != nil {
			return err
		}
		// A person is known from his first employment on: his name then is the
		// earliest that we have.
		err = tx.QueryRow(ctx, `
			SELECT last_name, first_name, middle_name, email, phone, birth_date FROM person_history
			WHERE tenant = $1 AND id = $2 AND learnt_at <= $4 AND superseded_at > $4 AND held_until > $3 ORDER BY held_from LIMIT 1`, tenant, id, at, known).
			Scan(&e.LastName, &e.FirstName, &e.MiddleName, &e.Email, &e.Phone, dayInto{&e.BirthDate})
		if errors.Is(err, pgx.ErrNoRows) {
			return unknownEmployee()
		}
		e.ID, e.Tenant, e.Employments = id, tenant, employments
		e.Status = roster.Status(employments, day, c.Grace)
		return err
	})
	return e, err
}

// employmentsAsOf returns the employments that had begun by the instant, by the
// rules of entitlement.History.
func employmentsAsOf(ctx context.Context, tx pgx.Tx, tenant tenancy.TenantSlug, id tenancy.EmployeeID, at, known time.Time, day tenancy.Date) (all []tenancy.Employment, err error) {
	h := entitlement.History{Tenant: tenant, Employee: id, Known: known}
	if err := readEmploymentHistory(ctx, tx, &h); err != nil {
		return nil, err
	}
	for _, e := range h.Employments {
		for _, spell := range e.AsOf(at, day) {
			if !day.Before(spell.HiredOn) {
				all = append(all, spell)
			}
		}
	}
	return all, nil
}
