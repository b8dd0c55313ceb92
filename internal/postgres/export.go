package postgres

import (
	"context"
	"fmt"
	"io"
	"iter"

	"github.com/jackc/pgx/v5"

	"github.com/ponimayu/opora/importers"
	"github.com/ponimayu/opora/internal/tenancy"
	"github.com/ponimayu/opora/workbooks"
)

// ExportRoster writes the tenant's list as it is now: every employment that is
// not over, those that begin later and end later included, one row each, in the
// language (the country's first when empty). Uploaded again in mode full it
// changes nothing. Who exported how many rows is in the audit log before the
// first of them is written.
func (r *Rosters) ExportRoster(ctx context.Context, actor tenancy.Actor, tenant tenancy.TenantSlug, format workbooks.Format, lang tenancy.Language, to io.Writer) error {
	if err := r.allow(ctx, actor, tenancy.ExportRoster, tenant, "", unknownTenant()); err != nil {
		return err
	}
	return r.db.ReadTenant(ctx, tenant, func(tx pgx.Tx) error {
		c, err := contourIn(ctx, tx, tenant)
		if err != nil {
			return err
		}
		var rows int
		if err := tx.QueryRow(ctx, `SELECT count(*) FROM employment e`+exportedEmployments, tenant, day(c.Today)).Scan(&rows); err != nil {
			return err
		}
		if err := r.recordExport(ctx, actor, tenant, rows); err != nil {
			return err
		}
		if lang == "" {
			lang = firstLanguage(c.Country)
		}
		export := workbooks.Export{Language: lang, LegalEntities: c.Tenant.LegalEntities, Segments: c.Tenant.Segments}
		_, err = export.Write(to, format, exportedRows(ctx, tx, c))
		return err
	})
}

// recordExport writes the audit entry, in a transaction of its own: the export
// itself only reads.
func (r *Rosters) recordExport(ctx context.Context, actor tenancy.Actor, tenant tenancy.TenantSlug, rows int) error {
	entry := Entry{Actor: actor.ID, Action: tenancy.ExportRoster, Tenant: tenant, Subject: fmt.Sprintf("%d rows", rows), Allowed: true}
	return r.db.ForContour(ctx, func(tx pgx.Tx) error { return record(ctx, tx, entry) })
}

// exportedEmployments are those whose last day is not past; $1 is the tenant,
// $2 its today.
const exportedEmployments = ` WHERE e.tenant = $1 AND (e.left_on IS NULL OR e.left_on >= $2)
	AND NOT EXISTS (SELECT FROM person p WHERE p.tenant = e.tenant AND p.id = e.person_id AND p.erased_at IS NOT NULL)`

func exportedRows(ctx context.Context, tx pgx.Tx, c contour) iter.Seq2[importers.Row, error] {
	return cursor(ctx, tx, "exported", `
		SELECT e.legal_entity, e.employee_no, e.department, e.position, e.segment, e.hired_on, e.left_on,
			n.last_name, n.first_name, n.middle_name, n.email, n.phone, n.birth_date
		FROM employment e JOIN person n ON n.tenant = e.tenant AND n.id = e.person_id`+exportedEmployments+`
		ORDER BY e.legal_entity, e.employee_key`, []any{c.Tenant.Slug, day(c.Today)},
		func(row pgx.CollectableRow) (w importers.Row, err error) {
			return w, row.Scan(&w.LegalEntity, &w.EmployeeNo, &w.Department, &w.Position, &w.Segment, dayInto{&w.HiredOn}, dayInto{&w.LeftOn},
				&w.LastName, &w.FirstName, &w.MiddleName, &w.Email, &w.Phone, dayInto{&w.BirthDate})
		})
}

// Template writes an empty list to fill in (workbooks.Template), for the
// contour's country and, where it is named, a tenant that the actor reaches.
// Another country than the contour's is tenancy.Invalid (country_unknown); an
// empty one means the contour's.
func (r *Rosters) Template(ctx context.Context, actor tenancy.Actor, tenant tenancy.TenantSlug, country tenancy.CountryCode, lang tenancy.Language, to io.Writer) error {
	t := workbooks.Template{Language: lang}
	err := r.db.ReadContour(ctx, func(tx pgx.Tx) (err error) {
		t.Country, err = countryIn(ctx, tx)
		return err
	})
	if err != nil {
		return err
	}
	if country != "" && country != t.Country.Code {
		return tenancy.E(tenancy.Invalid, "country_unknown", fmt.Sprintf("The lists of %s are kept here; each country's template comes from that country's own installation.", t.Country.Code))
	}
	if t.Language == "" {
		t.Language = firstLanguage(t.Country)
	}
	t.Countries = []tenancy.Country{t.Country}
	if tenant != "" {
		if err := r.templateOf(ctx, actor, tenant, &t); err != nil {
			return err
		}
	}
	return t.Write(to)
}

// templateOf adds what the catalogue says of a tenant.
func (r *Rosters) templateOf(ctx context.Context, actor tenancy.Actor, tenant tenancy.TenantSlug, t *workbooks.Template) error {
	if err := r.allow(ctx, actor, tenancy.ReadRoster, tenant, "", unknownTenant()); err != nil {
		return err
	}
	return r.db.ReadTenant(ctx, tenant, func(tx pgx.Tx) error {
		found, err := tenantIn(ctx, tx, tenant)
		t.LegalEntities, t.Segments = found.LegalEntities, found.Segments
		return err
	})
}
