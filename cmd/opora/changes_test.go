package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ponimayu/opora/internal/entitlement"
)

const changesAnswer = `{"items":[
{"cursor":"c1","type":"terms","revision":4},
{"cursor":"c2","type":"employee","employee_id":"e1","tenant":"cdek","revision":2,"superseded":true},
{"cursor":"c3","type":"employee","employee_id":"e2","tenant":"cdek","revision":9,"gone":true},
{"cursor":"c4","type":"employee","employee_id":"e1","tenant":"cdek","revision":3,"employee":{"id":"e1","tenant":"cdek","revision":3,
 "employments":[{"hired_on":"2024-03-01","left_on":"2026-12-01","segments":["couriers"]}],"overrides":[{"grant":"talk","amount":-2}]}}
],"next":"c4","more":true}`

const changesLines = `terms    revision 4
employee e1 of cdek, revision 2: superseded
employee e2 of cdek, revision 9: gone
employee e1 of cdek, revision 3: works from 2024-03-01 until 2026-12-01 in couriers; -2 talk
`

// feedOf is a Keycloak and an Opora whose feed gives the answers by cursor; the
// cursor without one stops the command.
func feedOf(t *testing.T, answers map[string][]func(http.ResponseWriter)) context.Context {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	mux := http.NewServeMux()
	mux.HandleFunc("POST /realms/ponimayu/protocol/openid-connect/token", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"access_token":"token-1","token_type":"Bearer","expires_in":120}`)
	})
	mux.HandleFunc("GET /v1/changes", func(w http.ResponseWriter, r *http.Request) {
		since := r.URL.Query().Get("since")
		if r.Header.Get("Authorization") != "Bearer token-1" {
			t.Error(r.Header)
		}
		if len(answers[since]) == 0 {
			stop()
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		answer := answers[since][0]
		answers[since] = answers[since][1:]
		answer(w)
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	t.Cleanup(stop)
	for name, value := range map[string]string{"OPORA_URL": server.URL, "KEYCLOAK_URL": server.URL, "OPORA_REALM": "ponimayu", "OPORA_COUNTRY": "RU",
		"BOOKING_CLIENT_ID": "booking-core", "BOOKING_CLIENT_SECRET": "right"} {
		t.Setenv(name, value)
	}
	return ctx
}

func TestChangesOfAPage(t *testing.T) {
	page := answerWith(http.StatusOK, changesAnswer)
	feedOf(t, map[string][]func(http.ResponseWriter){"c0": {page, page}})
	stdout, stderr, code := opora(t, "changes", "--since", "c0")
	if diff := cmp.Diff(changesLines+"next: c4 (there is more)\n", stdout); diff != "" || code != 0 {
		t.Errorf("exit %d, %s (-want +got):\n%s", code, stderr, diff)
	}
	stdout, _, code = opora(t, "changes", "--since", "c0", "--output", "json")
	var got, want entitlement.ChangePage
	if err := json.Unmarshal([]byte(stdout), &got); err != nil || code != 0 {
		t.Fatal(err, code)
	}
	if err := json.Unmarshal([]byte(changesAnswer), &want); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestChangesTellsOfAnExpiredCursor(t *testing.T) {
	feedOf(t, map[string][]func(http.ResponseWriter){"c0": {answerWith(http.StatusGone, `{"code":"cursor_expired","detail":"Take a snapshot."}`)}})
	_, stderr, code := opora(t, "changes", "--since", "c0", "--output", "json")
	if code != 1 || !strings.Contains(stderr, `"code":"cursor_expired","kind":"gone"`) {
		t.Errorf("exit %d, %s", code, stderr)
	}
}

func TestChangesAreFollowed(t *testing.T) {
	ctx := feedOf(t, map[string][]func(http.ResponseWriter){
		"":   {answerWith(http.StatusServiceUnavailable, `{"code":"database_unavailable","detail":"Later."}`), answerWith(http.StatusOK, changesAnswer)},
		"c4": {answerWith(http.StatusOK, `{"items":[],"next":"c4","more":false}`), answerWith(http.StatusOK, `{"items":[{"cursor":"c5","type":"terms","revision":5}],"next":"c5","more":false}`)},
	})
	var out, errs bytes.Buffer
	if code := run(ctx, []string{"changes", "--follow"}, strings.NewReader(""), &out, &errs); code != 0 {
		t.Errorf("exit %d, %s", code, errs.String())
	}
	if diff := cmp.Diff(changesLines+"terms    revision 5\n", out.String()); diff != "" {
		t.Error(diff)
	}
}
