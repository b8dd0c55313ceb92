package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/ponimayu/opora/internal/pgtest"
)

// console runs commands of ours on a contour of the test's own: its database,
// its realm, and a catalogue in a folder.
type console struct {
	t      *testing.T
	realm  string
	folder string
}

const testTenants = `tenant: cdek
name: {ru: СДЭК, kk: СДЭК, en: CDEK}
domains: [cdek.example]
legal_entities: [{code: global, name: ООО «СДЭК-Глобал», default: true}]
contracts:
  - id: cdek-ru-2026
    country: RU
    time_zone: Europe/Moscow
    from: 2026-01-01
    until: 2027-01-01
    grants:
      - {id: talk, specialist_types: [psychologist, coach], amount: 6, per: employee, window: calendar_year, priority: 10}
---
tenant: acme
name: {ru: Акме, kk: Акме, en: Acme}
legal_entities: [{code: acme, name: ООО «Акме», default: true}]
contracts:
  - id: acme-ru-2026
    country: RU
    time_zone: Europe/Moscow
    from: 2026-01-01
    until: 2027-01-01
    grants:
      - {id: talk, specialist_types: [psychologist], amount: 2, per: employee, window: calendar_year, priority: 10}
`

const testCountry = `country: RU
name: {ru: Россия, kk: Ресей, en: Russia}
realm: REALM
brand: ponimayu
languages: [ru, en]
time_zone: Europe/Moscow
phone_region: RU
national_ids: [snils]
`

func newConsole(t *testing.T) *console {
	t.Helper()
	for _, name := range []string{"KEYCLOAK_URL", "KEYCLOAK_ADMIN_CLIENT_ID", "KEYCLOAK_ADMIN_CLIENT_SECRET"} {
		if os.Getenv(name) == "" {
			t.Fatalf("%s is not set: run `make test`, or `opora dev --exec 'go test ./...'`", name)
		}
	}
	c := &console{t: t, realm: "test-" + strings.ToLower(rand.Text()[:10]), folder: t.TempDir()}
	t.Setenv("DATABASE_URL", pgtest.URL(t))
	t.Setenv("OPORA_COUNTRY", "RU")
	t.Setenv("OPORA_REALM", c.realm)
	c.write("country.yaml", strings.Replace(testCountry, "REALM", c.realm, 1))
	c.write("tenants.yaml", testTenants)
	t.Cleanup(func() { c.keycloak(http.MethodDelete, "", nil) })
	return c
}

func (c *console) write(name, text string) {
	c.t.Helper()
	if err := os.WriteFile(filepath.Join(c.folder, name), []byte(text), 0o600); err != nil {
		c.t.Fatal(err)
	}
}

// run wants the exit status and returns what was said on both streams.
func (c *console) run(status int, args ...string) (out, errs string) {
	c.t.Helper()
	var stdout, stderr bytes.Buffer
	if got := run(c.t.Context(), args, strings.NewReader(""), &stdout, &stderr); got != status {
		c.t.Fatalf("opora %s: exit status %d, want %d\n%s%s", strings.Join(args, " "), got, status, &stdout, &stderr)
	}
	return stdout.String(), stderr.String()
}

// keycloak does something in the realm by hand.
func (c *console) keycloak(method, path string, body any) {
	c.t.Helper()
	base := os.Getenv("KEYCLOAK_URL")
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {os.Getenv("KEYCLOAK_ADMIN_CLIENT_ID")}, "client_secret": {os.Getenv("KEYCLOAK_ADMIN_CLIENT_SECRET")}}
	response, err := http.PostForm(base+"/realms/master/protocol/openid-connect/token", form)
	if err != nil {
		c.t.Fatal(err)
	}
	defer response.Body.Close()
	var token struct {
		Access string `json:"access_token"`
	}
	if err := json.NewDecoder(response.Body).Decode(&token); err != nil {
		c.t.Fatal(err)
	}
	text, _ := json.Marshal(body)
	request, err := http.NewRequestWithContext(ctx, method, base+"/admin/realms/"+c.realm+path, bytes.NewReader(text))
	if err != nil {
		c.t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+token.Access)
	request.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		c.t.Fatal(err)
	}
	answer.Body.Close()
	if answer.StatusCode >= 400 && !(method == http.MethodDelete && answer.StatusCode == http.StatusNotFound) {
		c.t.Fatalf("%s %s: %s", method, path, answer.Status)
	}
}

var planLine = regexp.MustCompile(`(?m)^Plan ([0-9a-f-]{36})$`)

func planID(t *testing.T, printed string) string {
	t.Helper()
	m := planLine.FindStringSubmatch(printed)
	if m == nil {
		t.Fatalf("no plan's id in\n%s", printed)
	}
	return m[1]
}

func wantText(t *testing.T, text string, wants ...string) {
	t.Helper()
	for _, want := range wants {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in\n%s", want, text)
		}
	}
}

// TestCatalogueLives takes a catalogue through its life on a real Keycloak:
// planned, applied, changed, changed by hand, mended, and a tenant removed.
func TestCatalogueLives(t *testing.T) {
	c := newConsole(t)
	first, _ := c.run(changesPending, "catalogue", "plan", "-f", c.folder)
	again, _ := c.run(changesPending, "catalogue", "plan", "-f", c.folder)
	if planLine.ReplaceAllString(first, "") != planLine.ReplaceAllString(again, "") {
		t.Error("the same plan was printed in two ways")
	}
	out, _ := c.run(0, "catalogue", "apply", planID(t, first))
	wantText(t, out, "Applied plan "+planID(t, first))
	_, errs := c.run(1, "catalogue", "apply", planID(t, again))
	wantText(t, errs, "plan_stale")
	out, _ = c.run(0, "catalogue", "plan", "-f", c.folder)
	wantText(t, out, "Nothing to do")
	c.run(0, "drift")

	c.keycloak(http.MethodPut, "", map[string]any{"bruteForceProtected": false, "accessTokenLifespan": 3600})
	out, _ = c.run(changesPending, "drift")
	wantText(t, out, "~ realm "+c.realm, "brute_force.protected: false → true", "tokens.access: 1h → 2m")
	c.run(0, "catalogue", "apply", "-f", c.folder)
	c.run(0, "drift")

	c.write("tenants.yaml", strings.Replace(testTenants, "amount: 6", "amount: 8", 1))
	out, _ = c.run(changesPending, "catalogue", "plan", "-f", c.folder)
	wantText(t, out, "~ catalogue contract cdek-ru-2026", "grants[talk].amount: 6 → 8")
	c.run(0, "catalogue", "apply", planID(t, out))

	cdek, _, _ := strings.Cut(testTenants, "---")
	c.write("tenants.yaml", strings.Replace(cdek, "amount: 6", "amount: 8", 1))
	out, _ = c.run(changesPending, "catalogue", "plan", "-f", c.folder)
	wantText(t, out, "- group /tenants/acme", "--accept removes_group", "--accept removes_tenant")
	_, errs = c.run(1, "catalogue", "apply", planID(t, out), "--accept", "removes_group")
	wantText(t, errs, "finding_not_accepted", "removes_tenant")
	c.run(0, "catalogue", "apply", planID(t, out), "--accept", "removes_group", "--accept", "removes_tenant", "--accept", "removes_contract")
	c.run(0, "catalogue", "plan", "-f", c.folder)

	exported, _ := c.run(0, "catalogue", "export")
	c.write("tenants.yaml", exported)
	c.run(0, "catalogue", "plan", "-f", c.folder)
	secret, _ := c.run(0, "catalogue", "secret", "opora-people")
	if len(strings.TrimSpace(secret)) < 20 {
		t.Error("no secret was printed")
	}
	_, errs = c.run(1, "catalogue", "secret", "employee-web")
	wantText(t, errs, "client_public")
}

// TestPlanAsJSON reads the one document, also when there is nothing to do.
func TestPlanAsJSON(t *testing.T) {
	c := newConsole(t)
	read := func(status int) (plan struct {
		ID  string `json:"id"`
		Ops []struct {
			Verb, Kind, Key string
			Changes         []struct{ Field, From, To string }
		} `json:"ops"`
		Findings []any `json:"findings"`
	}) {
		t.Helper()
		out, _ := c.run(status, "catalogue", "plan", "-f", c.folder, "--output", "json")
		if err := json.Unmarshal([]byte(out), &plan); err != nil {
			t.Fatalf("not one document: %v\n%s", err, out)
		}
		return plan
	}
	plan := read(changesPending)
	if plan.ID == "" || len(plan.Ops) == 0 || plan.Ops[0].Kind != "realm" || plan.Ops[0].Verb != "create" {
		t.Errorf("plan %+v", plan)
	}
	c.run(0, "catalogue", "apply", plan.ID, "--output", "json")
	if plan := read(0); plan.ID != "" || len(plan.Ops) != 0 || plan.Findings == nil {
		t.Errorf("nothing to do is %+v", plan)
	}
}

// TestPlanWithoutParts says what is missing instead of guessing.
func TestPlanWithoutParts(t *testing.T) {
	c := newConsole(t)
	t.Chdir(t.TempDir())
	_, errs := c.run(1, "catalogue", "plan")
	wantText(t, errs, "catalogue_missing", "-f DIR")
	_, errs = c.run(1, "catalogue", "apply", "no-such-plan")
	wantText(t, errs, "plan_unknown")
	_, errs = c.run(1, "catalogue", "plan", "-f", c.folder, "--country", "KZ")
	wantText(t, errs, "country_unknown")
	t.Setenv("KEYCLOAK_ADMIN_CLIENT_SECRET", "not this one")
	_, errs = c.run(1, "catalogue", "plan", "-f", c.folder)
	wantText(t, errs, "keycloak_credential_refused")
	t.Setenv("KEYCLOAK_URL", "http://127.0.0.1:1")
	_, errs = c.run(1, "catalogue", "plan", "-f", c.folder)
	wantText(t, errs, "keycloak_unavailable")
}
