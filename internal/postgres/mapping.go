package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/ponimayu/opora/importers"
	"github.com/ponimayu/opora/internal/job"
	"github.com/ponimayu/opora/internal/roster"
	"github.com/ponimayu/opora/internal/tenancy"
)

// mappingOutdated is the code of a list whose header lost a confirmed name.
const mappingOutdated tenancy.ProblemCode = "mapping_outdated"

// RememberedMapping returns what is remembered of a tenant's headers; its names
// are empty when nothing is.
func (r *Rosters) RememberedMapping(ctx context.Context, actor tenancy.Actor, tenant tenancy.TenantSlug) (m roster.RememberedMapping, err error) {
	if err := r.allow(ctx, actor, tenancy.ReadRoster, tenant, "", unknownTenant()); err != nil {
		return m, err
	}
	err = r.db.ReadTenant(ctx, tenant, func(tx pgx.Tx) error {
		if _, err := tenantIn(ctx, tx, tenant); err != nil {
			return err
		}
		m, err = mappingIn(ctx, tx, tenant)
		return err
	})
	return m, err
}

// ForgetMapping forgets it: the next list is read by the dictionary alone. To
// forget what is not remembered is success.
func (r *Rosters) ForgetMapping(ctx context.Context, actor tenancy.Actor, tenant tenancy.TenantSlug) error {
	if err := r.allow(ctx, actor, tenancy.UploadRoster, tenant, "mapping", unknownTenant()); err != nil {
		return err
	}
	return r.db.ForTenant(ctx, tenant, func(tx pgx.Tx) error {
		if _, err := tenantIn(ctx, tx, tenant); err != nil {
			return err
		}
		tag, err := tx.Exec(ctx, `DELETE FROM tenant_mapping WHERE tenant = $1`, tenant)
		if err != nil || tag.RowsAffected() == 0 {
			return err
		}
		return asContour(ctx, tx, tenant, func() error {
			return record(ctx, tx, Entry{Actor: actor.ID, Action: tenancy.UploadRoster, Tenant: tenant, Subject: "mapping", Allowed: true})
		})
	})
}

func mappingIn(ctx context.Context, tx pgx.Tx, tenant tenancy.TenantSlug) (m roster.RememberedMapping, err error) {
	m = roster.RememberedMapping{Tenant: tenant, Names: map[string]string{}}
	var names []byte
	err = tx.QueryRow(ctx, `SELECT names, settled_by, settled_at, import_id::text FROM tenant_mapping WHERE tenant = $1`, tenant).Scan(&names, &m.SettledBy, &m.SettledAt, &m.Import)
	if errors.Is(err, pgx.ErrNoRows) {
		return m, nil
	}
	if err != nil {
		return m, err
	}
	m.SettledAt = m.SettledAt.UTC()
	return m, json.Unmarshal(names, &m.Names)
}

// rememberMapping keeps, of an import that is being applied, what its uploader
// settled about the columns. What was settled before about the same fields, or
// about the same names, gives way.
func (a *applier) rememberMapping(ctx context.Context) error {
	var hints roster.Hints
	var used map[string]string
	err := a.tx.QueryRow(ctx, `SELECT hints, names FROM import WHERE tenant = $1 AND id = $2`, a.tenant, a.id).Scan(&hints, &used)
	if err != nil || len(hints.Mapping) == 0 {
		return err
	}
	before, err := mappingIn(ctx, a.tx, a.tenant)
	if err != nil {
		return err
	}
	b, err := json.Marshal(settledNames(before.Names, used, hints.Mapping))
	if err != nil {
		return err
	}
	_, err = a.tx.Exec(ctx, `
		INSERT INTO tenant_mapping (tenant, names, settled_by, import_id) SELECT $1, $3, uploaded_by, id FROM import WHERE tenant = $1 AND id = $2
		ON CONFLICT (tenant) DO UPDATE SET names = excluded.names, settled_by = excluded.settled_by, settled_at = now(), import_id = excluded.import_id`, a.tenant, a.id, b)
	return err
}

// settledNames adds to the names confirmed before those that a mapping settled:
// of the names that the list was read by, the fields that the mapping names, and
// the columns that it leaves out.
func settledNames(before, used, mapping map[string]string) map[string]string {
	after := map[string]string{}
	for name, field := range before {
		if _, anew := mapping[field]; !anew {
			after[name] = field
		}
	}
	for name, field := range used {
		if _, settled := mapping[field]; settled || field == "" {
			after[name] = field
		}
	}
	return after
}

// letters are a column's, or "-": the list has no such column.
var letters = regexp.MustCompile(`^([A-Za-z]{1,3}|-)$`)

// checkHints refuses what cannot be meant. Whether the file has such a sheet,
// line or column is seen when it is read.
func checkHints(h roster.Hints) error {
	for field, column := range h.Mapping {
		if field == "" || len(field) > 40 || !letters.MatchString(column) {
			return tenancy.E(tenancy.Invalid, "mapping_invalid", `The mapping names fields and the letters of their columns, such as phone=D, in JSON {"phone":"D"}.`)
		}
	}
	if h.HeaderLine < 0 {
		return tenancy.E(tenancy.Invalid, "field_invalid", "The header's line is 1 or more.")
	}
	return nil
}

// applyHints puts what is known of how to read the list into the importer's options.
func applyHints(o *importers.Options, h roster.Hints, remembered map[string]string) {
	o.Sheet, o.HeaderLine = h.Sheet, h.HeaderLine
	if len(h.Mapping) > 0 {
		o.Mapping = importers.Mapping{}
		for field, column := range h.Mapping {
			o.Mapping[importers.Field(field)] = strings.ToUpper(column)
		}
	}
	if len(remembered) > 0 {
		o.Names = map[string]importers.Field{}
		for name, field := range remembered {
			o.Names[name] = importers.Field(field)
		}
	}
}

// summaryOf says how a file was understood.
func summaryOf(s importers.Summary, told *stage) roster.Summary {
	mapping := map[string]string{}
	for field, column := range s.Mapping {
		mapping[string(field)] = column
	}
	return roster.Summary{
		Format: s.Format, Encoding: s.Encoding, Sheet: s.Sheet, OtherSheets: s.OtherSheets, HeaderLine: s.HeaderLine, Mapping: mapping, Unread: s.Unread,
		Skipped: told.skipped, SkippedLines: told.skippedLines,
	}
}

// remarks are the problems of the whole list that do not keep it from being taken.
func remarks(s importers.Summary) []tenancy.Problem {
	found := append([]tenancy.Problem{}, s.Problems...)
	if len(s.Outdated) > 0 && !hasCode(found, mappingOutdated) {
		names := s.Outdated[:min(len(s.Outdated), 5)]
		found = append(found, tenancy.Problem{Code: mappingOutdated, Severity: tenancy.SeverityWarning,
			Message: fmt.Sprintf("What was confirmed about earlier lists no longer fits: this one has no column «%s». See that its columns were understood; send a mapping with the list to confirm them anew.", strings.Join(names, "», «"))})
	}
	return found
}

// lostNames adds, to the problem of a list without a header, which of its
// required columns had a name that was confirmed earlier: nobody else would
// know that the list was read by that name until now.
func lostNames(p tenancy.Problem, confirmed map[string]importers.Field) []tenancy.Problem {
	if p.Code != importers.HeaderNotFound {
		return []tenancy.Problem{howToAnswer(p)}
	}
	found := []tenancy.Problem{}
	for _, name := range slices.Sorted(maps.Keys(confirmed)) {
		field := confirmed[name]
		isName := field == importers.FieldFullName || field == importers.FieldLastName || field == importers.FieldFirstName
		if field != importers.FieldEmployeeNo && !isName || p.Field != "" && isName == (p.Field == string(importers.FieldEmployeeNo)) {
			continue
		}
		found = append(found, tenancy.Problem{Code: mappingOutdated, Severity: tenancy.SeverityError, Field: string(field), Sheet: p.Sheet,
			Message: fmt.Sprintf(`«%s» was settled earlier as %s, and the list has no column of this name. Name the column «%s» again, or say which one holds it now: the part "mapping" of the form, such as {"%s":"A"}, or --map %s=A; it is remembered once the list is applied.`,
				name, field, name, field, field)})
	}
	return append(found, p)
}

func hasCode(problems []tenancy.Problem, code tenancy.ProblemCode) bool {
	for _, p := range problems {
		if p.Code == code {
			return true
		}
	}
	return false
}

// howToAnswer adds to a question about the columns how to answer it.
func howToAnswer(p tenancy.Problem) tenancy.Problem {
	if p.Code == importers.HeaderAmbiguous {
		p.Message += ` To say it with the upload: the part "mapping" of the form, such as {"phone":"D"}, or --map phone=D; it is remembered once the list is applied.`
	}
	return p
}

// hintsOf reads what was said with an upload and what is remembered.
func hintsOf(ctx context.Context, tx pgx.Tx, p *job.Parsing) error {
	var hints roster.Hints
	if err := tx.QueryRow(ctx, `SELECT hints FROM import WHERE tenant = $1 AND id = $2`, p.Tenant, p.Import).Scan(&hints); err != nil {
		return err
	}
	remembered, err := mappingIn(ctx, tx, p.Tenant)
	if err != nil {
		return err
	}
	applyHints(&p.Options, hints, remembered.Names)
	return nil
}
