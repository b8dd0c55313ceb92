package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/ponimayu/opora/api"
	"github.com/ponimayu/opora/internal/entitlement"
	"github.com/ponimayu/opora/internal/roster"
	"github.com/ponimayu/opora/internal/tenancy"
	"github.com/ponimayu/opora/workbooks"
)

const (
	employeeOfCDEK = "0193b6f2-7d5a-7c11-9a55-3d1f5b0e7a01"
	importOfCDEK   = "0193b6f2-7d5a-7c11-9a55-3d1f5b0e7a02"
	overrideOfCDEK = "0193b6f2-7d5a-7c11-9a55-3d1f5b0e7a03"
	nobody         = "0193b6f2-7d5a-7c11-9a55-3d1f5b0e7aff"
)

// callers are whom the world's tokens speak for, by token.
var callers = map[string]tenancy.Actor{
	"employee":   {ID: "e", Roles: []tenancy.Role{tenancy.RoleEmployee}},
	"anna":       {ID: employeeOfCDEK, Roles: []tenancy.Role{tenancy.RoleEmployee}},
	"specialist": {ID: "s", Roles: []tenancy.Role{tenancy.RoleSpecialist}},
	"payments":   {ID: "pay", Roles: []tenancy.Role{tenancy.RolePayments}},
	"booking":    {ID: "b", Roles: []tenancy.Role{tenancy.RoleBookingCore}},
	"hr-cdek":    {ID: "h1", Roles: []tenancy.Role{tenancy.RoleHRAdmin}, Tenants: []tenancy.TenantSlug{"cdek"}},
	"hr-cdek-2":  {ID: "h2", Roles: []tenancy.Role{tenancy.RoleHRAdmin}, Tenants: []tenancy.TenantSlug{"cdek"}},
	"hr-avito":   {ID: "h3", Roles: []tenancy.Role{tenancy.RoleHRAdmin}, Tenants: []tenancy.TenantSlug{"avito"}},
	"hr-nowhere": {ID: "h4", Roles: []tenancy.Role{tenancy.RoleHRAdmin}},
	"platform":   {ID: "p", Roles: []tenancy.Role{tenancy.RolePlatformAdmin}},
}

// world is a server over one tenant, one employee and one import held in
// memory, under the rule that the real use cases follow.
type world struct {
	t       testing.TB
	server  *api.Server
	log     bytes.Buffer
	fail    error         // what every use case answers, when set
	panics  any           // what every use case panics with, when set
	breaks  error         // what breaks a file off in its middle, when set
	hang    bool          // use cases wait for their deadline
	slow    time.Duration // use cases take so long
	ready   error         // what readiness answers
	upload  api.Upload    // the last one received, its content below
	content []byte
	terms   *entitlement.Terms

	contract tenancy.Contract
	feed     *tape
	expired  atomic.Bool // tokens are
}

func newWorld(t testing.TB) *world {
	w := &world{t: t}
	w.contract = tenancy.Contract{
		ID: "cdek-ru-2026", Country: "RU", TimeZone: "Europe/Moscow", From: tenancy.NewDate(2026, 1, 1), Until: tenancy.NewDate(2027, 1, 1),
		Grants: []tenancy.Grant{{ID: "talk", SpecialistTypes: []tenancy.SpecialistTypeCode{"psychologist"}, Amount: 6, Per: tenancy.PerEmployee, Window: tenancy.CalendarYear}},
	}
	terms, err := entitlement.Compile(tenancy.Tenant{Slug: "cdek", Contracts: []tenancy.Contract{w.contract}}, []tenancy.SpecialistType{{Code: "psychologist"}, {Code: "lawyer"}})
	if err != nil {
		t.Fatal(err)
	}
	w.terms, w.feed = terms, newTape(w)
	w.server = api.New(api.Options{
		MaxUpload: 1 << 20, SpoolDir: t.TempDir(),
		Tokens: w, Snapshots: w, Rosters: w, Employees: w, Overrides: w, Past: w, Feed: w.feed, Webhooks: subscriptions{w}, Metrics: prometheus.NewRegistry(),
		Ready: func(context.Context) error { return w.ready }, Log: slog.New(slog.NewJSONHandler(&w.log, nil)),
	})
	return w
}

// Verify implements api.Tokens.
func (w *world) Verify(_ context.Context, raw string) (tenancy.Actor, error) {
	actor, ok := callers[raw]
	if !ok {
		return actor, tenancy.E(tenancy.Unauthenticated, "token_malformed", "not a token")
	}
	if w.expired.Load() {
		return tenancy.Actor{}, tenancy.E(tenancy.Unauthenticated, "token_expired", "too old")
	}
	return actor, nil
}

// may is the rule of every use case: a tenant that the actor does not reach
// does not exist.
func (w *world) may(ctx context.Context, actor tenancy.Actor, action tenancy.Action, tenant tenancy.TenantSlug, code string) error {
	switch {
	case w.panics != nil:
		panic(w.panics)
	case w.slow > 0:
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(w.slow):
		}
	case w.hang:
		<-ctx.Done()
		return ctx.Err()
	case w.fail != nil:
		return w.fail
	case tenant != "cdek" || !actor.May(action, tenant):
		return tenancy.E(tenancy.NotFound, code, "There is no such thing.")
	}
	return nil
}

// Held has nobody in memory: the world answers as a database does.
func (w *world) Held(tenancy.EmployeeID) (entitlement.Snapshot, bool) {
	return entitlement.Snapshot{}, false
}

func (w *world) Snapshot(ctx context.Context, id tenancy.EmployeeID) (entitlement.Snapshot, error) {
	if err := w.may(ctx, callers["booking"], tenancy.CheckEntitlement, "cdek", ""); err != nil || id != employeeOfCDEK {
		return entitlement.Snapshot{Revision: "1"}, err
	}
	return entitlement.NewSnapshot(w.terms, anEmployee(), "1"), nil
}

func anEmployee() tenancy.Employee {
	return tenancy.Employee{
		ID: employeeOfCDEK, Tenant: "cdek", Login: "cdek-7k2m9q", Status: tenancy.Current, LastName: "Примерова", FirstName: "Анна",
		BirthDate: tenancy.NewDate(1990, 2, 3), Overrides: []tenancy.Override{{Grant: "talk", Amount: 1, Reason: "canary-reason"}},
		Employments: []tenancy.Employment{{LegalEntity: "global", EmployeeNo: "17", EmployeeKey: "17", HiredOn: tenancy.NewDate(2024, 3, 1)}},
	}
}

func (w *world) SearchEmployees(ctx context.Context, actor tenancy.Actor, s roster.EmployeeFilter) ([]tenancy.Employee, error) {
	if err := w.may(ctx, actor, tenancy.ReadEmployees, s.Tenant, "tenant_unknown"); err != nil {
		return nil, err
	}
	return []tenancy.Employee{anEmployee()}, nil
}

func (w *world) Employee(ctx context.Context, actor tenancy.Actor, id tenancy.EmployeeID) (tenancy.Employee, error) {
	if err := w.may(ctx, actor, tenancy.ReadEmployees, tenantOf(string(id)), "employee_unknown"); err != nil {
		return tenancy.Employee{}, err
	}
	return anEmployee(), nil
}

func anOverride() entitlement.Override {
	return entitlement.Override{
		ID: overrideOfCDEK, Grant: "talk", Amount: 2, From: tenancy.NewDate(2026, 11, 21), Until: tenancy.NewDate(2027, 1, 1), Reason: entitlement.Goodwill,
		Reference: "HELP-1234", Author: "p", MadeAt: time.Unix(1795262400, 0).UTC(), State: entitlement.OverrideCurrent,
	}
}

func (w *world) Overrides(ctx context.Context, actor tenancy.Actor, id tenancy.EmployeeID) ([]entitlement.Override, error) {
	return []entitlement.Override{anOverride()}, w.may(ctx, actor, tenancy.OverrideEntitlement, tenantOf(string(id)), "employee_unknown")
}

// EntitlementsAsOf implements api.Past, with every source that there can be.
func (w *world) EntitlementsAsOf(ctx context.Context, actor tenancy.Actor, id tenancy.EmployeeID, at, known time.Time) (entitlement.PastEntitlements, error) {
	if err := w.may(ctx, actor, tenancy.ReadPastEntitlements, tenantOf(string(id)), "employee_unknown"); err != nil {
		return entitlement.PastEntitlements{}, err
	}
	if known.IsZero() {
		known = time.Unix(1795262400, 0).UTC()
	}
	early := time.Unix(1704103200, 0).UTC()
	employee := anEmployee()
	from := entitlement.Source{LearntAt: early, Import: &entitlement.ImportSource{ID: importOfCDEK, Mode: "add", Change: "hire", Line: 5, UploadedAt: early, UploadedBy: "h1", AppliedAt: early}}
	h := entitlement.History{
		Tenant: "cdek", Employee: id, Known: known, Overrides: []entitlement.Override{anOverride()},
		Types:   []entitlement.Version[[]tenancy.SpecialistType]{{Of: []tenancy.SpecialistType{{Code: "psychologist"}, {Code: "lawyer"}}, LearntAt: early}},
		Tenants: []entitlement.Version[tenancy.Tenant]{{Of: tenancy.Tenant{Slug: "cdek"}, LearntAt: early}},
		Contracts: []entitlement.ContractHistory{{ID: w.contract.ID, Versions: []entitlement.Version[tenancy.Contract]{
			{Of: w.contract, LearntAt: early, SupersededAt: known, Source: entitlement.Source{LearntAt: early, Revision: "r1", Plan: nobody, By: "operator"}},
			{Of: w.contract, LearntAt: known, Source: entitlement.Source{LearntAt: known, Revision: "r2"}},
		}}},
		Employments: []entitlement.EmploymentHistory{
			{ID: nobody, Versions: []entitlement.Version[tenancy.Employment]{
				{Of: employee.Employments[0], LearntAt: early, SupersededAt: known, Source: from},
				{Of: tenancy.Employment{LegalEntity: "global", Position: "Курьер"}, LearntAt: known, Source: entitlement.Source{LearntAt: known, Undid: importOfCDEK}},
			}},
			{ID: importOfCDEK, Versions: []entitlement.Version[tenancy.Employment]{{LearntAt: early, SupersededAt: known, Source: from}}},
		},
	}
	return h.Entitlements(at)
}

func (w *world) AddOverride(ctx context.Context, actor tenancy.Actor, id tenancy.EmployeeID, _ entitlement.OverrideRequest, key string) (entitlement.Override, bool, error) {
	return anOverride(), key != "again", w.may(ctx, actor, tenancy.OverrideEntitlement, tenantOf(string(id)), "employee_unknown")
}

func (w *world) EndOverride(ctx context.Context, actor tenancy.Actor, id tenancy.EmployeeID, _ entitlement.OverrideID) (entitlement.Override, error) {
	return anOverride(), w.may(ctx, actor, tenancy.OverrideEntitlement, tenantOf(string(id)), "employee_unknown")
}

// tenantOf says whose the world's things are.
func tenantOf(id string) tenancy.TenantSlug {
	if id == employeeOfCDEK || id == importOfCDEK {
		return "cdek"
	}
	return ""
}

func (w *world) IssueActivation(ctx context.Context, actor tenancy.Actor, ids []tenancy.EmployeeID) ([]roster.Activation, error) {
	if err := w.may(ctx, actor, tenancy.IssueActivation, tenantOf(string(ids[0])), "employee_unknown"); err != nil {
		return nil, err
	}
	return []roster.Activation{{EmployeeID: ids[0], Login: "cdek-7k2m9q", Code: "AB12-CD34", ExpiresAt: "2026-11-28T10:00:00Z"}}, nil
}

func (w *world) Receive(ctx context.Context, actor tenancy.Actor, u api.Upload) (roster.Import, error) {
	if err := w.may(ctx, actor, tenancy.UploadRoster, u.Tenant, "tenant_unknown"); err != nil {
		return roster.Import{}, err
	}
	w.upload = u
	w.content, _ = io.ReadAll(u.Content)
	return anImport(roster.Received), nil
}

func anImport(state roster.State) roster.Import {
	return roster.Import{ID: importOfCDEK, Tenant: "cdek", State: state, Mode: roster.Add, UploadedBy: "h1", UploadedAt: time.Unix(1795262400, 0).UTC()}
}

func (w *world) step(ctx context.Context, actor tenancy.Actor, action tenancy.Action, id roster.ImportID, to roster.State) (roster.Import, error) {
	if err := w.may(ctx, actor, action, tenantOf(string(id)), "import_unknown"); err != nil {
		return roster.Import{}, err
	}
	return anImport(to), nil
}

func (w *world) Import(ctx context.Context, actor tenancy.Actor, id roster.ImportID) (roster.Import, error) {
	i, err := w.step(ctx, actor, tenancy.ReadRoster, id, roster.Planned)
	i.Problems = []tenancy.Problem{{Code: "email_invalid", Severity: tenancy.SeverityWarning, Message: "This is no address.", Line: 5, Column: "C", Field: "email"}}
	return i, err
}

func (w *world) ImportProgress(ctx context.Context, actor tenancy.Actor, id roster.ImportID) (roster.Import, error) {
	return w.step(ctx, actor, tenancy.ReadRoster, id, roster.Applied)
}

func (w *world) Problems(ctx context.Context, actor tenancy.Actor, id roster.ImportID, after, limit int) (all []tenancy.Problem, next int, err error) {
	_, err = w.step(ctx, actor, tenancy.ReadRoster, id, "")
	for n := after + 1; n <= min(after+limit, 12); n++ {
		all = append(all, tenancy.Problem{Code: "email_invalid", Severity: tenancy.SeverityWarning, Message: "This is no address.", Line: 4 + n, Column: "C", Field: "email"})
		if next = n; n == 12 {
			next = 0
		}
	}
	return all, next, err
}

func (w *world) ErrorWorkbook(ctx context.Context, actor tenancy.Actor, id roster.ImportID, lang tenancy.Language, to io.Writer) error {
	return w.file(ctx, actor, tenancy.ReadRoster, tenantOf(string(id)), "import_unknown", string("PK errors "+lang), to)
}

func (w *world) ExportRoster(ctx context.Context, actor tenancy.Actor, tenant tenancy.TenantSlug, format workbooks.Format, lang tenancy.Language, to io.Writer) error {
	return w.file(ctx, actor, tenancy.ExportRoster, tenant, "tenant_unknown", "PK export "+string(format)+string(lang), to)
}

func (w *world) Template(_ context.Context, _ tenancy.Actor, tenant tenancy.TenantSlug, country tenancy.CountryCode, lang tenancy.Language, to io.Writer) error {
	_, err := io.WriteString(to, "PK template "+string(tenant)+string(country)+string(lang))
	return err
}

func (w *world) file(ctx context.Context, actor tenancy.Actor, action tenancy.Action, tenant tenancy.TenantSlug, unknown, text string, to io.Writer) error {
	if err := w.may(ctx, actor, action, tenant, unknown); err != nil {
		return err
	}
	if _, err := io.WriteString(to, text); err != nil {
		return err
	}
	return w.breaks
}

func (w *world) ChangesOfKind(ctx context.Context, actor tenancy.Actor, id roster.ImportID, _ roster.Kind, after, limit int) ([]roster.Change, error) {
	_, err := w.step(ctx, actor, tenancy.ReadRoster, id, "")
	var all []roster.Change
	for n := after + 1; n <= min(after+limit, 12); n++ {
		all = append(all, roster.Change{N: n, Kind: roster.Update, State: roster.ChangePlanned, Line: 4 + n, LegalEntity: "global", EmployeeNo: "17", EmployeeKey: "17",
			EmployeeID: employeeOfCDEK, Employment: nobody, Fields: []roster.FieldChange{{Field: "position", Old: "Курьер", New: "Кладовщик"}}})
	}
	return all, err
}

func (w *world) RememberedMapping(ctx context.Context, actor tenancy.Actor, tenant tenancy.TenantSlug) (roster.RememberedMapping, error) {
	if err := w.may(ctx, actor, tenancy.ReadRoster, tenant, "tenant_unknown"); err != nil {
		return roster.RememberedMapping{}, err
	}
	return roster.RememberedMapping{Tenant: tenant, Names: map[string]string{"Сот. тел.": "phone"}, SettledBy: "h1", SettledAt: time.Unix(1795262400, 0).UTC(), Import: importOfCDEK}, nil
}

func (w *world) ForgetMapping(ctx context.Context, actor tenancy.Actor, tenant tenancy.TenantSlug) error {
	return w.may(ctx, actor, tenancy.UploadRoster, tenant, "tenant_unknown")
}

func (w *world) RosterStatus(ctx context.Context, actor tenancy.Actor, tenant tenancy.TenantSlug) (roster.ListStatus, error) {
	if err := w.may(ctx, actor, tenancy.ReadRoster, tenant, "tenant_unknown"); err != nil {
		return roster.ListStatus{}, err
	}
	return roster.ListStatus{Tenant: tenant, Promises: []roster.Promise{{Every: 7, Due: tenancy.NewDate(2026, 11, 20), Overdue: true, Days: 2}}}, nil
}

func (w *world) Approve(ctx context.Context, actor tenancy.Actor, id roster.ImportID, _ []string) (roster.Import, error) {
	if tenantOf(string(id)) == "cdek" && actor.ID == "h1" {
		return roster.Import{}, tenancy.E(tenancy.Conflict, "same_person", "Another person than the uploader approves.")
	}
	return w.step(ctx, actor, tenancy.ApproveRoster, id, roster.Planned)
}

func (w *world) Apply(ctx context.Context, actor tenancy.Actor, id roster.ImportID) (roster.Import, error) {
	return w.step(ctx, actor, tenancy.ApplyRoster, id, roster.Applying)
}

func (w *world) Undo(ctx context.Context, actor tenancy.Actor, id roster.ImportID) (roster.UndoReport, error) {
	i, err := w.step(ctx, actor, tenancy.ApplyRoster, id, roster.Undone)
	return roster.UndoReport{Import: i}, err
}

func (w *world) Cancel(ctx context.Context, actor tenancy.Actor, id roster.ImportID) (roster.Import, error) {
	return w.step(ctx, actor, tenancy.ApplyRoster, id, roster.Cancelled)
}

// request makes a request of the caller; body is JSON unless it says otherwise.
func request(caller, method, path, body string) *http.Request {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	if caller != "" {
		r.Header.Set("Authorization", "Bearer "+caller)
	}
	return r
}

// form makes an upload of the caller: pairs of a part's name and its content.
func form(caller, path string, parts ...string) *http.Request {
	var b bytes.Buffer
	m := multipart.NewWriter(&b)
	for i := 0; i < len(parts); i += 2 {
		var part io.Writer
		if parts[i] == "file" {
			part, _ = m.CreateFormFile("file", "Иванов список.XLSX")
		} else {
			part, _ = m.CreateFormField(parts[i])
		}
		_, _ = io.WriteString(part, parts[i+1])
	}
	_ = m.Close()
	r := request(caller, "POST", path, b.String())
	r.Header.Set("Content-Type", m.FormDataContentType())
	return r
}

// do serves a request and holds the answer to openapi.yaml.
func (w *world) do(r *http.Request) *httptest.ResponseRecorder {
	w.t.Helper()
	answer := httptest.NewRecorder()
	w.server.ServeHTTP(answer, r)
	conform(w.t, r, answer)
	return answer
}

// code returns the code of a problem, or "" of another answer.
func code(t *testing.T, answer *httptest.ResponseRecorder) string {
	t.Helper()
	if answer.Header().Get("Content-Type") != "application/problem+json" {
		return ""
	}
	var p struct{ Code string }
	if err := json.Unmarshal(answer.Body.Bytes(), &p); err != nil {
		t.Fatal(err)
	}
	return p.Code
}
