package postgres

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"iter"

	"github.com/jackc/pgx/v5"

	"github.com/ponimayu/opora/internal/entitlement"
	"github.com/ponimayu/opora/internal/tenancy"
)

// segmentRules is what puts the tenants' people into segments, as of a revision
// of the terms of one feed: after a failover the same revision may be of others.
type segmentRules struct {
	ground   [cursorGround]byte
	revision int64
	of       map[tenancy.TenantSlug]*entitlement.Terms
}

// segmentRules returns the rules as the transaction sees them.
func (f *Feed) segmentRules(ctx context.Context, tx pgx.Tx, ground [cursorGround]byte) (segmentRules, error) {
	var revision int64
	if err := tx.QueryRow(ctx, `SELECT revision FROM terms_revision`).Scan(&revision); err != nil {
		return segmentRules{}, err
	}
	f.mu.Lock()
	held := f.rules
	f.mu.Unlock()
	if held.revision == revision && held.ground == ground {
		return held, nil
	}
	read := segmentRules{ground: ground, revision: revision, of: map[tenancy.TenantSlug]*entitlement.Terms{}}
	rows, err := tx.Query(ctx, `SELECT tenant, coalesce(body -> 'segments', '[]') FROM tenant WHERE dropped_at IS NULL`)
	if err != nil {
		return read, err
	}
	var slug tenancy.TenantSlug
	var segments []byte
	_, err = pgx.ForEachRow(rows, []any{&slug, &segments}, func() error {
		t := tenancy.Tenant{Slug: slug}
		if err := json.Unmarshal(segments, &t.Segments); err != nil {
			return err
		}
		// Contracts are left out: one that cannot be compiled is no reason to stop
		// telling. Of segments that cannot be, nobody compiles the terms.
		if terms, err := entitlement.Compile(t, nil); err == nil {
			read.of[slug] = terms
		}
		return nil
	})
	if err != nil {
		return read, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.rules.ground != ground || f.rules.revision < revision {
		f.rules = read
	}
	return read, nil
}

// noSegments are the terms of a tenant that was dropped.
var noSegments = func() *entitlement.Terms {
	t, err := entitlement.Compile(tenancy.Tenant{}, nil)
	if err != nil {
		panic(err) // nothing cannot be wrong
	}
	return t
}()

func (s segmentRules) record(e tenancy.Employee, revision int64) entitlement.Record {
	terms := s.of[e.Tenant]
	if terms == nil {
		terms = noSegments
	}
	return terms.Record(e, revision)
}

// recordReader reads employees as the feed tells of them, those who are erased
// left out.
type recordReader struct {
	tx    pgx.Tx
	rules segmentRules
	among string // of whom, (tenant, id) standing before it; everybody when empty
	args  []any
}

// The rows of the three tables, by tenant and id.
type (
	personKey struct {
		tenant tenancy.TenantSlug
		id     tenancy.EmployeeID
	}
	toldPerson struct {
		personKey
		revision int64
	}
	toldEmployment struct {
		personKey
		tenancy.Employment
	}
	toldOverride struct {
		personKey
		tenancy.Override
	}
)

func (k personKey) key() personKey { return k }

func (k personKey) compare(other personKey) int {
	return cmp.Or(cmp.Compare(k.tenant, other.tenant), cmp.Compare(k.id, other.id))
}

// all reads the three tables side by side in the order of tenant and id, so
// that none of them is held in memory and no row is looked up by itself.
func (r recordReader) all(ctx context.Context) iter.Seq2[entitlement.Record, error] {
	return func(yield func(entitlement.Record, error) bool) {
		employments, stopEmployments := following(rowsOf(ctx, r, "told_employment", employmentQuery, "e.tenant, e.person_id", scanToldEmployment))
		defer stopEmployments()
		overrides, stopOverrides := following(rowsOf(ctx, r, "told_override", overrideQuery, "o.tenant, o.person_id", scanToldOverride))
		defer stopOverrides()
		for p, err := range rowsOf(ctx, r, "told_person", personQuery, "p.tenant, p.id", scanToldPerson) {
			e := tenancy.Employee{ID: p.id, Tenant: p.tenant}
			for of := range employments(p.personKey, &err) {
				e.Employments = append(e.Employments, of.Employment)
			}
			for of := range overrides(p.personKey, &err) {
				e.Overrides = append(e.Overrides, of.Override)
			}
			if err != nil {
				yield(entitlement.Record{}, err)
				return
			}
			if !yield(r.rules.record(e, p.revision), nil) {
				return
			}
		}
	}
}

// rowsOf reads one of the tables: piece by piece, or at once where the reader
// asks for certain people. key names the columns of tenant and id.
func rowsOf[T any](ctx context.Context, r recordReader, name, query, key string, scan pgx.RowToFunc[T]) iter.Seq2[T, error] {
	if r.among == "" {
		return cursor(ctx, r.tx, name, fmt.Sprintf(query, ""), nil, scan)
	}
	return func(yield func(T, error) bool) {
		var none T
		rows, err := r.tx.Query(ctx, fmt.Sprintf(query, "AND ("+key+") "+r.among), r.args...)
		if err != nil {
			yield(none, err)
			return
		}
		all, err := pgx.CollectRows(rows, scan)
		for _, row := range all {
			if !yield(row, nil) {
				return
			}
		}
		if err != nil {
			yield(none, err)
		}
	}
}

// following reads rows beside those of another table in the same order: the
// function that it returns yields the rows of one key, which is not before the
// last one's, and passes over those before. What goes wrong is put into failed.
func following[T interface{ key() personKey }](rows iter.Seq2[T, error]) (of func(key personKey, failed *error) iter.Seq[T], stop func()) {
	next, stop := iter.Pull2(rows)
	row, err, ok := next()
	return func(key personKey, failed *error) iter.Seq[T] {
		return func(yield func(T) bool) {
			for ; ok && err == nil && row.key().compare(key) <= 0; row, err, ok = next() {
				if row.key() == key && !yield(row) {
					return
				}
			}
			if err != nil {
				*failed = err
			}
		}
	}, stop
}

// The tables, each with a place for the condition of whom.
const (
	personQuery = `
		SELECT p.tenant, p.id::text, coalesce(r.revision, 0) FROM person p LEFT JOIN employee_revision r ON r.tenant = p.tenant AND r.person_id = p.id
		WHERE p.erased_at IS NULL %s ORDER BY p.tenant, p.id`
	employmentQuery = `
		SELECT e.tenant, e.person_id::text, e.legal_entity, e.department, e.position, e.grade, e.segment, e.hired_on, e.left_on FROM employment e
		WHERE true %s ORDER BY e.tenant, e.person_id, e.id`
	overrideQuery = `
		SELECT o.tenant, o.person_id::text, o.grant_id, o.amount, o.valid_from, o.valid_until FROM grant_override o
		WHERE true %s ORDER BY o.tenant, o.person_id, o.id`
)

func scanToldPerson(row pgx.CollectableRow) (p toldPerson, err error) {
	err = row.Scan(&p.tenant, &p.id, &p.revision)
	return p, err
}

func scanToldEmployment(row pgx.CollectableRow) (e toldEmployment, err error) {
	err = row.Scan(&e.tenant, &e.id, &e.LegalEntity, &e.Department, &e.Position, &e.Grade, &e.Segment, dayInto{&e.HiredOn}, dayInto{&e.LeftOn})
	return e, err
}

func scanToldOverride(row pgx.CollectableRow) (o toldOverride, err error) {
	err = row.Scan(&o.tenant, &o.id, &o.Grant, &o.Amount, dayInto{&o.From}, dayInto{&o.Until})
	return o, err
}
