package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/ponimayu/opora/internal/job"
	"github.com/ponimayu/opora/internal/seal"
	"github.com/ponimayu/opora/internal/tenancy"
	"github.com/ponimayu/opora/internal/webhook"
)

// Webhooks are the use cases around subscriptions: who is told that the feed
// has news. They are the contour's; who may not manage them learns nothing of
// them (tenancy.Forbidden).
type Webhooks struct {
	db     *DB
	key    *seal.Key
	queue  *job.Queue
	policy webhook.Policy
	feed   *Feed // places changes; what it tells of them is not asked here
}

// NewWebhooks returns the use cases on a database. key seals the secrets.
func NewWebhooks(db *DB, key *seal.Key, policy webhook.Policy) (*Webhooks, error) {
	queue, err := job.NewQueue(db.pool)
	if err != nil {
		return nil, err
	}
	return &Webhooks{db, key, queue, policy, NewFeed(db)}, nil
}

const subscriptionColumns = `SELECT id::text, url, description, enabled, disabled_reason, disabled_at, failing_since, CASE WHEN old_until > now() THEN old_until END, made_by, made_at FROM webhook`

func scanSubscription(row pgx.CollectableRow) (s webhook.Subscription, err error) {
	var disabled, failing, old *time.Time
	err = row.Scan(&s.ID, &s.URL, &s.Description, &s.Enabled, &s.DisabledReason, &disabled, &failing, &old, &s.MadeBy, &s.MadeAt)
	s.MadeAt = s.MadeAt.UTC()
	s.DisabledAt, s.FailingSince, s.OldSecretUntil = utc(disabled), utc(failing), utc(old)
	return s, err
}

// utc is a time that may be absent, as the zero time.
func utc(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.UTC()
}

// Webhooks returns all subscriptions, in the order in which they were made.
func (w *Webhooks) Webhooks(ctx context.Context, actor tenancy.Actor) ([]webhook.Subscription, error) {
	if err := w.allow(ctx, actor, ""); err != nil {
		return nil, err
	}
	return w.db.Subscriptions(ctx)
}

// Subscriptions returns all subscriptions to the process itself, which measures them.
func (db *DB) Subscriptions(ctx context.Context) (all []webhook.Subscription, err error) {
	err = db.ReadContour(ctx, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, subscriptionColumns+` ORDER BY made_at, id`)
		if err != nil {
			return err
		}
		all, err = pgx.CollectRows(rows, scanSubscription)
		return err
	})
	return all, err
}

// Webhook returns one subscription; tenancy.NotFound (webhook_unknown) when
// there is none.
func (w *Webhooks) Webhook(ctx context.Context, actor tenancy.Actor, id webhook.ID) (s webhook.Subscription, err error) {
	if err := w.allow(ctx, actor, id); err != nil {
		return s, err
	}
	err = w.db.ReadContour(ctx, func(tx pgx.Tx) (err error) {
		s, err = subscriptionIn(ctx, tx, id)
		return err
	})
	return s, err
}

func subscriptionIn(ctx context.Context, tx pgx.Tx, id webhook.ID) (s webhook.Subscription, err error) {
	if uuid.Validate(string(id)) != nil {
		return s, unknownWebhook()
	}
	rows, err := tx.Query(ctx, subscriptionColumns+` WHERE id = $1`, id)
	if err != nil {
		return s, err
	}
	s, err = pgx.CollectExactlyOneRow(rows, scanSubscription)
	if errors.Is(err, pgx.ErrNoRows) {
		err = unknownWebhook()
	}
	return s, err
}

func unknownWebhook() error {
	return tenancy.E(tenancy.NotFound, "webhook_unknown", "There is no such webhook.")
}

// AddWebhook makes a subscription and its secret, which is returned here and
// never again. It is told of what changes from now on. An address that may not
// be called is tenancy.Invalid (url_invalid, address_refused), one too many
// tenancy.Conflict (webhooks_too_many).
func (w *Webhooks) AddWebhook(ctx context.Context, actor tenancy.Actor, address, description string) (s webhook.Subscription, secret webhook.Secret, err error) {
	if err := w.allow(ctx, actor, ""); err != nil {
		return s, secret, err
	}
	if err := errors.Join(w.policy.Check(address), webhook.CheckDescription(description)); err != nil {
		return s, secret, err
	}
	id := webhook.ID(newID())
	secret = webhook.NewSecret()
	if _, err := w.feed.place(ctx, true); err != nil {
		return s, secret, err
	}
	err = w.change(ctx, actor, id, func(tx pgx.Tx) error {
		var there int
		// Who counts them keeps others from adding one meanwhile.
		if _, err := tx.Exec(ctx, `LOCK TABLE webhook IN SHARE ROW EXCLUSIVE MODE`); err != nil {
			return err
		}
		if err := tx.QueryRow(ctx, `SELECT count(*) FROM webhook`).Scan(&there); err != nil {
			return err
		}
		if there >= webhook.MaxSubscriptions {
			return tenancy.E(tenancy.Conflict, "webhooks_too_many", fmt.Sprintf("There are %d webhooks already; remove one.", there))
		}
		end, err := feedEnd(ctx, tx)
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `INSERT INTO webhook (id, url, description, secret, made_by, told) VALUES ($1, $2, $3, $4, $5, $6)`,
			id, address, description, w.seal(id, secret), actor.ID, end)
		if err != nil {
			return err
		}
		s, err = subscriptionIn(ctx, tx, id)
		return err
	})
	return s, secret, err
}

// EditWebhook changes a subscription. One that is enabled again has not failed
// yet, and is told of what it has missed by one message; of one that is
// disabled the delivery under way is dropped.
func (w *Webhooks) EditWebhook(ctx context.Context, actor tenancy.Actor, id webhook.ID, edit webhook.Edit) (s webhook.Subscription, err error) {
	if err := w.allow(ctx, actor, id); err != nil {
		return s, err
	}
	if edit.URL != nil {
		err = w.policy.Check(*edit.URL)
	}
	if edit.Description != nil {
		err = errors.Join(err, webhook.CheckDescription(*edit.Description))
	}
	if err != nil {
		return s, err
	}
	err = w.change(ctx, actor, id, func(tx pgx.Tx) error {
		before, err := subscriptionIn(ctx, tx, id)
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `
			UPDATE webhook SET url = coalesce($2, url), description = coalesce($3, description),
				next_at = CASE WHEN $2::text IS NOT NULL AND message IS NOT NULL THEN now() ELSE next_at END WHERE id = $1`, id, edit.URL, edit.Description)
		if err == nil && edit.Enabled != nil && *edit.Enabled != before.Enabled {
			err = enable(ctx, tx, id, *edit.Enabled)
		}
		if err != nil {
			return err
		}
		s, err = subscriptionIn(ctx, tx, id)
		return err
	})
	return s, err
}

func enable(ctx context.Context, tx pgx.Tx, id webhook.ID, on bool) error {
	if !on {
		return disable(ctx, tx, id, webhook.DisabledAsked)
	}
	_, err := tx.Exec(ctx, `UPDATE webhook SET enabled = true, disabled_reason = '', disabled_at = NULL, failing_since = NULL WHERE id = $1`, id)
	return err
}

// disable ends a subscription's deliveries until it is enabled again. What a
// dropped one was to tell it is told then.
func disable(ctx context.Context, tx pgx.Tx, id webhook.ID, why webhook.DisabledReason) error {
	_, err := tx.Exec(ctx, `UPDATE webhook_delivery SET state = 'dropped', ended_at = now() WHERE webhook = $1 AND state = 'waiting' AND NOT test`, id)
	if err == nil {
		_, err = tx.Exec(ctx, `
			UPDATE webhook SET enabled = false, disabled_reason = $2, disabled_at = now(), message = NULL, next_at = NULL, booking = NULL, booked_until = NULL,
				told = CASE WHEN message IS NULL THEN told ELSE '' END
			WHERE id = $1`, id, why)
	}
	return err
}

// RemoveWebhook removes a subscription and what is known of its deliveries.
func (w *Webhooks) RemoveWebhook(ctx context.Context, actor tenancy.Actor, id webhook.ID) error {
	if err := w.allow(ctx, actor, id); err != nil {
		return err
	}
	return w.change(ctx, actor, id, func(tx pgx.Tx) error {
		if _, err := subscriptionIn(ctx, tx, id); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `DELETE FROM webhook WHERE id = $1`, id)
		return err
	})
}

// RotateWebhook gives a subscription a new secret, which is returned here and
// never again. The old one signs too for webhook.OldSecretFor, unless it is to
// be dropped at once, because somebody else has it.
func (w *Webhooks) RotateWebhook(ctx context.Context, actor tenancy.Actor, id webhook.ID, dropOld bool) (s webhook.Subscription, secret webhook.Secret, err error) {
	if err := w.allow(ctx, actor, id); err != nil {
		return s, secret, err
	}
	secret = webhook.NewSecret()
	err = w.change(ctx, actor, id, func(tx pgx.Tx) error {
		if _, err := subscriptionIn(ctx, tx, id); err != nil {
			return err
		}
		keep := webhook.OldSecretFor
		if dropOld {
			keep = 0
		}
		_, err := tx.Exec(ctx, `
			UPDATE webhook SET secret = $2, old_secret = CASE WHEN $3 > interval '0' THEN secret END, old_until = CASE WHEN $3 > interval '0' THEN now() + $3 END
			WHERE id = $1`, id, w.seal(id, secret), keep)
		if err != nil {
			return err
		}
		s, err = subscriptionIn(ctx, tx, id)
		return err
	})
	return s, secret, err
}

func (w *Webhooks) seal(id webhook.ID, secret webhook.Secret) []byte {
	return w.key.Seal(webhookPlace(id), []byte(secret.Reveal()))
}

func (w *Webhooks) open(id webhook.ID, sealed []byte) (webhook.Secret, error) {
	text, err := w.key.Open(webhookPlace(id), sealed)
	if err != nil {
		return webhook.Secret{}, err
	}
	return webhook.ParseSecret(string(text))
}

func webhookPlace(id webhook.ID) string { return "webhook/" + string(id) }

// allow decides whether the actor may manage webhooks, and writes a refusal
// into the audit log.
func (w *Webhooks) allow(ctx context.Context, actor tenancy.Actor, id webhook.ID) error {
	if actor.MayAnywhere(tenancy.ManageWebhooks) {
		return nil
	}
	if err := w.change(ctx, actor, id, nil); err != nil {
		return err
	}
	return tenancy.E(tenancy.Forbidden, "forbidden", "Your role does not include this.")
}

// change runs fn and writes what was done into the audit log, in one
// transaction; without fn, that it was refused.
func (w *Webhooks) change(ctx context.Context, actor tenancy.Actor, id webhook.ID, fn func(pgx.Tx) error) error {
	return w.db.ForContour(ctx, func(tx pgx.Tx) error {
		if fn != nil {
			if err := fn(tx); err != nil {
				return err
			}
		}
		subject := ""
		if uuid.Validate(string(id)) == nil {
			subject = string(id)
		}
		return record(ctx, tx, Entry{Actor: actor.ID, Action: tenancy.ManageWebhooks, Subject: subject, Allowed: fn != nil})
	})
}
