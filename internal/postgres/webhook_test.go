package postgres_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/ponimayu/opora/internal/tenancy"
	"github.com/ponimayu/opora/internal/webhook"
)

func TestAWebhookIsToldOfNews(t *testing.T) {
	t.Parallel()
	h := newHooked(t)
	b := newBooking(t)
	h.news() // before it was made: not its news
	id, secret := h.add(b)
	h.herald()
	h.quiet(b, 0)
	h.news()
	first := b.await(t, 1)[0]
	if !passes(t, secret, first) || passes(t, webhook.NewSecret(), first) {
		t.Error("the signature does not hold, or holds for anybody")
	}
	r := h.settled(id, webhook.Delivered)
	if r.ID != first.id || r.Cursor == "" || len(r.Tries) != 1 || r.Tries[0].Status != 204 || r.Test || !r.NextAt.IsZero() {
		t.Errorf("%+v", r)
	}
	if want := fmt.Sprintf(`{"type":"changes.available","timestamp":%q,"data":{"cursor":%q}}`, r.MadeAt.Format(time.RFC3339Nano), r.Cursor); first.body != want {
		t.Errorf("%s, want %s", first.body, want)
	}
	h.news()
	if second := b.await(t, 2)[1]; second.id == first.id || second.body == first.body || !passes(t, secret, second) {
		t.Errorf("the second message: %+v", second)
	}
	h.quiet(b, 2)
	if text := fmt.Sprint(b.got(), h.log.String()); strings.Contains(strings.ToLower(text), "канарейкин") || strings.Contains(text, "kanarejka") {
		t.Errorf("personal data got out: %s", text)
	}
}

func TestNewsOfTermsIsNewsToo(t *testing.T) {
	t.Parallel()
	h := newHooked(t)
	b := newBooking(t)
	h.add(b)
	h.herald()
	h.sql(`UPDATE tenant SET suspended = NOT suspended WHERE tenant = 'cdek'`)
	b.await(t, 1)
}

// TestTriesOutliveTheWorker: the same message is tried again by another worker.
func TestTriesOutliveTheWorker(t *testing.T) {
	t.Parallel()
	h := newHooked(t)
	b := newBooking(t)
	b.answer(500)
	id, secret := h.add(b)
	kill := h.herald()
	h.news()
	b.await(t, 1)
	r := h.settled(id, webhook.Waiting)
	if r.Tries[0].Result != webhook.Rejected || r.Tries[0].Status != 500 || time.Until(r.NextAt) < time.Second || time.Until(r.NextAt) > 10*time.Second {
		t.Errorf("after the first try: %+v", r)
	}
	kill()
	h.news() // waits for its turn
	h.sql(`UPDATE webhook SET next_at = now()`)
	b.answer(200)
	h.herald()
	posts := b.await(t, 3)
	if posts[0].id != posts[1].id || posts[0].body != posts[1].body || posts[1].id == posts[2].id || posts[1].body == posts[2].body {
		t.Errorf("%+v", posts)
	}
	for _, p := range posts {
		if !passes(t, secret, p) {
			t.Errorf("the signature of %s does not hold", p.id)
		}
	}
	h.quiet(b, 3)
	all := h.deliveries(id)
	if len(all) != 2 || len(all[1].Tries) != 2 || all[1].Tries[1].Result != webhook.Accepted || all[1].State != webhook.Delivered {
		t.Errorf("%+v", all)
	}
	if s, err := h.Webhook(t.Context(), operator, id); err != nil || !s.FailingSince.IsZero() {
		t.Errorf("after a delivery: %+v %v", s, err)
	}
}

// TestADeadWorkersTry: a worker takes the delivery and is not heard of again,
// or only when another one has taken over.
func TestADeadWorkersTry(t *testing.T) {
	t.Parallel()
	h := newHooked(t)
	b := newBooking(t)
	id, _ := h.add(b)
	h.news()
	if err := h.WakeWebhooks(t.Context()); err != nil {
		t.Fatal(err)
	}
	booked := h.booking(id)
	dead, ok, err := h.TakeDelivery(t.Context(), id, booked)
	if err != nil || !ok || dead.Try != 1 {
		t.Fatalf("%+v %v %v", dead, ok, err)
	}
	if _, again, err := h.TakeDelivery(t.Context(), id, booked); again || err != nil {
		t.Errorf("a booking was used twice: %v", err)
	}
	h.herald()
	h.quiet(b, 0) // it may still be at work
	h.sql(`UPDATE webhook SET booked_until = now()`)
	if got := b.await(t, 1); got[0].id != dead.Message.ID {
		t.Errorf("%+v", got)
	}
	r := h.settled(id, webhook.Delivered)
	if len(r.Tries) != 2 || r.Tries[0].Result != "" || r.Tries[1].Result != webhook.Accepted {
		t.Errorf("%+v", r)
	}
	if _, err := h.EndDelivery(t.Context(), dead, webhook.Outcome{Result: webhook.Gone, Status: 410}); err != nil {
		t.Fatal(err)
	}
	if s, err := h.Webhook(t.Context(), operator, id); err != nil || !s.Enabled || h.deliveries(id)[0].State != webhook.Delivered {
		t.Errorf("who had lost the try decided: %+v %v", s, err)
	}
}

// booking reads the fencing token that the last look gave out.
func (h *hooked) booking(id webhook.ID) (token string) {
	h.t.Helper()
	err := h.db.ReadContour(h.t.Context(), func(tx pgx.Tx) error {
		return tx.QueryRow(h.t.Context(), `SELECT booking::text FROM webhook WHERE id = $1`, id).Scan(&token)
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return token
}

// TestNewsBecomesOneMessage: while a receiver takes its time, whatever comes is
// told by one message after it, and two workers never call it at once.
func TestNewsBecomesOneMessage(t *testing.T) {
	t.Parallel()
	h := newHooked(t)
	b := newBooking(t)
	b.gate = make(chan struct{})
	id, _ := h.add(b)
	h.herald()
	h.herald()
	h.news()
	b.await(t, 1)
	for range 50 {
		h.news()
	}
	h.quiet(b, 1)
	b.gate <- struct{}{}
	b.await(t, 2)
	close(b.gate)
	h.settled(id, webhook.Delivered)
	h.quiet(b, 2)
	if b.most != 1 {
		t.Errorf("%d calls at once", b.most)
	}
	if all := h.deliveries(id); len(all) != 2 || all[0].Cursor == all[1].Cursor {
		t.Errorf("%+v", all)
	}
}

func TestRotation(t *testing.T) {
	t.Parallel()
	h := newHooked(t)
	b := newBooking(t)
	id, first := h.add(b)
	h.herald()
	s, second, err := h.RotateWebhook(t.Context(), operator, id, false)
	if left := time.Until(s.OldSecretUntil); err != nil || left < 23*time.Hour || left > 24*time.Hour {
		t.Fatalf("%+v %v", s, err)
	}
	var held []byte
	err = h.db.ReadContour(t.Context(), func(tx pgx.Tx) error {
		return tx.QueryRow(t.Context(), `SELECT secret || old_secret FROM webhook`).Scan(&held)
	})
	for _, secret := range []webhook.Secret{first, second} {
		if err != nil || bytes.Contains(held, []byte(secret.Reveal()[10:])) {
			t.Errorf("a secret lies open: %v", err)
		}
	}
	expect := func(n int, secrets map[webhook.State]struct {
		secret webhook.Secret
		ok     bool
	}) {
		t.Helper()
		h.news()
		p := b.await(t, n)[n-1]
		for name, x := range secrets {
			if passes(t, x.secret, p) != x.ok {
				t.Errorf("message %d, the %s secret: %v", n, name, !x.ok)
			}
		}
	}
	type told = struct {
		secret webhook.Secret
		ok     bool
	}
	expect(1, map[webhook.State]told{"old": {first, true}, "new": {second, true}})
	h.sql(`UPDATE webhook SET old_until = now()`)
	expect(2, map[webhook.State]told{"old": {first, false}, "new": {second, true}})
	var kept int
	err = h.db.ReadContour(t.Context(), func(tx pgx.Tx) error {
		return tx.QueryRow(t.Context(), `SELECT count(old_secret) FROM webhook`).Scan(&kept)
	})
	if err != nil || kept != 0 {
		t.Errorf("%d secrets are kept that sign no more, %v", kept, err)
	}
	_, third, err := h.RotateWebhook(t.Context(), operator, id, true)
	if err != nil {
		t.Fatal(err)
	}
	expect(3, map[webhook.State]told{"leaked": {second, false}, "new": {third, true}})
}

func TestWhatDisables(t *testing.T) {
	t.Parallel()
	h := newHooked(t)
	b := newBooking(t)
	b.answer(410)
	id, _ := h.add(b)
	h.herald()
	h.news()
	b.await(t, 1)
	state := func(reason webhook.DisabledReason) {
		t.Helper()
		for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
			if s, err := h.Webhook(t.Context(), operator, id); err == nil && s.DisabledReason == reason && s.Enabled == (reason == "") {
				return
			}
		}
		t.Fatalf("it was not disabled as %s", reason)
	}
	state(webhook.DisabledGone)
	if r := h.deliveries(id)[0]; r.State != webhook.Dropped || r.Tries[0].Result != webhook.Gone {
		t.Errorf("%+v", r)
	}
	h.news()
	h.quiet(b, 1)
	enable := func(on bool) {
		t.Helper()
		if _, err := h.EditWebhook(t.Context(), operator, id, webhook.Edit{Enabled: &on}); err != nil {
			t.Fatal(err)
		}
	}
	// Enabled again it is told of what it has missed; it fails for five days.
	b.answer(500)
	enable(true)
	b.await(t, 2)
	h.settled(id, webhook.Waiting)
	h.sql(`UPDATE webhook SET failing_since = failing_since - interval '119 hours', next_at = now()`)
	b.await(t, 3)
	h.settled(id, webhook.Waiting)
	state("")
	h.sql(`UPDATE webhook SET failing_since = failing_since - interval '1 hour', next_at = now()`)
	b.await(t, 4)
	state(webhook.DisabledFailing)
	h.mu.Lock()
	if said := h.log.String(); strings.Count(said, "a webhook was disabled") != 2 || strings.Contains(said, b.URL) {
		t.Errorf("the log: %s", said)
	}
	h.mu.Unlock()
	// Somebody disables what waits.
	enable(true)
	b.await(t, 5)
	h.settled(id, webhook.Waiting)
	enable(false)
	state(webhook.DisabledAsked)
	if r := h.deliveries(id)[0]; r.State != webhook.Dropped {
		t.Errorf("%+v", r)
	}
}

// TestTheLastTry: a message is given up, and the next news is a message of its own.
func TestTheLastTry(t *testing.T) {
	t.Parallel()
	h := newHooked(t)
	b := newBooking(t)
	b.answer(503)
	id, _ := h.add(b)
	h.herald()
	h.news()
	b.await(t, 1)
	h.settled(id, webhook.Waiting)
	h.sql(`UPDATE webhook_delivery SET tries = 7`)
	h.sql(`UPDATE webhook SET next_at = now()`)
	b.await(t, 2)
	if r := h.settled(id, webhook.Failed); r.EndedAt.IsZero() {
		t.Errorf("%+v", r)
	}
	h.quiet(b, 2)
	h.news()
	if got := b.await(t, 3); got[2].id == got[1].id {
		t.Error("news is told under the id of what was given up")
	}
}

func TestTestingAWebhook(t *testing.T) {
	t.Parallel()
	h := newHooked(t)
	b := newBooking(t)
	id, secret := h.add(b)
	short, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	if _, err := h.TestWebhook(short, operator, id); codeOf(err) != "worker_silent" {
		t.Fatalf("without a worker: %v", err)
	}
	h.sql(`UPDATE webhook_delivery SET made_at = made_at - interval '1 minute'`)
	h.herald()
	h.quiet(b, 0) // nobody waits for the first one any more
	r, err := h.TestWebhook(t.Context(), operator, id)
	if err != nil || r.State != webhook.Delivered || !r.Test || len(r.Tries) != 1 || r.Tries[0].Status != 204 || !passes(t, secret, b.got()[0]) {
		t.Fatalf("%+v %v", r, err)
	}
	b.answer(418)
	off := false
	if _, err := h.EditWebhook(t.Context(), operator, id, webhook.Edit{Enabled: &off}); err != nil {
		t.Fatal(err)
	}
	if r, err := h.TestWebhook(t.Context(), operator, id); err != nil || r.State != webhook.Failed || r.Tries[0].Status != 418 {
		t.Errorf("disabled, and refused: %+v %v", r, err)
	}
	if s, err := h.Webhook(t.Context(), operator, id); err != nil || !s.FailingSince.IsZero() || s.DisabledReason != webhook.DisabledAsked {
		t.Errorf("a test changed it: %+v %v", s, err)
	}
	// A test that comes through wakes what waits.
	on := true
	if _, err := h.EditWebhook(t.Context(), operator, id, webhook.Edit{Enabled: &on}); err != nil {
		t.Fatal(err)
	}
	h.news()
	b.await(t, 3)
	h.settled(id, webhook.Waiting)
	h.sql(`UPDATE webhook SET next_at = now() + interval '5 hours'`)
	b.answer(200)
	if r, err := h.TestWebhook(t.Context(), operator, id); err != nil || r.State != webhook.Delivered {
		t.Fatalf("%+v %v", r, err)
	}
	b.await(t, 5)
}

func TestWhoManagesWebhooks(t *testing.T) {
	t.Parallel()
	h := newHooked(t)
	b := newBooking(t)
	id, _ := h.add(b)
	ctx := t.Context()
	for _, actor := range []tenancy.Actor{hr, {ID: "b", Roles: []tenancy.Role{tenancy.RoleBookingCore}}, {ID: "pay", Roles: []tenancy.Role{tenancy.RolePayments}}, {ID: "x"}} {
		_, _, add := h.AddWebhook(ctx, actor, b.URL, "")
		_, _, rotate := h.RotateWebhook(ctx, actor, id, false)
		for what, err := range map[string]error{
			"list": second(h.Webhooks.Webhooks(ctx, actor)), "read": second(h.Webhook(ctx, actor, id)), "add": add, "rotate": rotate,
			"edit": second(h.EditWebhook(ctx, actor, id, webhook.Edit{})), "remove": h.RemoveWebhook(ctx, actor, id),
			"test": second(h.TestWebhook(ctx, actor, id)), "deliveries": second(h.WebhookDeliveries(ctx, actor, id)),
		} {
			if tenancy.KindOf(err) != tenancy.Forbidden {
				t.Errorf("%s by %v: %v", what, actor.Roles, err)
			}
		}
	}
	platform := tenancy.Actor{ID: "p", Roles: []tenancy.Role{tenancy.RolePlatformAdmin}}
	if all, err := h.Webhooks.Webhooks(ctx, platform); err != nil || len(all) != 1 || all[0].MadeBy != operator.ID {
		t.Errorf("%v %v", all, err)
	}
	if err := h.RemoveWebhook(ctx, platform, id); err != nil {
		t.Error(err)
	}
	for _, unknown := range []webhook.ID{id, "x", ""} {
		if err := h.RemoveWebhook(ctx, platform, unknown); codeOf(err) != "webhook_unknown" {
			t.Errorf("%q: %v", unknown, err)
		}
	}
	var allowed, refused int
	err := h.db.ReadContour(ctx, func(tx pgx.Tx) error {
		return tx.QueryRow(ctx, `SELECT count(*) FILTER (WHERE allowed), count(*) FILTER (WHERE NOT allowed) FROM audit WHERE action = 'webhooks.manage'`).Scan(&allowed, &refused)
	})
	if err != nil || allowed != 2 || refused != 4*8 {
		t.Errorf("the audit log has %d and %d, %v", allowed, refused, err)
	}
	for address, want := range map[string]string{"https://10.0.0.1/": "address_refused", "nonsense": "url_invalid"} {
		if _, _, err := h.AddWebhook(ctx, platform, address, ""); codeOf(err) != want {
			t.Errorf("%s: %v", address, err)
		}
	}
	if _, _, err := h.AddWebhook(ctx, platform, b.URL, "two\nlines"); codeOf(err) != "field_invalid" {
		t.Errorf("two lines: %v", err)
	}
	for range webhook.MaxSubscriptions {
		h.add(b)
	}
	if _, _, err := h.AddWebhook(ctx, platform, b.URL, ""); codeOf(err) != "webhooks_too_many" {
		t.Errorf("one too many: %v", err)
	}
}

// TestOldDeliveriesAreForgotten: a busy feed does not fill the tables.
func TestOldDeliveriesAreForgotten(t *testing.T) {
	t.Parallel()
	h := newHooked(t)
	b := newBooking(t)
	id, _ := h.add(b)
	for range 105 {
		h.news()
		if err := h.WakeWebhooks(t.Context()); err != nil {
			t.Fatal(err)
		}
		d, ok, err := h.TakeDelivery(t.Context(), id, h.booking(id))
		if err == nil && ok {
			_, err = h.EndDelivery(t.Context(), d, webhook.Outcome{Result: webhook.Accepted, Status: 200})
		}
		if err != nil || !ok {
			t.Fatalf("%v %v", ok, err)
		}
	}
	var kept int
	err := h.db.ReadContour(t.Context(), func(tx pgx.Tx) error {
		return tx.QueryRow(t.Context(), `SELECT count(*) FROM webhook_delivery`).Scan(&kept)
	})
	if all := h.deliveries(id); err != nil || kept > 100 || kept < 98 || len(all) != kept {
		t.Errorf("%d kept, %d shown, %v", kept, len(all), err)
	}
}

func codeOf(err error) string {
	var known *tenancy.Error
	if errors.As(err, &known) {
		return known.Code
	}
	return ""
}
