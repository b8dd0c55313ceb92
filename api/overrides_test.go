package api_test

import (
	"strings"
	"testing"
)

func TestOverridesOverHTTP(t *testing.T) {
	w := newWorld(t)
	path := "/v1/employees/" + employeeOfCDEK + "/overrides"
	good := `{"grant":"talk","amount":2,"from":"2026-11-21","until":"2027-01-01","reason":"goodwill","reference":"HELP-1234"}`
	for _, c := range []struct {
		name, key, body string
		status          int
		code            string
	}{
		{"made", "", good, 201, ""},
		{"made under a key", "0193b6f2-7d5a-7c11-9a55-3d1f5b0e7a09", good, 201, ""},
		{"made before", "again", good, 200, ""},
		{"a key in words", "for Anna Примерова", good, 400, "key_invalid"},
		{"an endless key", strings.Repeat("k", 129), good, 400, "key_invalid"},
		{"a sentence", "", `{"grant":"talk","amount":2,"from":"2026-11-21","until":"2027-01-01","reason":"goodwill","comment":"canary"}`, 400, "field_unknown"},
		{"a day that is none", "", `{"grant":"talk","amount":2,"from":"2026-02-30","until":"2027-01-01","reason":"goodwill"}`, 400, "field_invalid"},
		{"half an appointment", "", `{"grant":"talk","amount":0.5,"from":"2026-11-21","until":"2027-01-01","reason":"goodwill"}`, 400, "field_invalid"},
	} {
		r := request("platform", "POST", path, c.body)
		if c.key != "" {
			r.Header.Set("Idempotency-Key", c.key)
		}
		if got := w.do(r); got.Code != c.status || code(t, got) != c.code || strings.Contains(got.Body.String(), "canary") {
			t.Errorf("%s: %d %s", c.name, got.Code, got.Body)
		}
	}
	for _, of := range []string{"GET /v1/employees/17/overrides", "DELETE /v1/employees/17/overrides/" + overrideOfCDEK} {
		method, path, _ := strings.Cut(of, " ")
		if got := w.do(request("platform", method, path, "")); got.Code != 404 || code(t, got) != "employee_unknown" {
			t.Errorf("%s: %d %s", of, got.Code, got.Body)
		}
	}
}
