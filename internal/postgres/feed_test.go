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

// feed returns a feed whose Run goes on until the test ends.
func feed(t *testing.T, db *postgres.DB) *postgres.Feed {
	f := postgres.NewFeed(db)
	ctx, stop := context.WithCancel(context.Background())
	var run sync.WaitGroup
	run.Go(func() { f.Run(ctx, slog.New(slog.DiscardHandler)) })
	t.Cleanup(func() { stop(); run.Wait() })
	return f
}

// follow reads the feed from the cursor to its end, a page at a time.
func follow(t *testing.T, f *postgres.Feed, since entitlement.Cursor, limit int) (items []entitlement.Change, next entitlement.Cursor) {
	t.Helper()
	for {
		page, err := f.Changes(t.Context(), since, limit)
		if err != nil {
			t.Fatal(err)
		}
		if len(page.Items) > limit || page.More && len(page.Items) < limit || page.Items == nil {
			t.Fatalf("a page of %d, more %v", len(page.Items), page.More)
		}
		items, since = append(items, page.Items...), page.Next
		if !page.More {
			return items, page.Next
		}
	}
}

func now(t *testing.T, f *postgres.Feed) entitlement.Cursor {
	t.Helper()
	page, err := f.Changes(t.Context(), entitlement.Now, 1)
	if err != nil || len(page.Items) > 0 || page.More {
		t.Fatal(page, err)
	}
	return page.Next
}

const leave = `UPDATE employment SET left_on = '2026-11-01' WHERE person_id = $1`

func TestFeedTellsEachChange(t *testing.T) {
	db := pgtest.New(t)
	f := postgres.NewFeed(db)
	store(t, db, soldTo("cdek", 6), "r1")
	from := now(t, f)
	id := hire(t, db, "cdek", "курьер")
	items, next := follow(t, f, from, 500)
	want := []entitlement.Change{{
		Type: entitlement.EmployeeChanged, EmployeeID: id, Tenant: "cdek", Revision: 2, Cursor: next,
		Employee: &entitlement.Record{ID: id, Tenant: "cdek", Revision: 2, Employments: []entitlement.RecordEmployment{
			{HiredOn: tenancy.NewDate(2024, 3, 1), Segments: []tenancy.SegmentID{"couriers"}}}},
	}}
	if diff := cmp.Diff(want, items); diff != "" {
		t.Error(diff)
	}
	change(t, db, "cdek", leave, id)
	change(t, db, "cdek", `INSERT INTO grant_override (tenant, id, person_id, grant_id, amount, reason) VALUES ('cdek', gen_random_uuid(), $1, 'talk', 3, 'canary')`, id)
	items, next = follow(t, f, next, 500)
	if len(items) != 2 || !items[0].Superseded || items[0].Employee != nil || items[0].Revision != 3 || items[0].Gone || items[1].Superseded || items[1].Revision != 4 {
		t.Fatalf("%+v", items)
	}
	now := items[1].Employee
	if now.Employments[0].LeftOn != tenancy.NewDate(2026, 11, 1) || len(now.Overrides) != 1 || now.Overrides[0].Amount != 3 || now.Overrides[0].Reason != "" {
		t.Errorf("%+v", now)
	}
	change(t, db, "cdek", `UPDATE person SET erased_at = now() WHERE id = $1`, id)
	items, next = follow(t, f, next, 500)
	if len(items) != 1 || !items[0].Gone || items[0].Employee != nil || items[0].Revision != 5 {
		t.Errorf("%+v", items)
	}
	if again, same := follow(t, f, next, 500); len(again) != 0 || same != next {
		t.Errorf("%+v, from %s to %s", again, next, same)
	}
}

func TestFeedTellsOfTheTerms(t *testing.T) {
	db := pgtest.New(t)
	f := postgres.NewFeed(db)
	store(t, db, soldTo("cdek", 6), "r1")
	courier, clerk := hire(t, db, "cdek", "курьер"), hire(t, db, "cdek", "Бухгалтер")
	from := now(t, f)
	store(t, db, soldTo("cdek", 7), "r2")
	items, next := follow(t, f, from, 500)
	if len(items) != 1 || items[0].Type != entitlement.TermsChanged || items[0].Revision == 0 || items[0].EmployeeID != "" || items[0].Employee != nil {
		t.Fatalf("another amount: %+v", items)
	}
	other := soldTo("cdek", 7)
	other.Tenants[0].Segments[0].When.Position = []string{"бухгалтер"}
	store(t, db, other, "r3")
	items, next = follow(t, f, next, 500)
	segments := map[tenancy.EmployeeID][]tenancy.SegmentID{}
	for _, i := range items {
		if i.Employee != nil {
			segments[i.EmployeeID] = i.Employee.Employments[0].Segments
		}
	}
	if want := map[tenancy.EmployeeID][]tenancy.SegmentID{courier: nil, clerk: {"couriers"}}; len(items) != 3 || !cmp.Equal(segments, want) {
		t.Errorf("other segments: %v in %+v", segments, items)
	}
	store(t, db, soldTo("avito", 6), "r4")
	if items, next = follow(t, f, next, 500); len(items) != 3 {
		t.Errorf("a dropped tenant: %+v", items)
	}
	store(t, db, soldTo("cdek", 6), "r5")
	items, _ = follow(t, f, next, 500)
	if len(items) != 3 {
		t.Errorf("a tenant that is back: %+v", items)
	}
	for _, i := range items {
		if i.EmployeeID == courier && len(i.Employee.Employments[0].Segments) != 1 {
			t.Errorf("a courier of a tenant that is back: %+v", i.Employee)
		}
	}
}

// TestFeedPages reads one transaction of many changes, between small ones, in
// pages of every size: the same items, each from the cursor before it too.
func TestFeedPages(t *testing.T) {
	db := pgtest.New(t)
	f := postgres.NewFeed(db)
	store(t, db, soldTo("cdek", 6), "r1")
	hire(t, db, "cdek", "")
	err := db.ForTenant(t.Context(), "cdek", func(tx pgx.Tx) error {
		_, err := tx.Exec(t.Context(), `INSERT INTO person (tenant, id) SELECT 'cdek', gen_random_uuid() FROM generate_series(1, 40)`)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	hire(t, db, "cdek", "")
	whole, end := follow(t, f, "", 500)
	if len(whole) != 43 {
		t.Fatal(len(whole))
	}
	for _, limit := range []int{1, 2, 39, 40, 41, 42, 43, 44} {
		items, next := follow(t, f, "", limit)
		if diff := cmp.Diff(whole, items); diff != "" || next != end {
			t.Errorf("in pages of %d: %s", limit, diff)
		}
	}
	for i, item := range whole {
		rest, _ := follow(t, f, item.Cursor, 500)
		if !slices.EqualFunc(rest, whole[i+1:], func(a, b entitlement.Change) bool { return a.Cursor == b.Cursor }) {
			t.Errorf("after item %d come %d, not %d", i, len(rest), len(whole)-i-1)
		}
	}
}

// TestFeedPassesLongTransactions: what is committed is told at once, although
// an older transaction is still open, and that one when it commits.
func TestFeedPassesLongTransactions(t *testing.T) {
	db := pgtest.New(t)
	f := feed(t, db)
	store(t, db, soldTo("cdek", 6), "r1")
	late, early := hire(t, db, "cdek", ""), hire(t, db, "cdek", "")
	from := now(t, f)
	err := db.ForTenant(t.Context(), "cdek", func(tx pgx.Tx) error {
		if _, err := tx.Exec(t.Context(), leave, late); err != nil {
			return err
		}
		change(t, db, "cdek", leave, early)
		items, next := follow(t, f, from, 500)
		if len(items) != 1 || items[0].EmployeeID != early {
			t.Errorf("%+v", items)
		}
		from = next
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if items, _ := follow(t, f, from, 500); len(items) != 1 || items[0].EmployeeID != late {
		t.Errorf("%+v", items)
	}
}

// TestFeedOrdersByCommit: neither which transaction began first, nor which
// wrote first, says whose change of an employee was first.
func TestFeedOrdersByCommit(t *testing.T) {
	db := pgtest.New(t)
	f := postgres.NewFeed(db)
	store(t, db, soldTo("cdek", 6), "r1")
	both, other := hire(t, db, "cdek", ""), hire(t, db, "cdek", "")
	from := now(t, f)
	err := db.ForTenant(t.Context(), "cdek", func(tx pgx.Tx) error {
		if _, err := tx.Exec(t.Context(), leave, other); err != nil {
			return err
		}
		change(t, db, "cdek", leave, both)
		_, err := tx.Exec(t.Context(), `UPDATE employment SET left_on = NULL WHERE person_id = $1`, both)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	items, _ := follow(t, f, from, 500) // both are given their places only now
	var got []string
	for _, i := range items {
		got = append(got, fmt.Sprint(i.EmployeeID, i.Revision, i.Superseded))
	}
	if want := []string{fmt.Sprint(both, 3, true), fmt.Sprint(other, 3, false), fmt.Sprint(both, 4, false)}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestFeedRefusesCursors(t *testing.T) {
	db, other := pgtest.New(t), pgtest.New(t)
	f := postgres.NewFeed(db)
	store(t, db, soldTo("cdek", 6), "r1")
	store(t, other, soldTo("cdek", 6), "r1")
	good := now(t, f)
	for name, tt := range map[string]struct {
		cursor entitlement.Cursor
		kind   tenancy.Kind
		code   string
	}{
		"nonsense":         {"nonsense", tenancy.Invalid, "cursor_invalid"},
		"cut":              {good[:len(good)-2], tenancy.Invalid, "cursor_invalid"},
		"longer":           {good + "AAAA", tenancy.Invalid, "cursor_invalid"},
		"a statement":      {"'; DROP TABLE person", tenancy.Invalid, "cursor_invalid"},
		"another database": {now(t, postgres.NewFeed(other)), tenancy.Gone, "cursor_expired"},
	} {
		_, err := f.Changes(t.Context(), tt.cursor, 10)
		var e *tenancy.Error
		if !errors.As(err, &e) || e.Kind != tt.kind || e.Code != tt.code {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestFeedForgets removes what is older than a moment: cursors from before it
// are refused, those after it are not, and the beginning is what is left.
func TestFeedForgets(t *testing.T) {
	o := newOffice(t)
	f := postgres.NewFeed(o.db)
	for range 3 {
		hire(t, o.db, "cdek", "")
	}
	old, middle := follow(t, f, "", 500)
	time.Sleep(10 * time.Millisecond)
	before := time.Now()
	time.Sleep(10 * time.Millisecond)
	id := hire(t, o.db, "cdek", "")
	_, end := follow(t, f, middle, 500)
	for range 2 { // the second time finds nothing
		if err := o.RemoveChanges(t.Context(), before); err != nil {
			t.Fatal(err)
		}
	}
	for _, since := range []entitlement.Cursor{"", middle} {
		if items, next := follow(t, f, since, 500); len(items) != 1 || items[0].EmployeeID != id || next != end {
			t.Errorf("from %q: %+v", since, items)
		}
	}
	for n := range old[:len(old)-1] {
		if _, err := f.Changes(t.Context(), old[n].Cursor, 10); tenancy.KindOf(err) != tenancy.Gone {
			t.Errorf("after item %d: %v", n, err)
		}
	}
	if err := o.RemoveChanges(t.Context(), time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if items, next := follow(t, f, end, 500); len(items) != 0 || next != end {
		t.Errorf("at the end of an empty feed: %+v, from %s to %s", items, end, next)
	}
	change(t, o.db, "cdek", leave, id)
	if items, _ := follow(t, f, end, 500); len(items) != 1 {
		t.Errorf("after everything was removed: %+v", items)
	}
	var rows int
	err := o.db.ReadContour(t.Context(), func(tx pgx.Tx) error {
		return tx.QueryRow(t.Context(), `SELECT (SELECT count(*) FROM employee_change) + (SELECT count(*) FROM change_turn)`).Scan(&rows)
	})
	if err != nil || rows != 2 {
		t.Errorf("%d rows are left, %v", rows, err)
	}
}

func TestAwait(t *testing.T) {
	db := pgtest.New(t)
	f := feed(t, db)
	store(t, db, soldTo("cdek", 6), "r1")
	id := hire(t, db, "cdek", "")
	from := now(t, f)
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if page, err := f.Await(ctx, from, 10); err != nil || len(page.Items) > 0 || page.Next != from || ctx.Err() == nil {
		t.Fatalf("%+v %v", page, err)
	}
	var waiters sync.WaitGroup
	for range 50 {
		waiters.Go(func() {
			page, err := f.Await(t.Context(), from, 10)
			if err != nil || len(page.Items) != 1 || page.Items[0].EmployeeID != id {
				t.Errorf("%+v %v", page, err)
			}
		})
	}
	time.Sleep(100 * time.Millisecond)
	change(t, db, "cdek", leave, id)
	committed := time.Now()
	waiters.Wait()
	if took := time.Since(committed); took > 500*time.Millisecond {
		t.Errorf("waiters woke %v after the commit", took)
	}
}

// TestAwaitTellsOfABrokenDatabase: silence would be taken for «nothing new».
func TestAwaitTellsOfABrokenDatabase(t *testing.T) {
	db := pgtest.New(t)
	f := feed(t, db)
	from := now(t, f)
	time.AfterFunc(200*time.Millisecond, db.Close)
	began := time.Now()
	if page, err := f.Await(t.Context(), from, 10); err == nil || time.Since(began) > 10*time.Second {
		t.Errorf("%+v after %v", page, time.Since(began))
	}
}

// rumour is a random writer's and reader's world: what was committed, as the
// writers know it.
type rumour struct {
	t    *testing.T
	db   *postgres.DB
	ids  []tenancy.EmployeeID
	mu   sync.Mutex
	told map[tenancy.EmployeeID]int // committed transactions that changed him
	open bool

	first map[tenancy.EmployeeID]int64 // revisions before all that
}

// TestFeedUnderFire lets writers commit and roll back interleaved transactions
// of random length, in which employees are changed several times in any order,
// while several feeds give places and are stopped in the middle, and readers
// follow from where they are. Nothing may be skipped, nothing may come twice,
// nothing in another order, and a copy that a reader keeps must be the state.
func TestFeedUnderFire(t *testing.T) {
	db := pgtest.New(t)
	store(t, db, soldTo("cdek", 6), "r1")
	r := rumour{t: t, db: db, told: map[tenancy.EmployeeID]int{}, open: true}
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
				f := postgres.NewFeed(db)
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

// takeSnapshot returns the cursor of a snapshot and the employees' revisions.
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
	if want := []entitlement.ChangeType{entitlement.SnapshotBegins, entitlement.TermsChanged, entitlement.SnapshotEnds}; err != nil || !slices.Equal(types, want) {
		t.Error(types, err)
	}
	return from, copied
}

// read follows the feed until the writers have ended and nothing more comes,
// keeps its copy of the state by it, and returns how often it heard of each.
func (r *rumour) read(from entitlement.Cursor, limit int, state map[tenancy.EmployeeID]int64) (seen map[tenancy.EmployeeID]int) {
	f := postgres.NewFeed(r.db)
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
