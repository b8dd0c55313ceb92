package postgres

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/jackc/pgx/v5"

	"github.com/ponimayu/opora/internal/tenancy"
)

// StoreCatalogue makes the contour's copy of the catalogue equal to part, this
// country's part of it, under the name of its revision. Tenants and contracts
// that the part no longer has are marked as dropped and kept; tenants owned by
// the console are left alone. What does not change is not written. A contract
// that is shared is stored among each member's too, so that row-level security
// and history know it as a contract of the member.
func (db *DB) StoreCatalogue(ctx context.Context, part tenancy.Catalogue, revision string) error {
	return db.ForContour(ctx, func(tx pgx.Tx) error {
		if err := storeBase(ctx, tx, part, revision); err != nil {
			return err
		}
		slugs := make([]string, len(part.Tenants))
		for i, t := range tenancy.WithShared(part.Tenants) {
			slugs[i] = string(t.Slug)
			if err := storeTenant(ctx, tx, t); err != nil {
				return err
			}
		}
		_, err := tx.Exec(ctx, `UPDATE tenant SET dropped_at = now() WHERE owner = 'catalogue' AND dropped_at IS NULL AND tenant <> ALL($1)`, slugs)
		return err
	})
}

func storeBase(ctx context.Context, tx pgx.Tx, part tenancy.Catalogue, revision string) error {
	_, err := tx.Exec(ctx, `
		INSERT INTO catalogue_part (revision, countries, brands, specialist_types) VALUES ($1, $2, $3, $4)
		ON CONFLICT (one) DO UPDATE SET revision = $1, countries = $2, brands = $3, specialist_types = $4, stored_at = now()
		WHERE (catalogue_part.revision, catalogue_part.countries, catalogue_part.brands, catalogue_part.specialist_types) IS DISTINCT FROM ($1, $2::jsonb, $3::jsonb, $4::jsonb)`,
		revision, list(part.Countries), list(part.Brands), list(part.SpecialistTypes))
	return err
}

// list marshals a slice, an empty one as [] and not as null.
func list[T any](all []T) json.RawMessage {
	if len(all) == 0 {
		return json.RawMessage("[]")
	}
	b, err := json.Marshal(all)
	if err != nil {
		panic(err) // the vocabulary's types always marshal
	}
	return b
}

func storeTenant(ctx context.Context, tx pgx.Tx, t tenancy.Tenant) error {
	contracts := t.Contracts
	t.Contracts = nil
	body, err := json.Marshal(t)
	if err != nil {
		return err
	}
	tag, err := tx.Exec(ctx, `
		INSERT INTO tenant (tenant, suspended, body) VALUES ($1, $2, $3)
		ON CONFLICT (tenant) DO UPDATE SET suspended = $2, body = $3, dropped_at = NULL
		WHERE tenant.owner = 'catalogue' AND (tenant.suspended, tenant.body, tenant.dropped_at) IS DISTINCT FROM ($2, $3::jsonb, NULL::timestamptz)`,
		t.Slug, t.Suspended, body)
	if err != nil {
		return err
	}
	if tag.RowsAffected() == 0 {
		if err := refuseConsoleTenant(ctx, tx, t.Slug); err != nil {
			return err
		}
	}
	ids := make([]string, len(contracts))
	for i, c := range contracts {
		ids[i] = string(c.ID)
		if err := storeContract(ctx, tx, t.Slug, c); err != nil {
			return err
		}
	}
	_, err = tx.Exec(ctx, `UPDATE contract SET dropped_at = now() WHERE tenant = $1 AND dropped_at IS NULL AND id <> ALL($2)`, t.Slug, ids)
	return err
}

// refuseConsoleTenant refuses a slug that the console gave to another tenant:
// what one owner wrote the other never mends.
func refuseConsoleTenant(ctx context.Context, tx pgx.Tx, slug tenancy.TenantSlug) error {
	var owner string
	if err := tx.QueryRow(ctx, `SELECT owner FROM tenant WHERE tenant = $1`, slug).Scan(&owner); err != nil || owner == "catalogue" {
		return err
	}
	return tenancy.E(tenancy.Conflict, "tenant_of_console", "the tenant "+string(slug)+" was made in the console and belongs to it; export it into the catalogue first")
}

func storeContract(ctx context.Context, tx pgx.Tx, slug tenancy.TenantSlug, c tenancy.Contract) error {
	body, err := json.Marshal(c)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `
		INSERT INTO contract (tenant, id, body) VALUES ($1, $2, $3)
		ON CONFLICT (tenant, id) DO UPDATE SET body = $3, dropped_at = NULL
		WHERE (contract.body, contract.dropped_at) IS DISTINCT FROM ($3::jsonb, NULL::timestamptz)`, slug, c.ID, body)
	return err
}

// Catalogue returns the contour's copy of the catalogue and its revision;
// both are empty before the first StoreCatalogue. Dropped tenants and
// contracts are left out. Tenants come by slug, contracts by id, each with its
// holder alone (tenancy.WithShared gives them to all).
func (db *DB) Catalogue(ctx context.Context) (part tenancy.Catalogue, revision string, err error) {
	err = db.ReadContour(ctx, func(tx pgx.Tx) error {
		var countries, brands, types []byte
		err := tx.QueryRow(ctx, `SELECT revision, countries, brands, specialist_types FROM catalogue_part`).Scan(&revision, &countries, &brands, &types)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := errors.Join(json.Unmarshal(countries, &part.Countries), json.Unmarshal(brands, &part.Brands), json.Unmarshal(types, &part.SpecialistTypes)); err != nil {
			return err
		}
		part.Tenants, err = readTenants(ctx, tx)
		for i := range part.Tenants {
			part.Tenants[i].Contracts = part.Tenants[i].OwnContracts()
		}
		return err
	})
	return part, revision, err
}

// readTenants returns every tenant with its own contracts and those that are
// shared with it.
func readTenants(ctx context.Context, tx pgx.Tx) ([]tenancy.Tenant, error) {
	rows, err := tx.Query(ctx, `
		SELECT t.body, coalesce((SELECT jsonb_agg(c.body ORDER BY c.id COLLATE "C") FROM contract c WHERE c.tenant = t.tenant AND c.dropped_at IS NULL), '[]')
		FROM tenant t WHERE t.dropped_at IS NULL ORDER BY t.tenant`)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, scanTenant)
}

func scanTenant(row pgx.CollectableRow) (t tenancy.Tenant, err error) {
	var body, contracts []byte
	if err := row.Scan(&body, &contracts); err != nil {
		return t, err
	}
	if err := json.Unmarshal(body, &t); err != nil {
		return t, err
	}
	return t, json.Unmarshal(contracts, &t.Contracts)
}

// tenantIn returns one tenant with its contracts, and the contour's country.
// A tenant that is not there, or was dropped, is unknownTenant.
func tenantIn(ctx context.Context, tx pgx.Tx, slug tenancy.TenantSlug) (t tenancy.Tenant, err error) {
	rows, err := tx.Query(ctx, `
		SELECT t.body, coalesce((SELECT jsonb_agg(c.body ORDER BY c.id COLLATE "C") FROM contract c WHERE c.tenant = t.tenant AND c.dropped_at IS NULL), '[]')
		FROM tenant t WHERE t.tenant = $1 AND t.dropped_at IS NULL`, slug)
	if err != nil {
		return t, err
	}
	t, err = pgx.CollectExactlyOneRow(rows, scanTenant)
	if errors.Is(err, pgx.ErrNoRows) {
		return t, unknownTenant()
	}
	return t, err
}

// countryIn returns the contour's country, as the catalogue describes it.
func countryIn(ctx context.Context, tx pgx.Tx) (c tenancy.Country, err error) {
	var body []byte
	err = tx.QueryRow(ctx, `SELECT countries -> 0 FROM catalogue_part`).Scan(&body)
	if errors.Is(err, pgx.ErrNoRows) || (err == nil && body == nil) {
		return c, tenancy.E(tenancy.Conflict, "catalogue_absent", "this contour has no catalogue yet; apply it first: opora catalogue apply -f DIR")
	}
	if err != nil {
		return c, err
	}
	return c, json.Unmarshal(body, &c)
}
