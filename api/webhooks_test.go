package api_test

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/ponimayu/opora/internal/tenancy"
	"github.com/ponimayu/opora/internal/webhook"
)

const webhookOfContour = "0193b6f2-7d5a-7c11-9a55-3d1f5b0e7a0c"

// theSecret is what the world's webhook is signed with.
var theSecret = webhook.NewSecret()

// subscriptions is the world's one webhook.
type subscriptions struct{ w *world }

func (s subscriptions) may(ctx context.Context, actor tenancy.Actor, id webhook.ID) error {
	err := s.w.may(ctx, actor, tenancy.ManageWebhooks, "cdek", "")
	if err == nil && id != webhookOfContour {
		err = tenancy.E(tenancy.NotFound, "webhook_unknown", "There is no such webhook.")
	}
	return err
}

func aWebhook(address string) webhook.Subscription {
	at := time.Unix(1795262400, 0).UTC()
	return webhook.Subscription{ID: webhookOfContour, URL: address, DisabledReason: webhook.DisabledGone, DisabledAt: at, FailingSince: at, OldSecretUntil: at, MadeBy: "p", MadeAt: at}
}

func aDelivery() webhook.Record {
	at := time.Unix(1795262400, 0).UTC()
	return webhook.Record{ID: nobody, Test: true, State: webhook.Failed, Cursor: "c7", MadeAt: at, EndedAt: at, NextAt: at,
		Tries: []webhook.Try{{At: at, Result: webhook.Rejected, Status: 500, TookMS: 12}, {At: at}}}
}

func (s subscriptions) Webhooks(ctx context.Context, actor tenancy.Actor) ([]webhook.Subscription, error) {
	return []webhook.Subscription{aWebhook("https://booking.example/opora")}, s.may(ctx, actor, webhookOfContour)
}

func (s subscriptions) Webhook(ctx context.Context, actor tenancy.Actor, id webhook.ID) (webhook.Subscription, error) {
	return aWebhook("https://booking.example/opora"), s.may(ctx, actor, id)
}

func (s subscriptions) AddWebhook(ctx context.Context, actor tenancy.Actor, address, _ string) (webhook.Subscription, webhook.Secret, error) {
	return aWebhook(address), theSecret, s.may(ctx, actor, webhookOfContour)
}

func (s subscriptions) EditWebhook(ctx context.Context, actor tenancy.Actor, id webhook.ID, edit webhook.Edit) (webhook.Subscription, error) {
	one := aWebhook("https://booking.example/opora")
	if edit.Enabled != nil {
		one.Enabled = *edit.Enabled
	}
	return one, s.may(ctx, actor, id)
}

func (s subscriptions) RemoveWebhook(ctx context.Context, actor tenancy.Actor, id webhook.ID) error {
	return s.may(ctx, actor, id)
}

func (s subscriptions) RotateWebhook(ctx context.Context, actor tenancy.Actor, id webhook.ID, dropOld bool) (webhook.Subscription, webhook.Secret, error) {
	one := aWebhook("https://booking.example/opora")
	if dropOld {
		one.OldSecretUntil = time.Time{}
	}
	return one, theSecret, s.may(ctx, actor, id)
}

func (s subscriptions) TestWebhook(ctx context.Context, actor tenancy.Actor, id webhook.ID) (webhook.Record, error) {
	return aDelivery(), s.may(ctx, actor, id)
}

func (s subscriptions) WebhookDeliveries(ctx context.Context, actor tenancy.Actor, id webhook.ID) ([]webhook.Record, error) {
	return []webhook.Record{aDelivery()}, s.may(ctx, actor, id)
}

func TestAWebhooksSecretIsShownOnce(t *testing.T) {
	w := newWorld(t)
	ask := func(method, path, body string) map[string]any {
		t.Helper()
		answer := w.do(request("platform", method, path, body))
		var v map[string]any
		if err := json.Unmarshal(answer.Body.Bytes(), &v); err != nil || answer.Code/100 != 2 {
			t.Fatalf("%s %s: %d %s", method, path, answer.Code, answer.Body)
		}
		return v
	}
	one := "/v1/webhooks/" + webhookOfContour
	for name, shown := range map[string]bool{"POST /v1/webhooks": true, "POST " + one + "/rotate": true, "GET /v1/webhooks": false, "GET " + one: false, "GET " + one + "/deliveries": false} {
		method, path, _ := strings.Cut(name, " ")
		body := ""
		if name == "POST /v1/webhooks" {
			body = `{"url":"https://booking.example/other","description":"Booking"}`
		}
		v := ask(method, path, body)
		if text, _ := json.Marshal(v); strings.Contains(string(text), "whsec_") != shown {
			t.Errorf("%s shows the secret: %v", name, !shown)
		}
	}
	if v := ask("POST", one+"/rotate", `{"drop_old":true}`); v["old_secret_until"] != nil || v["secret"] != theSecret.Reveal() {
		t.Errorf("drop_old: %v", v)
	}
	if v := ask("PATCH", one, `{"enabled":true}`); v["enabled"] != true {
		t.Errorf("enabled: %v", v)
	}
	if strings.Contains(w.log.String(), "whsec_") {
		t.Error("a secret is in the log")
	}
}

func TestWebhookRequests(t *testing.T) {
	w := newWorld(t)
	one := "/v1/webhooks/" + webhookOfContour
	for name, want := range map[string]string{
		`POST /v1/webhooks {}`:                          "field_missing",
		`POST /v1/webhooks {"url":7}`:                   "field_invalid",
		`POST /v1/webhooks {"url":"x","secret":"y"}`:    "field_unknown",
		`PATCH ` + one + ` {"disabled_reason":"gone"}`:  "field_unknown",
		`POST ` + one + `/rotate {"drop":true}`:         "field_unknown",
		`GET /v1/webhooks/` + nobody:                    "webhook_unknown",
		`GET /v1/webhooks/x`:                            "webhook_unknown",
		`POST /v1/webhooks/` + nobody + `/test`:         "webhook_unknown",
		`GET /v1/webhooks/` + nobody + `/deliveries`:    "webhook_unknown",
		`PATCH /v1/webhooks/` + nobody + ` {"url":"x"}`: "webhook_unknown",
	} {
		words := strings.SplitN(name, " ", 3)
		body := ""
		if len(words) == 3 {
			body = words[2]
		}
		if got := w.do(request("platform", words[0], words[1], body)); code(t, got) != want {
			t.Errorf("%s: %d %s", name, got.Code, got.Body)
		}
	}
	if got := w.do(request("platform", "GET", "/v1/webhooks/"+strings.ToUpper(webhookOfContour), "")); got.Code != http.StatusOK {
		t.Errorf("an id in capitals: %d %s", got.Code, got.Body)
	}
}
