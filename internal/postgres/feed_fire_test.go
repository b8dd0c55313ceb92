package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/ponimayu/opora/internal/entitlement"
	"github.com/ponimayu/opora/internal/pgtest"
	"github.com/ponimayu/opora/internal/postgres"
	"github.com/ponimayu/opora/internal/tenancy"
)

// rumour is a random writer's and reader's world: what was committed, as the
// writers know it.
type rumour struct {
	t     *testing.T
	db    *postgres.DB // the writers'
	feeds *postgres.DB // those connections are broken now and then
	ids   []tenancy.EmployeeID
	mu    sync.Mutex
	told  map[tenancy.EmployeeID]int // committed transactions that changed him
	open  bool

	first map[tenancy.EmployeeID]int64 // revisions before all that
}

// TestFeedUnderFire lets writers commit and roll back interleaved transactions
// of random length, in which employees are changed several times in any order,
// while several feeds give places and are stopped in the middle, and readers
// follow from where they are. Nothing may be skipped, nothing may come twice,
// nothing in another order, and a copy that a reader keeps must be the state.
func TestFeedUnderFire(t *testing.T) {
	url := pgtest.URL(t)
	db, feeds := open(t, url), open(t, url)
	store(t, db, soldTo("cdek", 6), "r1")
	r := rumour{t: t, db: db, feeds: feeds, told: map[tenancy.EmployeeID]int{}, open: true}
	for range 40 {
		r.ids = append(r.ids, hire(t, db, "cdek", ""))
	}
	r.first = r.revisions()
	first := postgres.NewFeed(db)
	from := now(t, first)
	stop := time.Now().Add(4 * time.Second)
	var writers, others sync.WaitGroup
	for n := range 6 {
		writers.Go(func() { r.write(rand.New(rand.NewPCG(uint64(n), 5)), stop) })
	}
	for range 3 { // a feed's life is short: its process is killed in the middle
		others.Go(func() {
			for r.isOpen() {
				ctx, kill := context.WithTimeout(t.Context(), time.Duration(rand.IntN(120))*time.Millisecond)
				f := postgres.NewFeed(feeds)
				go func() { _, _ = f.Await(ctx, from, 1) }() // so that it is eager
				f.Run(ctx, slog.New(slog.DiscardHandler))
				kill()
			}
		})
	}
	for n := range 3 {
		others.Go(func() {
			seen := r.read(from, 1+n*7, maps.Clone(r.first))
			if diff := cmp.Diff(r.told, seen); diff != "" {
				t.Errorf("committed and told: %s", diff)
			}
		})
	}
	for range 2 { // those who come in the middle
		others.Go(func() {
			time.Sleep(time.Duration(rand.IntN(3000)) * time.Millisecond)
			from, copied := takeSnapshot(t, first)
			r.read(from, 50, copied)
		})
	}
	others.Go(r.breakConnections)
	writers.Wait()
	r.mu.Lock()
	r.open = false
	r.mu.Unlock()
	others.Wait()
	all, _ := follow(t, first, from, 100)
	for range 5 { // from any cursor of them
		at := rand.IntN(len(all))
		rest, _ := follow(t, first, all[at].Cursor, 33)
		if len(rest) != len(all)-at-1 || len(rest) > 0 && rest[0].Cursor != all[at+1].Cursor {
			t.Errorf("after item %d of %d come %d", at, len(all), len(rest))
		}
	}
	t.Logf("%d changes told", len(all))
}

// open connects to a database until the test ends.
func open(t *testing.T, url string) *postgres.DB {
	t.Helper()
	db, err := postgres.Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	return db
}

// breakConnections ends those on which places are being given.
func (r *rumour) breakConnections() {
	broken := 0
	for r.isOpen() {
		var now int
		err := r.db.Pool().QueryRow(r.t.Context(), `SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
			WHERE datname = current_database() AND pid <> pg_backend_pid() AND state = 'active' AND query LIKE 'SELECT opora_place_changes%'`).Scan(&now)
		if err != nil {
			r.t.Error(err)
			return
		}
		broken += now
		time.Sleep(time.Duration(1+now*40) * time.Millisecond)
	}
	if broken == 0 {
		r.t.Error("no connection was broken")
	}
	r.t.Logf("%d connections were broken", broken)
}

func (r *rumour) isOpen() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.open
}

// write commits transactions until the time has come. A deadlock, which two
// that lock people in any order may get into, is a transaction rolled back.
func (r *rumour) write(dice *rand.Rand, until time.Time) {
	rollback := errors.New("rolled back")
	for time.Now().Before(until) {
		touched := map[tenancy.EmployeeID]bool{}
		err := r.db.ForTenant(r.t.Context(), "cdek", func(tx pgx.Tx) error {
			chosen := dice.Perm(len(r.ids))[:1+dice.IntN(4)]
			if dice.IntN(10) > 0 { // or all would wait for their deadlocks' end
				slices.Sort(chosen)
			}
			for _, n := range append(chosen, chosen[dice.IntN(len(chosen))]) {
				id := r.ids[n]
				touched[id] = true
				statement := `UPDATE employment SET department = $2 WHERE person_id = $1`
				if dice.IntN(3) == 0 {
					statement = `UPDATE person SET last_name = $2 WHERE id = $1`
				}
				if err := r.touch(tx, dice, statement, id); err != nil {
					return err
				}
				time.Sleep(time.Duration(dice.IntN(4)) * time.Millisecond)
			}
			switch dice.IntN(12) {
			case 0, 1:
				return rollback
			case 2:
				time.Sleep(time.Duration(dice.IntN(150)) * time.Millisecond)
			}
			return nil
		})
		if err != nil {
			continue
		}
		r.mu.Lock()
		for id := range touched {
			r.told[id]++
		}
		r.mu.Unlock()
	}
}

// touch changes an employee, now and then after a savepoint that is rolled back.
func (r *rumour) touch(tx pgx.Tx, dice *rand.Rand, statement string, id tenancy.EmployeeID) error {
	ctx := r.t.Context()
	if dice.IntN(4) == 0 {
		inner, err := tx.Begin(ctx)
		if err != nil {
			return err
		}
		if _, err := inner.Exec(ctx, statement, id, "undone"); err != nil {
			return err
		}
		if err := inner.Rollback(ctx); err != nil {
			return err
		}
	}
	_, err := tx.Exec(ctx, statement, id, fmt.Sprint(dice.Uint32()))
	return err
}

// takeSnapshot returns the cursor of a snapshot and the employees' revisions. One
// whose connection was broken is taken again.
func takeSnapshot(t *testing.T, f *postgres.Feed) (from entitlement.Cursor, copied map[tenancy.EmployeeID]int64) {
	copied = map[tenancy.EmployeeID]int64{}
	var types []entitlement.ChangeType
	err := f.Snapshot(t.Context(), func(c *entitlement.Change) error {
		switch c.Type {
		case entitlement.EmployeeChanged:
			copied[c.EmployeeID] = c.Employee.Revision
			return nil
		case entitlement.SnapshotBegins:
			from = c.Cursor
		case entitlement.SnapshotEnds:
			if c.Employees != len(copied) {
				t.Errorf("%d employees, and it says %d", len(copied), c.Employees)
			}
		}
		types = append(types, c.Type)
		return nil
	})
	if tenancy.KindOf(err) == tenancy.Unavailable && t.Context().Err() == nil {
		time.Sleep(10 * time.Millisecond)
		return takeSnapshot(t, f)
	}
	if want := []entitlement.ChangeType{entitlement.SnapshotBegins, entitlement.TermsChanged, entitlement.SnapshotEnds}; err != nil || !slices.Equal(types, want) {
		t.Error(types, err)
	}
	return from, copied
}

// read follows the feed until the writers have ended and nothing more comes,
// keeps its copy of the state by it, and returns how often it heard of each.
func (r *rumour) read(from entitlement.Cursor, limit int, state map[tenancy.EmployeeID]int64) (seen map[tenancy.EmployeeID]int) {
	f := postgres.NewFeed(r.feeds)
	ctx, stop := context.WithCancel(r.t.Context())
	defer stop()
	go f.Run(ctx, slog.New(slog.DiscardHandler))
	seen = map[tenancy.EmployeeID]int{}
	latest := map[tenancy.EmployeeID]int64{}
	for {
		ended := !r.isOpen() // before the page: what is committed then is in it
		page, err := f.Changes(r.t.Context(), from, limit)
		if err == nil && len(page.Items) == 0 && !ended {
			short, cancel := context.WithTimeout(r.t.Context(), 100*time.Millisecond)
			page, err = f.Await(short, page.Next, limit)
			cancel()
		}
		if tenancy.KindOf(err) == tenancy.Unavailable {
			continue // its connection was broken
		}
		if err != nil {
			r.t.Error(err)
			return seen
		}
		for _, i := range page.Items {
			seen[i.EmployeeID]++
			if i.Revision <= latest[i.EmployeeID] {
				r.t.Errorf("revision %d of %s after %d", i.Revision, i.EmployeeID, latest[i.EmployeeID])
			}
			latest[i.EmployeeID] = i.Revision
			if i.Employee != nil && i.Employee.Revision >= state[i.EmployeeID] {
				state[i.EmployeeID] = i.Employee.Revision
			}
		}
		if from = page.Next; ended && len(page.Items) == 0 {
			break
		}
	}
	if diff := cmp.Diff(r.revisions(), state); diff != "" {
		r.t.Errorf("the state and the reader's copy: %s", diff)
	}
	return seen
}

func (r *rumour) revisions() map[tenancy.EmployeeID]int64 {
	found := map[tenancy.EmployeeID]int64{}
	err := r.db.ReadContour(r.t.Context(), func(tx pgx.Tx) error {
		rows, err := tx.Query(r.t.Context(), `SELECT person_id::text, revision FROM employee_revision`)
		if err != nil {
			return err
		}
		var id tenancy.EmployeeID
		var revision int64
		_, err = pgx.ForEachRow(rows, []any{&id, &revision}, func() error { found[id] = revision; return nil })
		return err
	})
	if err != nil {
		r.t.Error(err)
	}
	return found
}
