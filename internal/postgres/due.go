package postgres

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/ponimayu/opora/internal/job"
	"github.com/ponimayu/opora/internal/roster"
	"github.com/ponimayu/opora/internal/tenancy"
)

var _ job.Lists = (*Rosters)(nil)

// RosterStatus says when the tenant's last full list came and when the next is due.
func (r *Rosters) RosterStatus(ctx context.Context, actor tenancy.Actor, tenant tenancy.TenantSlug) (s roster.ListStatus, err error) {
	if err := r.allow(ctx, actor, tenancy.ReadRoster, tenant, "", unknownTenant()); err != nil {
		return s, err
	}
	err = r.db.ReadTenant(ctx, tenant, func(tx pgx.Tx) error {
		t, err := tenantIn(ctx, tx, tenant)
		if err != nil {
			return err
		}
		country, err := countryIn(ctx, tx)
		if err != nil {
			return err
		}
		s, err = listStatus(ctx, tx, t, country, time.Now())
		return err
	})
	return s, err
}

// ListsDue returns, for every tenant that has promised lists, when they are due
// as of the instant.
func (db *DB) ListsDue(ctx context.Context, now time.Time) ([]roster.ListStatus, error) {
	part, _, err := db.Catalogue(ctx)
	if err != nil {
		return nil, err
	}
	var country tenancy.Country
	if len(part.Countries) > 0 {
		country = part.Countries[0]
	}
	all := []roster.ListStatus{}
	for _, t := range tenancy.WithShared(part.Tenants) {
		err := db.ReadTenant(ctx, t.Slug, func(tx pgx.Tx) error {
			s, err := listStatus(ctx, tx, t, country, now)
			if err == nil && len(s.Promises) > 0 {
				all = append(all, s)
			}
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return all, nil
}

// OverdueLists implements job.Lists.
func (r *Rosters) OverdueLists(ctx context.Context, now time.Time) ([]roster.ListStatus, error) {
	all, err := r.db.ListsDue(ctx, now)
	if err != nil {
		return nil, err
	}
	var told []roster.ListStatus
	for _, s := range all {
		if !s.Overdue {
			continue
		}
		err := r.db.ForTenant(ctx, s.Tenant, func(tx pgx.Tx) error {
			c, err := contourAt(ctx, tx, s.Tenant, now)
			if err != nil {
				return err
			}
			tag, err := tx.Exec(ctx, `INSERT INTO list_alarm (tenant, told_on) VALUES ($1, $2) ON CONFLICT (tenant) DO UPDATE SET told_on = $2 WHERE list_alarm.told_on < $2`, s.Tenant, day(c.Today))
			if err == nil && tag.RowsAffected() > 0 {
				told = append(told, s)
			}
			return err
		})
		if err != nil {
			return told, err
		}
	}
	return told, nil
}

// listStatus looks at one tenant. A list is promised of every legal entity that
// has people, for a list that does not speak for an entity tells nothing of who
// left it. A tenant with nobody yet has one promise.
func listStatus(ctx context.Context, tx pgx.Tx, t tenancy.Tenant, country tenancy.Country, now time.Time) (s roster.ListStatus, err error) {
	s = roster.ListStatus{Tenant: t.Slug, Promises: []roster.Promise{}}
	if s.LastList, err = lastList(ctx, tx, t.Slug); err != nil || t.Suspended {
		return s, err
	}
	last, err := lastLists(ctx, tx, t.Slug, asOf(t, country, now).Today)
	if err != nil {
		return s, err
	}
	if len(last) == 0 {
		last[""] = time.Time{}
	}
	for _, entity := range slices.Sorted(maps.Keys(last)) {
		p, ok := promise(t, country, last[entity], now)
		if !ok {
			continue
		}
		if len(last) > 1 {
			p.LegalEntity = entity
		}
		s.Promises = append(s.Promises, p)
		s.Overdue = s.Overdue || p.Overdue
	}
	return s, nil
}

// promise is what the contracts promise; of several, what is due first.
func promise(t tenancy.Tenant, country tenancy.Country, last, now time.Time) (first roster.Promise, ok bool) {
	for _, c := range t.Contracts {
		name := c.TimeZone
		if name == "" {
			name = country.TimeZone
		}
		c.Until = t.End(c)
		if p, promised := roster.Due(c, zone(name), last, now); promised && (!ok || p.Due.Before(first.Due)) {
			first, ok = p, true
		}
	}
	return first, ok
}

// counted are the imports that count as a list that came.
const counted = `tenant = $1 AND mode = 'full' AND applied_at IS NOT NULL AND state IN ('applying', 'applied')`

func lastList(ctx context.Context, tx pgx.Tx, tenant tenancy.TenantSlug) (*roster.LastList, error) {
	var l roster.LastList
	err := tx.QueryRow(ctx, `SELECT id::text, legal_entity, applied_at FROM import WHERE `+counted+` ORDER BY applied_at DESC LIMIT 1`, tenant).Scan(&l.Import, &l.LegalEntity, &l.AppliedAt)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil //nolint:nilnil // no list has come yet, which is no error
	}
	l.AppliedAt = l.AppliedAt.UTC()
	return &l, err
}

// lastLists is when a list last spoke for each legal entity that has people;
// zero when none did.
func lastLists(ctx context.Context, tx pgx.Tx, tenant tenancy.TenantSlug, today tenancy.Date) (map[tenancy.LegalEntityCode]time.Time, error) {
	last := map[tenancy.LegalEntityCode]time.Time{}
	rows, err := tx.Query(ctx, `
		SELECT e.legal_entity, (SELECT max(applied_at) FROM import WHERE `+counted+` AND e.legal_entity = ANY(speaks_for))
		FROM (SELECT DISTINCT legal_entity FROM employment WHERE tenant = $1 AND (left_on IS NULL OR left_on >= $2)) e`, tenant, day(today))
	if err != nil {
		return nil, err
	}
	var entity tenancy.LegalEntityCode
	var at *time.Time
	_, err = pgx.ForEachRow(rows, []any{&entity, &at}, func() error {
		last[entity] = time.Time{}
		if at != nil {
			last[entity] = *at
		}
		return nil
	})
	return last, err
}

// noteEntities writes for which legal entities a full list that is being
// applied speaks: that of the upload and those on its rows.
func (a *applier) noteEntities(ctx context.Context) error {
	_, err := a.tx.Exec(ctx, `
		UPDATE import i SET speaks_for = ARRAY(
			SELECT r.legal_entity FROM import_row r WHERE r.tenant = i.tenant AND r.import_id = i.id
			UNION SELECT i.legal_entity WHERE i.legal_entity <> '')
		WHERE i.tenant = $1 AND i.id = $2 AND i.mode = 'full'`, a.tenant, a.id)
	return err
}
