package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const checkAnswer = `{"allowed":true,"reason":"ok","limit":6,"used":2,"remaining":4,"consume":"talk","lines":[{"grant":"talk","limit":6,"used":2,"remaining":4,` +
	`"window":{"from":"2026-01-01T00:00:00+03:00","until":"2027-01-01T00:00:00+03:00"},"per":"employee"}],` +
	`"window":{"from":"2026-01-01T00:00:00+03:00","until":"2027-01-01T00:00:00+03:00"},"valid_until":"2027-01-01T00:00:00+03:00","revision":"r1"}`

// contour is a Keycloak that knows one client and an Opora that gives answers
// in turn, the last one for ever.
func contour(t *testing.T, answers ...func(http.ResponseWriter)) (asked *atomic.Int32) {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("POST /realms/ponimayu/protocol/openid-connect/token", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if id, secret, _ := r.BasicAuth(); id != "booking-core" || secret != "right" {
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = io.WriteString(w, `{"error":"unauthorized_client"}`)
			return
		}
		_, _ = io.WriteString(w, `{"access_token":"token-1","token_type":"Bearer","expires_in":120}`)
	})
	asked = new(atomic.Int32)
	mux.HandleFunc("POST /v1/entitlements/check", func(w http.ResponseWriter, r *http.Request) {
		n := int(asked.Add(1))
		var body map[string]any
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
			t.Errorf("body: %v", err)
		}
		want := map[string]any{"employee_id": "e1", "specialist_type": "coach", "at": "2026-12-01T10:00:00+03:00", "used": 2.0}
		if diff := cmp.Diff(want, body); diff != "" || r.Header.Get("Authorization") != "Bearer token-1" {
			t.Errorf("asked with %q and body (-want +got):\n%s", r.Header.Get("Authorization"), diff)
		}
		answers[min(n, len(answers))-1](w)
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	for name, value := range map[string]string{"OPORA_URL": server.URL, "KEYCLOAK_URL": server.URL + "/", "OPORA_REALM": "ponimayu", "OPORA_COUNTRY": "RU",
		"BOOKING_CLIENT_ID": "booking-core", "BOOKING_CLIENT_SECRET": "right"} {
		t.Setenv(name, value)
	}
	return asked
}

func answerWith(status int, body string) func(http.ResponseWriter) {
	return func(w http.ResponseWriter) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

// opora runs a command in this process.
func opora(t *testing.T, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	var out, errs bytes.Buffer
	code = run(t.Context(), args, strings.NewReader(""), &out, &errs)
	return out.String(), errs.String(), code
}

var checkArgs = []string{"entitlement", "check", "--employee", "e1", "--type", "coach", "--at", "2026-12-01T10:00:00+03:00", "--used", "2"}

func TestCheckForPeople(t *testing.T) {
	contour(t, answerWith(http.StatusOK, checkAnswer))
	stdout, stderr, code := opora(t, checkArgs...)
	want := `allowed (ok): 4 of 6 left
→ talk             4 of 6 left per employee, 2026-01-01T00:00:00+03:00 to 2027-01-01T00:00:00+03:00
the answer can change at 2027-01-01T00:00:00+03:00
`
	if diff := cmp.Diff(want, stdout); diff != "" || code != 0 {
		t.Errorf("exit %d, %s (-want +got):\n%s", code, stderr, diff)
	}
}

// With a language the employee's own words come too; of nothing there is no sum.
func TestCheckTellsTheEmployee(t *testing.T) {
	contour(t, answerWith(http.StatusOK, `{"allowed":false,"reason":"type_not_covered","limit":0,"used":0,"remaining":0,"lines":[],"revision":"r1"}`))
	stdout, stderr, code := opora(t, append(checkArgs, "--lang", "ru")...)
	if first, rest, _ := strings.Cut(stdout, "\n"); first != "refused (type_not_covered)" || !strings.Contains(rest, "не включает") || code != 0 {
		t.Errorf("exit %d, %s: %q", code, stderr, stdout)
	}
	stdout, stderr, code = opora(t, append(checkArgs, "--lang", "kk", "--output", "json")...)
	var got struct{ Reason, Text string }
	if err := json.Unmarshal([]byte(stdout), &got); err != nil || got.Reason != "type_not_covered" || got.Text == "" {
		t.Errorf("exit %d, %s: %s", code, stderr, stdout)
	}
	if _, stderr, _ = opora(t, append(checkArgs, "--lang", "de")...); !strings.Contains(stderr, "--lang is ru, kk or en (flags_invalid)") {
		t.Error(stderr)
	}
}

func TestCheckAsJSON(t *testing.T) {
	contour(t, answerWith(http.StatusOK, checkAnswer))
	stdout, _, code := opora(t, append(checkArgs, "--output", "json")...)
	var got, want any
	if err := json.Unmarshal([]byte(stdout), &got); err != nil {
		t.Fatal(err)
	}
	_ = json.Unmarshal([]byte(checkAnswer), &want)
	if diff := cmp.Diff(want, got); diff != "" || code != 0 {
		t.Errorf("exit %d (-want +got):\n%s", code, diff)
	}
}

// A check may be asked again: an Opora that is away for a moment is waited for.
func TestCheckIsAskedAgain(t *testing.T) {
	away := answerWith(http.StatusServiceUnavailable, `{"code":"database_unavailable","detail":"PostgreSQL is away"}`)
	asked := contour(t, away, away, answerWith(http.StatusOK, checkAnswer))
	if _, stderr, code := opora(t, checkArgs...); code != 0 || asked.Load() != 3 {
		t.Errorf("exit %d after %d tries: %s", code, asked.Load(), stderr)
	}
}

func TestCheckFails(t *testing.T) {
	for name, tc := range map[string]struct {
		answer func(http.ResponseWriter)
		change func(t *testing.T)
		args   []string
		says   string
		tries  int32
	}{
		"forbidden":         {answer: answerWith(http.StatusForbidden, `{"code":"forbidden","detail":"The token may not do this."}`), says: "The token may not do this. (forbidden)", tries: 1},
		"away for long":     {answer: answerWith(http.StatusServiceUnavailable, `{"code":"database_unavailable","detail":"PostgreSQL is away"}`), says: "PostgreSQL is away (database_unavailable)", tries: 3},
		"a page of a proxy": {answer: answerWith(http.StatusNotFound, "<html>"), says: "is not one of Opora's", tries: 1},
		"not an answer":     {answer: answerWith(http.StatusOK, "<html>"), says: "is not one of Opora's", tries: 1},
		"wrong secret":      {answer: answerWith(http.StatusOK, checkAnswer), change: func(t *testing.T) { t.Setenv("BOOKING_CLIENT_SECRET", "wrong") }, says: "no token (401 unauthorized_client)"},
		"no Opora":          {change: func(t *testing.T) { t.Setenv("OPORA_URL", "http://127.0.0.1:1") }, says: "no answer"},
		"no environment":    {change: func(t *testing.T) { t.Setenv("BOOKING_CLIENT_ID", "") }, says: "BOOKING_CLIENT_ID"},
		"bad time":          {args: []string{"--at", "tomorrow"}, says: "--at is an RFC 3339 time"},
		"bad count":         {args: []string{"--used", "-3"}, says: "used is a number from 0"},
		"bad format":        {args: []string{"--format", "phone"}, says: "format is video, chat or in_person"},
	} {
		t.Run(name, func(t *testing.T) {
			asked := contour(t, tc.answer)
			if tc.change != nil {
				tc.change(t)
			}
			stdout, stderr, code := opora(t, append(checkArgs, tc.args...)...)
			if code != 1 || stdout != "" || !strings.Contains(stderr, tc.says) || asked.Load() != tc.tries {
				t.Errorf("exit %d after %d tries: %s%s", code, asked.Load(), stdout, stderr)
			}
			if strings.Contains(stderr, "right") || strings.Contains(stderr, "token-1") {
				t.Errorf("a secret is told: %s", stderr)
			}
		})
	}
}
