package postgres_test

import (
	"context"
	"errors"
	"slices"
	"strings"
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
			i := o.apply(hr, o.upload(hr, roster.Add, list(persons(0, 400)...)).ID)
			if i.State != roster.Applied || i.Counts.Failed != 0 || i.Done != 400 {
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
	claimed, _, err := o.ClaimOps(ctx, job.OpClaim{Tenant: "cdek", Import: i.ID, Claim: dead, Most: 20, Lease: 300 * time.Millisecond})
	if err != nil || len(claimed) != 20 || claimed[0].Doubtful {
		t.Fatalf("%d claimed, %v", len(claimed), err)
	}
	if _, err := job.Send(ctx, o.people, claimed[:10]); err != nil { // half were made when it died
		t.Fatal(err)
	}
	early, _, err := o.ClaimOps(ctx, job.OpClaim{Tenant: "cdek", Import: i.ID, Claim: uuid.NewString(), Behind: claimed[19].ID, Most: 40, Lease: time.Minute})
	if err != nil || len(early) != 10 {
		t.Fatalf("%d claimed beside a living lease, want the 10 that nobody has: %v", len(early), err)
	}
	time.Sleep(400 * time.Millisecond)
	taken, _, err := o.ClaimOps(ctx, job.OpClaim{Tenant: "cdek", Import: i.ID, Claim: alive, Most: 40, Lease: time.Minute})
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

// picky refuses a last name with "<", as Keycloak's user profile does.
type picky struct{ *memory.People }

func (p picky) CreateAccounts(ctx context.Context, all []provisioner.Account) ([]provisioner.Outcome, error) {
	outcomes, err := p.People.CreateAccounts(ctx, all)
	for i, a := range all {
		if strings.Contains(a.LastName, "<") {
			_ = p.DeleteAccount(ctx, a.ID)
			outcomes[i] = provisioner.Outcome{ID: a.ID, Code: "keycloak_refused", Message: "no"}
		}
	}
	return outcomes, err
}

func TestWhoeverWasRefusedIsMadeFromTheCorrectedList(t *testing.T) {
	o := newOffice(t)
	o.target = picky{o.people}
	o.work()
	bad := list("1000;Примеров<а Анна Петровна;p0@cdek.example;Склад;1990-01-01;", person(1))
	if i := o.apply(hr, o.upload(hr, roster.Add, bad).ID); i.Counts.Failed != 1 {
		t.Fatalf("%+v", i)
	}
	if i := o.apply(hr, o.upload(hr, roster.Add, bad).ID); i.Ops != 1 || i.Counts.Failed != 1 || i.State != roster.Applied {
		t.Errorf("the same list again asks for the refused one only: %+v", i)
	}
	good := strings.Replace(bad, "<", "", 1)
	if i := o.apply(hr, o.upload(hr, roster.Add, good).ID); i.Ops != 1 || i.Counts.Failed != 0 {
		t.Errorf("the corrected list: %+v", i)
	}
	if a, ok := o.account(o.find("1000").ID); !ok || a.LastName != "Примерова" || a.Email != "p0@cdek.example" || !a.Enabled {
		t.Errorf("the account: %t, %+v", ok, a)
	}
	if i := o.apply(hr, o.upload(hr, roster.Add, good).ID); i.Ops != 0 {
		t.Errorf("the corrected list again: %+v", i)
	}
}

// Whoever approves a list in which people are missing must see who they are:
// they stand in no line of it.
func TestChangesSayWhomTheyAreAbout(t *testing.T) {
	o := newOffice(t)
	o.work()
	names := func(i roster.Import) (names []string) {
		changes, err := o.Changes(t.Context(), hr, i.ID, 0, 10)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range changes {
			names = append(names, string(c.Kind)+" "+c.Name)
		}
		return names
	}
	if got := names(o.upload(hr, roster.Add, list(person(0)))); !slices.Equal(got, []string{"hire "}) {
		t.Errorf("somebody new: %q", got)
	}
	o.apply(hr, o.upload(hr, roster.Add, list(persons(0, 3)...)).ID)
	if got := names(o.upload(hr, roster.Full, list(persons(0, 2)...))); !slices.Equal(got, []string{"leave Примеровв Иван Петрович"}) {
		t.Errorf("somebody who is not listed: %q", got)
	}
}

func TestWhoeverWasRefusedAndMayNotSignInIsNotMade(t *testing.T) {
	o := newOffice(t)
	o.work()
	i := o.upload(hr, roster.Add, list(person(0), person(1)))
	changes, err := o.Changes(t.Context(), hr, i.ID, 0, 10)
	if err != nil {
		t.Fatal(err)
	}
	o.people.Refuse(changes[0].EmployeeID)
	if i = o.apply(hr, i.ID); i.Counts.Failed != 1 {
		t.Fatalf("%+v", i)
	}
	if _, err := o.db.Pool().Exec(t.Context(), `SET ROLE opora_contour; UPDATE account SET enabled = false; RESET ROLE`); err != nil {
		t.Fatal(err)
	}
	if i := o.apply(hr, o.upload(hr, roster.Add, list(person(0))).ID); i.Ops != 0 {
		t.Errorf("an account is made for somebody who may not sign in: %+v", i)
	}
}

// failing answers every change of an account with the error.
type failing struct {
	*memory.People
	err error
}

func (f *failing) UpdateAccount(context.Context, provisioner.Account) error { return f.err }

func TestAnOpThatKeycloakAlwaysRefusesFailsAndOneThatIsDownDoesNot(t *testing.T) {
	for _, refusal := range []*tenancy.Error{
		tenancy.E(tenancy.Internal, "keycloak_failed", "Keycloak failed"),
		tenancy.E(tenancy.Forbidden, "keycloak_forbidden", "no right"),
		tenancy.E(tenancy.Unauthenticated, "keycloak_credential_refused", "no token"),
	} {
		t.Run(refusal.Code, func(t *testing.T) {
			t.Parallel()
			o := newOffice(t)
			workers := o.work()
			o.apply(hr, o.upload(hr, roster.Add, list(person(0))).ID)
			if err := workers.Stop(t.Context()); err != nil {
				t.Fatal(err)
			}
			i, err := o.Apply(t.Context(), hr, o.upload(hr, roster.Add, list(strings.Replace(person(0), "Иван", "Пётр", 1))).ID)
			if err != nil {
				t.Fatal(err)
			}
			// turn is one claim and its calls, without the wait before it.
			turn := func(answer error) {
				t.Helper()
				if _, err := o.db.Pool().Exec(t.Context(), `SET ROLE opora_contour; UPDATE op SET not_before = now(); RESET ROLE`); err != nil {
					t.Fatal(err)
				}
				claim := uuid.NewString()
				ops, _, err := o.ClaimOps(t.Context(), job.OpClaim{Tenant: "cdek", Import: i.ID, Claim: claim, Most: 10, Lease: time.Minute})
				if err != nil || len(ops) != 1 {
					t.Fatalf("%d claimed, %v", len(ops), err)
				}
				results, err := job.Send(t.Context(), &failing{o.people, answer}, ops)
				if down := tenancy.KindOf(answer) == tenancy.Unavailable; down != (err != nil) {
					t.Fatalf("down %t, error %v", down, err)
				}
				if err := o.EndOps(t.Context(), "cdek", i.ID, claim, results); err != nil {
					t.Fatal(err)
				}
			}
			for range 9 {
				turn(refusal)
			}
			for range 15 {
				turn(unavailable())
			}
			if got := o.read(i.ID); got.State != roster.Applying || got.Done != 0 {
				t.Fatalf("too early: %+v", got)
			}
			turn(refusal)
			got := o.read(i.ID)
			if got.State != roster.Applied || got.Counts.Failed != 1 || len(got.Problems) != 1 || string(got.Problems[0].Code) != refusal.Code || got.Problems[0].Line != 2 {
				t.Errorf("%+v", got)
			}
		})
	}
}

func TestOpsThatWaitHaveOneJob(t *testing.T) {
	o := newOffice(t)
	if _, err := o.Apply(t.Context(), hr, o.upload(hr, roster.Add, list(persons(0, 2)...)).ID); err != nil {
		t.Fatal(err)
	}
	if _, err := o.db.Pool().Exec(t.Context(), `SET ROLE opora_contour; UPDATE op SET made_at = now() - interval '1 hour'; RESET ROLE`); err != nil {
		t.Fatal(err)
	}
	jobs := func(want int) {
		t.Helper()
		for range 3 {
			if err := o.EndLastDays(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if n := o.count(`SELECT count(*) FROM river_job WHERE kind = 'apply_ops'`); n != want {
			t.Errorf("%d jobs, want %d", n, want)
		}
	}
	jobs(1)
	if _, err := o.db.Pool().Exec(t.Context(), `UPDATE river_job SET state = 'discarded', finalized_at = now() WHERE kind = 'apply_ops'`); err != nil {
		t.Fatal(err)
	}
	jobs(2) // the one that is over, and one for the ops that it left
}
