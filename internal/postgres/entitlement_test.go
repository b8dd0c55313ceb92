package postgres_test

import (
	"context"
	"log/slog"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
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
	run(t, e)
	return e
}

// run has the reader go on until the test ends.
func run(t *testing.T, e *postgres.Entitlements) {
	ctx, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { e.Run(ctx, slog.New(slog.DiscardHandler)) })
	t.Cleanup(func() { stop(); running.Wait() })
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
// many readers, while everybody is read anew all the time: a second after the last change all must agree with it.
func TestReadersNeverKeepWhatIsPast(t *testing.T) {
	db := pgtest.New(t)
	store(t, db, soldTo("cdek", 6), "r1")
	id := hire(t, db, "cdek", "")
	e := postgres.NewEntitlements(db)
	e.ReloadEvery(time.Millisecond)
	run(t, e)
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
	// What no change before it has said, so that nobody takes an earlier one for it.
	change(t, db, "cdek", `UPDATE employment SET hired_on = '2030-01-01', left_on = NULL WHERE person_id = $1`, id)
	within(t, "the last change", func() bool { return decide(t, e, id).Reason == entitlement.EmployeeNotStarted })
	for range 100 {
		if r := decide(t, e, id).Reason; r != entitlement.EmployeeNotStarted {
			t.Fatalf("an answer from the past came back: %s", r)
		}
		time.Sleep(5 * time.Millisecond)
	}
	stop()
	readers.Wait()
}

// TestOthersTakeEveryConnection: snapshots, lists and imports that keep the
// database's connections to themselves do not make checks wait for them.
func TestOthersTakeEveryConnection(t *testing.T) {
	db := pgtest.New(t)
	store(t, db, soldTo("cdek", 6), "r1")
	id := hire(t, db, "cdek", "")
	e := reader(t, db)
	complete(t, e)
	for range db.Pool().Config().MaxConns {
		taken, err := db.Pool().Acquire(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer taken.Release()
	}
	for began := time.Now(); time.Since(began) < 1500*time.Millisecond; time.Sleep(5 * time.Millisecond) {
		if !e.Fresh() {
			t.Fatal("checks wait for a connection")
		}
	}
	if d := decide(t, e, id); d.Reason != entitlement.OK {
		t.Error(d.Reason)
	}
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

// TestAnOutageOfTheDatabase: when what is held has grown too old there is no
// answer but "not now"; when the database is back, memory is too.
func TestAnOutageOfTheDatabase(t *testing.T) {
	url := pgtest.URL(t)
	db, err := postgres.Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	store(t, db, soldTo("cdek", 6), "r1")
	id := hire(t, db, "cdek", "")
	e := reader(t, db)
	complete(t, e)
	admin, err := pgx.Connect(t.Context(), os.Getenv("DATABASE_URL"))
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close(context.Background())
	config, err := pgx.ParseConfig(url)
	if err != nil {
		t.Fatal(err)
	}
	allow := func(yes string) {
		t.Helper()
		if _, err := admin.Exec(t.Context(), `ALTER DATABASE `+config.Database+` ALLOW_CONNECTIONS `+yes); err != nil {
			t.Fatal(err)
		}
	}
	allow("false")
	var cut int
	if err := admin.QueryRow(t.Context(), `SELECT count(*) FILTER (WHERE pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = $1`, config.Database).Scan(&cut); err != nil || cut == 0 {
		t.Fatalf("the fault did not fire: %d connections cut, %v", cut, err)
	}
	began := time.Now()
	for time.Since(began) < time.Second { // good for a while yet, and never wrong
		if s, err := e.Snapshot(t.Context(), id); err == nil && !s.Known() {
			t.Fatal("an employee is forgotten")
		}
		time.Sleep(10 * time.Millisecond)
	}
	if _, err := e.Snapshot(t.Context(), id); tenancy.KindOf(err) != tenancy.Unavailable {
		t.Errorf("after a second without the database: %v", err)
	}
	if e.Fresh() {
		t.Error("what is held is still good")
	}
	allow("true")
	for began := time.Now(); !e.Fresh(); time.Sleep(10 * time.Millisecond) {
		if time.Since(began) > 10*time.Second {
			t.Fatal("memory is not used again")
		}
	}
	if d := decide(t, e, id); d.Reason != entitlement.OK {
		t.Error(d.Reason)
	}
}

// complete waits until the reader holds everybody.
func complete(t *testing.T, e *postgres.Entitlements) {
	t.Helper()
	for began := time.Now(); ; time.Sleep(time.Millisecond) {
		if _, _, ok := e.Complete(); ok {
			break
		}
		if time.Since(began) > time.Minute {
			t.Fatal("nobody is held after a minute")
		}
	}
	time.Sleep(50 * time.Millisecond) // for the first poll
}

// TestNobodyReachesTheDatabase: neither those who are held nor a flood of ids
// that nobody has cost a query.
func TestNobodyReachesTheDatabase(t *testing.T) {
	db := pgtest.New(t)
	store(t, db, soldTo("cdek", 6), "r1")
	id := hire(t, db, "cdek", "")
	e := reader(t, db)
	complete(t, e)
	before, began := db.Pool().Stat().AcquireCount(), time.Now()
	const asks = 20_000
	for range asks {
		if d := decide(t, e, tenancy.EmployeeID(uuid.NewString())); d.Reason != entitlement.EmployeeUnknown {
			t.Fatal(d.Reason)
		}
		if d := decide(t, e, id); d.Reason != entitlement.OK {
			t.Fatal(d.Reason)
		}
	}
	if n := db.Pool().Stat().AcquireCount() - before; n > 0 { // those who follow have their own
		t.Errorf("%d questions to the database for %d checks in %v", n, 2*asks, time.Since(began))
	}
}

// TestMemoryAnswersAsTheDatabaseDoes asks both about a crowd, before and after
// it is changed in every way, more people at once than readers see at once.
func TestMemoryAnswersAsTheDatabaseDoes(t *testing.T) {
	url := pgtest.URL(t)
	db, err := postgres.Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	store(t, db, soldTo("cdek", 6), "r1")
	if err := pgtest.Crowd(t.Context(), url, 6_000, 3); err != nil {
		t.Fatal(err)
	}
	memory, database := reader(t, db), postgres.NewEntitlements(db)
	complete(t, memory)
	var ids []tenancy.EmployeeID
	err = db.ReadContour(t.Context(), func(tx pgx.Tx) error {
		rows, err := tx.Query(t.Context(), `SELECT id::text FROM (SELECT p.id, row_number() OVER (ORDER BY e.employee_no) n FROM person p JOIN employment e ON e.person_id = p.id) x WHERE n % 40 < 2`)
		if err != nil {
			return err
		}
		ids, err = pgx.CollectRows(rows, pgx.RowTo[tenancy.EmployeeID])
		return err
	})
	if err != nil || len(ids) < 200 {
		t.Fatal(len(ids), err)
	}
	same := func() {
		t.Helper()
		reasons := map[entitlement.Reason]int{}
		for _, id := range ids {
			got, want := decide(t, memory, id), decide(t, database, id)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Fatalf("-database +memory:\n%s", diff)
			}
			reasons[got.Reason]++
		}
		t.Log(reasons)
	}
	same()
	err = db.ForContour(t.Context(), func(tx pgx.Tx) error {
		for _, sql := range []string{
			`UPDATE employment SET position = 'Курьер' WHERE length(employee_no) = 4`,
			`UPDATE employment SET left_on = '2026-03-01' WHERE employee_no LIKE '%5'`,
			`UPDATE person SET erased_at = now() WHERE id IN (SELECT person_id FROM employment WHERE employee_no LIKE '%6')`,
			`DELETE FROM employment WHERE employee_no LIKE '%7'`,
			`UPDATE grant_override SET amount = -2`,
			`UPDATE contract SET body = jsonb_set(body, '{grace_days}', '3') WHERE tenant = 'crowd-001'`,
			`UPDATE tenant SET dropped_at = now() WHERE tenant = 'crowd-002'`,
		} {
			if _, err := tx.Exec(t.Context(), sql); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	time.Sleep(time.Second)
	same()
}

// TestTermsThatCannotBeCompiled are the matter of their tenant alone.
func TestTermsThatCannotBeCompiled(t *testing.T) {
	db := pgtest.New(t)
	part := soldTo("cdek", 6)
	part.Tenants = append(part.Tenants, soldTo("avito", 6).Tenants...)
	store(t, db, part, "r1")
	broken, whole := hire(t, db, "avito", "Курьер"), hire(t, db, "cdek", "")
	e := reader(t, db)
	complete(t, e)
	refused := func() bool { _, err := e.Snapshot(t.Context(), broken); return err != nil }
	set := func(zone string) {
		change(t, db, "avito", `UPDATE contract SET body = jsonb_set(body, '{time_zone}', '"`+zone+`"') WHERE tenant = 'avito' AND $1 <> ''`, broken)
	}
	if refused() {
		t.Error("refused before")
	}
	set("Mars/Olympus")
	within(t, "no answer for the tenant", refused)
	if d := decide(t, e, whole); d.Reason != entitlement.OK {
		t.Error(d.Reason)
	}
	change(t, db, "avito", `UPDATE employment SET grade = 'A' WHERE person_id = $1`, broken) // read while it is broken
	time.Sleep(300 * time.Millisecond)
	set("Europe/Moscow")
	within(t, "an answer again, the segment's too", func() bool { return !refused() && decide(t, e, broken).Limit == 8 })
}

// TestSegmentsAreFollowed: other rules put other people into a segment, and
// readers see rules and people change at once.
func TestSegmentsAreFollowed(t *testing.T) {
	db := pgtest.New(t)
	part := soldTo("cdek", 6)
	store(t, db, part, "r1")
	courier, clerk := hire(t, db, "cdek", "Курьер"), hire(t, db, "cdek", "Бухгалтер")
	e := reader(t, db)
	complete(t, e)
	if a, b := decide(t, e, courier).Limit, decide(t, e, clerk).Limit; a != 8 || b != 6 {
		t.Fatalf("the courier has %d, the clerk %d", a, b)
	}
	part.Tenants[0].Segments[0].When.Position = []string{"Бухгалтер"}
	store(t, db, part, "r2")
	within(t, "the clerk is in the segment", func() bool { return decide(t, e, clerk).Limit == 8 })
	if d := decide(t, e, courier); d.Limit != 6 {
		t.Errorf("the courier has %d", d.Limit)
	}
	store(t, db, soldTo("avito", 6), "r3")
	within(t, "the tenant is dropped", func() bool { return decide(t, e, clerk).Reason == entitlement.ContractAbsent })
	store(t, db, part, "r4")
	within(t, "the tenant is back, its segments too", func() bool { return decide(t, e, clerk).Limit == 8 })
}

// TestADatabaseOfThePast: after a restore the numbers of transactions begin
// again, so what is held must be read anew.
func TestADatabaseOfThePast(t *testing.T) {
	db := pgtest.New(t)
	for _, tc := range []struct {
		name, seen, ground string
		want               bool
	}{
		{"transactions that have not happened", "900000000:900000000:", "", true},
		{"those that have", "3:3:", "", false},
		{"of another server, or before a failover", "3:3:", "7000000000000000001 5 16384 00000001", true},
	} {
		if got, err := postgres.Rewound(t.Context(), db, tc.seen, tc.ground); err != nil || got != tc.want {
			t.Errorf("%s: %v %v", tc.name, got, err)
		}
	}
}

// A poll is a fraction of a millisecond of PostgreSQL's work, twenty times a
// second; a plan that is compiled first costs a hundred times as much.
func TestNoPlanIsCompiled(t *testing.T) {
	err := newOffice(t).db.ReadContour(t.Context(), func(tx pgx.Tx) error {
		var jit string
		if err := tx.QueryRow(t.Context(), `SHOW jit`).Scan(&jit); err != nil {
			return err
		}
		if jit != "off" {
			t.Errorf("jit is %s", jit)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
