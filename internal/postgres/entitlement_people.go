package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/ponimayu/opora/internal/entitlement"
	"github.com/ponimayu/opora/internal/tenancy"
)

// readTerms returns the terms as the transaction sees them: those held, when
// they are of that revision.
func readTerms(ctx context.Context, tx pgx.Tx, held contourTerms) (contourTerms, error) {
	var revision int64
	if err := tx.QueryRow(ctx, `SELECT revision FROM terms_revision`).Scan(&revision); err != nil {
		return held, err
	}
	if held.revision == revision {
		return held, nil
	}
	terms := contourTerms{revision: revision, tenants: map[tenancy.TenantSlug]*entitlement.Terms{}}
	var types []byte
	err := tx.QueryRow(ctx, `SELECT specialist_types FROM catalogue_part`).Scan(&types)
	if errors.Is(err, pgx.ErrNoRows) {
		return terms, nil
	}
	if err == nil {
		err = json.Unmarshal(types, &terms.types)
	}
	if err != nil {
		return held, err
	}
	tenants, err := readTenants(ctx, tx)
	if err != nil {
		return held, err
	}
	for _, tenant := range tenants {
		made, err := entitlement.Compile(tenant, terms.types)
		if err != nil {
			// Its people are revised when the rules of segments change, not when
			// a contract is mended: their segments are known all the same.
			made = entitlement.Broken(tenant, tenancy.E(tenancy.Internal, "terms_broken", "the contracts of tenant "+string(tenant.Slug)+" cannot be worked with; see `opora catalogue validate`", err))
		}
		terms.tenants[tenant.Slug] = made
	}
	return terms, nil
}

// person is an employee as a decision needs him, without a name or a contact,
// and the number of his latest change.
type person struct {
	tenancy.Employee
	revision int64
	gone     bool // erased, or not there
}

// people are read one by one; an error is the last.
type people = iter.Seq2[person, error]

// unseen is the condition for employee_revision r: its change was not visible
// in the snapshot $1. The first half is what the index finds, the second tells
// the rest: a transaction may commit after many that began later.
const unseen = `r.tx >= pg_snapshot_xmin($1::text::pg_snapshot) AND NOT pg_visible_in_snapshot(r.tx, $1::text::pg_snapshot)`

// Whom readPeople reads: a relation of (tenant, id, revision, gone).
const (
	fromPerson = `SELECT p.tenant, p.id, coalesce(r.revision, 0) AS revision, false AS gone
		FROM person p LEFT JOIN employee_revision r ON r.tenant = p.tenant AND r.person_id = p.id WHERE p.erased_at IS NULL`
	everybody = fromPerson
	onePerson = fromPerson + ` AND p.id = $1::uuid`
	// The changes are found first, by their transactions, whatever order the
	// people are wanted in.
	changedPeople = `WITH changed AS MATERIALIZED (SELECT r.tenant, r.person_id, r.revision FROM employee_revision r WHERE ` + unseen + `)
		SELECT r.tenant, r.person_id AS id, r.revision, p.id IS NULL AS gone
		FROM changed r LEFT JOIN person p ON p.tenant = r.tenant AND p.id = r.person_id AND p.erased_at IS NULL`
)

// The statements of readPeople; whom stands in the place of %s.
const (
	overridesOf = `SELECT o.person_id::text, o.grant_id, o.amount, o.valid_from, o.valid_until
		FROM (%s) w JOIN grant_override o ON o.tenant = w.tenant AND o.person_id = w.id ORDER BY o.id`
	employmentsOf = `SELECT w.tenant, w.id, w.revision, w.gone, e.id IS NOT NULL, coalesce(e.legal_entity, ''), coalesce(e.department, ''), coalesce(e.position, ''),
			coalesce(e.grade, ''), coalesce(e.segment, ''), e.hired_on, e.left_on
		FROM (%s) w LEFT JOIN employment e ON e.tenant = w.tenant AND e.person_id = w.id ORDER BY w.tenant, w.id, e.id`
)

// readPeople reads people row by row, whole, in the order of tenant and id.
// None but the overrides, which few have, are in memory at once.
func readPeople(ctx context.Context, tx pgx.Tx, whom string, args ...any) people {
	return peopleFrom(func(statement string) (pgx.Rows, error) {
		return tx.Query(ctx, fmt.Sprintf(statement, whom), args...)
	})
}

// peopleFrom reads people from the answers to overridesOf and employmentsOf,
// which it asks for in that order.
func peopleFrom(answer func(statement string) (pgx.Rows, error)) people {
	return func(yield func(person, error) bool) {
		overrides, err := readOverrides(answer)
		if err != nil {
			yield(person{}, err)
			return
		}
		rows, err := answer(employmentsOf)
		if err != nil {
			yield(person{}, err)
			return
		}
		defer rows.Close()
		var next person
		var began bool
		for rows.Next() {
			var one person
			var id pgtype.UUID
			var job tenancy.Employment
			var employed bool
			err := rows.Scan(&one.Tenant, &id, &one.revision, &one.gone, &employed, &job.LegalEntity, &job.Department, &job.Position,
				&job.Grade, &job.Segment, dayInto{&job.HiredOn}, dayInto{&job.LeftOn})
			if err != nil {
				yield(person{}, err)
				return
			}
			one.ID = tenancy.EmployeeID(uuid.UUID(id.Bytes).String())
			if began && next.ID != one.ID && !yield(next, nil) {
				return
			}
			if !began || next.ID != one.ID {
				next, began = one, true
				next.Overrides = overrides[one.ID]
			}
			if employed {
				next.Employments = append(next.Employments, job)
			}
		}
		if err := rows.Err(); err != nil {
			yield(person{}, err)
		} else if began {
			yield(next, nil)
		}
	}
}

func readOverrides(answer func(statement string) (pgx.Rows, error)) (map[tenancy.EmployeeID][]tenancy.Override, error) {
	rows, err := answer(overridesOf)
	if err != nil {
		return nil, err
	}
	all := map[tenancy.EmployeeID][]tenancy.Override{}
	var id tenancy.EmployeeID
	var o tenancy.Override
	_, err = pgx.ForEachRow(rows, []any{&id, &o.Grant, &o.Amount, dayInto{&o.From}, dayInto{&o.Until}}, func() error {
		all[id] = append(all[id], o)
		return nil
	})
	return all, err
}
