package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/ponimayu/opora/internal/entitlement"
	"github.com/ponimayu/opora/internal/tenancy"
)

// EntitlementsAsOf answers what an employee was entitled to at an instant, type
// by type and before any use is counted, as far as it was known at another
// (now, when it is zero or yet to come), and by which contract, lists and
// overrides. Who may not see overrides is answered without them. Each question
// is in the audit log. Whoever was erased is unknown.
func (r *Rosters) EntitlementsAsOf(ctx context.Context, actor tenancy.Actor, id tenancy.EmployeeID, at, known time.Time) (answer entitlement.PastEntitlements, err error) {
	tenant, err := r.tenantOfEmployee(ctx, actor, tenancy.ReadPastEntitlements, id)
	if err != nil {
		return answer, err
	}
	var h entitlement.History
	withheld := !actor.May(tenancy.OverrideEntitlement, tenant)
	err = r.db.ForContour(ctx, func(tx pgx.Tx) error {
		if h, err = historyOf(ctx, tx, tenant, id, known); err != nil {
			return err
		}
		return record(ctx, tx, Entry{Actor: actor.ID, Action: tenancy.ReadPastEntitlements, Tenant: tenant, Subject: string(id), Allowed: true})
	})
	if err != nil {
		return answer, err
	}
	if withheld {
		h.Overrides = nil
	}
	if answer, err = h.Entitlements(at); err != nil {
		return answer, err
	}
	if answer.Sources.OverridesWithheld = withheld; withheld {
		answer.Sources.HideCatalogueAuthors()
	}
	return answer, nil
}

// historyOf reads what was learnt of an employee and his tenant until known.
func historyOf(ctx context.Context, tx pgx.Tx, tenant tenancy.TenantSlug, id tenancy.EmployeeID, known time.Time) (entitlement.History, error) {
	h := entitlement.History{Tenant: tenant, Employee: id}
	var asked *time.Time // the clock of the database is the one that history is written by
	if !known.IsZero() {
		asked = &known
	}
	err := tx.QueryRow(ctx, `SELECT least($3, clock_timestamp()) FROM person WHERE tenant = $1 AND id = $2 AND erased_at IS NULL`, tenant, id, asked).Scan(&h.Known)
	if errors.Is(err, pgx.ErrNoRows) {
		return h, unknownEmployee()
	}
	if err != nil {
		return h, err
	}
	for _, read := range []func(context.Context, pgx.Tx, *entitlement.History) error{readTypesHistory, readTenantHistory, readContractHistory, readEmploymentHistory, readOverridesKnown} {
		if err := read(ctx, tx, &h); err != nil {
			return h, err
		}
	}
	h.Known = h.Known.UTC()
	return h, nil
}

// believed is the condition that a row of a history is a version of its own:
// rows with an end say only when that version held, and one that was written
// over in its own transaction was never seen. $2 is known.
const believed = `h.held_until = 'infinity' AND h.superseded_at > h.learnt_at AND h.learnt_at <= $2`

// times are the columns of a version: when it was learnt and, if that was not
// after known, when it was superseded.
const times = `h.learnt_at, CASE WHEN h.superseded_at <= $2 THEN h.superseded_at END`

// version scans the columns of times.
type version struct {
	learnt time.Time
	ended  *time.Time
}

func (v version) until() time.Time {
	if v.ended == nil {
		return time.Time{}
	}
	return v.ended.UTC()
}

// readTypesHistory reads the specialist types. What was stored before the
// history of them began is not known: then its first version stands for it.
func readTypesHistory(ctx context.Context, tx pgx.Tx, h *entitlement.History) error {
	rows, err := tx.Query(ctx, `
		SELECT h.specialist_types, h.learnt_at, CASE WHEN h.superseded_at <= $1 THEN h.superseded_at END FROM catalogue_part_history h
		WHERE h.held_until = 'infinity' AND h.superseded_at > h.learnt_at
		AND h.learnt_at <= greatest($1, (SELECT min(f.learnt_at) FROM catalogue_part_history f WHERE f.held_until = 'infinity' AND f.superseded_at > f.learnt_at))
		ORDER BY h.learnt_at`, h.Known)
	if err != nil {
		return err
	}
	var body []byte
	var v version
	_, err = pgx.ForEachRow(rows, []any{&body, &v.learnt, &v.ended}, func() error {
		made := entitlement.Version[[]tenancy.SpecialistType]{LearntAt: v.learnt.UTC(), SupersededAt: v.until()}
		h.Types = append(h.Types, made)
		return json.Unmarshal(body, &h.Types[len(h.Types)-1].Of)
	})
	return err
}

func readTenantHistory(ctx context.Context, tx pgx.Tx, h *entitlement.History) error {
	rows, err := tx.Query(ctx, `SELECT h.body, h.dropped_at IS NOT NULL, `+times+` FROM tenant_history h WHERE h.tenant = $1 AND `+believed+` ORDER BY h.learnt_at`, h.Tenant, h.Known)
	if err != nil {
		return err
	}
	var body []byte
	var dropped bool
	var v version
	_, err = pgx.ForEachRow(rows, []any{&body, &dropped, &v.learnt, &v.ended}, func() error {
		h.Tenants = append(h.Tenants, entitlement.Version[tenancy.Tenant]{LearntAt: v.learnt.UTC(), SupersededAt: v.until(), Dropped: dropped})
		return json.Unmarshal(body, &h.Tenants[len(h.Tenants)-1].Of)
	})
	return err
}

// readContractHistory reads the contracts, with the revision of the catalogue
// that each version came with, and the plan whose apply it was.
func readContractHistory(ctx context.Context, tx pgx.Tx, h *entitlement.History) error {
	rows, err := tx.Query(ctx, `
		SELECT h.id, h.body, h.dropped_at IS NOT NULL, `+times+`, coalesce(c.revision, ''), coalesce(p.id::text, ''), coalesce(p.actor, '')
		FROM contract_history h
			LEFT JOIN LATERAL (SELECT revision FROM catalogue_part_history c WHERE c.held_until = 'infinity' AND c.learnt_at <= h.learnt_at AND c.superseded_at > h.learnt_at LIMIT 1) c ON true
			LEFT JOIN LATERAL (SELECT id, actor FROM plan p WHERE p.revision = c.revision AND p.state <> 'drafted' AND p.planned_at <= h.learnt_at AND (p.ended_at IS NULL OR p.ended_at >= h.learnt_at)
				ORDER BY p.planned_at DESC LIMIT 1) p ON true
		WHERE h.tenant = $1 AND `+believed+` ORDER BY h.id COLLATE "C", h.learnt_at`, h.Tenant, h.Known)
	if err != nil {
		return err
	}
	var id tenancy.ContractID
	var body []byte
	var dropped bool
	var v version
	var from entitlement.Source
	_, err = pgx.ForEachRow(rows, []any{&id, &body, &dropped, &v.learnt, &v.ended, &from.Revision, &from.Plan, &from.By}, func() error {
		if n := len(h.Contracts); n == 0 || h.Contracts[n-1].ID != id {
			h.Contracts = append(h.Contracts, entitlement.ContractHistory{ID: id})
		}
		of := &h.Contracts[len(h.Contracts)-1]
		from.LearntAt = v.learnt.UTC()
		of.Versions = append(of.Versions, entitlement.Version[tenancy.Contract]{LearntAt: from.LearntAt, SupersededAt: v.until(), Dropped: dropped, Source: from})
		return json.Unmarshal(body, &of.Versions[len(of.Versions)-1].Of)
	})
	return err
}

// readEmploymentHistory reads the employments, with the list that made each
// version, or the list whose undo did.
func readEmploymentHistory(ctx context.Context, tx pgx.Tx, h *entitlement.History) error {
	rows, err := tx.Query(ctx, `
		WITH v AS (
			SELECT h.id, h.learnt_at, CASE WHEN h.superseded_at <= $2 THEN h.superseded_at END AS ended, h.import_id, lag(h.import_id) OVER (PARTITION BY h.id ORDER BY h.learnt_at) AS before,
				jsonb_strip_nulls(jsonb_build_object('id', h.id, 'legal_entity', h.legal_entity, 'employee_no', h.employee_no, 'department', h.department,
					'position', h.position, 'grade', h.grade, 'segment', h.segment, 'hired_on', h.hired_on, 'left_on', h.left_on)) AS body
			FROM employment_history h WHERE h.tenant = $1 AND h.person_id = $3 AND `+believed+`)
		SELECT v.id::text, v.body, v.learnt_at, v.ended, coalesce(i.id::text, ''), coalesce(i.mode, ''), i.uploaded_at, coalesce(i.uploaded_by, ''), i.applied_at, coalesce(w.kind, ''), coalesce(w.line, 0),
			coalesce((SELECT u.id::text FROM import u WHERE u.tenant = $1 AND u.id = v.before AND u.id IS DISTINCT FROM v.import_id AND u.state = 'undone'
				AND EXISTS (SELECT FROM import_change c WHERE c.tenant = $1 AND c.import_id = u.id AND c.state = 'reversed' AND v.id IN (c.employment_id, c.from_id, c.releases_id))), '')
		FROM v LEFT JOIN import i ON i.tenant = $1 AND i.id = v.import_id
			LEFT JOIN LATERAL (SELECT c.kind, c.line FROM import_change c WHERE c.tenant = $1 AND c.import_id = v.import_id AND c.state <> 'planned' AND v.id IN (c.employment_id, c.from_id, c.releases_id)
				ORDER BY c.employment_id <> v.id, c.n LIMIT 1) w ON true
		ORDER BY v.id, v.learnt_at`, h.Tenant, h.Known, h.Employee)
	if err != nil {
		return err
	}
	var id tenancy.EmploymentID
	var body []byte
	var v version
	var i entitlement.ImportSource
	var uploaded, applied *time.Time
	var undid string
	_, err = pgx.ForEachRow(rows, []any{&id, &body, &v.learnt, &v.ended, &i.ID, &i.Mode, &uploaded, &i.UploadedBy, &applied, &i.Change, &i.Line, &undid}, func() error {
		if n := len(h.Employments); n == 0 || h.Employments[n-1].ID != id {
			h.Employments = append(h.Employments, entitlement.EmploymentHistory{ID: id})
		}
		of := &h.Employments[len(h.Employments)-1]
		from := entitlement.Source{LearntAt: v.learnt.UTC(), Undid: undid}
		// What an undo gave back carries the list that had written it before.
		if i.ID != "" && undid == "" {
			list := i
			list.UploadedAt = uploaded.UTC()
			if applied != nil {
				list.AppliedAt = applied.UTC()
			}
			from.Import = &list
		}
		of.Versions = append(of.Versions, entitlement.Version[tenancy.Employment]{LearntAt: from.LearntAt, SupersededAt: v.until(), Source: from})
		return json.Unmarshal(body, &of.Versions[len(of.Versions)-1].Of)
	})
	return err
}

// readOverridesKnown reads the overrides as they were known.
func readOverridesKnown(ctx context.Context, tx pgx.Tx, h *entitlement.History) error {
	rows, err := tx.Query(ctx, `
		SELECT h.id::text, h.grant_id, h.amount, h.valid_from, h.valid_until, h.reason, h.reference, h.author, h.made_at, h.ended_at, h.ended_by
		FROM grant_override_history h WHERE h.tenant = $1 AND h.person_id = $3 AND h.superseded_at > $2 AND `+believed+` ORDER BY h.made_at, h.id`, h.Tenant, h.Known, h.Employee)
	if err != nil {
		return err
	}
	h.Overrides, err = pgx.CollectRows(rows, scanOverride(tenancy.Date{})) // how it stood on the day, History.AsOf says
	return err
}
