package postgres_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/ponimayu/opora/internal/job"
	"github.com/ponimayu/opora/internal/postgres"
	"github.com/ponimayu/opora/internal/roster"
	"github.com/ponimayu/opora/internal/tenancy"
)

var update = flag.Bool("update", false, "rewrite told.txt of the stories")

// Each file of testdata/stories is a story: lists that a tenant's HR uploads one
// after the other, what else happens between them, and told.txt, what became of
// everybody. A step is a file named
//
//	MODE [entity=CODE] [hold]   a list, uploaded and applied; "hold": not applied
//	approve                     the second HR admin accepts the findings of the last list, and it is applied
//	undo N | cancel N           of the list that came N-th
//	days N                      pass
//	confirm NUMBER              the employee confirms his e-mail and telephone
//	code NUMBER                 an activation code is printed for him
//
// Its first line may say what the contract agrees: "absent_times: 2". In lists
// and in told.txt {today}, {today+9}, {today-9} are days.
func TestStories(t *testing.T) {
	files, err := filepath.Glob("testdata/stories/*.txtar")
	if err != nil || len(files) < 10 {
		t.Fatalf("%d stories, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			t.Parallel()
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			s := newStory(t, string(archive.Comment))
			var steps []txtar.File
			want := ""
			for _, f := range archive.Files {
				if f.Name == "told.txt" {
					want = string(f.Data)
					continue
				}
				steps = append(steps, f)
				s.step(f.Name, string(f.Data))
			}
			s.people()
			got := s.days(s.told.String())
			if *update {
				archive.Files = append(steps, txtar.File{Name: "told.txt", Data: []byte(got)})
				if err := os.WriteFile(file, txtar.Format(archive), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("(-want +told)\n%s", d)
			}
		})
	}
}

// story is a story while it is told.
type story struct {
	*office
	told    strings.Builder
	imports []roster.Import
	today   tenancy.Date
}

func newStory(t *testing.T, comment string) *story {
	s := &story{office: newOffice(t)}
	part := part()
	terms := regexp.MustCompile(`absent_times: (\d+)`).FindStringSubmatch(comment)
	if terms != nil {
		part.Tenants[1].Contracts[0].Roster.AbsentTimes, _ = strconv.Atoi(terms[1])
	}
	if err := s.db.StoreCatalogue(t.Context(), part, "2"); err != nil {
		t.Fatal(err)
	}
	zone, err := time.LoadLocation("Europe/Moscow")
	if err != nil {
		t.Fatal(err)
	}
	s.today = tenancy.DateOf(time.Now().In(zone))
	s.work()
	return s
}

var dayPattern = regexp.MustCompile(`\{today([+-]\d+)?\}`)

func (s *story) step(name, file string) {
	fmt.Fprintf(&s.told, "%s\n", name)
	words := strings.Fields(name)
	number := func() int { n, _ := strconv.Atoi(words[1]); return n }
	switch words[0] {
	case "full", "add", "leavers":
		s.list(words, file)
	case "approve":
		i := s.imports[len(s.imports)-1]
		var codes []string
		for _, f := range i.Findings {
			codes = append(codes, f.Code)
		}
		if _, err := s.Approve(s.t.Context(), hr2, i.ID, codes); err != nil {
			s.t.Fatal(err)
		}
		s.applied(i)
	case "undo":
		report, err := s.Undo(s.t.Context(), hr, s.imports[number()-1].ID)
		if err != nil {
			s.t.Fatal(err)
		}
		s.wait(report.Import.ID, func(i roster.Import) bool { return i.Done == i.Ops })
		for _, c := range slices.Concat(report.Reversed, report.Kept, report.Failed) {
			fmt.Fprintf(&s.told, "  %s/%s %s %s %s\n", c.LegalEntity, c.EmployeeNo, c.Kind, c.State, c.Reason)
		}
	case "cancel":
		if _, err := s.Cancel(s.t.Context(), hr, s.imports[number()-1].ID); err != nil {
			s.t.Fatal(err)
		}
	case "days":
		s.pass(number())
	case "confirm":
		s.exec(`UPDATE person p SET email_confirmed = email <> '', phone_confirmed = phone <> '' FROM employment e WHERE e.tenant = p.tenant AND e.person_id = p.id AND e.employee_key = $1 AND e.released_at IS NULL`, words[1])
	case "code":
		if _, err := s.IssueActivation(s.t.Context(), hr, []tenancy.EmployeeID{s.find(words[1]).ID}); err != nil {
			s.t.Fatal(err)
		}
	default:
		s.t.Fatalf("no such step: %s", name)
	}
}

// list uploads a list and applies it, unless the step says not to.
func (s *story) list(words []string, file string) {
	file = dayPattern.ReplaceAllStringFunc(file, func(match string) string {
		n, _ := strconv.Atoi(strings.Trim(strings.TrimPrefix(match, "{today"), "}"))
		return s.today.AddDays(n).String()
	})
	upload := postgres.Upload{Tenant: "cdek", Mode: roster.Mode(words[0]), File: strings.NewReader(file)}
	hold := false
	for _, word := range words[1:] {
		if entity, ok := strings.CutPrefix(word, "entity="); ok {
			upload.LegalEntity = tenancy.LegalEntityCode(entity)
		}
		hold = hold || word == "hold"
	}
	made, err := s.Receive(s.t.Context(), hr, upload)
	if err != nil {
		s.t.Fatal(err)
	}
	if err := job.Parse(s.t.Context(), s.Rosters, made.ID); err != nil && err != job.ErrBusy { //nolint:errorlint // it is that very one
		s.t.Fatal(err)
	}
	i := s.wait(made.ID, func(i roster.Import) bool { return i.State != roster.Received && i.State != roster.Parsing })
	s.imports = append(s.imports, i)
	s.tell(i)
	if !hold {
		s.applied(i)
	}
}

func (s *story) tell(i roster.Import) {
	c := i.Counts
	fmt.Fprintf(&s.told, "  %s:", i.State)
	for _, part := range []struct {
		name string
		n    int
	}{{"create", c.Create}, {"update", c.Update}, {"move", c.Move}, {"leave", c.Leave}, {"return", c.Return}, {"unchanged", c.Unchanged}, {"rejected", c.Rejected}, {"held", c.Held}, {"absent", c.Absent}} {
		if part.n > 0 {
			fmt.Fprintf(&s.told, " %s %d", part.name, part.n)
		}
	}
	s.told.WriteString("\n")
	for _, f := range i.Findings {
		fmt.Fprintf(&s.told, "  finding %s %d > %d\n", f.Code, f.Count, f.Limit)
	}
	changes, err := s.Changes(s.t.Context(), hr, i.ID, 0, 100)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, c := range changes {
		fmt.Fprintf(&s.told, "  %d %s %s/%s", c.Line, c.Kind, c.LegalEntity, c.EmployeeNo)
		for _, f := range c.Fields {
			if c.Kind != roster.Hire {
				fmt.Fprintf(&s.told, " %s %s→%s", f.Field, f.Old, f.New)
			}
		}
		s.told.WriteString("\n")
	}
	for _, p := range i.Problems {
		if p.Code == "contact_missing" {
			continue // most of these people have no telephone, and need none
		}
		fmt.Fprintf(&s.told, "  line %d: %s %s\n", p.Line, p.Code, p.Field)
		if p.Code == "absent_counted" {
			fmt.Fprintf(&s.told, "    %s\n", p.Message)
		}
	}
}

func (s *story) applied(i roster.Import) {
	_, err := s.Apply(s.t.Context(), hr, i.ID)
	if err != nil {
		fmt.Fprintf(&s.told, "  not applied: %s\n", code(err))
	}
	s.wait(i.ID, func(i roster.Import) bool { return i.Done == i.Ops && i.State != roster.Applying })
}

// pass lets days pass: all that has a date is older by as many.
func (s *story) pass(n int) {
	for _, statement := range []string{
		`UPDATE employment SET left_on = left_on - $1::int, hired_on = hired_on - $1::int WHERE left_on IS NOT NULL OR hired_on IS NOT NULL`,
		`UPDATE import_absence SET day = day - $1::int`,
		`UPDATE import_row SET left_on = left_on - $1::int, hired_on = hired_on - $1::int`,
		`UPDATE import_change SET left_on = left_on - $1::int, was_left_on = was_left_on - $1::int`,
		`UPDATE import SET applied_at = applied_at - make_interval(days => $1)`,
	} {
		s.exec(statement, n)
	}
	if err := s.EndLastDays(s.t.Context()); err != nil {
		s.t.Fatal(err)
	}
	for deadline := time.Now().Add(20 * time.Second); s.count(`SELECT count(*) FROM op WHERE ended_at IS NULL`) > 0; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			s.t.Fatal("ops stay open")
		}
	}
}

func (s *story) exec(statement string, args ...any) {
	s.t.Helper()
	err := s.db.ForTenant(s.t.Context(), "cdek", func(tx pgx.Tx) error {
		_, err := tx.Exec(s.t.Context(), statement, args...)
		return err
	})
	if err != nil {
		s.t.Fatal(err)
	}
}

// people tells what became of everybody.
func (s *story) people() {
	s.told.WriteString("people\n")
	type one struct {
		id   tenancy.EmployeeID
		line string
	}
	var all []one
	err := s.db.ReadTenant(s.t.Context(), "cdek", func(tx pgx.Tx) error {
		rows, err := tx.Query(s.t.Context(), `
			SELECT p.id::text, concat_ws(' ', nullif(p.last_name, ''), nullif(p.first_name, ''), nullif(p.middle_name, ''), nullif(p.email, ''), nullif(p.phone, ''), p.birth_date, nullif(p.national_id, '')) || ':' ||
				coalesce((SELECT string_agg(concat_ws(' ', ' ' || e.legal_entity || '/' || e.employee_no, nullif(e.department, ''), 'from ' || e.hired_on, 'until ' || e.left_on, CASE WHEN e.released_at IS NOT NULL THEN 'released' END), ',' ORDER BY e.id)
					FROM employment e WHERE e.tenant = p.tenant AND e.person_id = p.id), '')
			FROM person p ORDER BY 2`)
		if err != nil {
			return err
		}
		all, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (o one, err error) { return o, row.Scan(&o.id, &o.line) })
		return err
	})
	if err != nil {
		s.t.Fatal(err)
	}
	for _, o := range all {
		access := "may sign in"
		if a, ok := s.account(o.id); !ok {
			access = "has no account"
		} else if !a.Enabled {
			access = "may not sign in"
		}
		fmt.Fprintf(&s.told, "  %s; %s\n", o.line, access)
	}
}

var isoDay = regexp.MustCompile(`\d{4}-\d\d-\d\d`)

// days writes days of about now as what they are to today.
func (s *story) days(text string) string {
	return isoDay.ReplaceAllStringFunc(text, func(day string) string {
		d, err := tenancy.ParseDate(day)
		if err != nil || d.Before(s.today.AddDays(-400)) || d.After(s.today.AddDays(400)) {
			return day
		}
		n := int(d.In(time.UTC).Sub(s.today.In(time.UTC)).Hours() / 24)
		if n == 0 {
			return "{today}"
		}
		return fmt.Sprintf("{today%+d}", n)
	})
}
