package postgres

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/ponimayu/opora/internal/entitlement"
	"github.com/ponimayu/opora/internal/tenancy"
)

// Bounds of one employee's overrides: those that are not over, and all.
const (
	maxOpenOverrides = 20
	maxOverrides     = 500
)

// overrideColumns reads whole overrides.
const overrideColumns = `SELECT id::text, grant_id, amount, valid_from, valid_until, reason, reference, author, made_at, ended_at, ended_by FROM grant_override`

// scanOverride reads an override and says how it stands on a day.
func scanOverride(today tenancy.Date) pgx.RowToFunc[entitlement.Override] {
	return func(row pgx.CollectableRow) (o entitlement.Override, err error) {
		var ended *time.Time
		err = row.Scan(&o.ID, &o.Grant, &o.Amount, dayInto{&o.From}, dayInto{&o.Until}, &o.Reason, &o.Reference, &o.Author, &o.MadeAt, &ended, &o.EndedBy)
		o.MadeAt = o.MadeAt.UTC()
		if ended != nil {
			o.EndedAt = ended.UTC()
		}
		o.State = o.StateOn(today)
		return o, err
	}
}

// Overrides returns every override that the employee has or had, in the order
// in which they were made.
func (r *Rosters) Overrides(ctx context.Context, actor tenancy.Actor, id tenancy.EmployeeID) (all []entitlement.Override, err error) {
	tenant, err := r.tenantOfEmployee(ctx, actor, tenancy.OverrideEntitlement, id)
	if err != nil {
		return nil, err
	}
	err = r.override(ctx, actor, tenant, id, func(of overriding) error {
		rows, err := of.tx.Query(ctx, overrideColumns+` WHERE tenant = $1 AND person_id = $2 ORDER BY made_at, id`, tenant, id)
		if err != nil {
			return err
		}
		all, err = pgx.CollectRows(rows, scanOverride(of.today))
		return err
	})
	return all, err
}

// AddOverride makes an override, which holds in the next decision. key is the
// caller's own name for the request: asked again under it, for this employee,
// nothing is made and the override of the first time is returned (made is
// false); asked for something else under it, tenancy.Conflict (key_reused). An
// empty key is no key. What is wrong with the request is tenancy.Invalid
// (entitlement.OverrideRequest.Validate), one too many tenancy.Conflict
// (overrides_too_many).
func (r *Rosters) AddOverride(ctx context.Context, actor tenancy.Actor, id tenancy.EmployeeID, asked entitlement.OverrideRequest, key string) (o entitlement.Override, made bool, err error) {
	tenant, err := r.tenantOfEmployee(ctx, actor, tenancy.OverrideEntitlement, id)
	if err != nil {
		return o, false, err
	}
	err = r.override(ctx, actor, tenant, id, func(of overriding) error {
		request := requestDigest(actor, key)
		if o, made, err = of.madeBefore(ctx, request, asked); err != nil || o.ID != "" {
			return err
		}
		if err := of.mayAdd(ctx, asked); err != nil {
			return err
		}
		rows, err := of.tx.Query(ctx, `
			INSERT INTO grant_override (tenant, id, person_id, grant_id, amount, valid_from, valid_until, reason, reference, author, request)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
			RETURNING id::text, grant_id, amount, valid_from, valid_until, reason, reference, author, made_at, ended_at, ended_by`,
			tenant, uuid.NewString(), id, asked.Grant, asked.Amount, day(asked.From), day(asked.Until), asked.Reason, asked.Reference, actor.ID, request)
		if err != nil {
			return err
		}
		made = true
		o, err = pgx.CollectExactlyOneRow(rows, scanOverride(of.today))
		return err
	})
	return o, made && err == nil, err
}

// EndOverride ends an override: one that has begun does not hold from today on,
// one that has not never will. It stays, with who ended it and when. To end what
// is over is success and changes nothing.
func (r *Rosters) EndOverride(ctx context.Context, actor tenancy.Actor, id tenancy.EmployeeID, override entitlement.OverrideID) (o entitlement.Override, err error) {
	tenant, err := r.tenantOfEmployee(ctx, actor, tenancy.OverrideEntitlement, id)
	if err != nil {
		return o, err
	}
	if uuid.Validate(string(override)) != nil || len(override) != 36 {
		return o, unknownOverride()
	}
	err = r.override(ctx, actor, tenant, id, func(of overriding) error {
		_, err := of.tx.Exec(ctx, `
			UPDATE grant_override SET valid_until = greatest(valid_from, $4::date), ended_at = now(), ended_by = $5
			WHERE tenant = $1 AND person_id = $2 AND id = $3 AND ended_at IS NULL AND (valid_until IS NULL OR valid_until > $4)`,
			tenant, id, override, day(of.today), actor.ID)
		if err != nil {
			return err
		}
		rows, err := of.tx.Query(ctx, overrideColumns+` WHERE tenant = $1 AND person_id = $2 AND id = $3`, tenant, id, override)
		if err != nil {
			return err
		}
		o, err = pgx.CollectExactlyOneRow(rows, scanOverride(of.today))
		if errors.Is(err, pgx.ErrNoRows) {
			return unknownOverride()
		}
		return err
	})
	return o, err
}

func unknownOverride() error {
	return tenancy.E(tenancy.NotFound, "override_unknown", "The employee has no such override.")
}

// overriding is a transaction about the overrides of one employee, which others
// about him wait for.
type overriding struct {
	tx     pgx.Tx
	tenant tenancy.TenantSlug
	id     tenancy.EmployeeID
	whole  tenancy.Tenant // with its contracts
	today  tenancy.Date
}

// override runs fn, with its audit entry, in one transaction. An employee who
// was erased is unknownEmployee.
func (r *Rosters) override(ctx context.Context, actor tenancy.Actor, tenant tenancy.TenantSlug, id tenancy.EmployeeID, fn func(overriding) error) error {
	return r.db.ForTenant(ctx, tenant, func(tx pgx.Tx) error {
		var one int
		err := tx.QueryRow(ctx, `SELECT 1 FROM person WHERE tenant = $1 AND id = $2 AND erased_at IS NULL FOR NO KEY UPDATE`, tenant, id).Scan(&one)
		if errors.Is(err, pgx.ErrNoRows) {
			return unknownEmployee()
		}
		if err != nil {
			return err
		}
		c, err := contourIn(ctx, tx, tenant)
		if err != nil {
			return err
		}
		if err := fn(overriding{tx, tenant, id, c.Tenant, c.Today}); err != nil {
			return err
		}
		return asContour(ctx, tx, tenant, func() error {
			return record(ctx, tx, Entry{Actor: actor.ID, Action: tenancy.OverrideEntitlement, Tenant: tenant, Subject: string(id), Allowed: true})
		})
	})
}

// requestDigest is what is kept of a caller's key: nobody can read from it what
// he wrote there. Nil without one.
func requestDigest(actor tenancy.Actor, key string) []byte {
	if key == "" {
		return nil
	}
	sum := sha256.Sum256([]byte(actor.ID + "\x00" + key))
	return sum[:]
}

// madeBefore returns the override that the same request has made already, if it
// was for the same; its id is empty when there is none.
func (of overriding) madeBefore(ctx context.Context, request []byte, asked entitlement.OverrideRequest) (o entitlement.Override, made bool, err error) {
	if request == nil {
		return o, false, nil
	}
	// What was asked for the first time: an override that was ended has another
	// last day since, and its first version in the history has the one asked for.
	var until tenancy.Date
	err = of.tx.QueryRow(ctx, `SELECT valid_until FROM grant_override_history WHERE tenant = $1 AND person_id = $2 AND request = $3 ORDER BY learnt_at, held_until DESC LIMIT 1`,
		of.tenant, of.id, request).Scan(dayInto{&until})
	if errors.Is(err, pgx.ErrNoRows) {
		return o, false, nil
	}
	if err != nil {
		return o, false, err
	}
	rows, err := of.tx.Query(ctx, overrideColumns+` WHERE tenant = $1 AND person_id = $2 AND request = $3`, of.tenant, of.id, request)
	if err != nil {
		return o, false, err
	}
	o, err = pgx.CollectExactlyOneRow(rows, scanOverride(of.today))
	if err != nil {
		return o, false, err
	}
	was := entitlement.OverrideRequest{Grant: o.Grant, Amount: o.Amount, From: o.From, Until: until, Reason: o.Reason, Reference: o.Reference}
	if was != asked {
		return o, false, tenancy.E(tenancy.Conflict, "key_reused", "Another override was made for this employee under the same key; take a new key for each request.")
	}
	return o, false, nil
}

// mayAdd says why the override cannot be made, if it cannot.
func (of overriding) mayAdd(ctx context.Context, asked entitlement.OverrideRequest) error {
	if err := asked.Validate(of.whole); err != nil {
		return err
	}
	var open, all int
	err := of.tx.QueryRow(ctx, `SELECT count(*) FILTER (WHERE valid_until IS NULL OR valid_until > $3), count(*) FROM grant_override WHERE tenant = $1 AND person_id = $2`,
		of.tenant, of.id, day(of.today)).Scan(&open, &all)
	if err == nil && (open >= maxOpenOverrides || all >= maxOverrides) {
		err = tenancy.E(tenancy.Conflict, "overrides_too_many", fmt.Sprintf("The employee has %d overrides that are not over, and %d in all; %d and %d are possible. End some, or change the contract.", open, all, maxOpenOverrides, maxOverrides))
	}
	return err
}
