package job

import (
	"context"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"

	"github.com/ponimayu/opora/provisioner"
)

// Store is what the workers need of the database.
type Store interface {
	Uploads
	Ops
	Activations
	LastDays
	Lists
	Leftovers
	ChangeLog
}

// Workers run the jobs. Start begins, Stop waits for what is under way.
type Workers struct {
	client *river.Client[pgx.Tx]
	waker  *waker
	herald *waker
}

// WorkersOptions have good zeros, Log aside.
type WorkersOptions struct {
	Log        *slog.Logger
	MaxWorkers int // jobs at once in this process; 8
	// RescueAfter is how long a job may be silent before another worker takes
	// it up; 45 s. It is safe to be short: claims are fenced.
	RescueAfter time.Duration
	Keep        Terms
	// Webhooks and Sender tell of changes; none does when they are nil.
	Webhooks Webhooks
	Sender   Sender
}

// NewWorkers returns the workers of all kinds of job.
func NewWorkers(pool *pgxpool.Pool, store Store, people provisioner.People, o WorkersOptions) (*Workers, error) {
	if o.MaxWorkers == 0 {
		o.MaxWorkers = 8
	}
	if o.RescueAfter == 0 {
		o.RescueAfter = 45 * time.Second
	}
	workers := river.NewWorkers()
	river.AddWorker(workers, &parseImport{uploads: store})
	river.AddWorker(workers, &applyOps{ops: store, people: people, log: o.Log})
	river.AddWorker(workers, &offerActivation{activations: store, people: people})
	river.AddWorker(workers, &withdrawActivation{activations: store, people: people})
	river.AddWorker(workers, &endLastDays{days: store})
	river.AddWorker(workers, &watchLists{lists: store, log: o.Log})
	river.AddWorker(workers, &removeUploads{leftovers: store, keep: o.Keep.orDefault()})
	river.AddWorker(workers, &removeChanges{changes: store, keep: o.Keep.orDefault().Changes})
	queues := map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: o.MaxWorkers}}
	var herald *waker
	if o.Webhooks != nil {
		river.AddWorker(workers, &deliverWebhook{webhooks: o.Webhooks, sender: o.Sender, log: o.Log})
		river.AddWorker(workers, &testWebhook{webhooks: o.Webhooks, sender: o.Sender})
		queues[webhookQueue] = river.QueueConfig{MaxWorkers: webhooksAtOnce}
		herald = &waker{what: "news for webhooks", every: heraldEvery, look: o.Webhooks.WakeWebhooks, log: o.Log}
	}
	client, err := river.NewClient(riverpgxv5.New(pool), &river.Config{
		Logger:               o.Log,
		Workers:              workers,
		Queues:               queues,
		FetchCooldown:        fetchCooldown,
		JobTimeout:           min(40*time.Second, o.RescueAfter),
		RescueStuckJobsAfter: o.RescueAfter,
		// A newer version may have enqueued what this one does not know: that is
		// left alone, never discarded.
		FetchOnlyKnownKinds: true,
		PeriodicJobs:        periodic(),
	})
	if err != nil {
		return nil, err
	}
	return &Workers{client, &waker{what: "lists whose reading has stopped", every: wakeEvery, look: store.WakeParses, log: o.Log}, herald}, nil
}

// fetchCooldown is how long a new job may wait behind the last one that was
// taken up: HR looks on while a list is read and applied.
const fetchCooldown = 20 * time.Millisecond

// Start begins working; it returns at once.
func (w *Workers) Start(ctx context.Context) error {
	if err := w.client.Start(ctx); err != nil {
		return err
	}
	w.waker.start(ctx)
	w.herald.start(ctx)
	return nil
}

// Stop takes no new jobs and waits for those under way, at most until ctx ends.
func (w *Workers) Stop(ctx context.Context) error {
	w.waker.stop()
	w.herald.stop()
	return w.client.Stop(ctx)
}

// Kill stops without waiting: what was under way is taken up by others.
func (w *Workers) Kill(ctx context.Context) error {
	w.waker.stop()
	w.herald.stop()
	return w.client.StopAndCancel(ctx)
}
