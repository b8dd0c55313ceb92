package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/ponimayu/opora/internal/job"
	"github.com/ponimayu/opora/internal/tenancy"
	"github.com/ponimayu/opora/internal/webhook"
)

const (
	// trialFor is how long somebody waits for a test: for a worker to take it
	// up, and for the receiver.
	trialFor   = webhook.Deadline + 8*time.Second
	trialEvery = 100 * time.Millisecond
)

// TestWebhook has a worker send one message now, enabled or not, and returns
// how that went. It is the worker that sends: no other process calls
// receivers. Without one it is tenancy.Unavailable (worker_silent).
func (w *Webhooks) TestWebhook(ctx context.Context, actor tenancy.Actor, id webhook.ID) (webhook.Record, error) {
	if err := w.allow(ctx, actor, id); err != nil {
		return webhook.Record{}, err
	}
	var message string
	err := w.change(ctx, actor, id, func(tx pgx.Tx) error {
		if _, err := subscriptionIn(ctx, tx, id); err != nil {
			return err
		}
		end, err := feedEnd(ctx, tx)
		if err != nil {
			return err
		}
		if message, err = addDelivery(ctx, tx, id, end, true); err != nil {
			return err
		}
		return w.queue.Enqueue(ctx, tx, job.TestWebhook{Webhook: id, Delivery: message})
	})
	if err != nil {
		return webhook.Record{}, err
	}
	return w.awaitTrial(ctx, id, message)
}

func (w *Webhooks) awaitTrial(ctx context.Context, id webhook.ID, message string) (webhook.Record, error) {
	ctx, cancel := context.WithTimeout(ctx, trialFor)
	defer cancel()
	for {
		select {
		case <-ctx.Done():
			return webhook.Record{}, tenancy.E(tenancy.Unavailable, "worker_silent", "No worker has sent the message in time; see that opora worker runs, and look at the deliveries later.")
		case <-time.After(trialEvery):
		}
		all, err := w.deliveries(ctx, id, message)
		if err != nil && ctx.Err() == nil {
			return webhook.Record{}, err
		}
		if len(all) > 0 && all[0].State != webhook.Waiting {
			return all[0], nil
		}
	}
}

// TakeTest implements job.Webhooks.
func (w *Webhooks) TakeTest(ctx context.Context, id webhook.ID, delivery string) (d webhook.Delivery, ok bool, err error) {
	err = w.db.ForContour(ctx, func(tx pgx.Tx) error {
		var fresh bool
		err := tx.QueryRow(ctx, `SELECT made_at > now() - $3::interval AND tries = 0 FROM webhook_delivery WHERE webhook = $1 AND id = $2 AND state = 'waiting' FOR UPDATE`,
			id, delivery, trialFor).Scan(&fresh)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		if !fresh {
			_, err := tx.Exec(ctx, `UPDATE webhook_delivery SET state = 'dropped', ended_at = now() WHERE webhook = $1 AND id = $2`, id, delivery)
			return err
		}
		ok = true
		return w.begin(ctx, tx, id, delivery, &d)
	})
	return d, ok, err
}

// WebhookDeliveries returns a subscription's last deliveries, the newest first,
// with all their tries.
func (w *Webhooks) WebhookDeliveries(ctx context.Context, actor tenancy.Actor, id webhook.ID) ([]webhook.Record, error) {
	if _, err := w.Webhook(ctx, actor, id); err != nil {
		return nil, err
	}
	return w.deliveries(ctx, id, "")
}

// deliveries reads one delivery, or the last ones when message is empty.
func (w *Webhooks) deliveries(ctx context.Context, id webhook.ID, message string) (all []webhook.Record, err error) {
	err = w.db.ReadContour(ctx, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `
			SELECT d.id::text, d.test, d.state, d.cursor, d.made_at, d.ended_at, CASE WHEN w.message = d.id THEN w.next_at END,
				coalesce((SELECT json_agg(json_build_object('at', t.at, 'result', t.result, 'status', t.status, 'took_ms', t.took_ms) ORDER BY t.n)
					FROM webhook_try t WHERE t.webhook = d.webhook AND t.delivery = d.id), '[]')
			FROM webhook_delivery d JOIN webhook w ON w.id = d.webhook
			WHERE d.webhook = $1 AND ($2 = '' OR d.id::text = $2) ORDER BY d.made_at DESC, d.id DESC LIMIT $3`, id, message, keptDeliveries)
		if err != nil {
			return err
		}
		all, err = pgx.CollectRows(rows, scanDelivery)
		return err
	})
	return all, err
}

func scanDelivery(row pgx.CollectableRow) (r webhook.Record, err error) {
	var ended, next *time.Time
	err = row.Scan(&r.ID, &r.Test, &r.State, &r.Cursor, &r.MadeAt, &ended, &next, &r.Tries)
	r.MadeAt, r.EndedAt, r.NextAt = r.MadeAt.UTC(), utc(ended), utc(next)
	for i := range r.Tries {
		r.Tries[i].At = r.Tries[i].At.UTC()
	}
	return r, err
}
