//go:build e2e

package e2e

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/xuri/excelize/v2"
)

// person is a row of a made-up roster.
type person struct{ no, last, first, position, email string }

// people makes n persons whose numbers nobody else in the tenant has.
func people(n int) []person {
	run := strings.ToUpper(rand.Text()[:6])
	last := []string{"Примеров", "Образцов", "Тестов", "Пробнов", "Учебнов", "Черновиков", "Макетов"}
	first := []string{"Антон", "Борис", "Виктор", "Глеб", "Данила", "Егор", "Захар"}
	var all []person
	for i := range n {
		all = append(all, person{
			no: fmt.Sprintf("%s-%04d", run, i), last: last[i%len(last)], first: first[i/len(last)%len(first)],
			position: "Курьер", email: fmt.Sprintf("%s.%d@cdek.example", strings.ToLower(run), i),
		})
	}
	return all
}

// workbook writes a roster as HR departments do: a title, an empty line, a
// header, and people.
func workbook(t *testing.T, all []person) []byte {
	t.Helper()
	f := excelize.NewFile()
	defer f.Close()
	rows := [][]any{{"Список сотрудников"}, {}, {"Табельный номер", "Фамилия", "Имя", "Должность", "Электронная почта", "Дата приема"}}
	for _, p := range all {
		rows = append(rows, []any{p.no, p.last, p.first, p.position, p.email, "01.03.2024"})
	}
	for i, row := range rows {
		if err := f.SetSheetRow("Sheet1", fmt.Sprintf("A%d", i+1), &row); err != nil {
			t.Fatal(err)
		}
	}
	var b bytes.Buffer
	if err := f.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// imported is what the API says of an import.
type imported struct {
	ID       string
	State    string
	Counts   map[string]int
	Findings []struct {
		Code     string
		Accepted bool
	}
	Problems []struct{ Code string }
}

// into reads an answer of the wanted status.
func into[T any](t *testing.T, r reply, status int) T {
	t.Helper()
	var v T
	if r.status != status {
		t.Fatalf("want %d, got %s", status, r)
	}
	if err := json.Unmarshal(r.body, &v); err != nil {
		t.Fatalf("%v: %s", err, r)
	}
	return v
}

// await polls an import until it is in one of the states.
func (s *stack) await(token, id string, states ...string) imported {
	s.t.Helper()
	var i imported
	for start := time.Now(); time.Since(start) < 2*time.Minute; time.Sleep(100 * time.Millisecond) {
		i = into[imported](s.t, s.call(token, "GET", "/v1/imports/"+id, nil), 200)
		if slices.Contains(states, i.State) {
			return i
		}
		if slices.Contains([]string{"failed", "cancelled"}, i.State) {
			break
		}
	}
	s.t.Fatalf("the import is %+v, not %v", i, states)
	return i
}

// found is an employee as a search answers.
type found struct {
	Items []struct{ ID, Tenant, Login, Status string }
}

// findOne searches by a personnel number that one employee has.
func (s *stack) findOne(token, tenant, no string) employee {
	s.t.Helper()
	r := into[found](s.t, s.call(token, "POST", "/v1/employees/search", map[string]string{"tenant": tenant, "employee_no": no}), 200)
	if len(r.Items) != 1 || r.Items[0].Status != "current" || !strings.HasPrefix(r.Items[0].Login, tenant+"-") {
		s.t.Fatalf("search by number: %+v", r)
	}
	return employee{id: r.Items[0].ID, tenant: r.Items[0].Tenant, login: r.Items[0].Login}
}

// decision is what a check answers.
type decision struct {
	Allowed                bool
	Reason, Consume        string
	Limit, Used, Remaining int
	Lines                  []struct{ Grant string }
	Revision               string
}

// check asks for a psychologist at a time, so many times having been used.
func (s *stack) check(token, id string, at time.Time, used any) reply {
	s.t.Helper()
	body := map[string]any{"employee_id": id, "specialist_type": "psychologist", "at": at.Format(time.RFC3339)}
	if used != nil {
		body["used"] = used
	}
	return s.call(token, "POST", "/v1/entitlements/check", body)
}

// TestFromSpreadsheetToSignInAndCheck is the main job: HR hands a workbook in,
// reads what it would do, applies it; the employee signs in; the booking core
// gets its answer; and whoever may not, may not.
func TestFromSpreadsheetToSignInAndCheck(t *testing.T) {
	t.Parallel() // with the token that is waited for
	s := newStack(t)
	staff := people(10)
	var someone employee
	var id string
	tomorrow := time.Now().Add(24 * time.Hour)

	if !t.Run("upload, preview, apply", func(t *testing.T) {
		s := newStack(t)
		r := s.upload(s.token("HR_CDEK"), "cdek", workbook(t, staff), map[string]string{"mode": "add"})
		id = into[imported](t, r, http.StatusAccepted).ID
		if r.header.Get("Location") != "/v1/imports/"+id {
			t.Errorf("Location is %q", r.header.Get("Location"))
		}
		i := s.await(s.token("HR_CDEK"), id, "planned")
		if i.Counts["rows"] != 10 || i.Counts["create"] != 10 || i.Counts["rejected"] != 0 {
			t.Fatalf("planned: %+v", i)
		}
		changes := into[struct {
			Items []struct{ Kind, State string }
		}](t, s.call(s.token("HR_CDEK"), "GET", "/v1/imports/"+id+"/changes", nil), 200)
		if len(changes.Items) != 10 || changes.Items[0].Kind != "hire" || changes.Items[0].State != "planned" {
			t.Fatalf("the preview: %+v", changes)
		}
		into[imported](t, s.call(s.token("HR_CDEK"), "POST", "/v1/imports/"+id+"/apply", nil), http.StatusAccepted)
		if i = s.await(s.token("HR_CDEK"), id, "applied"); i.Counts["failed"] != 0 || len(i.Problems) != 0 {
			t.Fatalf("applied: %+v", i)
		}
		someone = s.findOne(s.token("HR_CDEK"), "cdek", staff[0].no)
	}) {
		return
	}

	t.Run("the same file again changes nothing", func(t *testing.T) {
		s := newStack(t)
		again := into[imported](t, s.upload(s.token("HR_CDEK"), "cdek", workbook(t, staff), nil), http.StatusAccepted)
		if i := s.await(s.token("HR_CDEK"), again.ID, "planned"); i.ID == id || i.Counts["unchanged"] != 10 || i.Counts["create"]+i.Counts["update"] != 0 {
			t.Errorf("%+v", i)
		}
		into[imported](t, s.call(s.token("HR_CDEK"), "POST", "/v1/imports/"+again.ID+"/cancel", nil), 200)
	})

	t.Run("the booking core gets its answer", func(t *testing.T) {
		s := newStack(t)
		d := into[decision](t, s.check(s.token("BOOKING"), someone.id, tomorrow, map[string]int{"talk": 6, "extra": 1}), 200)
		if !d.Allowed || d.Reason != "ok" || d.Consume != "extra" || d.Used != 7 || len(d.Lines) != 2 || d.Revision == "" {
			t.Errorf("a courier with one left: %+v", d)
		}
		if d = into[decision](t, s.check(s.token("BOOKING"), someone.id, tomorrow, 100), 200); d.Allowed || d.Reason != "quota_exhausted" {
			t.Errorf("used up: %+v", d)
		}
		if d = into[decision](t, s.check(s.token("BOOKING"), id, tomorrow, nil), 200); d.Allowed || d.Reason != "employee_unknown" {
			t.Errorf("nobody: %+v", d)
		}
		all := into[struct {
			Tenant string
			Items  []struct {
				SpecialistType string `json:"specialist_type"`
				Allowed        bool
			}
		}](t, s.call(s.token("BOOKING"), "GET", "/v1/employees/"+someone.id+"/entitlements", nil), 200)
		if all.Tenant != "cdek" || len(all.Items) < 8 {
			t.Errorf("entitlements: %+v", all)
		}
	})

	t.Run("others are refused", func(t *testing.T) { refused(t, newStack(t), id, someone, workbook(t, staff)) })

	t.Run("the employee signs in", func(t *testing.T) {
		s := newStack(t)
		sheet := into[struct {
			Items []struct{ Login, Code string }
		}](t, s.call(s.token("HR_CDEK"), "POST", "/v1/tenants/cdek/activations",
			map[string]any{"employee_ids": []string{someone.id}}), http.StatusCreated)
		if len(sheet.Items) != 1 || sheet.Items[0].Login != someone.login || sheet.Items[0].Code == "" {
			t.Fatal("the activation sheet has not one line with a code")
		}
		someone.code = sheet.Items[0].Code
		signsIn(t, s, someone)
	})

	t.Run("four eyes", func(t *testing.T) { fourEyes(t, newStack(t), staff, someone) })

	if log := s.call("", "GET", "/metrics", nil); strings.Contains(string(log.body), someone.id) || log.status != 200 {
		t.Error("the metrics name an employee")
	}
}

// refused tries what another tenant's HR, HR itself, the booking core and the
// platform admin may not do.
func refused(t *testing.T, s *stack, id string, someone employee, file []byte) {
	const absent = "00000000-0000-4000-8000-000000000000"
	for _, tt := range []struct{ client, method, path, like string }{
		{"HR_AVITO", "GET", "/v1/imports/" + id, "/v1/imports/" + absent},
		{"HR_AVITO", "GET", "/v1/imports/" + id + "/changes", "/v1/imports/" + absent + "/changes"},
		{"HR_AVITO", "POST", "/v1/imports/" + id + "/apply", "/v1/imports/" + absent + "/apply"},
		{"HR_AVITO", "POST", "/v1/imports/" + id + "/undo", "/v1/imports/" + absent + "/undo"},
		{"HR_AVITO", "POST", "/v1/imports/" + id + "/cancel", "/v1/imports/" + absent + "/cancel"},
		{"HR_AVITO", "GET", "/v1/employees/" + someone.id, "/v1/employees/" + absent},
	} {
		theirs, none := s.call(s.token(tt.client), tt.method, tt.path, nil), s.call(s.token(tt.client), tt.method, tt.like, nil)
		if theirs.status != 404 || theirs.String() != none.String() {
			t.Errorf("%s %s %s: %s; what is absent: %s", tt.client, tt.method, tt.path, theirs, none)
		}
	}
	search := func(client, tenant string) reply {
		return s.call(s.token(client), "POST", "/v1/employees/search", map[string]string{"tenant": tenant, "q": "При"})
	}
	if theirs, none := search("HR_AVITO", "cdek"), search("HR_AVITO", "no-such-tenant"); theirs.status != 404 || theirs.String() != none.String() {
		t.Errorf("searching another tenant: %s; one that is absent: %s", theirs, none)
	}
	activate := map[string]any{"employee_ids": []string{someone.id}}
	for _, tt := range []struct {
		what   string
		got    reply
		status int
	}{
		{"HR of Avito uploads to CDEK", s.upload(s.token("HR_AVITO"), "cdek", file, nil), 404},
		{"HR of Avito activates CDEK's", s.call(s.token("HR_AVITO"), "POST", "/v1/tenants/cdek/activations", activate), 404},
		{"HR of Avito activates CDEK's as its own", s.call(s.token("HR_AVITO"), "POST", "/v1/tenants/avito/activations", activate), 404},
		{"HR checks", s.check(s.token("HR_CDEK"), someone.id, time.Now(), nil), 403},
		{"HR reads entitlements", s.call(s.token("HR_CDEK"), "GET", "/v1/employees/"+someone.id+"/entitlements", nil), 403},
		{"a platform admin checks", s.check(s.token("PLATFORM"), someone.id, time.Now(), nil), 403},
		{"the booking core uploads", s.upload(s.token("BOOKING"), "cdek", file, nil), 403},
		{"the booking core reads an import", s.call(s.token("BOOKING"), "GET", "/v1/imports/"+id, nil), 403},
		{"the booking core reads an employee", s.call(s.token("BOOKING"), "GET", "/v1/employees/"+someone.id, nil), 403},
		{"the booking core searches", search("BOOKING", "cdek"), 403},
		{"nobody checks", s.check("", someone.id, time.Now(), nil), 401},
	} {
		if tt.got.status != tt.status || tt.got.header.Get("Content-Type") != "application/problem+json" || tt.got.code() == "" {
			t.Errorf("%s: %s, want a problem of status %d", tt.what, tt.got, tt.status)
		}
	}
	if r := s.call(s.token("PLATFORM"), "GET", "/v1/imports/"+id, nil); r.status != 200 {
		t.Errorf("a platform admin reads an import: %s", r)
	}
}

// fourEyes hands in a full list from which most are missing: the brake holds
// it, its uploader may not let it go, a second HR admin may, and whoever left
// is refused after the grace period.
func fourEyes(t *testing.T, s *stack, staff []person, someone employee) {
	i := into[imported](t, s.upload(s.token("HR_CDEK"), "cdek", workbook(t, staff[8:]), map[string]string{"mode": "full"}), http.StatusAccepted)
	i = s.await(s.token("HR_CDEK"), i.ID, "held")
	var codes []string
	for _, f := range i.Findings {
		codes = append(codes, f.Code)
	}
	if len(codes) == 0 {
		t.Fatalf("held without a finding: %+v", i)
	}
	accept := map[string]any{"accept": codes}
	if r := s.call(s.token("HR_CDEK"), "POST", "/v1/imports/"+i.ID+"/approve", accept); r.status != 409 || r.code() != "same_person" {
		t.Fatalf("the uploader approves: %s", r)
	}
	if r := s.call(s.token("HR_AVITO"), "POST", "/v1/imports/"+i.ID+"/approve", accept); r.status != 404 {
		t.Fatalf("another tenant's HR approves: %s", r)
	}
	if r := s.call(s.token("HR_CDEK"), "POST", "/v1/imports/"+i.ID+"/apply", nil); r.status != 409 {
		t.Fatalf("a held import is applied: %s", r)
	}
	into[imported](t, s.call(s.token("HR_CDEK2"), "POST", "/v1/imports/"+i.ID+"/approve", accept), 200)
	into[imported](t, s.call(s.token("HR_CDEK"), "POST", "/v1/imports/"+i.ID+"/apply", nil), http.StatusAccepted)
	applied := time.Now()
	late := applied.Add(20 * 24 * time.Hour) // beyond CDEK's 14 days of grace
	for {
		d := into[decision](t, s.check(s.token("BOOKING"), someone.id, late, nil), 200)
		if !d.Allowed && d.Reason == "employee_inactive" {
			break
		}
		if time.Since(applied) > time.Second {
			t.Fatalf("a second after the commit a leaver is answered %+v", d)
		}
	}
	s.await(s.token("HR_CDEK"), i.ID, "applied")
}
