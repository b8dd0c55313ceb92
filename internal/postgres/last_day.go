package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/ponimayu/opora/internal/job"
	"github.com/ponimayu/opora/internal/tenancy"
)

// EndLastDays implements job.LastDays. Tenants that the catalogue has dropped
// are among them: their people's days end, too.
func (r *Rosters) EndLastDays(ctx context.Context) error {
	var all []contour
	err := r.db.ReadContour(ctx, func(tx pgx.Tx) (err error) {
		all, err = contoursIn(ctx, tx)
		return err
	})
	if err != nil {
		return err
	}
	var errs []error // one tenant's do not keep the others waiting
	for _, c := range all {
		errs = append(errs, r.endLastDays(ctx, c.Tenant.Slug, c.Today))
	}
	errs = append(errs, r.db.ForContour(ctx, func(tx pgx.Tx) error { return r.wakeOps(ctx, tx) }))
	return errors.Join(errs...)
}

// contoursIn reads what the catalogue says, or said last, of every tenant.
func contoursIn(ctx context.Context, tx pgx.Tx) ([]contour, error) {
	country, err := countryIn(ctx, tx)
	if tenancy.KindOf(err) == tenancy.Conflict {
		return nil, nil // there is no catalogue yet, so there are no people
	}
	if err != nil {
		return nil, err
	}
	rows, err := tx.Query(ctx, `
		SELECT t.body, coalesce((SELECT jsonb_agg(c.body ORDER BY c.id COLLATE "C") FROM contract c
			WHERE c.tenant = t.tenant AND (c.dropped_at IS NULL OR t.dropped_at IS NOT NULL)), '[]')
		FROM tenant t ORDER BY t.tenant`)
	if err != nil {
		return nil, err
	}
	tenants, err := pgx.CollectRows(rows, scanTenant)
	all := make([]contour, len(tenants))
	for i, t := range tenants {
		all[i] = asOf(t, country, time.Now())
	}
	return all, err
}

// endLastDays lays down the ops of one tenant's people whose last day is over.
// A list that is being applied has its turn first: it may bring somebody back.
func (r *Rosters) endLastDays(ctx context.Context, tenant tenancy.TenantSlug, today tenancy.Date) error {
	return r.db.ForTenant(ctx, tenant, func(tx pgx.Tx) error {
		if err := lockRoster(ctx, tx, tenant); err != nil {
			return err
		}
		tag, err := tx.Exec(ctx, `
			WITH over AS (
				UPDATE account a SET enabled = false WHERE a.tenant = $1 AND a.enabled
				AND NOT EXISTS (SELECT FROM employment e WHERE e.tenant = a.tenant AND e.person_id = a.id AND (e.left_on IS NULL OR e.left_on >= $2))
				RETURNING a.id)
			INSERT INTO op (tenant, employee_id, kind) SELECT $1, id, 'disable' FROM over`, tenant, day(today))
		if err != nil || tag.RowsAffected() == 0 {
			return err
		}
		return asContour(ctx, tx, tenant, func() error {
			return r.queue.Shards(ctx, tx, job.ApplyOps{Tenant: tenant}, int(tag.RowsAffected()))
		})
	})
}
