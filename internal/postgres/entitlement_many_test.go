package postgres_test

import (
	"context"
	"log/slog"
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/ponimayu/opora/internal/pgtest"
	"github.com/ponimayu/opora/internal/postgres"
	"github.com/ponimayu/opora/internal/tenancy"
)

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

// TestAMillionPeopleAreHeld measures how long it takes to read everybody, and
// what they take in memory.
func TestAMillionPeopleAreHeld(t *testing.T) {
	people := 20_000
	if os.Getenv("OPORA_TEST_LONG") != "" {
		people = 1_000_000
	}
	url := pgtest.URL(t)
	db, err := postgres.Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	store(t, db, tenancy.Catalogue{SpecialistTypes: []tenancy.SpecialistType{{Code: "psychologist"}}}, "r1")
	began := time.Now()
	if err := pgtest.Crowd(t.Context(), url, people, 500); err != nil {
		t.Fatal(err)
	}
	t.Logf("written in %v", time.Since(began))
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	began = time.Now()
	e := reader(t, db)
	for {
		if n, bytes, ok := e.Complete(); ok {
			runtime.GC()
			runtime.ReadMemStats(&after)
			t.Logf("%d people held after %v; heap grew by %d bytes each, with terms; Bytes says %d", n, time.Since(began), (after.HeapAlloc-before.HeapAlloc)/uint64(n), bytes/n)
			if n != people {
				t.Errorf("held %d of %d", n, people)
			}
			return
		}
		if time.Sleep(time.Millisecond); time.Since(began) > 5*time.Minute {
			t.Fatal("not in five minutes")
		}
	}
}
