package job

import (
	"context"
	"log/slog"
	"time"

	"github.com/riverqueue/river"

	"github.com/ponimayu/opora/internal/webhook"
)

// webhookQueue is a queue of their own: receivers that let us wait must not
// keep the workers from people's accounts.
const (
	webhookQueue   = "webhooks"
	webhooksAtOnce = 16
)

// heraldEvery is how often a worker looks whether there is news to be told, and
// so how much news becomes one message.
const heraldEvery = time.Second

// DeliverWebhook makes one try of the delivery that a subscription is due. It
// does nothing when another job has been booked for it since.
type DeliverWebhook struct {
	Webhook webhook.ID `json:"webhook"`
	Booking string     `json:"booking"`
}

// Kind implements river.JobArgs.
func (DeliverWebhook) Kind() string { return "deliver_webhook" }

// InsertOpts implements river.JobArgsWithInsertOpts. What fails here is the
// database; a try that was lost so is booked anew.
func (DeliverWebhook) InsertOpts() river.InsertOpts {
	return river.InsertOpts{Queue: webhookQueue, MaxAttempts: 3}
}

// TestWebhook makes the one try of a test that somebody waits for.
type TestWebhook struct {
	Webhook  webhook.ID `json:"webhook"`
	Delivery string     `json:"delivery"`
}

// Kind implements river.JobArgs.
func (TestWebhook) Kind() string { return "test_webhook" }

// InsertOpts implements river.JobArgsWithInsertOpts.
func (TestWebhook) InsertOpts() river.InsertOpts {
	return river.InsertOpts{Queue: webhookQueue, MaxAttempts: 1}
}

// Webhooks is where subscriptions and their deliveries are kept.
type Webhooks interface {
	// WakeWebhooks books a job for every subscription that has a try due, or
	// has not been told of the newest change.
	WakeWebhooks(ctx context.Context) error
	// TakeDelivery begins a try, and commits that; false when the booking does
	// not hold any more.
	TakeDelivery(ctx context.Context, id webhook.ID, booking string) (webhook.Delivery, bool, error)
	// TakeTest begins the try of a test; false when nobody waits for it any more.
	TakeTest(ctx context.Context, id webhook.ID, delivery string) (webhook.Delivery, bool, error)
	// EndDelivery writes how a try went, and why that disabled the
	// subscription ("" when it did not).
	EndDelivery(ctx context.Context, d webhook.Delivery, o webhook.Outcome) (webhook.DisabledReason, error)
}

// Sender calls receivers (webhook.Sender).
type Sender interface {
	Send(ctx context.Context, d webhook.Delivery) webhook.Outcome
}

type deliverWebhook struct {
	river.WorkerDefaults[DeliverWebhook]
	webhooks Webhooks
	sender   Sender
	log      *slog.Logger
}

// Work implements river.Worker.
func (w *deliverWebhook) Work(ctx context.Context, j *river.Job[DeliverWebhook]) error {
	d, ok, err := w.webhooks.TakeDelivery(ctx, j.Args.Webhook, j.Args.Booking)
	if err != nil || !ok {
		return err
	}
	disabled, err := w.webhooks.EndDelivery(ctx, d, w.sender.Send(ctx, d))
	if disabled != "" {
		w.log.Warn("a webhook was disabled; its receiver is not told of changes any more", "webhook", d.Subscription, "reason", disabled)
	}
	return err
}

type testWebhook struct {
	river.WorkerDefaults[TestWebhook]
	webhooks Webhooks
	sender   Sender
}

// Work implements river.Worker.
func (w *testWebhook) Work(ctx context.Context, j *river.Job[TestWebhook]) error {
	d, ok, err := w.webhooks.TakeTest(ctx, j.Args.Webhook, j.Args.Delivery)
	if err != nil || !ok {
		return err
	}
	_, err = w.webhooks.EndDelivery(ctx, d, w.sender.Send(ctx, d))
	return err
}
