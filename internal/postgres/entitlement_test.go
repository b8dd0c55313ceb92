package postgres_test

import (
	"context"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/ponimayu/opora/internal/entitlement"
	"github.com/ponimayu/opora/internal/pgtest"
	"github.com/ponimayu/opora/internal/postgres"
	"github.com/ponimayu/opora/internal/tenancy"
)

// soldTo is a catalogue's part with a tenant that has six talks a year.
func soldTo(slug tenancy.TenantSlug, amount int) tenancy.Catalogue {
	return tenancy.Catalogue{
		SpecialistTypes: []tenancy.SpecialistType{{Code: "psychologist"}},
		Tenants: []tenancy.Tenant{{
			Slug: slug, Segments: []tenancy.Segment{{ID: "couriers", When: tenancy.SegmentRule{Position: []string{"Курьер"}}}},
			Contracts: []tenancy.Contract{{
				ID: "c1", Country: "RU", TimeZone: "Europe/Moscow", From: tenancy.NewDate(2026, 1, 1), Until: tenancy.NewDate(2027, 1, 1),
				Grants: []tenancy.Grant{
					{ID: "talk", SpecialistTypes: []tenancy.SpecialistTypeCode{"psychologist"}, Amount: amount, Per: tenancy.PerEmployee, Window: tenancy.CalendarYear},
					{ID: "more", SpecialistTypes: []tenancy.SpecialistTypeCode{"psychologist"}, Amount: 2, Per: tenancy.PerEmployee, Window: tenancy.CalendarYear, Segments: []tenancy.SegmentID{"couriers"}},
				},
			}},
		}},
	}
}

// hire writes a person with one employment, as an import does.
func hire(t *testing.T, db *postgres.DB, slug tenancy.TenantSlug, position string) tenancy.EmployeeID {
	t.Helper()
	id := uuid.NewString()
	err := db.ForTenant(t.Context(), slug, func(tx pgx.Tx) error {
		if _, err := tx.Exec(t.Context(), `INSERT INTO person (tenant, id, last_name) VALUES ($1, $2, 'Примеров')`, slug, id); err != nil {
			return err
		}
		_, err := tx.Exec(t.Context(), `INSERT INTO employment (tenant, id, person_id, legal_entity, employee_no, employee_key, position, hired_on)
			VALUES ($1, gen_random_uuid(), $2, 'global', '17', $4, $3, '2024-03-01')`, slug, id, position, id)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return tenancy.EmployeeID(id)
}

// change runs one statement about an employee.
func change(t *testing.T, db *postgres.DB, slug tenancy.TenantSlug, sql string, id tenancy.EmployeeID) {
	t.Helper()
	err := db.ForTenant(t.Context(), slug, func(tx pgx.Tx) error {
		tag, err := tx.Exec(t.Context(), sql, id)
		if err == nil && tag.RowsAffected() == 0 {
			t.Errorf("nothing was changed by %s", sql)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

var november = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

func decide(t *testing.T, e *postgres.Entitlements, id tenancy.EmployeeID) entitlement.Decision {
	t.Helper()
	s, err := e.Snapshot(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return entitlement.Decide(s, entitlement.Query{EmployeeID: id, SpecialistType: "psychologist", At: november})
}

// reader returns a reader whose Run goes on until the test ends.
func reader(t *testing.T, db *postgres.DB) *postgres.Entitlements {
	e := postgres.NewEntitlements(db)
	ctx, stop := context.WithCancel(context.Background())
	var run sync.WaitGroup
	run.Go(func() { e.Run(ctx, slog.New(slog.DiscardHandler)) })
	t.Cleanup(func() { stop(); run.Wait() })
	return e
}

// within repeats ask until it is right, for at most a second: the promise of
// how old an answer may be.
func within(t *testing.T, what string, ask func() bool) {
	t.Helper()
	start := time.Now()
	for !ask() {
		if time.Since(start) > time.Second {
			t.Fatalf("%s: not within a second", what)
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Logf("%s: after %v", what, time.Since(start).Round(time.Millisecond))
}

func store(t *testing.T, db *postgres.DB, part tenancy.Catalogue, revision string) {
	t.Helper()
	if err := db.StoreCatalogue(t.Context(), part, revision); err != nil {
		t.Fatal(err)
	}
}

func TestSnapshot(t *testing.T) {
	db := pgtest.New(t)
	store(t, db, soldTo("cdek", 6), "r1")
	courier, clerk, erased := hire(t, db, "cdek", "курьер"), hire(t, db, "cdek", "Бухгалтер"), hire(t, db, "cdek", "Бухгалтер")
	change(t, db, "cdek", `UPDATE person SET erased_at = now() WHERE id = $1`, erased)
	change(t, db, "cdek", `INSERT INTO grant_override (tenant, id, person_id, grant_id, amount, valid_from, valid_until)
		VALUES ('cdek', gen_random_uuid(), $1, 'talk', 3, '2026-01-01', '2026-12-31')`, clerk)
	e := postgres.NewEntitlements(db)
	for _, tt := range []struct {
		name   string
		id     tenancy.EmployeeID
		reason entitlement.Reason
		limit  int
	}{
		{"by segment", courier, entitlement.OK, 8},
		{"by override", clerk, entitlement.OK, 9},
		{"erased", erased, entitlement.EmployeeUnknown, 0},
		{"nobody", tenancy.EmployeeID(uuid.NewString()), entitlement.EmployeeUnknown, 0},
		{"no id at all", "'; DROP TABLE person; --", entitlement.EmployeeUnknown, 0},
		{"in capitals is another spelling, not another person", "urn:uuid:" + courier, entitlement.EmployeeUnknown, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if d := decide(t, e, tt.id); d.Reason != tt.reason || d.Limit != tt.limit {
				t.Errorf("%s %d, want %s %d", d.Reason, d.Limit, tt.reason, tt.limit)
			}
		})
	}
}

func TestSnapshotOfADroppedTenant(t *testing.T) {
	db := pgtest.New(t)
	store(t, db, soldTo("cdek", 6), "r1")
	id := hire(t, db, "cdek", "")
	store(t, db, soldTo("avito", 6), "r2")
	if d := decide(t, postgres.NewEntitlements(db), id); d.Reason != entitlement.ContractAbsent {
		t.Error(d.Reason)
	}
}

func TestChangesAreSeenWithinASecond(t *testing.T) {
	db := pgtest.New(t)
	store(t, db, soldTo("cdek", 6), "r1")
	id := hire(t, db, "cdek", "")
	e := reader(t, db)
	reason := func() entitlement.Reason { return decide(t, e, id).Reason }
	settle := func() {
		for range 100 { // until the answer comes from memory
			reason()
			time.Sleep(5 * time.Millisecond)
		}
	}
	settle()
	before := decide(t, e, id)
	change(t, db, "cdek", `UPDATE employment SET left_on = '2026-11-01' WHERE person_id = $1`, id)
	within(t, "a leaver is refused", func() bool { return reason() == entitlement.EmployeeInactive })
	if after := decide(t, e, id); after.Revision == before.Revision {
		t.Errorf("the revision is still %s", after.Revision)
	}
	change(t, db, "cdek", `UPDATE employment SET left_on = NULL WHERE person_id = $1`, id)
	within(t, "one who is back may book", func() bool { return reason() == entitlement.OK })
	settle()
	store(t, db, soldTo("cdek", 4), "r2")
	within(t, "a new contract holds", func() bool { return decide(t, e, id).Limit == 4 })
	settle()
	change(t, db, "cdek", `INSERT INTO grant_override (tenant, id, person_id, grant_id, amount) VALUES ('cdek', gen_random_uuid(), $1, 'talk', 1)`, id)
	within(t, "an override holds", func() bool { return decide(t, e, id).Limit == 5 })
	settle()
	change(t, db, "cdek", `DELETE FROM grant_override WHERE person_id = $1`, id)
	within(t, "an override that was taken back", func() bool { return decide(t, e, id).Limit == 4 })
}

// TestALateCommitIsSeen lets a transaction with a lower number commit after
// one with a higher number was seen.
func TestALateCommitIsSeen(t *testing.T) {
	db := pgtest.New(t)
	store(t, db, soldTo("cdek", 6), "r1")
	late, early := hire(t, db, "cdek", ""), hire(t, db, "cdek", "")
	e := reader(t, db)
	leave := `UPDATE employment SET left_on = '2026-11-01' WHERE person_id = $1`
	err := db.ForTenant(t.Context(), "cdek", func(tx pgx.Tx) error {
		if _, err := tx.Exec(t.Context(), leave, late); err != nil {
			return err
		}
		change(t, db, "cdek", leave, early)
		within(t, "the early one", func() bool { return decide(t, e, early).Reason == entitlement.EmployeeInactive })
		for range 100 {
			if decide(t, e, late).Reason != entitlement.OK {
				t.Error("seen before it was committed")
			}
			time.Sleep(5 * time.Millisecond)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	within(t, "the late one", func() bool { return decide(t, e, late).Reason == entitlement.EmployeeInactive })
}

// TestReadersNeverKeepWhatIsPast changes one employee again and again under
// many readers: a second after the last change all must agree with it.
func TestReadersNeverKeepWhatIsPast(t *testing.T) {
	db := pgtest.New(t)
	store(t, db, soldTo("cdek", 6), "r1")
	id := hire(t, db, "cdek", "")
	e := reader(t, db)
	ctx, stop := context.WithCancel(t.Context())
	var readers sync.WaitGroup
	for range 4 {
		readers.Go(func() {
			for ctx.Err() == nil {
				_, _ = e.Snapshot(ctx, id)
				time.Sleep(time.Millisecond)
			}
		})
	}
	for i := range 40 {
		left := []string{"NULL", "'2026-11-01'"}[i%2]
		change(t, db, "cdek", `UPDATE employment SET left_on = `+left+` WHERE person_id = $1`, id)
		time.Sleep(time.Duration(i%7) * 10 * time.Millisecond)
	}
	within(t, "the last change", func() bool { return decide(t, e, id).Reason == entitlement.EmployeeInactive })
	for range 100 {
		if r := decide(t, e, id).Reason; r != entitlement.EmployeeInactive {
			t.Fatalf("an answer from the past came back: %s", r)
		}
		time.Sleep(5 * time.Millisecond)
	}
	stop()
	readers.Wait()
}

// TestWithoutADatabaseThereIsNoAnswer: an answer that may be too old is none.
func TestWithoutADatabaseThereIsNoAnswer(t *testing.T) {
	db := pgtest.New(t)
	store(t, db, soldTo("cdek", 6), "r1")
	id := hire(t, db, "cdek", "")
	e := reader(t, db)
	for range 100 {
		decide(t, e, id)
		time.Sleep(5 * time.Millisecond)
	}
	db.Close()
	time.Sleep(time.Second)
	if s, err := e.Snapshot(t.Context(), id); err == nil {
		t.Errorf("answered from memory: %v", s.Revision)
	}
}

func BenchmarkSnapshot(b *testing.B) {
	db := pgtest.New(b)
	if err := db.StoreCatalogue(b.Context(), soldTo("cdek", 6), "r1"); err != nil {
		b.Fatal(err)
	}
	id := uuid.NewString()
	err := db.ForTenant(b.Context(), "cdek", func(tx pgx.Tx) error {
		_, err := tx.Exec(b.Context(), `INSERT INTO person (tenant, id) VALUES ('cdek', $1)`, id)
		return err
	})
	if err != nil {
		b.Fatal(err)
	}
	e := postgres.NewEntitlements(db)
	ask := func(b *testing.B) {
		for b.Loop() {
			if _, err := e.Snapshot(b.Context(), tenancy.EmployeeID(id)); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.Run("from the database", ask)
	ctx, stop := context.WithCancel(b.Context())
	defer stop()
	go e.Run(ctx, slog.New(slog.DiscardHandler))
	time.Sleep(300 * time.Millisecond)
	b.Run("from memory", ask)
}
