package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ponimayu/opora/client"
	"github.com/ponimayu/opora/examples/bookingcore/booking"
	"github.com/ponimayu/opora/examples/bookingcore/bookingtest"
)

// limit is an Opora that gives everybody so many appointments of any type in
// all the years, or is not to be had (-1).
type limit struct{ atomic.Int64 }

// Check implements booking.Checker.
func (l *limit) Check(q client.Query) (client.Answer, error) {
	n := int(l.Load())
	if n < 0 {
		return client.Answer{}, client.ErrUnavailable
	}
	window := client.Window{From: time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC), Until: time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)}
	line := client.Line{Grant: "talk", Per: client.PerEmployee, Limit: n, Used: q.Used.Of("talk"), Window: window}
	line.Remaining = max(0, n-line.Used)
	d := client.Decision{Lines: []client.Line{line}, Window: window, Limit: n, Used: line.Used, Remaining: line.Remaining, Reason: client.QuotaExhausted, Revision: "1.1"}
	if line.Remaining > 0 {
		d.Allowed, d.Reason, d.Consume = true, client.OK, "talk"
	}
	return client.Answer{Decision: d}, nil
}

// site is the service over HTTP, with tokens that are names.
type site struct {
	t     *testing.T
	url   string
	limit *limit
	log   *bytes.Buffer
}

func newSite(t *testing.T) *site {
	s := &site{t: t, limit: new(limit), log: new(bytes.Buffer)}
	s.limit.Store(2)
	pool, err := booking.Open(t.Context(), bookingtest.Database(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	callers := map[string]caller{
		"anna": {"anna-canary", []string{roleEmployee}}, "boris": {"boris-canary", []string{roleEmployee}},
		"helper": {"helper", []string{roleSpecialist}}, "admin": {"admin", []string{roleAdmin}},
	}
	a := &api{
		service: booking.New(pool, s.limit, booking.Policy{}),
		authenticate: func(_ context.Context, token string) (caller, error) {
			if c, ok := callers[token]; ok {
				return c, nil
			}
			return caller{}, errToken
		},
		ready: func() error { return nil }, log: slog.New(slog.NewTextHandler(s.log, nil)),
	}
	server := httptest.NewServer(a.handler())
	t.Cleanup(server.Close)
	s.url = server.URL
	return s
}

// call calls and wants a status; it returns the answer, and its code if it is a problem.
func (s *site) call(status int, token, method, path, key, body string) map[string]any {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), method, s.url+path, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	req.Header.Set("Idempotency-Key", key)
	answer, err := http.DefaultClient.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer answer.Body.Close()
	var v map[string]any
	_ = json.NewDecoder(answer.Body).Decode(&v)
	if answer.StatusCode != status {
		s.t.Fatalf("%s %s: %d %v, want %d", method, path, answer.StatusCode, v, status)
	}
	return v
}

func TestOverHTTP(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	wish := func(days int) string {
		return `{"specialist_type":"psychologist","at":"` + time.Now().AddDate(0, 0, days).Format(time.RFC3339) + `"}`
	}
	const books = "/v1/appointments"
	asked := `{"specialist_type":"psychologist","at":"` + time.Now().AddDate(0, 0, 2).In(time.FixedZone("", 5*60*60)).Format(time.RFC3339) + `"}`
	one := s.call(201, "anna", "POST", books, "key-one-1", asked)
	if again := s.call(201, "anna", "POST", books, "key-one-1", asked); !reflect.DeepEqual(again, one) {
		t.Errorf("the answer to a repeated request is another:\n%v\n%v", one, again)
	}
	if again := s.call(409, "anna", "POST", books, "key-one-1", wish(3)); again["code"] != "idempotency_key_reused" {
		t.Error(again)
	}
	two := s.call(201, "anna", "POST", books, "key-two-2", wish(3))
	if left := s.call(200, "anna", "POST", "/v1/allowance", "", wish(4)); left["remaining"] != 0.0 || left["reason"] != "quota_exhausted" {
		t.Error(left)
	}
	if full := s.call(409, "anna", "POST", books, "key-three", wish(4)); full["code"] != "quota_exhausted" {
		t.Error(full)
	}
	s.call(201, "boris", "POST", books, "key-one-1", wish(2)) // his own key, by chance the same

	path := books + "/" + one["id"].(string)
	for name, gone := range map[string]string{"another's": path, "nobody's": books + "/00000000-0000-4000-8000-000000000000", "no id": books + "/x"} {
		if got := s.call(404, "boris", "GET", gone, "", ""); got["code"] != "appointment_unknown" {
			t.Error(name, got)
		}
	}
	s.call(404, "boris", "POST", path+"/cancel", "key-b-cancel", "")
	moved := s.call(200, "anna", "POST", path+"/reschedule", "key-move-1", `{"at":"`+time.Now().AddDate(0, 0, 9).Format(time.RFC3339)+`"}`)
	if moved["id"] != one["id"] || moved["at"] == one["at"] {
		t.Error(moved)
	}
	for range 2 {
		if got := s.call(200, "anna", "POST", path+"/cancel", "key-cancel-1", ""); got["state"] != "cancelled" || got["counts"] != false {
			t.Error(got)
		}
	}
	if got := s.call(409, "helper", "POST", books+"/"+two["id"].(string)+"/complete", "key-complete", ""); got["code"] != "appointment_ahead" {
		t.Error(got)
	}
	if all := s.call(200, "anna", "GET", books, "", ""); len(all["items"].([]any)) != 2 {
		t.Error(all)
	}
	if got := s.call(200, "admin", "POST", "/v1/sweeps", "", `{}`); got["looked"] != 2.0 {
		t.Error(got)
	}
}

func TestRefusedOverHTTP(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	wish := `{"specialist_type":"psychologist","at":"` + time.Now().AddDate(0, 0, 2).Format(time.RFC3339) + `"}`
	for _, tt := range []struct {
		status                               int
		code, token, method, path, key, body string
	}{
		{401, "token_invalid", "", "POST", "/v1/appointments", "key-12345", wish},
		{401, "token_invalid", "nobody", "POST", "/v1/appointments", "key-12345", wish},
		{403, "role_missing", "helper", "POST", "/v1/appointments", "key-12345", wish},
		{403, "role_missing", "anna", "POST", "/v1/appointments/00000000-0000-4000-8000-000000000000/complete", "key-12345", ""},
		{403, "role_missing", "anna", "POST", "/v1/sweeps", "", "{}"},
		{400, "idempotency_key_missing", "anna", "POST", "/v1/appointments", "", wish},
		{400, "json_invalid", "anna", "POST", "/v1/appointments", "key-12345", `{"reason":"I cannot sleep"}`},
		{400, "json_invalid", "anna", "POST", "/v1/appointments", "key-12345", strings.Replace(wish, "{", `{"employee_id":"boris-canary",`, 1)},
		{400, "json_invalid", "anna", "POST", "/v1/appointments", "key-12345", wish + wish},
		{400, "at_invalid", "anna", "POST", "/v1/appointments", "key-12345", `{"specialist_type":"psychologist"}`},
		{400, "from_invalid", "anna", "GET", "/v1/appointments?from=yesterday", "", ""},
	} {
		if got := s.call(tt.status, tt.token, tt.method, tt.path, tt.key, tt.body); got["code"] != tt.code {
			t.Errorf("%s %s as %s: %v, want %s", tt.method, tt.path, cmp.Or(tt.token, "nobody"), got, tt.code)
		}
	}
	s.limit.Store(-1)
	if got := s.call(503, "anna", "POST", "/v1/appointments", "key-12345", wish); got["code"] != "entitlement_unavailable" {
		t.Error(got)
	}
	if said := s.log.String(); !strings.Contains(said, "entitlement_unavailable") || strings.Contains(said, "canary") || strings.Contains(said, "psychologist") {
		t.Errorf("the log: %s", said)
	}
}

func TestConfiguration(t *testing.T) {
	_, err := configure(func(name string) string { return map[string]string{"OPORA_URL": "http://localhost:1"}[name] })
	if err == nil || !strings.Contains(err.Error(), "BOOKING_DATABASE_URL") || strings.Contains(err.Error(), "OPORA_URL") {
		t.Errorf("%v", err)
	}
	_, err = configure(func(name string) string {
		if name == "BOOKING_OUTAGE" {
			return "half an hour"
		}
		return "x"
	})
	if err == nil || !strings.Contains(err.Error(), "BOOKING_OUTAGE") {
		t.Errorf("%v", err)
	}
}
