package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/ponimayu/opora/internal/job"
	"github.com/ponimayu/opora/internal/roster"
	"github.com/ponimayu/opora/internal/tenancy"
)

// activationLife is how long a printed code can be used.
const activationLife = 14 * 24 * time.Hour

// maxActivations bounds one sheet.
const maxActivations = 500

// IssueActivation makes a one-time code for each of up to 500 employees of one
// tenant; the codes are returned here and never again. For an account that is
// already active the code does nothing, and nothing here tells which those
// are. An employee who has left is tenancy.Conflict (employee_left), and so is a
// tenant with a sign-in of its own (tenant_signs_in).
func (r *Rosters) IssueActivation(ctx context.Context, actor tenancy.Actor, ids []tenancy.EmployeeID) ([]roster.Activation, error) {
	if len(ids) == 0 || len(ids) > maxActivations {
		return nil, tenancy.E(tenancy.Invalid, "field_invalid", fmt.Sprintf("Name between 1 and %d employees.", maxActivations))
	}
	tenant, err := r.tenantOfEmployee(ctx, actor, tenancy.IssueActivation, ids[0])
	if err != nil {
		return nil, err
	}
	var issued []roster.Activation
	err = r.db.ForTenant(ctx, tenant, func(tx pgx.Tx) error {
		if err := passwordsAllowed(ctx, tx, tenant); err != nil {
			return err
		}
		for _, id := range ids {
			one, err := r.issue(ctx, tx, actor, tenant, id)
			if err != nil {
				return err
			}
			issued = append(issued, one)
		}
		return asContour(ctx, tx, tenant, func() error {
			for _, one := range issued {
				if err := record(ctx, tx, Entry{Actor: actor.ID, Action: tenancy.IssueActivation, Tenant: tenant, Subject: string(one.EmployeeID), Allowed: true}); err != nil {
					return err
				}
			}
			return nil
		})
	})
	return issued, err
}

// passwordsAllowed refuses a tenant that signs its people in itself: a password
// beside the company's sign-in would outlive it.
func passwordsAllowed(ctx context.Context, tx pgx.Tx, slug tenancy.TenantSlug) error {
	t, err := tenantIn(ctx, tx, slug)
	if err == nil && len(t.SSO) > 0 {
		err = tenancy.E(tenancy.Conflict, "tenant_signs_in", "The people of this tenant sign in by their company's own sign-in and get no codes.")
	}
	return err
}

func (r *Rosters) issue(ctx context.Context, tx pgx.Tx, actor tenancy.Actor, tenant tenancy.TenantSlug, id tenancy.EmployeeID) (one roster.Activation, err error) {
	var enabled bool
	one.EmployeeID = id
	err = tx.QueryRow(ctx, `SELECT login, enabled FROM account WHERE tenant = $1 AND id::text = $2`, tenant, id).Scan(&one.Login, &enabled)
	if errors.Is(err, pgx.ErrNoRows) {
		return one, unknownEmployee()
	}
	if err == nil && !enabled {
		err = tenancy.E(tenancy.Conflict, "employee_left", "One of these employees has left; codes are for those who work here.")
	}
	if err != nil {
		return one, err
	}
	one.Code = newCode()
	activation := newID()
	expires := time.Now().Add(activationLife).UTC().Truncate(time.Second)
	one.ExpiresAt = expires.Format(time.RFC3339)
	_, err = tx.Exec(ctx, `UPDATE activation SET sealed = NULL, ended_at = now() WHERE tenant = $1 AND employee_id = $2 AND ended_at IS NULL`, tenant, id)
	if err != nil {
		return one, err
	}
	_, err = tx.Exec(ctx, `INSERT INTO activation (tenant, id, employee_id, issued_by, expires_at, sealed) VALUES ($1, $2, $3, $4, $5, $6)`,
		tenant, activation, id, actor.ID, expires, r.key.Seal(activationPlace(activation), []byte(one.Code)))
	if err != nil {
		return one, err
	}
	return one, asContour(ctx, tx, tenant, func() error {
		return r.queue.Enqueue(ctx, tx, job.OfferActivation{Activation: activation})
	})
}

func activationPlace(id string) string { return "activation/" + id }

// newCode returns a code of sixteen letters and digits in groups of four
// ("k7qm-2x9p-4r6t-wn8h"), some 79 bits.
func newCode() string {
	code := roster.NewCode(16)
	return code[:4] + "-" + code[4:8] + "-" + code[8:12] + "-" + code[12:]
}

var _ job.Activations = (*Rosters)(nil)

// TakeActivation implements job.Activations.
func (r *Rosters) TakeActivation(ctx context.Context, id string) (employee tenancy.EmployeeID, code string, err error) {
	err = r.db.ReadContour(ctx, func(tx pgx.Tx) error {
		var sealed []byte
		err := tx.QueryRow(ctx, `SELECT employee_id::text, sealed FROM activation WHERE id = $1 AND ended_at IS NULL AND expires_at > now()`, id).Scan(&employee, &sealed)
		if errors.Is(err, pgx.ErrNoRows) || (err == nil && sealed == nil) {
			return nil
		}
		if err != nil {
			return err
		}
		plain, err := r.key.Open(activationPlace(id), sealed)
		code = string(plain)
		return err
	})
	return employee, code, err
}

// HandedOver implements job.Activations.
func (r *Rosters) HandedOver(ctx context.Context, id string) error {
	return r.db.ForContour(ctx, func(tx pgx.Tx) error {
		var expires time.Time
		err := tx.QueryRow(ctx, `UPDATE activation SET sealed = NULL WHERE id = $1 AND sealed IS NOT NULL RETURNING expires_at`, id).Scan(&expires)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		return r.queue.EnqueueAt(ctx, tx, job.WithdrawActivation{Activation: id}, expires)
	})
}

// ExpireActivation implements job.Activations.
func (r *Rosters) ExpireActivation(ctx context.Context, id string) (employee tenancy.EmployeeID, withdraw bool, err error) {
	err = r.db.ForContour(ctx, func(tx pgx.Tx) error {
		err := tx.QueryRow(ctx, `
			SELECT a.employee_id::text, NOT EXISTS (SELECT FROM activation n WHERE n.tenant = a.tenant AND n.employee_id = a.employee_id AND n.ended_at IS NULL AND n.id <> a.id)
			FROM activation a WHERE a.id = $1`, id).Scan(&employee, &withdraw)
		if errors.Is(err, pgx.ErrNoRows) {
			withdraw = false
			return nil
		}
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `UPDATE activation SET ended_at = coalesce(ended_at, now()), sealed = NULL WHERE id = $1`, id)
		return err
	})
	return employee, withdraw, err
}
