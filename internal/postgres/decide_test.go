package postgres_test

import (
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/ponimayu/opora/internal/job"
	"github.com/ponimayu/opora/internal/postgres"
	"github.com/ponimayu/opora/internal/roster"
	"github.com/ponimayu/opora/internal/tenancy"
)

// code returns the code of an error.
func code(err error) string {
	var e *tenancy.Error
	if err == nil {
		return ""
	}
	if as(err, &e) {
		return e.Code
	}
	return err.Error()
}

func TestHalvedListIsHeldUntilAnotherPersonAccepts(t *testing.T) {
	o := newOffice(t)
	o.work()
	o.apply(hr, o.upload(hr, roster.Add, list(persons(0, 30)...)).ID)
	// Half are missing; one who is listed leaves on a day of his own.
	rows := persons(0, 15)
	rows[4] += "2026-02-01"
	i := o.upload(hr, roster.Full, list(rows...))
	if i.State != roster.Held || len(i.Findings) == 0 || i.Counts.Leave != 16 {
		t.Fatalf("%+v", i)
	}
	leaver, absent := o.find("1004"), o.find("1020")
	after, err := o.Apply(t.Context(), hr, i.ID)
	if code(err) != "import_held" || after.State != roster.Held {
		t.Fatalf("apply while held: %s, %v", after.State, err)
	}
	o.wait(i.ID, func(i roster.Import) bool { return i.Done == i.Ops })
	if a, _ := o.account(leaver.ID); a.Enabled {
		t.Error("the explicit leave waited for the brake")
	}
	if a, _ := o.account(absent.ID); !a.Enabled {
		t.Error("somebody absent left although the plan is held")
	}
	codes := make([]string, 0, len(i.Findings))
	for _, f := range i.Findings {
		codes = append(codes, f.Code)
	}
	if _, err := o.Approve(t.Context(), hr, i.ID, codes); code(err) != "same_person" {
		t.Errorf("the uploader accepts himself: %v", err)
	}
	if _, err := o.Approve(t.Context(), hr2, i.ID, []string{"nothing"}); code(err) != "finding_unknown" {
		t.Errorf("an unknown code: %v", err)
	}
	if some, err := o.Approve(t.Context(), hr2, i.ID, codes[:1]); err != nil || len(codes) > 1 && some.State != roster.Held {
		t.Errorf("one of several accepted: %+v, %v", some, err)
	}
	if all, err := o.Approve(t.Context(), hr2, i.ID, codes[1:]); err != nil || all.State != roster.Planned {
		t.Fatalf("all accepted: %+v, %v", all, err)
	}
	done := o.apply(hr, i.ID)
	if done.State != roster.Applied || done.Counts.Leave != 16 {
		t.Errorf("%+v", done)
	}
	if a, _ := o.account(absent.ID); a.Enabled {
		t.Error("who is absent may still sign in")
	}
	if again, err := o.Apply(t.Context(), hr, i.ID); err != nil || again.State != roster.Applied || again.Ops != done.Ops {
		t.Errorf("apply again: %+v, %v", again, err)
	}
	if _, err := o.Cancel(t.Context(), hr, i.ID); code(err) != "import_state" {
		t.Errorf("cancel what is applied: %v", err)
	}
}

func TestAPlanOfAnotherStateIsMadeAnew(t *testing.T) {
	o := newOffice(t)
	o.work()
	one := o.upload(hr, roster.Add, list(person(1), person(2)))
	two := o.upload(hr, roster.Add, list(person(2), person(3)))
	same := o.upload(hr, roster.Add, list(person(8)))
	o.apply(hr, one.ID)
	after, err := o.Apply(t.Context(), hr, two.ID)
	if code(err) != "plan_stale" || after.State != roster.Planned || after.Counts.Create != 1 || after.Counts.Unchanged != 1 {
		t.Fatalf("%+v, %v", after, err)
	}
	if done := o.apply(hr, two.ID); done.State != roster.Applied || done.Ops != 1 {
		t.Errorf("%+v", done)
	}
	// A plan that does the same on the new state needs no second look.
	if done := o.apply(hr, same.ID); done.State != roster.Applied || done.Ops != 1 {
		t.Errorf("%+v", done)
	}
}

func TestABadFileFailsTheImportAndLeavesNothing(t *testing.T) {
	o := newOffice(t)
	i := o.upload(hr, roster.Add, "%PDF-1.7\nno list\n")
	if i.State != roster.Failed || len(i.Problems) != 1 || i.Problems[0].Severity != tenancy.SeverityError {
		t.Fatalf("%+v", i)
	}
	if _, err := o.Apply(t.Context(), hr, i.ID); code(err) != "import_state" {
		t.Errorf("apply what failed: %v", err)
	}
	if n := o.count(`SELECT count(*) FROM upload_chunk`); n != 0 {
		t.Errorf("%d pieces of the upload are left", n)
	}
	o.LimitUploads(1 << 20)
	_, err := o.Receive(t.Context(), hr, postgres.Upload{Tenant: "cdek", File: strings.NewReader(strings.Repeat("x", 1<<20+1))})
	if code(err) != "file_too_large" {
		t.Errorf("a file over the limit: %v", err)
	}
	if _, err := o.Receive(t.Context(), hr, postgres.Upload{Tenant: "cdek", LegalEntity: "nowhere", File: strings.NewReader("x")}); code(err) != "legal_entity_unknown" {
		t.Errorf("an unknown entity: %v", err)
	}
	if n := o.count(`SELECT count(*) FROM import`); n != 1 {
		t.Errorf("refused uploads left %d imports", n-1)
	}
}

func (o *office) count(query string) (n int) {
	o.t.Helper()
	if err := o.db.ReadContour(o.t.Context(), func(tx pgx.Tx) error { return tx.QueryRow(o.t.Context(), query).Scan(&n) }); err != nil {
		o.t.Fatal(err)
	}
	return n
}

func TestWhatIsStoredOfAnUpload(t *testing.T) {
	o := newOffice(t)
	file := list("17;Канарейкин-7f3a Иван Петрович;canary@cdek.example;Склад;1990-01-01;", ";Бескарточкин Пётр Ильич;x@cdek.example;Склад;;")
	made, err := o.Receive(t.Context(), hr, postgres.Upload{Tenant: "cdek", File: strings.NewReader(file)})
	if err != nil {
		t.Fatal(err)
	}
	if n := o.count(`SELECT count(*) FROM upload_chunk WHERE position(convert_to('Канарейкин', 'UTF8') IN sealed) > 0`); n != 0 {
		t.Error("the upload lies about readable")
	}
	if n := o.count(`SELECT count(*) FROM river_job WHERE args::text LIKE '%анарейкин%'`); n != 0 {
		t.Error("a job's arguments hold personal data")
	}
	if err := job.Parse(t.Context(), o.Rosters, made.ID); err != nil {
		t.Fatal(err)
	}
	i := o.read(made.ID)
	if i.Counts.Rows != 2 || i.Counts.Rejected != 1 || i.Counts.Create != 1 {
		t.Errorf("%+v", i.Counts)
	}
	if n := o.count(`SELECT count(*) FROM import_row WHERE last_name LIKE 'Бескарт%'`); n != 0 {
		t.Error("a refused row was kept")
	}
	if n := o.count(`SELECT count(*) FROM upload_chunk`); n != 0 {
		t.Error("the sealed upload outlived its parse")
	}
	if n := o.count(`SELECT count(*) FROM audit WHERE audit::text LIKE '%анарейкин%'`); n != 0 {
		t.Error("the audit log holds personal data")
	}
	// A second worker comes late and finds nothing to do.
	if err := job.Parse(t.Context(), o.Rosters, made.ID); err != nil {
		t.Errorf("parse again: %v", err)
	}
}

func TestAddressesAreClaimedOnce(t *testing.T) {
	o := newOffice(t)
	o.work()
	o.apply(hr, o.upload(hr, roster.Add, list("1;Первый Иван Ильич;same@cdek.example;A;;")).ID)
	o.apply(hr, o.upload(hr, roster.Add, list("2;Второй Иван Ильич;SAME@cdek.example;A;;")).ID)
	one, two := o.find("1"), o.find("2")
	a, _ := o.account(one.ID)
	b, _ := o.account(two.ID)
	if a.Email != "same@cdek.example" || b.Email != "" || two.Email == "" {
		t.Errorf("in Keycloak %q and %q, in the list %q", a.Email, b.Email, two.Email)
	}
}

func TestAuditShowsAnyEdit(t *testing.T) {
	o := newOffice(t)
	o.upload(hr, roster.Add, list(person(1)))
	o.upload(hr, roster.Add, list(person(2)))
	if head, err := o.db.VerifyAudit(t.Context()); err != nil || head.Entries != 2 {
		t.Fatalf("%d, %v", head.Entries, err)
	}
	if _, err := o.db.Pool().Exec(t.Context(), `UPDATE audit SET actor = 'somebody else' WHERE seq = 1`); err != nil {
		t.Fatal(err)
	}
	if _, err := o.db.VerifyAudit(t.Context()); code(err) != "audit_broken" {
		t.Errorf("an edited entry: %v", err)
	}
	err := o.db.ForContour(t.Context(), func(tx pgx.Tx) error {
		_, err := tx.Exec(t.Context(), `DELETE FROM audit`)
		return err
	})
	if err == nil {
		t.Error("the contour's role may delete from the audit log")
	}
}

func TestSomebodyListedTwiceIsTakenOnce(t *testing.T) {
	o := newOffice(t)
	o.work()
	rows := append(persons(0, 3), person(1)) // the second job of one person, under the number of the first
	i := o.upload(hr, roster.Add, list(rows...))
	if i.State != roster.Planned || i.Counts.Rows != 4 || i.Counts.Create != 3 || i.Counts.Unchanged != 1 {
		t.Fatalf("state %s, %+v, %+v", i.State, i.Counts, i.Problems)
	}
	if len(i.Problems) != 1 || i.Problems[0].Code != "employee_no_duplicate" || i.Problems[0].Severity != tenancy.SeverityWarning || i.Problems[0].Line != 5 {
		t.Errorf("the row that was left out is told so: %+v", i.Problems)
	}
	if i = o.apply(hr, i.ID); i.State != roster.Applied || i.Counts.Failed != 0 {
		t.Errorf("%+v", i)
	}
}

func TestPeopleWhoseNumberWasLostDoNotLeaveUnseen(t *testing.T) {
	o := newOffice(t)
	o.work()
	o.apply(hr, o.upload(hr, roster.Add, list(persons(0, 40)...)).ID)
	rows := persons(0, 40)
	rows[3] = strings.Replace(rows[3], "1003;", ";", 1) // one of forty: far below every other limit
	i := o.upload(hr, roster.Full, list(rows...))
	if i.State != roster.Held || len(i.Findings) != 1 || i.Findings[0].Code != roster.FindingUnidentified || i.Counts.Rejected != 1 || i.Counts.Leave != 1 {
		t.Errorf("state %s, %+v, %+v", i.State, i.Findings, i.Counts)
	}
}

func TestAcceptanceIsForThePlanThatWasSeen(t *testing.T) {
	o := newOffice(t)
	o.work()
	o.apply(hr, o.upload(hr, roster.Add, list(persons(0, 40)...)).ID)
	first := o.upload(hr, roster.Full, list(persons(5, 40)...)) // 1000 to 1004 are absent
	if i, err := o.Approve(t.Context(), hr2, first.ID, []string{roster.FindingAbsentMany}); err != nil || i.State != roster.Planned {
		t.Fatalf("%+v, %v", i.Findings, err)
	}
	// Meanwhile those five leave on dated rows, and five others come: as many are absent, but other people.
	var rows []string
	for n := range 5 {
		rows = append(rows, person(n)+"2026-02-01")
	}
	o.apply(hr, o.upload(hr, roster.Add, list(append(rows, persons(100, 105)...)...)).ID)
	if _, err := o.Apply(t.Context(), hr, first.ID); code(err) != "plan_stale" {
		t.Fatalf("applied what nobody has seen: %v", err)
	}
	if i := o.read(first.ID); i.State != roster.Held || len(i.Findings) == 0 || i.Findings[0].Accepted {
		t.Errorf("an old acceptance counts for other people: %s %+v", i.State, i.Findings)
	}
}

func TestLeavesOfACancelledImportCanBeUndone(t *testing.T) {
	o := newOffice(t)
	o.work()
	o.apply(hr, o.upload(hr, roster.Add, list(persons(0, 40)...)).ID)
	rows := persons(0, 30)
	rows[0] += "2026-02-01"
	i := o.upload(hr, roster.Full, list(rows...))
	if _, err := o.Apply(t.Context(), hr, i.ID); code(err) != "import_held" {
		t.Fatal(err)
	}
	if _, err := o.Cancel(t.Context(), hr, i.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := o.Undo(t.Context(), hr, i.ID); err != nil {
		t.Fatal(err)
	}
	if e := o.find("1000"); e.Status != tenancy.Current {
		t.Errorf("after cancel and undo he is %s", e.Status)
	}
}
