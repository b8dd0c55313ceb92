package api_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/go-chi/chi/v5"

	"github.com/ponimayu/opora/internal/tenancy"
)

// asked says how an address is asked: a path with %s for the id or slug, and a
// body that would be taken.
type asked struct {
	path, body string
	form       bool
	thing      string // cdek's thing that stands for %s
	other      string // what does not exist
	ok         int    // the status for whoever may
	may        string // who may, in cdek
	own        bool   // an employee may ask about himself; of others nothing is there for him
}

// permissions has a row for every guarded address. Who is not in may is
// refused: 404 when his role may do it elsewhere, else 403.
var permissions = map[string]asked{
	"POST /v1/entitlements/check":                    {path: "/v1/entitlements/check", body: `{"employee_id":"%s","specialist_type":"psychologist","at":"2026-12-01T10:00:00+03:00"}`, thing: employeeOfCDEK, ok: 200, may: "booking"},
	"POST /v1/entitlements/checks":                   {path: "/v1/entitlements/checks", body: `{"employee_id":"%s","at":"2026-12-01T10:00:00+03:00"}`, thing: employeeOfCDEK, ok: 200, may: "booking"},
	"GET /v1/employees/{id}/entitlements":            {own: true, path: "/v1/employees/%s/entitlements", thing: employeeOfCDEK, other: nobody, ok: 200, may: "booking platform anna"},
	"GET /v1/employees/{id}/entitlements/as-of":      {path: "/v1/employees/%s/entitlements/as-of?at=2026-12-01T10:00:00%2B03:00&lang=kk", thing: employeeOfCDEK, other: nobody, ok: 200, may: "hr-cdek hr-cdek-2 platform"},
	"GET /v1/employees/{id}/overrides":               {path: "/v1/employees/%s/overrides", thing: employeeOfCDEK, other: nobody, ok: 200, may: "platform"},
	"POST /v1/employees/{id}/overrides":              {path: "/v1/employees/%s/overrides", body: `{"grant":"talk","amount":2,"from":"2026-11-21","until":"2027-01-01","reason":"goodwill"}`, thing: employeeOfCDEK, other: nobody, ok: 201, may: "platform"},
	"DELETE /v1/employees/{id}/overrides/{override}": {path: "/v1/employees/%s/overrides/" + overrideOfCDEK, thing: employeeOfCDEK, other: nobody, ok: 200, may: "platform"},
	"GET /v1/changes":                                {path: "/v1/changes", ok: 200, may: "booking"},
	"GET /v1/changes/snapshot":                       {path: "/v1/changes/snapshot", ok: 200, may: "booking"},
	"GET /v1/changes/terms":                          {path: "/v1/changes/terms", ok: 200, may: "booking"},
	"POST /v1/entitlements/payer":                    {path: "/v1/entitlements/payer", body: `{"employee_id":"%s","specialist_type":"psychologist","at":"2026-12-01T10:00:00+03:00"}`, thing: employeeOfCDEK, ok: 200, may: "payments"},
	"GET /v1/webhooks":                               {path: "/v1/webhooks", ok: 200, may: "platform"},
	"POST /v1/webhooks":                              {path: "/v1/webhooks", body: `{"url":"https://booking.example/opora"}`, ok: 201, may: "platform"},
	"GET /v1/webhooks/{id}":                          {path: "/v1/webhooks/%s", thing: webhookOfContour, ok: 200, may: "platform"},
	"PATCH /v1/webhooks/{id}":                        {path: "/v1/webhooks/%s", body: `{"enabled":false}`, thing: webhookOfContour, ok: 200, may: "platform"},
	"DELETE /v1/webhooks/{id}":                       {path: "/v1/webhooks/%s", thing: webhookOfContour, ok: 204, may: "platform"},
	"POST /v1/webhooks/{id}/rotate":                  {path: "/v1/webhooks/%s/rotate", thing: webhookOfContour, ok: 200, may: "platform"},
	"POST /v1/webhooks/{id}/test":                    {path: "/v1/webhooks/%s/test", thing: webhookOfContour, ok: 200, may: "platform"},
	"GET /v1/webhooks/{id}/deliveries":               {path: "/v1/webhooks/%s/deliveries", thing: webhookOfContour, ok: 200, may: "platform"},
	"POST /v1/employees/search":                      {path: "/v1/employees/search", body: `{"tenant":"%s","q":"При"}`, thing: "cdek", other: "nosuch", ok: 200, may: "hr-cdek hr-cdek-2 platform"},
	"GET /v1/employees/{id}":                         {path: "/v1/employees/%s", thing: employeeOfCDEK, other: nobody, ok: 200, may: "hr-cdek hr-cdek-2 platform"},
	"POST /v1/tenants/{slug}/imports":                {path: "/v1/tenants/%s/imports", form: true, thing: "cdek", other: "nosuch", ok: 202, may: "hr-cdek hr-cdek-2 platform"},
	"POST /v1/tenants/{slug}/activations":            {path: "/v1/tenants/%s/activations", body: `{"employee_ids":["` + employeeOfCDEK + `"]}`, thing: "cdek", other: "nosuch", ok: 201, may: "hr-cdek hr-cdek-2 platform"},
	"GET /v1/tenants/{slug}/mapping":                 {path: "/v1/tenants/%s/mapping", thing: "cdek", other: "nosuch", ok: 200, may: "hr-cdek hr-cdek-2 platform"},
	"DELETE /v1/tenants/{slug}/mapping":              {path: "/v1/tenants/%s/mapping", thing: "cdek", other: "nosuch", ok: 204, may: "hr-cdek hr-cdek-2 platform"},
	"GET /v1/tenants/{slug}/roster":                  {path: "/v1/tenants/%s/roster", thing: "cdek", other: "nosuch", ok: 200, may: "hr-cdek hr-cdek-2 platform"},
	"GET /v1/imports/{id}":                           {path: "/v1/imports/%s", thing: importOfCDEK, other: nobody, ok: 200, may: "hr-cdek hr-cdek-2 platform"},
	"GET /v1/imports/{id}/events":                    {path: "/v1/imports/%s/events", thing: importOfCDEK, other: nobody, ok: 200, may: "hr-cdek hr-cdek-2 platform"},
	"GET /v1/imports/{id}/changes":                   {path: "/v1/imports/%s/changes", thing: importOfCDEK, other: nobody, ok: 200, may: "hr-cdek hr-cdek-2 platform"},
	"GET /v1/imports/{id}/problems":                  {path: "/v1/imports/%s/problems", thing: importOfCDEK, other: nobody, ok: 200, may: "hr-cdek hr-cdek-2 platform"},
	"GET /v1/imports/{id}/errors.xlsx":               {path: "/v1/imports/%s/errors.xlsx", thing: importOfCDEK, other: nobody, ok: 200, may: "hr-cdek hr-cdek-2 platform"},
	"GET /v1/tenants/{slug}/export.xlsx":             {path: "/v1/tenants/%s/export.xlsx", thing: "cdek", other: "nosuch", ok: 200, may: "hr-cdek hr-cdek-2"},
	"GET /v1/tenants/{slug}/export.csv":              {path: "/v1/tenants/%s/export.csv", thing: "cdek", other: "nosuch", ok: 200, may: "hr-cdek hr-cdek-2"},
	"GET /v1/roster/template.xlsx":                   {path: "/v1/roster/template.xlsx?country=RU&lang=ru", ok: 200, may: "hr-cdek hr-cdek-2 hr-avito hr-nowhere platform"},
	"POST /v1/imports/{id}/approve":                  {path: "/v1/imports/%s/approve", body: `{"accept":["R101"]}`, thing: importOfCDEK, other: nobody, ok: 200, may: "hr-cdek-2 platform"},
	"POST /v1/imports/{id}/apply":                    {path: "/v1/imports/%s/apply", thing: importOfCDEK, other: nobody, ok: 202, may: "hr-cdek hr-cdek-2 platform"},
	"POST /v1/imports/{id}/undo":                     {path: "/v1/imports/%s/undo", thing: importOfCDEK, other: nobody, ok: 202, may: "hr-cdek hr-cdek-2 platform"},
	"POST /v1/imports/{id}/cancel":                   {path: "/v1/imports/%s/cancel", thing: importOfCDEK, other: nobody, ok: 200, may: "hr-cdek hr-cdek-2 platform"},
}

// open are the addresses that need no token.
var open = []string{"GET /healthz", "GET /readyz", "GET /metrics", "GET /openapi.yaml"}

// request asks the address of a thing as the caller.
func (a asked) request(caller, method, thing string) *http.Request {
	path, body := strings.Replace(a.path, "%s", thing, 1), strings.Replace(a.body, "%s", thing, 1)
	if a.form {
		return form(caller, path, "file", "x")
	}
	return request(caller, method, path, body)
}

func TestEveryAddressHasAPermission(t *testing.T) {
	w := newWorld(t)
	err := chi.Walk(w.server.Routes(), func(method, route string, _ http.Handler, _ ...func(http.Handler) http.Handler) error {
		name := method + " " + route
		if _, ok := permissions[name]; !ok && !strings.Contains(strings.Join(open, ";"), name) {
			t.Errorf("%s has no row in the table of permissions", name)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestPermissions(t *testing.T) {
	for name, a := range permissions {
		method, _, _ := strings.Cut(name, " ")
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			action, ok := w.server.Actions()[name]
			if !ok {
				t.Fatal("the address is not guarded")
			}
			for caller, actor := range callers {
				want := http.StatusForbidden
				switch {
				case strings.Contains(" "+a.may+" ", " "+caller+" "):
					want = a.ok
				case action == tenancy.ApproveRoster && caller == "hr-cdek":
					want = http.StatusConflict // the uploader himself
				case actor.MayAnywhere(action), a.own && caller == "employee":
					want = http.StatusNotFound
				}
				if got := w.do(a.request(caller, method, a.thing)); got.Code != want {
					t.Errorf("%s: %d, want %d: %s", caller, got.Code, want, got.Body)
				}
			}
			for _, header := range []string{"", "Basic aGk6aGk=", "Bearer", "Bearer ", "Bearer nonsense", "bearer nonsense", "Negotiate x"} {
				r := a.request("", method, a.thing)
				if header != "" {
					r.Header.Set("Authorization", header)
				}
				got := w.do(r)
				if got.Code != http.StatusUnauthorized || !strings.HasPrefix(got.Header().Get("WWW-Authenticate"), "Bearer ") {
					t.Errorf("Authorization %q: %d %q", header, got.Code, got.Header().Get("WWW-Authenticate"))
				}
			}
			r := a.request("platform", method, a.thing)
			r.Header.Set("Cookie", "session=1")
			if got := w.do(r); code(t, got) != "cookies_refused" {
				t.Errorf("with a cookie: %d %s", got.Code, got.Body)
			}
		})
	}
}

// TestOthersAreLikeAbsent compares whole answers: what is another tenant's and
// what is not there must look the same.
func TestOthersAreLikeAbsent(t *testing.T) {
	for name, a := range permissions {
		if a.other == "" || !strings.Contains(a.may, "hr-cdek") {
			continue
		}
		method, _, _ := strings.Cut(name, " ")
		w := newWorld(t)
		for _, caller := range []string{"hr-avito", "hr-nowhere"} {
			theirs, absent := w.do(a.request(caller, method, a.thing)), w.do(a.request(caller, method, a.other))
			if theirs.Code != http.StatusNotFound || theirs.Body.String() != absent.Body.String() || len(theirs.Header()) != len(absent.Header()) {
				t.Errorf("%s as %s: another's is\n%d %s, what is absent\n%d %s", name, caller, theirs.Code, theirs.Body, absent.Code, absent.Body)
			}
		}
	}
}
