package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/ponimayu/opora/internal/entitlement"
	"github.com/ponimayu/opora/internal/job"
	"github.com/ponimayu/opora/internal/webhook"
)

var _ job.Webhooks = (*Webhooks)(nil)

const (
	// bookedFor is how long a job may wait in the queue until it is taken for lost.
	bookedFor = 5 * time.Minute
	// takenFor is how long a try may take until its worker is taken for dead.
	takenFor = 2 * webhook.Deadline
	// wokenAtOnce bounds how many are booked in one transaction.
	wokenAtOnce = 100
	// keptDeliveries is how many of a subscription's deliveries are remembered.
	keptDeliveries = 100
)

// WakeWebhooks implements job.Webhooks. There is nothing to do for a
// subscription whose delivery waits for its next try, however much news comes:
// when that one has ended, one more tells of it all.
func (w *Webhooks) WakeWebhooks(ctx context.Context) error {
	var any bool
	err := w.db.ReadContour(ctx, func(tx pgx.Tx) error {
		return tx.QueryRow(ctx, `SELECT EXISTS (SELECT FROM webhook WHERE enabled)`).Scan(&any)
	})
	if err != nil || !any {
		return err
	}
	return w.placed(ctx, false, func(tx pgx.Tx) error {
		// What signs no more is not kept.
		if _, err := tx.Exec(ctx, `UPDATE webhook SET old_secret = NULL, old_until = NULL WHERE old_until <= now()`); err != nil {
			return err
		}
		end, err := feedEnd(ctx, tx)
		if err != nil {
			return err
		}
		rows, err := tx.Query(ctx, `
			WITH due AS (
				SELECT id FROM webhook
				WHERE enabled AND (booked_until IS NULL OR booked_until <= now()) AND CASE WHEN message IS NULL THEN told <> $1 ELSE next_at <= now() END
				ORDER BY id LIMIT $2 FOR UPDATE SKIP LOCKED)
			UPDATE webhook w SET booking = gen_random_uuid(), booked_until = now() + $3 FROM due WHERE w.id = due.id RETURNING w.id::text, w.booking::text`,
			end, wokenAtOnce, bookedFor)
		if err != nil {
			return err
		}
		booked, err := pgx.CollectRows(rows, pgx.RowToStructByPos[job.DeliverWebhook])
		if err != nil {
			return err
		}
		for _, args := range booked {
			if err := w.queue.Enqueue(ctx, tx, args); err != nil {
				return err
			}
		}
		return nil
	})
}

// TakeDelivery implements job.Webhooks. Taking uses the booking up: the same
// job, run again, finds another one.
func (w *Webhooks) TakeDelivery(ctx context.Context, id webhook.ID, booking string) (d webhook.Delivery, ok bool, err error) {
	d.Token = uuid.NewString()
	err = w.placed(ctx, false, func(tx pgx.Tx) error {
		var message *string
		err := tx.QueryRow(ctx, `
			UPDATE webhook SET booking = $3, booked_until = now() + $4 WHERE id = $1 AND booking = $2 AND enabled RETURNING message::text`,
			id, booking, d.Token, takenFor).Scan(&message)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		ok = true
		if message == nil {
			if message, err = newMessage(ctx, tx, id); err != nil {
				return err
			}
		}
		return w.begin(ctx, tx, id, *message, &d)
	})
	return d, ok, err
}

// newMessage makes the delivery that tells where the feed ends now.
func newMessage(ctx context.Context, tx pgx.Tx, id webhook.ID) (*string, error) {
	end, err := feedEnd(ctx, tx)
	if err != nil {
		return nil, err
	}
	message, err := addDelivery(ctx, tx, id, end, false)
	if err != nil {
		return nil, err
	}
	_, err = tx.Exec(ctx, `UPDATE webhook SET message = $2, next_at = now(), told = $3 WHERE id = $1`, id, message, end)
	return &message, err
}

// addDelivery makes a delivery, and forgets the oldest of those that have ended
// and of tests.
func addDelivery(ctx context.Context, tx pgx.Tx, id webhook.ID, end entitlement.Cursor, test bool) (message string, err error) {
	_, err = tx.Exec(ctx, `
		DELETE FROM webhook_delivery WHERE webhook = $1 AND (ended_at IS NOT NULL OR test) AND made_at <
			(SELECT made_at FROM webhook_delivery WHERE webhook = $1 ORDER BY made_at DESC OFFSET $2 LIMIT 1)`, id, keptDeliveries-2)
	if err != nil {
		return "", err
	}
	message = newID()
	_, err = tx.Exec(ctx, `INSERT INTO webhook_delivery (webhook, id, test, cursor) VALUES ($1, $2, $3, $4)`, id, message, test, end)
	return message, err
}

// begin notes that a try begins, and reads what it sends.
func (w *Webhooks) begin(ctx context.Context, tx pgx.Tx, id webhook.ID, message string, d *webhook.Delivery) error {
	d.Subscription, d.Message.ID = id, message
	var secret, old []byte
	err := tx.QueryRow(ctx, `
		UPDATE webhook_delivery d SET tries = d.tries + 1 FROM webhook w WHERE d.webhook = $1 AND d.id = $2 AND w.id = d.webhook
		RETURNING d.tries, d.cursor, d.made_at, d.test, w.url, w.secret, CASE WHEN w.old_until > now() THEN w.old_secret END`, id, message).
		Scan(&d.Try, &d.Message.Cursor, &d.Message.At, &d.Test, &d.URL, &secret, &old)
	if err != nil {
		return err
	}
	for _, sealed := range [][]byte{secret, old} {
		if sealed == nil {
			continue
		}
		opened, err := w.open(id, sealed)
		if err != nil {
			return err
		}
		d.Secrets = append(d.Secrets, opened)
	}
	_, err = tx.Exec(ctx, `INSERT INTO webhook_try (webhook, delivery, n) VALUES ($1, $2, $3)`, id, message, d.Try)
	return err
}

// EndDelivery implements job.Webhooks. A try that somebody else has taken over
// meanwhile, or whose subscription is gone, is noted where it can be and
// decides nothing.
func (w *Webhooks) EndDelivery(ctx context.Context, d webhook.Delivery, o webhook.Outcome) (why webhook.DisabledReason, err error) {
	err = w.db.ForContour(ctx, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `UPDATE webhook_try SET result = $4, status = $5, took_ms = $6 WHERE webhook = $1 AND delivery = $2 AND n = $3`,
			d.Subscription, d.Message.ID, d.Try, o.Result, o.Status, max(1, o.Took.Milliseconds()))
		if err != nil {
			return err
		}
		if d.Test {
			return endTest(ctx, tx, d, o)
		}
		var failing *time.Time
		var now time.Time
		err = tx.QueryRow(ctx, `UPDATE webhook SET booking = NULL, booked_until = NULL, failing_since = CASE WHEN $3 THEN NULL ELSE coalesce(failing_since, now()) END
			WHERE id = $1 AND booking = $2 RETURNING failing_since, now()`, d.Subscription, d.Token, o.OK()).Scan(&failing, &now)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		switch {
		case o.Result == webhook.Gone:
			why = webhook.DisabledGone
		case failing != nil && now.Sub(*failing) >= webhook.FailingFor:
			why = webhook.DisabledFailing
		default:
			return endTry(ctx, tx, d, o)
		}
		return disable(ctx, tx, d.Subscription, why)
	})
	return why, err
}

// endTry ends the delivery, or says when it is tried next.
func endTry(ctx context.Context, tx pgx.Tx, d webhook.Delivery, o webhook.Outcome) error {
	wait, more := o.Wait(d.Try)
	if !o.OK() && more {
		_, err := tx.Exec(ctx, `UPDATE webhook SET next_at = now() + $2 WHERE id = $1`, d.Subscription, wait)
		return err
	}
	if err := endMessage(ctx, tx, d, o); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, `UPDATE webhook SET message = NULL, next_at = NULL WHERE id = $1`, d.Subscription)
	return err
}

func endMessage(ctx context.Context, tx pgx.Tx, d webhook.Delivery, o webhook.Outcome) error {
	state := webhook.Failed
	if o.OK() {
		state = webhook.Delivered
	}
	_, err := tx.Exec(ctx, `UPDATE webhook_delivery SET state = $3, ended_at = now() WHERE webhook = $1 AND id = $2 AND state = 'waiting'`, d.Subscription, d.Message.ID, state)
	return err
}

// endTest ends a test. One that came through shows that the receiver is there:
// what waits for it is tried at once.
func endTest(ctx context.Context, tx pgx.Tx, d webhook.Delivery, o webhook.Outcome) error {
	if err := endMessage(ctx, tx, d, o); err != nil || !o.OK() {
		return err
	}
	_, err := tx.Exec(ctx, `UPDATE webhook SET next_at = now() WHERE id = $1 AND message IS NOT NULL`, d.Subscription)
	return err
}
