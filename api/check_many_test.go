package api_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/ponimayu/opora/internal/entitlement"
	"github.com/ponimayu/opora/internal/reason"
	"github.com/ponimayu/opora/internal/tenancy"
)

const atNoon = `"at":"2026-12-01T12:00:00+03:00"`

// checked are the items of an answer to many checks, as far as tests look.
type checked struct {
	Items []struct {
		EmployeeID     string             `json:"employee_id"`
		SpecialistType string             `json:"specialist_type"`
		Reason         entitlement.Reason `json:"reason"`
		Limit          int                `json:"limit"`
		Used           int                `json:"used"`
		Text           string             `json:"text"`
		Error          struct {
			Code    string `json:"code"`
			Message string `json:"message"`
		} `json:"error"`
	} `json:"items"`
}

func (w *world) checkMany(t *testing.T, query, body string) checked {
	t.Helper()
	got := w.do(request("booking", "POST", "/v1/entitlements/checks"+query, body))
	var answer checked
	if err := json.Unmarshal(got.Body.Bytes(), &answer); got.Code != 200 || err != nil {
		t.Fatalf("%d %s %v", got.Code, got.Body, err)
	}
	return answer
}

func TestCheckManyPairs(t *testing.T) {
	w := newWorld(t)
	check := func(id, code, more string) string {
		return fmt.Sprintf(`{"employee_id":%q,"specialist_type":%q,%s%s}`, id, code, atNoon, more)
	}
	got := w.checkMany(t, "", `{"items":[`+strings.Join([]string{
		check(employeeOfCDEK, "psychologist", `,"used":{"talk":2}`), check(strings.ToUpper(employeeOfCDEK), "lawyer", ""), check(nobody, "psychologist", ""),
		check(employeeOfCDEK, "psychologist", `,"reason":"canary"`), `{"specialist_type":"lawyer",` + atNoon + `}`, `17`, check(employeeOfCDEK, "psychologist", ""),
	}, ",")+`]}`)
	var told []string
	for _, item := range got.Items {
		told = append(told, fmt.Sprintf("%.8s %s %s %d/%d %s", item.EmployeeID, item.SpecialistType, item.Reason, item.Used, item.Limit, item.Error.Code))
	}
	want := []string{
		"0193b6f2 psychologist ok 2/7 ", "0193b6f2 lawyer type_not_covered 0/0 ", "0193b6f2 psychologist employee_unknown 0/0 ",
		"   0/0 field_unknown", "   0/0 field_missing", "   0/0 json_invalid", "0193b6f2 psychologist ok 0/7 ",
	}
	if strings.Join(told, "\n") != strings.Join(want, "\n") {
		t.Errorf("told\n%s\nwant\n%s", strings.Join(told, "\n"), strings.Join(want, "\n"))
	}
	if got.Items[0].Text != "" {
		t.Error("a text that nobody asked for")
	}
	one := w.checkMany(t, "", `{"items":[`+check(employeeOfCDEK, "psychologist", "")+`,`+check(employeeOfCDEK, "lawyer", "")+`]}`)
	if one.Items[0].EmployeeID != "" {
		t.Error("one employee is named again and again")
	}
	if got := w.checkMany(t, "", `{"items":[]}`); got.Items == nil || len(got.Items) != 0 {
		t.Error(got)
	}
	if w.log.Len() > 0 {
		t.Errorf("checks left a trace: %s", w.log.String())
	}
}

func TestCheckManyTypes(t *testing.T) {
	w := newWorld(t)
	all := w.checkMany(t, "?lang=kk", `{"employee_id":"`+strings.ToUpper(employeeOfCDEK)+`",`+atNoon+`,"used":1}`)
	if len(all.Items) != 2 || all.Items[0].SpecialistType != "lawyer" || all.Items[1].SpecialistType != "psychologist" || all.Items[1].Used != 1 ||
		all.Items[0].Text != reason.Text(entitlement.TypeNotCovered, "kk") || all.Items[1].Text != reason.Text(entitlement.OK, "kk") {
		t.Errorf("%+v", all)
	}
	some := w.checkMany(t, "", `{"employee_id":"`+employeeOfCDEK+`",`+atNoon+`,"specialist_types":["psychologist","","astrologer","psychologist"]}`)
	if len(some.Items) != 4 || some.Items[0].Reason != entitlement.OK || some.Items[1].Error.Code != "field_missing" || some.Items[2].Reason != entitlement.TypeUnknown || some.Items[3].Reason != entitlement.OK {
		t.Errorf("%+v", some)
	}
	if unknown := w.checkMany(t, "", `{"employee_id":"`+nobody+`",`+atNoon+`}`); len(unknown.Items) != 0 {
		t.Errorf("%+v", unknown)
	}
	unknown := w.checkMany(t, "", `{"employee_id":"`+nobody+`",`+atNoon+`,"specialist_types":["psychologist"]}`)
	if len(unknown.Items) != 1 || unknown.Items[0].Reason != entitlement.EmployeeUnknown {
		t.Errorf("%+v", unknown)
	}
}

func TestCheckManyRefuses(t *testing.T) {
	w := newWorld(t)
	many := strings.TrimSuffix(strings.Repeat(checkBody+",", 1001), ",")
	types := strings.TrimSuffix(strings.Repeat(`"lawyer",`, 1001), ",")
	for body, want := range map[string]string{
		`{}`:                                           "field_missing",
		`{"employee_id":"x"}`:                          "field_missing",
		`{"items":[],"employee_id":"x"}`:               "field_invalid",
		`{"items":[],"used":0}`:                        "field_invalid",
		`{"items":[],` + atNoon + `}`:                  "field_invalid",
		`{"items":[` + many + `]}`:                     "checks_too_many",
		`{"items":{}}`:                                 "field_invalid",
		`{"items":[}`:                                  "json_invalid",
		`{"items":[],"reason":"canary"}`:               "field_unknown",
		`{"employee_id":"x","at":"today"}`:             "field_invalid",
		`{"employee_id":"x",` + atNoon + `,"used":-1}`: "field_invalid",
		`{"employee_id":"x",` + atNoon + `,"format":"letter"}`:                  "field_invalid",
		`{"employee_id":"x",` + atNoon + `,"specialist_types":[` + types + `]}`: "checks_too_many",
		`{"items":["` + strings.Repeat("x", 1<<20) + `"]}`:                      "body_too_large",
		"": "content_type",
	} {
		got := w.do(request("booking", "POST", "/v1/entitlements/checks", body))
		if code(t, got) != want || strings.Contains(got.Body.String(), "canary\"") && want != "field_unknown" {
			t.Errorf("%.60s: %d %.200s, want %s", body, got.Code, got.Body, want)
		}
	}
	if got := w.do(request("booking", "POST", "/v1/entitlements/checks?lang=de", `{"items":[]}`)); code(t, got) != "field_invalid" {
		t.Errorf("%d %s", got.Code, got.Body)
	}
}

func TestCheckIsToldInALanguage(t *testing.T) {
	w := newWorld(t)
	for _, lang := range []tenancy.Language{tenancy.Russian, tenancy.Kazakh, tenancy.English} {
		got := w.do(request("booking", "POST", "/v1/entitlements/check?lang="+string(lang), checkBody))
		var answer struct{ Text string }
		if err := json.Unmarshal(got.Body.Bytes(), &answer); err != nil || answer.Text == "" || answer.Text != reason.Text(entitlement.OK, lang) {
			t.Errorf("%s: %d %s", lang, got.Code, got.Body)
		}
	}
	if got := w.do(request("booking", "POST", "/v1/entitlements/check", checkBody)); strings.Contains(got.Body.String(), "text") {
		t.Errorf("%s", got.Body)
	}
	if got := w.do(request("booking", "POST", "/v1/entitlements/check?lang=de", checkBody)); code(t, got) != "field_invalid" {
		t.Errorf("%d %s", got.Code, got.Body)
	}
}

// TestEntitlementsAreTagged: who has the answer is told that it still holds.
func TestEntitlementsAreTagged(t *testing.T) {
	w := newWorld(t)
	ask := func(caller, path, tag string) (int, http.Header, string) {
		r := request(caller, "GET", path, "")
		if tag != "" {
			r.Header.Set("If-None-Match", tag)
		}
		got := w.do(r)
		return got.Code, got.Header(), got.Body.String()
	}
	path := "/v1/employees/" + employeeOfCDEK + "/entitlements"
	dated := path + "?at=2026-12-01T10:00:00Z"
	code, header, body := ask("booking", dated, "")
	tag := header.Get("ETag")
	if code != 200 || !strings.HasPrefix(tag, `W/"`) || len(tag) < 20 || header.Get("Cache-Control") != "private, no-cache" || strings.Contains(tag, "0193b6f2") {
		t.Fatalf("%d %v", code, header)
	}
	for given, want := range map[string]int{tag: 304, strings.TrimPrefix(tag, "W/"): 304, `"x", ` + tag: 304, "*": 304, `"x"`: 200, "": 200} {
		code, header, got := ask("platform", dated, given)
		if code != want || header.Get("ETag") != tag || (code == 304) != (got == "") || (code == 200 && got != body) {
			t.Errorf("If-None-Match %s: %d %v %s", given, code, header, got)
		}
	}
	// Another instant within the same windows has the same answer; another
	// language, another question altogether, has not.
	if code, _, _ := ask("booking", path+"?at=2026-12-02T10:00:00Z", tag); code != 304 {
		t.Errorf("the same answer a day later: %d", code)
	}
	for _, other := range []string{path + "?at=2027-12-01T10:00:00Z", dated + "&lang=ru"} {
		if code, _, _ := ask("booking", other, tag); code != 200 {
			t.Errorf("%s: %d", other, code)
		}
	}
	if _, _, got := ask("booking", dated+"&lang=ru", ""); strings.Count(got, `"text":"`) != 2 {
		t.Errorf("told in Russian: %s", got)
	}
}

// TestAnEmployeeReadsHisOwnEntitlements and nobody else's.
func TestAnEmployeeReadsHisOwnEntitlements(t *testing.T) {
	w := newWorld(t)
	own := w.do(request("anna", "GET", "/v1/employees/"+strings.ToUpper(employeeOfCDEK)+"/entitlements?at=2026-12-01T10:00:00Z", ""))
	if own.Code != 200 || !strings.Contains(own.Body.String(), `"limit":7`) {
		t.Errorf("%d %s", own.Code, own.Body)
	}
	theirs, absent := w.do(request("employee", "GET", "/v1/employees/"+employeeOfCDEK+"/entitlements?at=nonsense", "")), w.do(request("anna", "GET", "/v1/employees/"+nobody+"/entitlements?at=nonsense", ""))
	if theirs.Code != 404 || theirs.Body.String() != absent.Body.String() {
		t.Errorf("another's: %d %s; absent: %d %s", theirs.Code, theirs.Body, absent.Code, absent.Body)
	}
	for _, other := range []string{"/v1/employees/" + employeeOfCDEK, "/v1/employees/" + employeeOfCDEK + "/overrides", "/v1/employees/" + employeeOfCDEK + "/entitlements/as-of"} {
		if got := w.do(request("anna", "GET", other, "")); got.Code != 403 {
			t.Errorf("%s: %d", other, got.Code)
		}
	}
	if got := w.do(request("anna", "POST", "/v1/entitlements/check", checkBody)); got.Code != 403 {
		t.Errorf("a check of one's own: %d", got.Code)
	}
}
