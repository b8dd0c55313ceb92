package api_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ponimayu/opora/internal/roster"
	"github.com/ponimayu/opora/internal/tenancy"
)

// canary stands for personal data or a secret inside an error.
const canary = "canary@example.com"

func TestProblems(t *testing.T) {
	for _, tt := range []struct {
		name   string
		fail   error
		status int
		code   string
	}{
		{"invalid", tenancy.E(tenancy.Invalid, "a", "m", errors.New(canary)), 400, "a"},
		{"unauthenticated", tenancy.E(tenancy.Unauthenticated, "b", "m", errors.New(canary)), 401, "b"},
		{"forbidden", tenancy.E(tenancy.Forbidden, "c", "m", errors.New(canary)), 403, "c"},
		{"not found", tenancy.E(tenancy.NotFound, "d", "m", errors.New(canary)), 404, "d"},
		{"conflict, wrapped", fmt.Errorf("%s: %w", canary, tenancy.E(tenancy.Conflict, "e", "m")), 409, "e"},
		{"too large", tenancy.E(tenancy.TooLarge, "f", "m"), 413, "f"},
		{"unavailable", tenancy.E(tenancy.Unavailable, "g", "m", errors.New(canary)), 503, "g"},
		{"internal keeps its words to itself", tenancy.E(tenancy.Internal, "h", canary), 500, "internal"},
		{"a kind that the table does not know", tenancy.E("odd", "i", canary), 500, "internal"},
		{"any other error", errors.New(canary), 500, "internal"},
		{"deadline", fmt.Errorf("%s: %w", canary, context.DeadlineExceeded), 503, "deadline_exceeded"},
		{"a problem with a file", tenancy.Problem{Code: "header_not_found", Severity: tenancy.SeverityError, Message: "m", Sheet: "Лист1", Line: 3}, 400, "header_not_found"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			w.fail = tt.fail
			got := w.do(request("platform", "GET", "/v1/imports/"+importOfCDEK, ""))
			if got.Code != tt.status || code(t, got) != tt.code {
				t.Errorf("%d %s, want %d %s", got.Code, got.Body, tt.status, tt.code)
			}
			if strings.Contains(got.Body.String()+w.log.String(), canary) {
				t.Errorf("what the cause holds shows in\n%s\n%s", got.Body, w.log.String())
			}
			if (tt.status >= 500) != strings.Contains(w.log.String(), `"msg":"request failed"`) {
				t.Errorf("status %d, logged: %s", tt.status, w.log.String())
			}
			if tt.status == 503 && got.Header().Get("Retry-After") == "" {
				t.Error("no Retry-After")
			}
		})
	}
}

func TestPanicIsAnswered(t *testing.T) {
	w := newWorld(t)
	w.panics = canary
	got := w.do(request("platform", "GET", "/v1/imports/"+importOfCDEK, ""))
	if got.Code != 500 || code(t, got) != "internal" {
		t.Errorf("%d %s", got.Code, got.Body)
	}
	if log := w.log.String(); strings.Contains(log+got.Body.String(), canary) || !strings.Contains(log, "readImport") {
		t.Errorf("the log of a panic: %s", log)
	}
}

func TestDeadlineEndsAWaitingRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.hang = true
		start := time.Now()
		got := w.do(request("booking", "POST", "/v1/entitlements/check", checkBody))
		if took := time.Since(start); got.Code != 503 || took > 3*time.Second || took < time.Second {
			t.Errorf("%d after %v", got.Code, took)
		}
	})
}

func TestApplyAndUndoHaveTwoMinutes(t *testing.T) {
	for _, tt := range []struct {
		step string
		want time.Duration
	}{{"apply", 2 * time.Minute}, {"undo", 2 * time.Minute}, {"cancel", 15 * time.Second}} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			w.hang = true
			start := time.Now()
			got := w.do(request("hr-cdek", "POST", "/v1/imports/"+importOfCDEK+"/"+tt.step, ""))
			if took := time.Since(start); got.Code != 503 || took != tt.want {
				t.Errorf("%s: %d after %v", tt.step, got.Code, took)
			}
		})
	}
}

// The server's own time for reading and writing is shorter than an apply.
func TestApplyOutlivesTheConnectionsDeadlines(t *testing.T) {
	w := newWorld(t)
	w.slow = 300 * time.Millisecond
	server := httptest.NewUnstartedServer(w.server)
	server.Config.ReadTimeout, server.Config.WriteTimeout = 100*time.Millisecond, 150*time.Millisecond
	server.Start()
	defer server.Close()
	for _, step := range []string{"apply", "undo"} {
		r, err := http.NewRequestWithContext(t.Context(), "POST", server.URL+"/v1/imports/"+importOfCDEK+"/"+step, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer hr-cdek")
		got, err := server.Client().Do(r)
		if err != nil {
			t.Errorf("%s: %v", step, err)
			continue
		}
		got.Body.Close()
		if got.StatusCode >= 300 {
			t.Errorf("%s: %d", step, got.StatusCode)
		}
	}
}

const checkBody = `{"employee_id":"` + employeeOfCDEK + `","specialist_type":"psychologist","at":"2026-12-01T10:00:00+03:00","used":{"talk":2}}`

func TestCheck(t *testing.T) {
	w := newWorld(t)
	got := w.do(request("booking", "POST", "/v1/entitlements/check", checkBody))
	if got.Code != 200 || !strings.Contains(got.Body.String(), `"allowed":true,"reason":"ok","limit":7,"used":2,"remaining":5,"consume":"talk"`) {
		t.Errorf("%d %s", got.Code, got.Body)
	}
	for _, unknown := range []string{nobody, "no-such"} {
		got = w.do(request("booking", "POST", "/v1/entitlements/check", strings.Replace(checkBody, employeeOfCDEK, unknown, 1)))
		if got.Code != 200 || !strings.Contains(got.Body.String(), `"allowed":false,"reason":"employee_unknown"`) {
			t.Errorf("%s: %d %s", unknown, got.Code, got.Body)
		}
	}
	if w.log.Len() > 0 {
		t.Errorf("checks left a trace: %s", w.log.String())
	}
}

func TestBodiesAreTakenStrictly(t *testing.T) {
	w := newWorld(t)
	for _, tt := range []struct{ path, body, code string }{
		{"/v1/entitlements/check", "", "content_type"},
		{"/v1/entitlements/check", "{", "json_invalid"},
		{"/v1/entitlements/check", `{"employee_id":"x"}`, "field_missing"},
		{"/v1/entitlements/check", strings.Replace(checkBody, `"used"`, `"usd"`, 1), "field_unknown"},
		{"/v1/entitlements/check", checkBody + "{}", "json_invalid"},
		{"/v1/entitlements/check", strings.Replace(checkBody, "psychologist", strings.Repeat("p", 70<<10), 1), "body_too_large"},
		{"/v1/employees/search", `{"tenant":"cdek"}`, "field_missing"},
		{"/v1/employees/search", `{"tenant":"cdek","q":"a","email":"b"}`, "field_missing"},
		{"/v1/employees/search", `{"q":"a"}`, "field_missing"},
		{"/v1/employees/search", `{"tenant":"cdek","q":"a","canary":1}`, "field_unknown"},
		{"/v1/employees/search", `{"tenant":"cdek","q":17}`, "field_invalid"},
		{"/v1/employees/search", `{"tenant":"cdek","q":"a"} []`, "json_invalid"},
		{"/v1/employees/search", `{"tenant":"cdek","q":"a`, "json_invalid"},
		{"/v1/employees/search", `nonsense`, "json_invalid"},
		{"/v1/employees/search", `{"tenant":"cdek","q":"` + strings.Repeat("a", 300<<10) + `"}`, "body_too_large"},
		{"/v1/employees/search", `{"tenant":"cdek","q":"` + strings.Repeat("a", 300) + `"}`, "field_invalid"},
		{"/v1/tenants/cdek/activations", `{"employee_ids":[]}`, "field_invalid"},
		{"/v1/tenants/cdek/activations", `{"employee_ids":["` + strings.Repeat(employeeOfCDEK+`","`, 500) + employeeOfCDEK + `"]}`, "field_invalid"},
		{"/v1/tenants/cdek/activations", `{"employee_ids":["../../x"]}`, "employee_unknown"},
		{"/v1/imports/" + importOfCDEK + "/apply", `{"force":true}`, "body_unexpected"},
		{"/v1/imports/" + importOfCDEK + "/apply", strings.Repeat(" ", 300), "body_too_large"},
	} {
		caller := "hr-cdek"
		if strings.Contains(tt.path, "check") {
			caller = "booking"
		}
		if got := w.do(request(caller, "POST", tt.path, tt.body)); code(t, got) != tt.code {
			t.Errorf("%s %.60s: %d %s, want %s", tt.path, tt.body, got.Code, got.Body, tt.code)
		}
	}
}

func TestEmployeeAnswerHoldsOnlyWhatHRMaySee(t *testing.T) {
	w := newWorld(t)
	body := w.do(request("hr-cdek", "GET", "/v1/employees/"+employeeOfCDEK, "")).Body.String()
	for _, never := range []string{"1990-02-03", "override", "canary-reason", "activated"} {
		if strings.Contains(body, never) {
			t.Errorf("%s in %s", never, body)
		}
	}
	if !strings.Contains(body, `"last_name":"Примерова"`) || !strings.Contains(body, `"hired_on":"2024-03-01"`) {
		t.Error(body)
	}
}

func TestEntitlementsOfAnEmployee(t *testing.T) {
	w := newWorld(t)
	got := w.do(request("booking", "GET", "/v1/employees/"+employeeOfCDEK+"/entitlements?at=2026-12-01T10:00:00%2B03:00", "")).Body.String()
	if !strings.Contains(got, `"specialist_type":"psychologist","allowed":true`) || !strings.Contains(got, `"specialist_type":"lawyer","allowed":false,"reason":"type_not_covered"`) {
		t.Error(got)
	}
	for at, want := range map[string]string{"yesterday": "field_invalid", "9999-01-01T00:00:00Z": "field_invalid", "2026-12-01": "field_invalid"} {
		if got := w.do(request("booking", "GET", "/v1/employees/"+employeeOfCDEK+"/entitlements?at="+at, "")); code(t, got) != want {
			t.Errorf("at=%s: %d %s", at, got.Code, got.Body)
		}
	}
	if got := w.do(request("booking", "GET", "/v1/employees/"+nobody+"/entitlements", "")); code(t, got) != "employee_unknown" {
		t.Errorf("%d %s", got.Code, got.Body)
	}
}

func TestIDsMayBeSpelledInCapitals(t *testing.T) {
	w := newWorld(t)
	capitals := strings.ToUpper(employeeOfCDEK)
	for _, tt := range []struct{ caller, method, path, body, holds string }{
		{"booking", "POST", "/v1/entitlements/check", strings.Replace(checkBody, employeeOfCDEK, capitals, 1), `"allowed":true`},
		{"booking", "GET", "/v1/employees/" + capitals + "/entitlements?at=2026-12-01T10:00:00Z", "", employeeOfCDEK},
		{"hr-cdek", "GET", "/v1/employees/" + capitals, "", employeeOfCDEK},
		{"hr-cdek", "POST", "/v1/tenants/cdek/activations", `{"employee_ids":["` + capitals + `"]}`, employeeOfCDEK},
		{"hr-cdek", "GET", "/v1/imports/" + strings.ToUpper(importOfCDEK), "", importOfCDEK},
	} {
		if got := w.do(request(tt.caller, tt.method, tt.path, tt.body)); got.Code >= 300 || !strings.Contains(got.Body.String(), tt.holds) {
			t.Errorf("%s: %d %s", tt.path, got.Code, got.Body)
		}
	}
}

func TestUpload(t *testing.T) {
	w := newWorld(t)
	content := strings.Repeat("строка;", 1000)
	for _, parts := range [][]string{{"file", content, "mode", "full", "legal_entity", "global"}, {"legal_entity", "global", "mode", "full", "file", content}} {
		got := w.do(form("hr-cdek", "/v1/tenants/cdek/imports", parts...))
		if got.Code != 202 || got.Header().Get("Location") != "/v1/imports/"+importOfCDEK {
			t.Fatalf("%d %s %v", got.Code, got.Body, got.Header())
		}
		if w.upload.Tenant != "cdek" || w.upload.Mode != roster.Full || w.upload.LegalEntity != "global" || string(w.content) != content {
			t.Errorf("received %+v and %d bytes", w.upload, len(w.content))
		}
	}
	w.do(form("hr-cdek", "/v1/tenants/cdek/imports", "file", "x"))
	if w.upload.Mode != roster.Add {
		t.Errorf("without a mode: %q", w.upload.Mode)
	}
	for _, tt := range []struct {
		code  string
		parts []string
	}{
		{"field_missing", []string{"mode", "add"}},
		{"field_invalid", []string{"file", "x", "mode", "replace"}},
		{"field_invalid", []string{"file", "x", "file", "y"}},
		{"field_unknown", []string{"file", "x", "tenant", "avito"}},
		{"file_too_large", []string{"file", strings.Repeat("x", 1<<20+1)}},
		{"file_too_large", []string{"file", "x", "mode", strings.Repeat("x", 300)}},
	} {
		if got := w.do(form("hr-cdek", "/v1/tenants/cdek/imports", tt.parts...)); code(t, got) != tt.code {
			t.Errorf("%.80q: %d %s, want %s", tt.parts, got.Code, got.Body, tt.code)
		}
	}
	cut := form("hr-cdek", "/v1/tenants/cdek/imports", "file", content)
	cut.Body = io.NopCloser(io.LimitReader(cut.Body, 500))
	if got := w.do(cut); code(t, got) != "form_invalid" {
		t.Errorf("a form that ends early: %d %s", got.Code, got.Body)
	}
	if got := w.do(request("hr-cdek", "POST", "/v1/tenants/cdek/imports", "{}")); code(t, got) != "content_type" {
		t.Errorf("JSON: %d %s", got.Code, got.Body)
	}
	if strings.Contains(w.log.String(), "Иванов") {
		t.Error("the file's name is in the log")
	}
}

func TestChangesComeInPages(t *testing.T) {
	w := newWorld(t)
	for query, want := range map[string]string{"limit=5": `"next":5`, "after=5&limit=5": `"next":10`, "after=10&limit=5": `]}`, "after=100": `{"items":[]}`} {
		if got := w.do(request("hr-cdek", "GET", "/v1/imports/"+importOfCDEK+"/changes?"+query, "")).Body.String(); !strings.Contains(got, want) {
			t.Errorf("%s: %s", query, got)
		}
	}
	for _, query := range []string{"limit=0", "limit=1001", "limit=x", "after=-1"} {
		if got := w.do(request("hr-cdek", "GET", "/v1/imports/"+importOfCDEK+"/changes?"+query, "")); code(t, got) != "field_invalid" {
			t.Errorf("%s: %d %s", query, got.Code, got.Body)
		}
	}
}

func TestProbesAndUnknownAddresses(t *testing.T) {
	w := newWorld(t)
	for _, tt := range []struct {
		method, path string
		status       int
	}{
		{"GET", "/healthz", 200}, {"GET", "/readyz", 200}, {"GET", "/metrics", 200}, {"GET", "/openapi.yaml", 200},
		{"GET", "/", 404}, {"GET", "/v1", 404}, {"GET", "/v1/employees/a/b/c", 404}, {"POST", "/healthz", 405}, {"DELETE", "/v1/imports/" + importOfCDEK, 405},
		{"GET", "/v1/entitlements/check", 405},
	} {
		got := w.do(request("", tt.method, tt.path, ""))
		if got.Code != tt.status {
			t.Errorf("%s %s: %d", tt.method, tt.path, got.Code)
		}
		if tt.status == 405 && got.Header().Get("Allow") == "" {
			t.Errorf("%s %s: no Allow", tt.method, tt.path)
		}
		if tt.status >= 400 && code(t, got) == "" {
			t.Errorf("%s %s: not a problem: %s", tt.method, tt.path, got.Body)
		}
		for name, want := range map[string]string{"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store", "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'"} {
			if h := got.Header().Get(name); h != want {
				t.Errorf("%s %s: %s is %q", tt.method, tt.path, name, h)
			}
		}
	}
	w.ready = errors.New(canary)
	got := w.do(request("", "GET", "/readyz", ""))
	if got.Code != http.StatusServiceUnavailable || strings.Contains(got.Body.String(), canary) {
		t.Errorf("%d %s", got.Code, got.Body)
	}
}

// TestNothingPersonalIsKept sends ids and addresses in every place and looks
// for them in the log and the metrics.
func TestNothingPersonalIsKept(t *testing.T) {
	w := newWorld(t)
	w.do(request("hr-cdek", "GET", "/v1/employees/"+employeeOfCDEK+"?q="+canary, ""))
	w.do(request("hr-cdek", "GET", "/v1/employees/"+canary, ""))
	w.do(request("hr-cdek", "GET", "/"+canary, ""))
	w.do(request("hr-cdek", canary[:6], "/v1/employees/"+employeeOfCDEK, ""))
	w.do(request("hr-cdek", "POST", "/v1/employees/search", `{"tenant":"cdek","email":"`+canary+`"}`))
	r := request("hr-cdek", "GET", "/v1/employees/"+employeeOfCDEK, "")
	r.Header.Set("X-Request-Id", canary)
	r.Header.Set("User-Agent", canary)
	w.do(r)
	kept := w.log.String() + w.do(request("", "GET", "/metrics", "")).Body.String()
	for _, never := range []string{canary, "canary", employeeOfCDEK, "Примерова", "hr-cdek"} {
		if strings.Contains(kept, never) {
			t.Errorf("%q is kept in\n%s", never, kept)
		}
	}
	for _, want := range []string{`route="/v1/employees/{id}"`, `route="unmatched"`, `"route":"/v1/employees/search"`} {
		if !strings.Contains(kept, want) {
			t.Errorf("no %s in\n%s", want, kept)
		}
	}
}
