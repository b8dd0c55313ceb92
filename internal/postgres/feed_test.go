package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
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

// TestFeedOnAnotherTimeline: what was remembered of rules before a failover is
// not told by, though the revision is the same.
func TestFeedOnAnotherTimeline(t *testing.T) {
	db := pgtest.New(t)
	f := postgres.NewFeed(db)
	store(t, db, soldTo("cdek", 6), "r1")
	from := now(t, f)
	hire(t, db, "cdek", "курьер")
	revision, err := f.TermsRevision(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	f.Elsewhere(revision)
	items, _ := follow(t, f, from, 500)
	if len(items) != 1 || len(items[0].Employee.Employments[0].Segments) != 1 {
		t.Errorf("%+v", items)
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
	if took := time.Since(committed); took > 5*time.Second {
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

// TestFeedBeginsAnewElsewhere takes the database for one that was restored from
// another: numbers of transactions in it are no longer those of its own.
func TestFeedBeginsAnewElsewhere(t *testing.T) {
	db := pgtest.New(t)
	f := postgres.NewFeed(db)
	store(t, db, soldTo("cdek", 6), "r1")
	id := hire(t, db, "cdek", "")
	before, _ := follow(t, f, "", 500)
	for _, statement := range []string{
		`UPDATE change_feed SET founded = 'elsewhere'`,
		`UPDATE employee_revision SET tx = '9000000000'`,
		`INSERT INTO change_pending VALUES ('9000000001')`,
	} {
		if _, err := db.Pool().Exec(t.Context(), `SET ROLE opora_contour; `+statement+`; RESET ROLE`); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := f.Changes(t.Context(), "", 10); code(err) != "feed_not_ready" {
		t.Errorf("before the feed is founded: %v", err)
	}
	f = feed(t, db)
	for began := time.Now(); time.Since(began) < 5*time.Second; time.Sleep(20 * time.Millisecond) {
		if _, err := f.Changes(t.Context(), entitlement.Now, 1); code(err) != "feed_not_ready" {
			break
		}
	}
	if _, err := f.Changes(t.Context(), before[0].Cursor, 10); tenancy.KindOf(err) != tenancy.Gone {
		t.Errorf("an old cursor: %v", err)
	}
	items, next := follow(t, f, "", 500)
	if len(items) != 0 {
		t.Errorf("told of what is not known to be in order: %+v", items)
	}
	change(t, db, "cdek", leave, id)
	if items, _ := follow(t, f, next, 500); len(items) != 1 || items[0].EmployeeID != id || items[0].Employee == nil {
		t.Errorf("%+v", items)
	}
}
