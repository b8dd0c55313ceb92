package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/ponimayu/opora/internal/job"
	"github.com/ponimayu/opora/internal/postgres"
	"github.com/ponimayu/opora/internal/roster"
	"github.com/ponimayu/opora/internal/tenancy"
)

// together runs all at once and returns their errors in order.
func together(all ...func() error) []error {
	errs := make([]error, len(all))
	var done sync.WaitGroup
	gate := make(chan struct{})
	for i, f := range all {
		done.Go(func() { <-gate; errs[i] = f() })
	}
	close(gate)
	done.Wait()
	return errs
}

// sound checks what holds whatever happened: one account for each person, one
// holder of each number, and an account that is open for who is employed.
func (o *office) sound() {
	o.t.Helper()
	for what, query := range map[string]string{
		"persons without an account": `SELECT count(*) FROM person p WHERE NOT EXISTS (SELECT FROM account a WHERE a.tenant = p.tenant AND a.id = p.id)`,
		"accounts without a person":  `SELECT count(*) FROM account a WHERE NOT EXISTS (SELECT FROM person p WHERE a.tenant = p.tenant AND a.id = p.id)`,
		"persons of one name":        `SELECT count(*) FROM (SELECT FROM person GROUP BY tenant, search, birth_date HAVING count(*) > 1) x`,
		"numbers with two holders":   `SELECT count(*) FROM (SELECT FROM employment WHERE released_at IS NULL GROUP BY tenant, legal_entity, employee_key HAVING count(*) > 1) x`,
		"accounts that are wrong":    `SELECT count(*) FROM account a WHERE a.enabled <> EXISTS (SELECT FROM employment e WHERE e.tenant = a.tenant AND e.person_id = a.id AND e.left_on IS NULL)`,
	} {
		if n := o.count(query); n != 0 {
			o.t.Errorf("%s: %d", what, n)
		}
	}
}

// settled waits until no op is open and compares the accounts in Keycloak with ours.
func (o *office) settled() {
	o.t.Helper()
	for deadline := time.Now().Add(30 * time.Second); o.count(`SELECT count(*) FROM op WHERE ended_at IS NULL`) > 0; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			o.t.Fatal("ops stay open")
		}
	}
	o.sound()
	ours := map[tenancy.EmployeeID]bool{}
	err := o.db.ReadContour(o.t.Context(), func(tx pgx.Tx) error {
		rows, err := tx.Query(o.t.Context(), `SELECT id::text, enabled FROM account`)
		if err != nil {
			return err
		}
		var id tenancy.EmployeeID
		var enabled bool
		_, err = pgx.ForEachRow(rows, []any{&id, &enabled}, func() error { ours[id] = enabled; return nil })
		return err
	})
	if err != nil {
		o.t.Fatal(err)
	}
	for id, enabled := range ours {
		if a, ok := o.account(id); !ok || a.Enabled != enabled {
			o.t.Errorf("account %s: there %t, enabled %t, should be %t", id, ok, a.Enabled, enabled)
		}
	}
}

func TestDecisionsAtOnceTakeTurns(t *testing.T) {
	ctx := context.Background()
	apply := func(o *office, id roster.ImportID) func() error {
		return func() error { _, err := o.Apply(ctx, hr, id); return err }
	}
	for name, race := range map[string]func(o *office) []string{
		"apply and apply of two lists of the same people": func(o *office) []string {
			one, two := o.upload(hr, roster.Add, list(persons(0, 40)...)), o.upload(hr, roster.Add, list(persons(20, 60)...))
			errs := together(apply(o, one.ID), apply(o, two.ID))
			return []string{code(errs[0]) + code(errs[1]), "plan_stale"} // whoever is second reads again
		},
		"apply and cancel": func(o *office) []string {
			i := o.upload(hr, roster.Add, list(persons(0, 40)...))
			errs := together(apply(o, i.ID), func() error { _, err := o.Cancel(ctx, hr, i.ID); return err })
			return []string{code(errs[0]) + code(errs[1]), "import_state"} // one of the two happened
		},
		"apply and undo": func(o *office) []string {
			first := o.apply(hr, o.upload(hr, roster.Add, list(persons(0, 20)...)).ID)
			second := o.upload(hr, roster.Add, list(persons(10, 30)...))
			errs := together(apply(o, second.ID), func() error { _, err := o.Undo(ctx, hr, first.ID); return err })
			if code(errs[0]) == "" { // the list came first, and confirmed ten
				return []string{code(errs[1]), ""}
			}
			return []string{code(errs[0]) + code(errs[1]), "plan_stale"}
		},
		"undo and undo": func(o *office) []string {
			first := o.apply(hr, o.upload(hr, roster.Add, list(persons(0, 20)...)).ID)
			undo := func() error { _, err := o.Undo(ctx, hr, first.ID); return err }
			errs := together(undo, undo)
			return []string{code(errs[0]) + code(errs[1]), ""}
		},
		"undo and the list that brings them back": func(o *office) []string {
			o.apply(hr, o.upload(hr, roster.Add, list(persons(0, 20)...)).ID)
			wrong := o.apply(hr, o.upload(hr, roster.Full, list(persons(0, 19)...)).ID)
			right := o.upload(hr, roster.Full, list(persons(0, 20)...))
			errs := together(apply(o, right.ID), func() error { _, err := o.Undo(ctx, hr, wrong.ID); return err })
			return []string{strings.TrimSuffix(code(errs[0])+code(errs[1]), "plan_stale"), ""}
		},
		"two approvals": func(o *office) []string {
			o.apply(hr, o.upload(hr, roster.Add, list(persons(0, 40)...)).ID)
			i := o.upload(hr, roster.Full, list(persons(10, 40)...))
			var codes []string
			for _, f := range i.Findings {
				codes = append(codes, f.Code)
			}
			approve := func() error { _, err := o.Approve(ctx, hr2, i.ID, codes); return err }
			errs := together(approve, approve)
			if after := o.read(i.ID); after.State != roster.Planned {
				o.t.Errorf("state %s", after.State)
			}
			return []string{code(errs[0]) + code(errs[1]), "import_state"} // the second finds nothing to accept
		},
		"last days and the list that brings them back": func(o *office) []string {
			o.apply(hr, o.upload(hr, roster.Add, list(persons(0, 20)...)).ID)
			for _, statement := range []string{`UPDATE employment SET left_on = current_date - 3`, `UPDATE roster_revision SET revision = revision + 1`} {
				err := o.db.ForTenant(ctx, "cdek", func(tx pgx.Tx) error { _, err := tx.Exec(ctx, statement); return err })
				if err != nil {
					o.t.Fatal(err)
				}
			}
			back := o.upload(hr, roster.Add, list(persons(0, 20)...))
			errs := together(apply(o, back.ID), func() error { return o.EndLastDays(ctx) })
			return []string{code(errs[0]) + code(errs[1]), ""}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newOffice(t)
			o.work()
			if got := race(o); got[0] != got[1] {
				t.Errorf("they ended with %q, want %q", got[0], got[1])
			}
			o.settled()
		})
	}
}

func TestASlowLeakIsHeld(t *testing.T) {
	o := newOffice(t)
	o.work()
	o.apply(hr, o.upload(hr, roster.Add, list(persons(0, 50)...)).ID)
	for n, want := range []roster.State{roster.Planned, roster.Planned, roster.Held} {
		i := o.upload(hr, roster.Full, list(persons(4*(n+1), 50)...))
		if i.State != want || want == roster.Held && (len(i.Findings) != 1 || i.Findings[0].Code != roster.FindingAbsentWeek || i.Findings[0].Count != 12) {
			t.Fatalf("list %d: %s, %+v", n, i.State, i.Findings)
		}
		if want == roster.Planned {
			o.apply(hr, i.ID)
			// A day later.
			err := o.db.ForTenant(t.Context(), "cdek", func(tx pgx.Tx) error {
				return errors.Join(execIn(t, tx, `UPDATE import SET applied_at = applied_at - interval '1 day'`), execIn(t, tx, `UPDATE employment SET left_on = left_on - 1`))
			})
			if err != nil {
				t.Fatal(err)
			}
		}
	}
}

func execIn(t *testing.T, tx pgx.Tx, statement string) error {
	_, err := tx.Exec(t.Context(), statement)
	return err
}

func TestTheBrakeIsTheContracts(t *testing.T) {
	o := newOffice(t)
	o.work()
	o.apply(hr, o.upload(hr, roster.Add, list(persons(0, 50)...)).ID)
	agreed := part()
	agreed.Tenants[1].Contracts[0].Roster.Brake = tenancy.BrakeLimits{AbsentPercent: 30, WeekPercent: 40, DepartmentPercent: 100}
	if err := o.db.StoreCatalogue(t.Context(), agreed, "2"); err != nil {
		t.Fatal(err)
	}
	if i := o.upload(hr, roster.Full, list(persons(15, 50)...)); i.State != roster.Planned {
		t.Errorf("fifteen of fifty, and thirty percent are agreed: %s, %+v", i.State, i.Findings)
	}
	agreed.Tenants[1].Contracts[0].Roster.Brake.AbsentPercent = 2
	if err := o.db.StoreCatalogue(t.Context(), agreed, "3"); err != nil {
		t.Fatal(err)
	}
	if i := o.upload(hr, roster.Full, list(persons(3, 50)...)); i.State != roster.Held || i.Findings[0].Limit != 2 {
		t.Errorf("three of fifty, and two percent are agreed: %s, %+v", i.State, i.Findings)
	}
}

func TestADroppedTenant(t *testing.T) {
	o := newOffice(t)
	o.work()
	o.apply(hr, o.upload(hr, roster.Add, list(persons(0, 3)...)).ID)
	e := o.find("1001")
	waiting, err := o.Receive(t.Context(), hr, postgres.Upload{Tenant: "avito", File: strings.NewReader(list(person(1)))})
	if code(err) == "" {
		t.Fatalf("hr uploads for another tenant: %+v", waiting)
	}
	// The list is received, and before anybody reads it the tenant is gone.
	var id roster.ImportID
	err = o.db.ForTenant(t.Context(), "cdek", func(tx pgx.Tx) error {
		return tx.QueryRow(t.Context(), `INSERT INTO import (tenant, id, mode, uploaded_by) VALUES ('cdek', gen_random_uuid(), 'add', 'hr-1') RETURNING id::text`).Scan(&id)
	})
	if err != nil {
		t.Fatal(err)
	}
	dropped := part()
	dropped.Tenants = dropped.Tenants[:1]
	if err := o.db.StoreCatalogue(t.Context(), dropped, "2"); err != nil {
		t.Fatal(err)
	}
	if err := job.Parse(t.Context(), o.Rosters, id); err != nil {
		t.Errorf("it will be tried for ever: %v", err)
	}
	if state := o.count(fmt.Sprintf(`SELECT count(*) FROM import i JOIN import_problem p ON p.import_id = i.id WHERE i.id = '%s' AND i.state = 'failed' AND p.code = 'tenant_dropped'`, id)); state != 1 {
		t.Error("the import does not say why it failed")
	}
	err = o.db.ForTenant(t.Context(), "cdek", func(tx pgx.Tx) error {
		return execIn(t, tx, `UPDATE employment SET left_on = current_date - 2 WHERE employee_key = '1001'`)
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := o.EndLastDays(t.Context()); err != nil {
		t.Fatal(err)
	}
	o.settled()
	if a, _ := o.account(e.ID); a.Enabled {
		t.Error("his last day is over, and he may sign in")
	}
}

// A cancellation that comes while the plan is being written waits for it, and
// leaves nothing of it behind.
func TestCancelWaitsForWhatIsBeingWritten(t *testing.T) {
	o := newOffice(t)
	i := o.upload(hr, roster.Add, list(persons(0, 3)...))
	writing, write := make(chan struct{}), make(chan struct{})
	var both sync.WaitGroup
	both.Go(func() {
		err := o.db.ForTenant(t.Context(), "cdek", func(tx pgx.Tx) error {
			_, err := tx.Exec(t.Context(), `UPDATE import SET rejected = 1 WHERE tenant = 'cdek' AND id = $1`, i.ID)
			close(writing)
			<-write
			if err == nil {
				_, err = tx.Exec(t.Context(), `INSERT INTO import_refused (tenant, import_id, mark) VALUES ('cdek', $1, '\x00')`, i.ID)
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	})
	<-writing
	both.Go(func() {
		if _, err := o.Cancel(t.Context(), hr, i.ID); err != nil {
			t.Error(err)
		}
	})
	waits := `SELECT count(*) FROM pg_locks l JOIN pg_stat_activity a USING (pid) WHERE a.datname = current_database() AND NOT l.granted`
	for deadline := time.Now().Add(20 * time.Second); o.count(waits) == 0 && time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
	}
	close(write)
	both.Wait()
	if n := o.count(`SELECT count(*) FROM import_refused`); n != 0 || o.read(i.ID).State != roster.Cancelled {
		t.Errorf("%d marks are left of a cancelled list in state %s", n, o.read(i.ID).State)
	}
}
