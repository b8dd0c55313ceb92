//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	webhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

// TestWebhook has a receiver on this machine told of a change, tried, and told
// under a new secret; and an address of the inside refused.
func TestWebhook(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	platform := s.token("PLATFORM")
	type message struct {
		body   []byte
		header http.Header
	}
	came := make(chan message, 100)
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		came <- message{body, r.Header}
		w.WriteHeader(http.StatusNoContent)
	}))
	defer receiver.Close()
	next := func() message {
		t.Helper()
		select {
		case m := <-came:
			return m
		case <-time.After(20 * time.Second):
			t.Fatal("no message came")
		}
		return message{}
	}
	verified := func(secret string, m message) bool {
		wh, err := webhooks.NewWebhook(secret)
		return err == nil && wh.Verify(m.body, m.header) == nil
	}
	var hook struct{ ID, Secret string }
	r := s.call(platform, "POST", "/v1/webhooks", map[string]any{"url": receiver.URL + "/opora", "description": "e2e"})
	if err := json.Unmarshal(r.body, &hook); err != nil || r.status != 201 || hook.Secret == "" {
		t.Fatalf("%s", r)
	}
	defer s.call(platform, "DELETE", "/v1/webhooks/"+hook.ID, nil)
	if r := s.call(platform, "POST", "/v1/webhooks/"+hook.ID+"/test", nil); r.status != 200 || !verified(hook.Secret, next()) {
		t.Fatalf("a test: %s", r)
	}
	if r := s.call(platform, "POST", "/v1/webhooks", map[string]any{"url": "https://169.254.169.254/latest/meta-data"}); r.code() != "address_refused" {
		t.Errorf("an address of the inside: %s", r)
	}

	// Somebody is hired: the feed has news, and the message says no more than that.
	hr := s.token("HR_AVITO")
	list := fmt.Sprintf("Табельный номер;ФИО;Email\n%d;Канарейкина Анна Петровна;kanarejka-%[1]d@avito.example\n", time.Now().UnixNano())
	var made imported
	up := s.upload(hr, "avito", []byte(list), map[string]string{"mode": "add"})
	if err := json.Unmarshal(up.body, &made); err != nil || up.status != 202 {
		t.Fatalf("%s", up)
	}
	s.await(hr, made.ID, "planned")
	if r := s.call(hr, "POST", "/v1/imports/"+made.ID+"/apply", nil); r.status != 202 {
		t.Fatalf("%s", r)
	}
	told := next()
	var body struct {
		Type string
		Data map[string]string
	}
	if err := json.Unmarshal(told.body, &body); err != nil || !verified(hook.Secret, told) || body.Type != "changes.available" || len(body.Data) != 1 {
		t.Errorf("%v %s", err, told.body)
	}
	if r := s.call(s.token("BOOKING"), "GET", "/v1/changes?since="+body.Data["cursor"], nil); r.status != 200 {
		t.Errorf("the feed does not know the cursor that was told: %s", r)
	}
	before := hook.Secret
	r = s.call(platform, "POST", "/v1/webhooks/"+hook.ID+"/rotate", nil)
	if err := json.Unmarshal(r.body, &hook); err != nil || r.status != 200 || hook.Secret == before {
		t.Fatalf("%s", r)
	}
	if r := s.call(platform, "POST", "/v1/webhooks/"+hook.ID+"/test", nil); r.status != 200 {
		t.Fatalf("%s", r)
	}
	for range 10 { // other tests' changes may be told in between, under the old secret
		if m := next(); verified(hook.Secret, m) && verified(before, m) {
			return
		}
	}
	t.Error("no message was signed with both secrets")
}
