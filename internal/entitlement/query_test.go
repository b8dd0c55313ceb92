package entitlement_test

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ponimayu/opora/internal/entitlement"
	"github.com/ponimayu/opora/internal/tenancy"
)

func TestParseQuery(t *testing.T) {
	q, err := entitlement.ParseQuery([]byte(`{"employee_id":"e","specialist_type":"coach","at":"2026-12-01T10:00:00+03:00","format":"video","minutes":50,"for":"dependant","used":{"talk":3},"used_before":2}`))
	if err != nil {
		t.Fatal(err)
	}
	if q.EmployeeID != "e" || q.SpecialistType != "coach" || !q.At.Equal(instant(t, "2026-12-01T07:00:00Z")) || q.Format != tenancy.Video || q.Minutes != 50 || q.For != entitlement.Dependant {
		t.Errorf("read %+v", q)
	}
	if q.Used.Of("talk") != 3 || q.Used.Of("law") != 0 || q.UsedBefore.Of("anything") != 2 || q.Used.IsZero() {
		t.Errorf("used %+v, before %+v", q.Used, q.UsedBefore)
	}
}

func TestParseQueryTakesAnIDInCapitals(t *testing.T) {
	q, err := entitlement.ParseQuery([]byte(`{"employee_id":"0193B6F2-7D5A-7C11-9A55-3D1F5B0E7A01","specialist_type":"coach","at":"2026-12-01T10:00:00+03:00"}`))
	if err != nil || q.EmployeeID != "0193b6f2-7d5a-7c11-9a55-3d1f5b0e7a01" {
		t.Errorf("read %q, %v", q.EmployeeID, err)
	}
}

func TestParseQueryRefuses(t *testing.T) {
	const at = `"at":"2026-12-01T10:00:00+03:00"`
	for body, code := range map[string]string{
		``:                            "json_invalid",
		`[]`:                          "json_invalid",
		`null`:                        "field_missing",
		`{}`:                          "field_missing",
		`{"specialist_type":"coach"}`: "field_missing",
		`{` + at + `}`:                "field_missing",
		`{"specialist_type":"coach",` + at + `}{}`:                              "json_invalid",
		`{"specialist_type":"coach",` + at + `,"tenant":"cdek"}`:                "field_unknown",
		`{"specialist_type":1,` + at + `}`:                                      "field_invalid",
		`{"specialist_type":"coach","at":"2026-12-01"}`:                         "field_invalid",
		`{"specialist_type":"coach","at":"2026-12-01T10:00:00"}`:                "field_invalid",
		`{"specialist_type":"coach","at":"2026-02-30T10:00:00Z"}`:               "field_invalid",
		`{"specialist_type":"coach","at":5}`:                                    "field_invalid",
		`{"specialist_type":"coach","at":"0001-01-02T00:00:00Z"}`:               "field_invalid",
		`{"specialist_type":"coach","at":"9999-12-31T00:00:00Z"}`:               "field_invalid",
		`{"specialist_type":"coach",` + at + `,"format":"phone"}`:               "field_invalid",
		`{"specialist_type":"coach",` + at + `,"for":"friend"}`:                 "field_invalid",
		`{"specialist_type":"coach",` + at + `,"minutes":-1}`:                   "field_invalid",
		`{"specialist_type":"coach",` + at + `,"minutes":"50"}`:                 "field_invalid",
		`{"specialist_type":"coach",` + at + `,"used":-1}`:                      "field_invalid",
		`{"specialist_type":"coach",` + at + `,"used":1.5}`:                     "field_invalid",
		`{"specialist_type":"coach",` + at + `,"used":"many"}`:                  "field_invalid",
		`{"specialist_type":"coach",` + at + `,"used":[1]}`:                     "field_invalid",
		`{"specialist_type":"coach",` + at + `,"used":{"talk":-1}}`:             "field_invalid",
		`{"specialist_type":"coach",` + at + `,"used":{"talk":"x"}}`:            "field_invalid",
		`{"specialist_type":"coach",` + at + `,"used":99999999999999999999999}`: "field_invalid",
	} {
		_, err := entitlement.ParseQuery([]byte(body))
		var e *tenancy.Error
		if !errors.As(err, &e) || e.Code != code || e.Kind != tenancy.Invalid {
			t.Errorf("%s: %v, want %s", body, err, code)
		}
	}
}

func TestDecisionJSON(t *testing.T) {
	q := query(t, "lawyer", "2026-11-21T12:00:00+05:00")
	q.Used = entitlement.UsedEach(1)
	got, err := json.Marshal(entitlement.Decide(snapshot(t, carrier(t), employee(t, "Оператор", "2024-03-01", "")), q))
	if err != nil {
		t.Fatal(err)
	}
	const window = `{"from":"2026-01-01T00:00:00+03:00","until":"2027-01-01T00:00:00+03:00"}`
	want := `{"allowed":true,"reason":"ok","limit":500,"used":1,"remaining":499,"consume":"law","lines":[{"grant":"law","limit":500,"used":1,"remaining":499,"window":` +
		window + `,"per":"tenant","pool":"cdek/law"}],"window":` + window + `,"contract":"cdek-ru-2026","valid_until":"2027-01-01T00:00:00+03:00","revision":"r1"}`
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("answer (-want +got):\n%s", diff)
	}
}

// Whatever the body, the decoder answers or refuses, in our own words; what it
// takes it reads again from its own JSON, and Decide answers it.
func FuzzParseQuery(f *testing.F) {
	for _, seed := range []string{
		`{"specialist_type":"coach","at":"2026-12-01T10:00:00+03:00"}`,
		`{"specialist_type":"lawyer","at":"2026-12-01T10:00:00Z","for":"self","format":"chat","minutes":30,"used":{"law":2},"used_before":1}`,
		`{"specialist_type":"coach","at":"2199-12-31T23:59:59.999999999-23:59","used":9223372036854775807}`,
		`{"used":null}`, `[]`, `{"at":`, "\xff",
	} {
		f.Add([]byte(seed))
	}
	s := snapshot(f, carrier(f), employee(f, "Курьер", "2024-03-01", ""))
	f.Fuzz(func(t *testing.T, body []byte) {
		q, err := entitlement.ParseQuery(body)
		if err != nil {
			var e *tenancy.Error
			if !errors.As(err, &e) || e.Code == "" {
				t.Fatalf("not one of our errors: %v", err)
			}
			return
		}
		again, err := json.Marshal(q)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := entitlement.ParseQuery(again); err != nil {
			t.Fatalf("%s is not read again: %v", again, err)
		}
		if _, err := json.Marshal(entitlement.Decide(s, q)); err != nil {
			t.Fatal(err)
		}
	})
}
