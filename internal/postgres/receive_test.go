package postgres_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/ponimayu/opora/internal/job"
	"github.com/ponimayu/opora/internal/postgres"
	"github.com/ponimayu/opora/internal/roster"
	"github.com/ponimayu/opora/internal/scan"
	"github.com/ponimayu/opora/internal/scan/scantest"
	"github.com/ponimayu/opora/internal/tenancy"
)

// exec changes what only the clock changes.
func (o *office) exec(statement string, args ...any) {
	o.t.Helper()
	err := o.db.ForContour(o.t.Context(), func(tx pgx.Tx) error {
		_, err := tx.Exec(o.t.Context(), statement, args...)
		return err
	})
	if err != nil {
		o.t.Fatal(err)
	}
}

func (o *office) receive(mode roster.Mode, hints roster.Hints, file string) roster.Import {
	o.t.Helper()
	made, err := o.Receive(o.t.Context(), hr, postgres.Upload{Tenant: "cdek", Mode: mode, Hints: hints, File: strings.NewReader(file)})
	if err != nil {
		o.t.Fatal(err)
	}
	return made
}

func (o *office) parse(id roster.ImportID) roster.Import {
	o.t.Helper()
	if err := job.Parse(o.t.Context(), o.Rosters, id); err != nil {
		o.t.Fatal(err)
	}
	return o.read(id)
}

func problemCodes(i roster.Import) (codes []string) {
	for _, p := range i.Problems {
		codes = append(codes, string(p.Code))
	}
	return codes
}

// stuck is a scanner that does not come to an end.
type stuck struct{ entered chan struct{} }

func (s stuck) Scan(ctx context.Context, _ io.Reader) error {
	close(s.entered)
	<-ctx.Done()
	return tenancy.E(tenancy.Unavailable, "scanner_unavailable", "stopped", ctx.Err())
}

func TestACancelledImportIsNotParsedOn(t *testing.T) {
	o := newOffice(t)
	s := stuck{make(chan struct{})}
	o.ScanWith(s)
	i := o.receive(roster.Add, roster.Hints{}, list(persons(0, 5)...))
	parsed := make(chan error, 1)
	go func() { parsed <- job.Parse(context.Background(), o.Rosters, i.ID) }()
	<-s.entered
	o.wait(i.ID, func(i roster.Import) bool {
		return i.State == roster.Parsing && i.Progress != nil && i.Progress.Phase == roster.Scanning
	})
	cancelled, err := o.Cancel(t.Context(), hr, i.ID)
	if err != nil || cancelled.State != roster.Cancelled {
		t.Fatalf("%+v %v", cancelled, err)
	}
	began := time.Now()
	if err := <-parsed; err != nil || time.Since(began) > 3*time.Second {
		t.Errorf("the parse went on for %v, and says %v", time.Since(began), err)
	}
	if i := o.read(i.ID); i.State != roster.Cancelled || i.Progress != nil || i.Waiting != nil {
		t.Errorf("%+v", i)
	}
	if n := o.count(`SELECT count(*) FROM upload_chunk`); n != 0 {
		t.Errorf("%d pieces of the upload are left", n)
	}
}

func TestCancelRemovesWhatWasPlanned(t *testing.T) {
	o := newOffice(t)
	i := o.upload(hr, roster.Add, list(persons(0, 20)...))
	if _, err := o.Cancel(t.Context(), hr, i.ID); err != nil {
		t.Fatal(err)
	}
	for _, table := range []string{"import_row", "import_identity", "import_change", "upload_chunk"} {
		if n := o.count(`SELECT count(*) FROM ` + table); n != 0 {
			t.Errorf("%s has %d rows", table, n)
		}
	}
}

// TestAParseThatDiedIsTakenUp leaves a claim behind as a killed process does.
func TestAParseThatDiedIsTakenUp(t *testing.T) {
	o := newOffice(t)
	i := o.receive(roster.Add, roster.Hints{}, list(persons(0, 5)...))
	dead, err := o.BeginParse(t.Context(), i.ID)
	if err != nil || dead == nil {
		t.Fatal(err)
	}
	if err := o.WakeParses(t.Context()); err != nil {
		t.Fatal(err)
	}
	if now := o.read(i.ID); now.State != roster.Parsing {
		t.Fatalf("taken from who lives: %s", now.State)
	}
	o.exec(`UPDATE import SET lease_until = now() - interval '1 second'`)
	o.exec(`DELETE FROM river_job`)
	o.work()
	if now := o.wait(i.ID, func(i roster.Import) bool { return i.State == roster.Planned }); now.Counts.Create != 5 {
		t.Errorf("%+v", now)
	}
	// The process that only seemed dead comes back.
	if err := o.KeepParse(t.Context(), dead, roster.Progress{}); !errors.Is(err, job.ErrLost) {
		t.Errorf("it keeps its claim: %v", err)
	}
	if err := o.FailParse(t.Context(), dead, tenancy.Problem{Code: "late"}); !errors.Is(err, job.ErrLost) {
		t.Errorf("its word counts: %v", err)
	}
}

// TestAFileThatKillsItsReadersIsLeftAlone lets one after the other die of it.
func TestAFileThatKillsItsReadersIsLeftAlone(t *testing.T) {
	o := newOffice(t)
	i := o.receive(roster.Add, roster.Hints{}, list(persons(0, 5)...))
	for range 5 {
		if p, err := o.BeginParse(t.Context(), i.ID); err != nil || p == nil {
			t.Fatalf("%v %v", p, err)
		}
		o.exec(`UPDATE import SET lease_until = now() - interval '1 second'`)
		if err := o.WakeParses(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if i := o.read(i.ID); i.State != roster.Failed || !slices.Equal(problemCodes(i), []string{"parse_failed"}) || o.count(`SELECT count(*) FROM upload_chunk`) != 0 {
		t.Errorf("%+v", i)
	}
}

func TestListsAreScanned(t *testing.T) {
	o := newOffice(t)
	daemon := scantest.Start(t)
	clamd, err := scan.New(daemon.Address)
	if err != nil {
		t.Fatal(err)
	}
	o.ScanWith(clamd)
	if i := o.parse(o.receive(roster.Add, roster.Hints{}, list(persons(0, 3)...)).ID); i.State != roster.Planned || daemon.Scans() != 1 {
		t.Errorf("clean: %+v after %d scans", i, daemon.Scans())
	}
	infected := o.parse(o.receive(roster.Add, roster.Hints{}, scantest.EICAR()).ID)
	if infected.State != roster.Failed || !slices.Equal(problemCodes(infected), []string{"file_infected"}) {
		t.Errorf("%+v", infected)
	}
	large := o.parse(o.receive(roster.Add, roster.Hints{}, strings.Repeat("x", scantest.StreamMaxLength+1)).ID)
	if large.State != roster.Failed || !slices.Equal(problemCodes(large), []string{"scan_limit"}) {
		t.Errorf("%+v", large)
	}
	if n := o.count(`SELECT count(*) FROM upload_chunk`); n != 0 {
		t.Errorf("%d pieces of the uploads are left", n)
	}
}

// TestAListWaitsForTheScanner starts the scanner only after the list has come.
func TestAListWaitsForTheScanner(t *testing.T) {
	o := newOffice(t)
	down, err := scan.New("unix:" + t.TempDir() + "/nothing")
	if err != nil {
		t.Fatal(err)
	}
	o.ScanWith(down)
	o.work()
	i := o.receive(roster.Add, roster.Hints{}, list(persons(0, 3)...))
	i = o.wait(i.ID, func(i roster.Import) bool { return i.Waiting != nil })
	if i.State != roster.Received || i.Waiting.Code != "scanner_unavailable" {
		t.Errorf("%+v", i)
	}
	up, err := scan.New(scantest.Start(t).Address)
	if err != nil {
		t.Fatal(err)
	}
	o.ScanWith(up)
	if i := o.wait(i.ID, func(i roster.Import) bool { return i.State == roster.Planned }); i.Waiting != nil {
		t.Errorf("%+v", i)
	}
}

func TestAMappingThatCannotBe(t *testing.T) {
	o := newOffice(t)
	for _, mapping := range []map[string]string{{"phone": "4"}, {"phone": "ABCD"}, {"": "A"}} {
		_, err := o.Receive(t.Context(), hr, postgres.Upload{Tenant: "cdek", Hints: roster.Hints{Mapping: mapping}, File: strings.NewReader("x")})
		if code(err) != "mapping_invalid" {
			t.Errorf("%v: %v", mapping, err)
		}
	}
	ambiguous := o.upload(hr, roster.Add, "Табельный номер;ФИО;Сотрудник\n1;Примеров Иван;Примеров Пётр\n")
	if ambiguous.State != roster.Failed || !slices.Equal(problemCodes(ambiguous), []string{"header_ambiguous"}) || !strings.Contains(ambiguous.Problems[0].Message, `{"phone":"D"}`) {
		t.Errorf("%+v", ambiguous)
	}
}

func TestUploadsAreRemovedAfterTheirTerm(t *testing.T) {
	o := newOffice(t)
	keep := job.Terms{Upload: 7 * 24 * time.Hour, Plan: 30 * 24 * time.Hour, Rows: 30 * 24 * time.Hour}
	after := func(days int) {
		t.Helper()
		if err := o.RemoveUploads(t.Context(), keep, time.Now().Add(time.Duration(days)*24*time.Hour+time.Minute)); err != nil {
			t.Fatal(err)
		}
	}
	waits := o.receive(roster.Add, roster.Hints{}, list(persons(0, 3)...))
	plan := o.upload(hr, roster.Add, list(persons(10, 13)...))
	after(6)
	if i := o.read(waits.ID); i.State != roster.Received || o.count(`SELECT count(*) FROM upload_chunk`) == 0 {
		t.Errorf("removed before its time: %+v", i)
	}
	after(7)
	if i := o.read(waits.ID); i.State != roster.Failed || !slices.Equal(problemCodes(i), []string{"upload_expired"}) || o.count(`SELECT count(*) FROM upload_chunk`) != 0 {
		t.Errorf("%+v", i)
	}
	o.exec(`INSERT INTO error_workbook (tenant, import_id, marking, expires_at) VALUES ('cdek', $1, '{}', now() + interval '7 days')`, plan.ID)
	o.exec(`INSERT INTO error_workbook_chunk (tenant, import_id, n, sealed, expires_at) VALUES ('cdek', $1, 0, 'x', now() + interval '7 days')`, plan.ID)
	if after(6); o.count(`SELECT count(*) FROM error_workbook_chunk`) != 1 {
		t.Error("a workbook of errors is removed before its time")
	}
	if after(7); o.count(`SELECT count(*) FROM error_workbook_chunk`) != 0 {
		t.Error("a workbook of errors outlives its term")
	}
	after(29)
	if i := o.read(plan.ID); i.State != roster.Planned || o.count(`SELECT count(*) FROM import_row`) != 3 {
		t.Errorf("removed before its time: %+v", i)
	}
	after(30)
	if i := o.read(plan.ID); i.State != roster.Cancelled || !slices.Equal(problemCodes(i), []string{"plan_expired"}) || o.count(`SELECT count(*) FROM import_row`)+o.count(`SELECT count(*) FROM import_change`) != 0 {
		t.Errorf("%+v", i)
	}
}

func TestRowsOfAnAppliedListAreRemovedAndItCanBeUndone(t *testing.T) {
	o := newOffice(t)
	o.work()
	i := o.apply(hr, o.upload(hr, roster.Add, list(persons(0, 10)...)).ID)
	if err := o.RemoveUploads(t.Context(), job.Terms{Upload: time.Hour, Plan: time.Hour, Rows: time.Hour}, time.Now().Add(2*time.Hour)); err != nil {
		t.Fatal(err)
	}
	if n := o.count(`SELECT count(*) FROM import_row`); n != 0 {
		t.Errorf("%d rows are left", n)
	}
	report, err := o.Undo(t.Context(), hr, i.ID)
	if err != nil || len(report.Reversed) != 10 {
		t.Errorf("%d reversed, %v", len(report.Reversed), err)
	}
}

// promised makes cdek promise a list every so many days.
func (o *office) promise(days int) {
	o.t.Helper()
	catalogue := part()
	catalogue.Tenants[1].Contracts[0].Roster.DueEveryDays = days
	if err := o.db.StoreCatalogue(o.t.Context(), catalogue, "2"); err != nil {
		o.t.Fatal(err)
	}
}

func TestAPromisedListThatDoesNotCome(t *testing.T) {
	o := newOffice(t)
	o.promise(7)
	o.work()
	status := func() roster.ListStatus {
		t.Helper()
		s, err := o.RosterStatus(t.Context(), hr, "cdek")
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	if s := status(); !s.Overdue || s.LastList != nil || len(s.Promises) != 1 { // the contract began in January
		t.Fatalf("no list at all: %+v", s)
	}
	o.apply(hr, o.upload(hr, roster.Add, list(persons(0, 5)...)).ID)
	if s := status(); !s.Overdue {
		t.Errorf("a list of who is new tells nothing of who left: %+v", s)
	}
	i := o.apply(hr, o.upload(hr, roster.Full, list(persons(0, 5)...)).ID)
	s := status()
	if s.Overdue || s.LastList == nil || s.LastList.Import != i.ID || s.Promises[0].Every != 7 || s.Promises[0].LegalEntity != "" {
		t.Fatalf("%+v", s)
	}
	b, err := json.Marshal(s)
	if err != nil || strings.Contains(string(b), "Примеров") {
		t.Errorf("%s %v", b, err)
	}
	now := time.Now()
	told := func(after time.Duration) int {
		t.Helper()
		overdue, err := o.OverdueLists(t.Context(), now.Add(after))
		if err != nil {
			t.Fatal(err)
		}
		return len(overdue)
	}
	const day = 24 * time.Hour
	if n := told(7 * day); n != 0 {
		t.Errorf("told on the day: %d", n)
	}
	if first, again, next := told(9*day), told(9*day+time.Minute), told(10*day+2*time.Minute); first != 1 || again != 0 && now.Add(9*day).Day() == now.Add(9*day+time.Minute).Day() || next != 1 {
		t.Errorf("told %d, %d on the same day, %d on the next", first, again, next)
	}
	// Another entity has people, and no list speaks for it.
	o.exec(`UPDATE employment SET legal_entity = 'north' WHERE employee_key = '1001'`)
	if s := status(); !s.Overdue || len(s.Promises) != 2 || s.Promises[0].Overdue || !s.Promises[1].Overdue || s.Promises[1].LegalEntity != "north" {
		t.Errorf("%+v", s)
	}
	if _, err := o.RosterStatus(t.Context(), stranger, "cdek"); code(err) != "tenant_unknown" {
		t.Errorf("another tenant reads it: %v", err)
	}
}
