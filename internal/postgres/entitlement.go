package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/ponimayu/opora/internal/entitlement"
	"github.com/ponimayu/opora/internal/tenancy"
)

// Timings of Entitlements. An answer from memory is at most freshFor old, so a
// leaver is refused within a second of the commit.
const (
	pollEvery   = 250 * time.Millisecond
	freshFor    = 800 * time.Millisecond
	pollTimeout = 5 * time.Second
	maxKept     = 250_000 // employees in memory
	maxChanged  = 20_000  // changes that are forgotten one by one; beyond, all are
)

// Entitlements reads what a decision about an employee needs, for the booking
// core: the terms of all tenants are kept compiled, and so is every employee
// who was asked about, until he or his tenant's terms change. Run learns of the
// changes; while it cannot, every answer is read from the database, and
// without the database there is none.
type Entitlements struct {
	db  *DB
	now func() time.Time

	mu         sync.RWMutex
	terms      contourTerms
	kept       map[tenancy.EmployeeID]entitlement.Snapshot
	generation uint64    // of kept: a read begun before a change must not be kept after it
	freshUntil time.Time // answers from memory are good until then
	since      string    // the oldest transaction that ran at the last poll
}

// contourTerms is what every tenant bought, compiled, as of a revision.
type contourTerms struct {
	revision int64
	types    []tenancy.SpecialistType
	tenants  map[tenancy.TenantSlug]compiled
}

// compiled is one tenant's terms, or why they could not be compiled.
type compiled struct {
	terms *entitlement.Terms
	err   error
}

// NewEntitlements returns a reader. Until Run has begun it keeps nothing and
// reads every answer from the database.
func NewEntitlements(db *DB) *Entitlements {
	return &Entitlements{db: db, now: time.Now, kept: map[tenancy.EmployeeID]entitlement.Snapshot{}}
}

// Snapshot returns what a decision about the employee needs. One who is not
// known, or was erased, has a snapshot without a subject.
func (e *Entitlements) Snapshot(ctx context.Context, id tenancy.EmployeeID) (entitlement.Snapshot, error) {
	if s, ok := e.remembered(id); ok {
		return s, nil
	}
	parsed, err := uuid.Parse(string(id))
	if err != nil || len(id) != 36 {
		return entitlement.Snapshot{Revision: e.termsRevision()}, nil //nolint:nilerr // what is no id is nobody's
	}
	return e.read(ctx, tenancy.EmployeeID(parsed.String()))
}

func (e *Entitlements) remembered(id tenancy.EmployeeID) (entitlement.Snapshot, bool) {
	now := e.now()
	e.mu.RLock()
	defer e.mu.RUnlock()
	if !now.Before(e.freshUntil) {
		return entitlement.Snapshot{}, false
	}
	kept, ok := e.kept[id]
	return kept, ok
}

func (e *Entitlements) termsRevision() string {
	e.mu.RLock()
	defer e.mu.RUnlock()
	return fmt.Sprint(e.terms.revision)
}

// read answers from the database, and keeps the answer unless something
// changed while it was read.
func (e *Entitlements) read(ctx context.Context, id tenancy.EmployeeID) (entitlement.Snapshot, error) {
	e.mu.RLock()
	generation, terms := e.generation, e.terms
	e.mu.RUnlock()
	var employee tenancy.Employee
	var revision int64
	var known bool
	err := e.db.ReadContour(ctx, func(tx pgx.Tx) (err error) {
		if terms, err = readTerms(ctx, tx, terms); err != nil {
			return err
		}
		employee, revision, known, err = readSubject(ctx, tx, id)
		return err
	})
	if err != nil {
		return entitlement.Snapshot{}, err
	}
	if !known {
		return entitlement.Snapshot{Revision: fmt.Sprint(terms.revision)}, nil
	}
	of, err := terms.of(employee.Tenant)
	if err != nil {
		return entitlement.Snapshot{}, err
	}
	snapshot := entitlement.NewSnapshot(of, employee, fmt.Sprintf("%d.%d", terms.revision, revision))
	e.keep(generation, terms.revision, id, snapshot)
	return snapshot, nil
}

// keep remembers an answer, unless the employee or the terms may have changed
// since it was read.
func (e *Entitlements) keep(generation uint64, terms int64, id tenancy.EmployeeID, snapshot entitlement.Snapshot) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.generation != generation || terms != e.terms.revision {
		return
	}
	if len(e.kept) >= maxKept {
		clear(e.kept)
	}
	e.kept[id] = snapshot
}

// of returns the terms of a tenant. One that the catalogue has dropped has
// none: its people are known, and no contract runs.
func (t contourTerms) of(slug tenancy.TenantSlug) (*entitlement.Terms, error) {
	if c, ok := t.tenants[slug]; ok {
		return c.terms, c.err
	}
	return entitlement.Compile(tenancy.Tenant{Slug: slug}, t.types)
}

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
	terms := contourTerms{revision: revision, tenants: map[tenancy.TenantSlug]compiled{}}
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
		terms.tenants[tenant.Slug] = compiled{made, err}
	}
	return terms, nil
}

// readSubject reads the employee as a decision needs him: no name, no contact.
func readSubject(ctx context.Context, tx pgx.Tx, id tenancy.EmployeeID) (employee tenancy.Employee, revision int64, known bool, err error) {
	var employments, overrides []byte
	err = tx.QueryRow(ctx, `
		SELECT p.tenant, coalesce(r.revision, 0),
			coalesce((SELECT json_agg(json_build_object('legal_entity', e.legal_entity, 'employee_no', e.employee_no, 'department', e.department,
				'position', e.position, 'grade', e.grade, 'segment', e.segment, 'hired_on', e.hired_on, 'left_on', e.left_on) ORDER BY e.id)
				FROM employment e WHERE e.tenant = p.tenant AND e.person_id = p.id), '[]'),
			coalesce((SELECT json_agg(json_build_object('grant', o.grant_id, 'amount', o.amount, 'from', o.valid_from, 'until', o.valid_until) ORDER BY o.id)
				FROM grant_override o WHERE o.tenant = p.tenant AND o.person_id = p.id), '[]')
		FROM person p LEFT JOIN employee_revision r ON r.tenant = p.tenant AND r.person_id = p.id
		WHERE p.id = $1 AND p.erased_at IS NULL`, id).Scan(&employee.Tenant, &revision, &employments, &overrides)
	if errors.Is(err, pgx.ErrNoRows) {
		return employee, 0, false, nil
	}
	if err != nil {
		return employee, 0, false, err
	}
	employee.ID = id
	err = errors.Join(json.Unmarshal(employments, &employee.Employments), json.Unmarshal(overrides, &employee.Overrides))
	return employee, revision, true, err
}

// Run learns of changes until ctx ends. It asks often instead of listening: a
// notification would hold a lock of the whole server at every commit, and is
// lost with its connection, while the question costs a fraction of a
// millisecond and needs no second truth beside it.
func (e *Entitlements) Run(ctx context.Context, log *slog.Logger) {
	failing := false
	for {
		err := e.poll(ctx)
		if ctx.Err() != nil {
			return
		}
		if failing != (err != nil) {
			failing = err != nil
			log.Warn("entitlements: the feed of changes", "broken", failing, "kind", string(tenancy.KindOf(err)))
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(pollEvery):
		}
	}
}

// poll forgets what has changed since the last poll.
func (e *Entitlements) poll(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, pollTimeout)
	defer cancel()
	start := e.now()
	e.mu.RLock()
	since, terms := e.since, e.terms
	e.mu.RUnlock()
	var changed []tenancy.EmployeeID
	var next string
	err := e.db.ReadContour(ctx, func(tx pgx.Tx) (err error) {
		if err := tx.QueryRow(ctx, `SELECT pg_snapshot_xmin(pg_current_snapshot())::text`).Scan(&next); err != nil {
			return err
		}
		if terms, err = readTerms(ctx, tx, terms); err != nil || since == "" {
			return err
		}
		rows, err := tx.Query(ctx, `SELECT person_id::text FROM employee_revision WHERE tx >= $1::text::xid8 LIMIT $2`, since, maxChanged+1)
		if err != nil {
			return err
		}
		changed, err = pgx.CollectRows(rows, pgx.RowTo[tenancy.EmployeeID])
		return err
	})
	if err != nil {
		return err
	}
	e.forget(changed, since == "", terms)
	e.mu.Lock()
	defer e.mu.Unlock()
	e.since, e.freshUntil = next, start.Add(freshFor)
	return nil
}

// forget drops the employees who changed, and all of them when the terms
// changed or there are too many.
func (e *Entitlements) forget(changed []tenancy.EmployeeID, all bool, terms contourTerms) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.generation++
	if all || len(changed) > maxChanged || terms.revision != e.terms.revision {
		clear(e.kept)
	}
	for _, id := range changed {
		delete(e.kept, id)
	}
	e.terms = terms
}
