//go:build e2e

package e2e

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestPayments asks who pays with the payments system's own client, and tries
// that client and the booking core's at each other's addresses.
func TestPayments(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	payments := s.token("PAYMENTS")
	if scope, _ := claims(t, payments)["scope"].(string); !slices.Contains(strings.Fields(scope), "payments") {
		t.Errorf("the scope of payments' token is %q", scope)
	}
	if scope, _ := claims(t, s.token("BOOKING"))["scope"].(string); slices.Contains(strings.Fields(scope), "payments") {
		t.Errorf("the booking core's token has the scope %q", scope)
	}
	question := map[string]any{"employee_id": anybody, "specialist_type": "psychologist", "at": time.Now().Format(time.RFC3339)}
	r := s.call(payments, "POST", "/v1/entitlements/payer", question)
	var p map[string]any
	if err := json.Unmarshal(r.body, &p); err != nil || r.status != 200 || p["payer"] != "person" || p["reason"] != "employee_unknown" || p["contract"] != nil {
		t.Errorf("who pays for somebody unknown: %s", r)
	}
	for _, client := range []string{"BOOKING", "PLATFORM", "HR_CDEK"} {
		if r := s.call(s.token(client), "POST", "/v1/entitlements/payer", question); r.status != 403 {
			t.Errorf("%s asks who pays: %s", client, r)
		}
	}
	for path, body := range map[string]any{
		"POST /v1/entitlements/check":                    question,
		"GET /v1/employees/" + anybody + "/entitlements": nil,
		"GET /v1/changes":                                nil,
		"GET /v1/changes/snapshot":                       nil,
		"GET /v1/changes/terms":                          nil,
		"GET /v1/employees/" + anybody:                   nil,
		"GET /v1/webhooks":                               nil,
	} {
		method, address, _ := strings.Cut(path, " ")
		if r := s.call(payments, method, address, body); r.status != 403 {
			t.Errorf("payments at %s: %s", path, r)
		}
	}
}
