package api_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/ponimayu/opora/internal/entitlement"
)

func TestPayer(t *testing.T) {
	w := newWorld(t)
	ask := func(more string) (p entitlement.Payment) {
		t.Helper()
		answer := w.do(request("payments", "POST", "/v1/entitlements/payer", `{"employee_id":"`+employeeOfCDEK+`","specialist_type":"psychologist","at":"2026-12-01T10:00:00+03:00"`+more+`}`))
		if err := json.Unmarshal(answer.Body.Bytes(), &p); err != nil || answer.Code != 200 {
			t.Fatalf("%s: %d %s", more, answer.Code, answer.Body)
		}
		return p
	}
	if p := ask(""); p.Payer != entitlement.ByContract || p.Contract != "cdek-ru-2026" || p.Tenant != "cdek" || p.Grant != "talk" || p.Reason != entitlement.OK || p.Revision == "" {
		t.Errorf("%+v", p)
	}
	if p := ask(`,"used":{"talk":7}`); p.Payer != entitlement.ByPerson || p.Reason != entitlement.QuotaExhausted || p.Contract != "" || p.Tenant != "" || p.Grant != "" {
		t.Errorf("used up: %+v", p)
	}
	if p := ask(`,"grant":"talk","used":{"talk":6}`); p.Payer != entitlement.ByContract {
		t.Errorf("the last one, booked: %+v", p)
	}
	for body, want := range map[string]string{
		`{"specialist_type":"psychologist","at":"2026-12-01T10:00:00+03:00"}`: "field_missing",
		`{"employee_id":"x","why":"sad"}`:                                     "field_unknown",
		`{`:                                                                   "json_invalid",
		`{"grant":"` + strings.Repeat("x", 70<<10) + `"}`: "body_too_large",
	} {
		if got := w.do(request("payments", "POST", "/v1/entitlements/payer", body)); code(t, got) != want {
			t.Errorf("%.40s: %d %s", body, got.Code, got.Body)
		}
	}
	if log := w.log.String(); strings.Contains(log, employeeOfCDEK) || strings.Contains(log, "/v1/entitlements/payer") && strings.Contains(log, `"status":200`) {
		t.Errorf("the log tells who was asked about, or when: %s", log)
	}
}
