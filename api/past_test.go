package api_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/ponimayu/opora/internal/entitlement"
)

func TestEntitlementsAsOfOverHTTP(t *testing.T) {
	w := newWorld(t)
	path := "/v1/employees/" + employeeOfCDEK + "/entitlements/as-of"
	at := time.Date(2026, 3, 5, 7, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		name, query string
		known       time.Time
		told        bool
	}{
		{"as is known now", "?at=2026-03-05T10:00:00%2B03:00", time.Unix(1795262400, 0), false},
		{"as was answered", "?at=2026-03-05T10:00:00%2B03:00&known=at", at, false},
		{"as was known later", "?at=2026-03-05T10:00:00%2B03:00&known=2026-04-01T00:00:00Z&lang=ru", time.Date(2026, 4, 1, 0, 0, 0, 0, time.UTC), true},
	} {
		got := w.do(request("hr-cdek", "GET", path+c.query, ""))
		var answer entitlement.PastEntitlements
		if err := json.Unmarshal(got.Body.Bytes(), &answer); err != nil || got.Code != 200 {
			t.Fatalf("%s: %d %s %v", c.name, got.Code, got.Body, err)
		}
		if !answer.At.Equal(at) || !answer.Known.Equal(c.known) || len(answer.Items) != 2 {
			t.Errorf("%s: %s", c.name, got.Body)
		}
		for _, item := range answer.Items {
			if (item.Text != "") != c.told {
				t.Errorf("%s: told %q", c.name, item.Text)
			}
		}
	}
	for query, want := range map[string]string{
		"?at=2026-03-05": "field_invalid", "?at=2026-03-05T10:00:00Z&known=then": "field_invalid", "?lang=de": "field_invalid",
		"?at=1999-03-05T10:00:00Z": "field_invalid",
	} {
		if got := w.do(request("platform", "GET", path+query, "")); got.Code != 400 || code(t, got) != want {
			t.Errorf("%s: %d %s", query, got.Code, got.Body)
		}
	}
	if got := w.do(request("platform", "GET", strings.Replace(path, employeeOfCDEK, "17", 1), "")); code(t, got) != "employee_unknown" {
		t.Errorf("no id: %d %s", got.Code, got.Body)
	}
}
