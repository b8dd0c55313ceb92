package postgres_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/ponimayu/opora/internal/job"
	"github.com/ponimayu/opora/internal/roster"
	"github.com/ponimayu/opora/internal/tenancy"
	"github.com/ponimayu/opora/provisioner"
	"github.com/ponimayu/opora/provisioner/memory"
)

func as(err error, target any) bool { return errors.As(err, target) }

// shaky is a Keycloak in memory whose first calls go wrong, each in its way.
type shaky struct {
	*memory.People
	mu      sync.Mutex
	faults  []func(inner func() ([]provisioner.Outcome, error)) ([]provisioner.Outcome, error)
	struck  atomic.Int32
	created sync.Map // how often each account was sent after it was there
	twice   atomic.Int32
}

func (s *shaky) CreateAccounts(ctx context.Context, accounts []provisioner.Account) ([]provisioner.Outcome, error) {
	inner := func() ([]provisioner.Outcome, error) {
		for _, a := range accounts {
			if _, again := s.created.LoadOrStore(a.ID, true); again {
				s.twice.Add(1)
			}
		}
		return s.People.CreateAccounts(ctx, accounts)
	}
	s.mu.Lock()
	if len(s.faults) == 0 {
		s.mu.Unlock()
		return inner()
	}
	fault := s.faults[0]
	s.faults = s.faults[1:]
	s.mu.Unlock()
	s.struck.Add(1)
	return fault(inner)
}

func unavailable() error {
	return tenancy.E(tenancy.Unavailable, "keycloak_unavailable", "Keycloak does not answer")
}

// faults are the ways in which a batch goes wrong.
var faults = map[string]func(func() ([]provisioner.Outcome, error)) ([]provisioner.Outcome, error){
	"does not answer": func(func() ([]provisioner.Outcome, error)) ([]provisioner.Outcome, error) { return nil, unavailable() },
	"does it and loses the answer": func(inner func() ([]provisioner.Outcome, error)) ([]provisioner.Outcome, error) {
		_, _ = inner()
		return nil, unavailable()
	},
	"tells half": func(inner func() ([]provisioner.Outcome, error)) ([]provisioner.Outcome, error) {
		outcomes, err := inner()
		return outcomes[:len(outcomes)/2], err
	},
	"does not know": func(inner func() ([]provisioner.Outcome, error)) ([]provisioner.Outcome, error) {
		outcomes, err := inner()
		for i := range outcomes {
			outcomes[i] = provisioner.Outcome{ID: outcomes[i].ID, Unknown: true}
		}
		return outcomes, err
	},
	"refuses the credential": func(func() ([]provisioner.Outcome, error)) ([]provisioner.Outcome, error) {
		return nil, tenancy.E(tenancy.Unavailable, "keycloak_forbidden", "Keycloak refuses the client")
	},
}

func TestKeycloakGoingWrongLosesNobodyAndMakesNobodyTwice(t *testing.T) {
	for name, fault := range faults {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newOffice(t)
			s := &shaky{People: o.people}
			for range 2 {
				s.faults = append(s.faults, fault)
			}
			o.target = s
			o.work()
			i := o.apply(hr, o.upload(hr, roster.Add, list(persons(0, 90)...)).ID)
			if i.State != roster.Applied || i.Counts.Failed != 0 || i.Done != 90 {
				t.Errorf("%+v", i)
			}
			if s.struck.Load() != 2 {
				t.Errorf("the fault struck %d times, not twice", s.struck.Load())
			}
			if n := s.twice.Load(); n != 0 {
				t.Errorf("%d accounts were sent again although they were there", n)
			}
			if n := o.count(`SELECT count(*) FROM op WHERE state <> 'confirmed'`); n != 0 {
				t.Errorf("%d ops are not confirmed", n)
			}
		})
	}
}

func TestARefusedRowIsTold(t *testing.T) {
	o := newOffice(t)
	i := o.upload(hr, roster.Add, list(persons(0, 50)...))
	changes, err := o.Changes(t.Context(), hr, i.ID, 0, 1000)
	if err != nil || len(changes) != 50 {
		t.Fatalf("%d changes, %v", len(changes), err)
	}
	bad := changes[20]
	o.people.Refuse(bad.EmployeeID)
	o.work()
	i = o.apply(hr, i.ID)
	if i.State != roster.Applied || i.Counts.Failed != 1 || i.Done != 50 {
		t.Fatalf("%+v", i)
	}
	if len(i.Problems) != 1 || i.Problems[0].Line != bad.Line || i.Problems[0].Code != "keycloak_refused" || i.Problems[0].Message == "" {
		t.Errorf("%+v, want line %d", i.Problems, bad.Line)
	}
}

// TestADeadWorkersOpsAreObservedAndItsLateWordIsRefused is two workers by hand:
// the first claims, makes the accounts and dies before it says so; the second
// takes over when the lease is over; then the first comes back.
func TestADeadWorkersOpsAreObservedAndItsLateWordIsRefused(t *testing.T) {
	o := newOffice(t)
	i := o.upload(hr, roster.Add, list(persons(0, 30)...))
	if _, err := o.Apply(t.Context(), hr, i.ID); err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	dead, alive := uuid.NewString(), uuid.NewString()
	claimed, _, err := o.ClaimOps(ctx, "cdek", i.ID, dead, 20, 300*time.Millisecond)
	if err != nil || len(claimed) != 20 || claimed[0].Doubtful {
		t.Fatalf("%d claimed, %v", len(claimed), err)
	}
	if _, err := job.Send(ctx, o.people, claimed[:10]); err != nil { // half were made when it died
		t.Fatal(err)
	}
	early, _, err := o.ClaimOps(ctx, "cdek", i.ID, uuid.NewString(), 40, time.Minute)
	if err != nil || len(early) != 10 {
		t.Fatalf("%d claimed beside a living lease, want the 10 that nobody has: %v", len(early), err)
	}
	time.Sleep(400 * time.Millisecond)
	taken, _, err := o.ClaimOps(ctx, "cdek", i.ID, alive, 40, time.Minute)
	if err != nil || len(taken) != 20 || !taken[0].Doubtful {
		t.Fatalf("%d taken over, %v", len(taken), err)
	}
	s := &shaky{People: o.people}
	for _, op := range claimed[:10] {
		s.created.Store(op.Account.ID, true)
	}
	results, err := job.Send(ctx, s, taken)
	if err != nil || s.twice.Load() != 0 {
		t.Fatalf("%d were sent again, %v", s.twice.Load(), err)
	}
	// The dead one comes back and says that all failed.
	var late []job.OpResult
	for _, op := range claimed {
		late = append(late, job.OpResult{Op: op, State: job.OpFailed, Code: "late"})
	}
	if err := o.EndOps(ctx, "cdek", i.ID, dead, late); err != nil {
		t.Fatal(err)
	}
	if n := o.count(`SELECT count(*) FROM op WHERE code = 'late'`); n != 0 {
		t.Errorf("the late word on %d ops was taken", n)
	}
	if err := o.EndOps(ctx, "cdek", i.ID, alive, results); err != nil {
		t.Fatal(err)
	}
	if got := o.read(i.ID); got.Done != 20 || got.Counts.Failed != 0 || got.State != roster.Applying {
		t.Errorf("%+v", got)
	}
}

func TestALostConnectionDuringApplyLeavesNothingHalf(t *testing.T) {
	o := newOffice(t)
	i := o.upload(hr, roster.Add, list(persons(0, 300)...))
	// Every backend of this database is cut as soon as people are being written.
	if _, err := o.db.Pool().Exec(t.Context(), `
		CREATE FUNCTION cut() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END $$;
		CREATE TRIGGER cut AFTER INSERT ON employment FOR EACH STATEMENT EXECUTE FUNCTION cut()`); err != nil {
		t.Fatal(err)
	}
	if _, err := o.Apply(t.Context(), hr, i.ID); tenancy.KindOf(err) != tenancy.Unavailable {
		t.Fatalf("the cut did not show: %v", err)
	}
	for _, table := range []string{"person", "account", "employment", "op", "email_claim", "person_history"} {
		if n := o.count(`SELECT count(*) FROM ` + table); n != 0 {
			t.Errorf("%d rows of %s were left behind", n, table)
		}
	}
	if n := o.count(`SELECT count(*) FROM river_job WHERE kind = 'apply_ops'`); n != 0 {
		t.Errorf("%d jobs were left behind", n)
	}
	if got := o.read(i.ID); got.State != roster.Planned {
		t.Errorf("state %s", got.State)
	}
	if _, err := o.db.Pool().Exec(t.Context(), `DROP TRIGGER cut ON employment`); err != nil {
		t.Fatal(err)
	}
	o.work()
	if got := o.apply(hr, i.ID); got.State != roster.Applied || got.Done != 300 {
		t.Errorf("%+v", got)
	}
}

func TestTwoAppliesAtOnceAreOne(t *testing.T) {
	o := newOffice(t)
	o.work()
	i := o.upload(hr, roster.Add, list(persons(0, 50)...))
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			if _, err := o.Apply(context.Background(), hr, i.ID); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if got := o.wait(i.ID, func(i roster.Import) bool { return i.State == roster.Applied }); got.Ops != 50 {
		t.Errorf("%+v", got)
	}
	if n := o.count(`SELECT count(*) FROM person`); n != 50 {
		t.Errorf("%d people", n)
	}
}

func TestALastDayEndsAccess(t *testing.T) {
	o := newOffice(t)
	o.work()
	o.apply(hr, o.upload(hr, roster.Add, list("17;Примеров Иван Ильич;;Склад;1990-01-01;"+time.Now().AddDate(0, 3, 0).Format(time.DateOnly), person(2))).ID)
	e := o.find("17")
	if a, ok := o.account(e.ID); !ok || !a.Enabled || e.Status != tenancy.Leaving {
		t.Fatalf("before the last day: %+v, %+v", a, e)
	}
	// The day comes.
	err := o.db.ForTenant(t.Context(), "cdek", func(tx pgx.Tx) error {
		_, err := tx.Exec(t.Context(), `UPDATE employment SET left_on = current_date - 2 WHERE employee_key = '17'`)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := o.EndLastDays(t.Context()); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		if a, _ := o.account(e.ID); !a.Enabled {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the account is still enabled")
		}
	}
	// Back within the grace period, under the same number: the same account.
	o.apply(hr, o.upload(hr, roster.Add, list("17;Примеров Иван Ильич;;Склад;1990-01-01;")).ID)
	if a, _ := o.account(e.ID); !a.Enabled || o.find("17").ID != e.ID {
		t.Errorf("back again: %+v", a)
	}
}

func TestActivationIsHandedOverOnce(t *testing.T) {
	o := newOffice(t)
	o.work()
	o.apply(hr, o.upload(hr, roster.Add, list(person(1), person(2))).ID)
	e := o.find("1001")
	codes, err := o.IssueActivation(t.Context(), hr, []tenancy.EmployeeID{e.ID})
	if err != nil || len(codes) != 1 || codes[0].Login != e.Login {
		t.Fatalf("%v, %v", codes, err)
	}
	if n := o.count(`SELECT count(*) FROM activation WHERE position(convert_to('` + codes[0].Code + `', 'UTF8') IN sealed) > 0`); n != 0 {
		t.Error("the code lies about readable")
	}
	for deadline := time.Now().Add(20 * time.Second); o.count(`SELECT count(*) FROM activation WHERE sealed IS NOT NULL`) > 0; time.Sleep(30 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the code was not handed over")
		}
	}
	if !o.people.Activate(e.ID, codes[0].Code) {
		t.Error("the code does not open the account")
	}
	// For an active account a code is issued all the same, and does nothing.
	again, err := o.IssueActivation(t.Context(), hr, []tenancy.EmployeeID{e.ID})
	if err != nil || len(again) != 1 || again[0].Code == codes[0].Code {
		t.Errorf("%v, %v", again, err)
	}
	if n := o.count(`SELECT count(*) FROM river_job WHERE kind = 'withdraw_activation' AND scheduled_at > now() + interval '13 days'`); n == 0 {
		t.Error("nobody will take an unused code back")
	}
	if _, err := o.IssueActivation(t.Context(), stranger, []tenancy.EmployeeID{e.ID}); tenancy.KindOf(err) != tenancy.NotFound {
		t.Errorf("a stranger issues codes: %v", err)
	}
}
