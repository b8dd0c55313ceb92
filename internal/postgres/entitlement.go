package postgres

import (
	"cmp"
	"context"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/ponimayu/opora/internal/entitlement"
	"github.com/ponimayu/opora/internal/tenancy"
)

// Timings of Entitlements. An answer from memory is at most freshFor old, so a
// leaver is refused within a second of the commit.
const (
	pollEvery    = 50 * time.Millisecond
	freshFor     = 800 * time.Millisecond
	pollTimeout  = 30 * time.Second // until an answer begins to come: a million people who changed at once take a while
	loadTimeout  = 10 * time.Minute // for reading everybody, or all who changed
	reloadEvery  = 6 * time.Hour
	retryLoad    = time.Second
	appliedAtOne = 5_000 // changed employees that readers see at once, and that are in memory twice
	maxReads     = 8     // answers that are read from the database at once: half of its connections
	readWait     = 500 * time.Millisecond
)

// Entitlements reads what a decision about an employee needs, for the booking
// core. Run holds everybody in memory and follows the changes; while it cannot,
// and until everybody is read, each answer is read from the database, and
// without the database there is none.
type Entitlements struct {
	db    *DB
	began time.Time
	// held is what Run has read, nil before; it may be asked until fresh, in
	// nanoseconds after began.
	held  atomic.Pointer[entitlement.Directory]
	fresh atomic.Int64
	// terms are the last that were compiled, for answers from the database.
	terms atomic.Pointer[contourTerms]
	reads chan struct{} // one for each answer that is being read

	reloadEvery time.Duration
}

// contourTerms is what every tenant bought, compiled, as of a revision. Those
// that could not be compiled are entitlement.Broken.
type contourTerms struct {
	revision int64
	types    []tenancy.SpecialistType
	tenants  map[tenancy.TenantSlug]*entitlement.Terms
}

// NewEntitlements returns a reader. Until Run has read everybody it reads every
// answer from the database.
func NewEntitlements(db *DB) *Entitlements {
	return &Entitlements{db: db, began: time.Now(), reads: make(chan struct{}, maxReads), reloadEvery: reloadEvery}
}

// Snapshot returns what a decision about the employee needs. One who is not
// known, or was erased, has a snapshot without a subject. From memory it
// neither waits nor allocates. Without memory and database the error is
// tenancy.Unavailable.
func (e *Entitlements) Snapshot(ctx context.Context, id tenancy.EmployeeID) (entitlement.Snapshot, error) {
	if e.Fresh() {
		s, _ := e.held.Load().Snapshot(string(id))
		return s, s.Err()
	}
	parsed, err := uuid.Parse(string(id))
	if err != nil || len(id) != 36 {
		parsed = uuid.Nil // what is no id is nobody's
	}
	return e.read(ctx, tenancy.EmployeeID(parsed.String()))
}

// Held is Snapshot from memory; false when it would read the database.
func (e *Entitlements) Held(id tenancy.EmployeeID) (entitlement.Snapshot, bool) {
	if !e.Fresh() {
		return entitlement.Snapshot{}, false
	}
	s, _ := e.held.Load().Snapshot(string(id))
	return s, s.Err() == nil
}

// Complete reports whether everybody is held in memory, and how many they are
// and about how many bytes they take. Before that every answer costs a query.
func (e *Entitlements) Complete() (people, bytes int, ok bool) {
	held := e.held.Load()
	if held == nil {
		return 0, 0, false
	}
	return held.Len(), held.Bytes(), true
}

// Fresh reports whether answers come from memory.
func (e *Entitlements) Fresh() bool {
	return e.held.Load() != nil && time.Since(e.began) < time.Duration(e.fresh.Load())
}

// read answers from the database. Checks are many: they must neither take all
// its connections nor queue for them until their callers have gone.
func (e *Entitlements) read(ctx context.Context, id tenancy.EmployeeID) (s entitlement.Snapshot, err error) {
	wait := time.NewTimer(readWait)
	defer wait.Stop()
	select {
	case e.reads <- struct{}{}:
		defer func() { <-e.reads }()
	case <-wait.C:
		return s, tenancy.E(tenancy.Unavailable, "unavailable", "What employees may use cannot be read fast enough now; try again shortly.")
	case <-ctx.Done():
		return s, ctx.Err()
	}
	var held contourTerms
	if last := e.terms.Load(); last != nil {
		held = *last
	}
	err = e.db.ReadContour(ctx, func(tx pgx.Tx) error {
		terms, err := readTerms(ctx, tx, held)
		if err != nil {
			return err
		}
		if terms.revision != held.revision {
			e.terms.Store(&terms)
		}
		s.Revision = entitlement.RevisionOf(terms.revision, 0)
		for p, err := range readPeople(ctx, tx, onePerson, id) {
			if err != nil {
				return err
			}
			if s, err = terms.snapshot(p); err != nil {
				return err
			}
		}
		return nil
	})
	return s, err
}

// snapshot compiles one employee. A tenant that the catalogue has dropped has
// no terms: its people are known, and no contract runs.
func (t contourTerms) snapshot(p person) (entitlement.Snapshot, error) {
	terms := t.tenants[p.Tenant]
	if terms == nil {
		var err error
		if terms, err = entitlement.Compile(tenancy.Tenant{Slug: p.Tenant}, t.types); err != nil {
			return entitlement.Snapshot{}, err
		}
	}
	s := entitlement.NewSnapshot(terms, p.Employee, entitlement.RevisionOf(t.revision, p.revision))
	return s, s.Err()
}

// record resolves an employee's segments.
func (t contourTerms) record(p person) entitlement.Record {
	terms := cmp.Or(t.tenants[p.Tenant], &entitlement.Terms{})
	return terms.Record(p.Employee, p.revision)
}
