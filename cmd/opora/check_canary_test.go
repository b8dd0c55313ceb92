package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// TestChecksLeaveNoTrace asks everything that may be asked about employees, of
// one who exists and of one who does not, with a count that stands nowhere
// else, in ways that succeed and that fail; then it looks for who was asked
// about in all that the server has written: every table of the database, the
// queue of jobs and the audit among them, the log, the metrics and what it told others.
func TestChecksLeaveNoTrace(t *testing.T) {
	r := start(t)
	token, nobody := r.realm.token(t), uuid.NewString()
	const used = "731904628"
	before := everything(t, r.dbURL)
	for _, id := range []string{string(r.id), nobody} {
		check := fmt.Sprintf(`{"employee_id":%q,"specialist_type":"psychologist","at":"2026-12-01T10:00:00+03:00","used":{"talk":%s},"used_before":%s}`, id, used, used)
		many := fmt.Sprintf(`{"employee_id":%q,"at":"2026-12-01T10:00:00+03:00","used":%s}`, id, used)
		for _, ask := range []struct {
			method, path, body string
			ok                 bool
		}{
			{"POST", "/v1/entitlements/check", check, true},
			{"POST", "/v1/entitlements/check?lang=ru", check, true},
			{"POST", "/v1/entitlements/checks", `{"items":[` + check + `,{"employee_id":"` + id + `"},` + check + `]}`, true},
			{"POST", "/v1/entitlements/checks", many, true},
			{"GET", "/v1/employees/" + id + "/entitlements", "", id != nobody},
			{"POST", "/v1/entitlements/check", strings.Replace(check, "psychologist", "\xff", 1) + "}", false},
			{"POST", "/v1/entitlements/check", strings.Replace(check, `"used":{`, `"used":{"`+id+`":-1,`, 1), false},
			{"POST", "/v1/entitlements/check", strings.Repeat(check, 1000), false},
			{"POST", "/v1/entitlements/checks", `{"items":` + check + `}`, false},
			{"POST", "/v1/entitlements/checks", strings.Replace(many, "used", id, 1), false},
			{"GET", "/v1/employees/" + id + "/entitlements?at=" + used, "", false},
		} {
			status := r.ask(ask.method, ask.path, ask.body, token)
			if (status == http.StatusOK) != ask.ok {
				t.Errorf("%s %.40s %.80s: %d", ask.method, ask.path, ask.body, status)
			}
			if status := r.ask(ask.method, ask.path, ask.body, token+"x"); status != http.StatusUnauthorized {
				t.Errorf("with a bad token: %d", status)
			}
		}
	}
	after := everything(t, r.dbURL)
	for name, rows := range after {
		if strings.Contains(rows, used) || strings.Contains(rows, nobody) {
			t.Errorf("the table %s tells of a check", name)
		}
		if was, is := strings.Count(before[name], string(r.id)), strings.Count(rows, string(r.id)); was != is {
			t.Errorf("the table %s names the employee %d times, before the checks %d", name, is, was)
		}
		placing := name == "public.change_turn" || name == "public.change_pending" // the feed's own, at its own time
		if !placing && strings.Count(before[name], "\n") != strings.Count(rows, "\n") {
			t.Errorf("the table %s has other rows than before the checks", name)
		}
	}
	if len(after) < 30 || !strings.Contains(after["public.person"], string(r.id)) {
		t.Errorf("the search of %d tables does not find the employee himself", len(after))
	}
	for what, text := range map[string]string{"log": r.log.String(), "metrics": r.metrics()} {
		for _, canary := range []string{string(r.id), nobody, used} {
			if strings.Contains(text, canary) {
				t.Errorf("the %s tells of a check: %s", what, text)
			}
		}
	}
	if !strings.Contains(r.metrics(), `route="/v1/entitlements/checks"`) {
		t.Error("the metrics do not count the checks at all")
	}
}

// ask sends a request and returns the answer's status.
func (r *running) ask(method, path, body, token string) int {
	r.t.Helper()
	req, err := http.NewRequest(method, r.url+path, strings.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+token)
	answer, err := http.DefaultClient.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer answer.Body.Close()
	_, _ = io.Copy(io.Discard, answer.Body)
	return answer.StatusCode
}

// metrics are all that the server measures.
func (r *running) metrics() string {
	r.t.Helper()
	answer, err := http.Get(r.url + "/metrics")
	if err != nil {
		r.t.Fatal(err)
	}
	defer answer.Body.Close()
	b, err := io.ReadAll(answer.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return string(b)
}

// everything is each table of a database as text, a line for a row. Whoever owns a table
// under row-level security sees none of its rows, and the contour does not see
// all tables, so both look.
func everything(t *testing.T, url string) map[string]string {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	rows, err := conn.Query(t.Context(), `
		SELECT c.oid::regclass::text, quote_ident(n.nspname) || '.' || quote_ident(c.relname), has_table_privilege('opora_contour', c.oid, 'SELECT')
		FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'p') AND n.nspname NOT IN ('pg_catalog', 'information_schema')`)
	if err != nil {
		t.Fatal(err)
	}
	type table struct {
		Regclass, Name string
		Contours       bool
	}
	tables, err := pgx.CollectRows(rows, pgx.RowToStructByPos[table])
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, table := range tables {
		for _, role := range []string{"RESET ROLE", "SET ROLE opora_contour"} {
			if _, err := conn.Exec(t.Context(), role); err != nil {
				t.Fatal(err)
			}
			if role != "RESET ROLE" && !table.Contours {
				continue
			}
			var text string
			if err := conn.QueryRow(t.Context(), `SELECT coalesce(string_agg(t::text || chr(10), '' ORDER BY t::text), '') FROM `+table.Name+` t`).Scan(&text); err != nil {
				t.Fatalf("%s: %v", table.Name, err)
			}
			all[table.Name] += text
		}
	}
	return all
}
