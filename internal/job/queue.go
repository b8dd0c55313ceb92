// Package job holds the work that is done behind a request, one file per kind:
// reading an upload, carrying changes to Keycloak, handing over activation
// codes, ending access on a last day. River runs it on PostgreSQL; a job is
// enqueued in the transaction that decided, and its arguments are ids only.
package job

import (
	"context"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"

	"github.com/ponimayu/opora/internal/roster"
	"github.com/ponimayu/opora/internal/tenancy"
)

// Queue puts jobs into the queue. It runs none.
type Queue struct{ client *river.Client[pgx.Tx] }

// NewQueue returns the queue of a database.
func NewQueue(pool *pgxpool.Pool) (*Queue, error) {
	client, err := river.NewClient(riverpgxv5.New(pool), &river.Config{Logger: slog.New(slog.DiscardHandler), SkipUnknownJobCheck: true})
	if err != nil {
		return nil, err
	}
	return &Queue{client}, nil
}

// ParseImport reads an upload and plans it.
type ParseImport struct {
	Import roster.ImportID `json:"import"`
}

// Kind implements river.JobArgs.
func (ParseImport) Kind() string { return "parse_import" }

// ApplyOps carries ops to Keycloak. Several shards of one import
// run side by side, on one machine or on many: each claims what is free.
type ApplyOps struct {
	Tenant tenancy.TenantSlug `json:"tenant"`
	Import roster.ImportID    `json:"import,omitempty"` // empty: ops of no import, such as a last day that has come
	Shard  int                `json:"shard"`
}

// Kind implements river.JobArgs.
func (ApplyOps) Kind() string { return "apply_ops" }

// OfferActivation hands a one-time code over to Keycloak.
type OfferActivation struct {
	Activation string `json:"activation"`
}

// Kind implements river.JobArgs.
func (OfferActivation) Kind() string { return "offer_activation" }

// WithdrawActivation takes an unused one-time code back when it expires.
type WithdrawActivation struct {
	Activation string `json:"activation"`
}

// Kind implements river.JobArgs.
func (WithdrawActivation) Kind() string { return "withdraw_activation" }

// Enqueue puts a job into the queue within the transaction: it runs when the
// transaction commits, and never when it does not.
func (q *Queue) Enqueue(ctx context.Context, tx pgx.Tx, args river.JobArgs) error {
	_, err := q.client.InsertTx(ctx, tx, args, nil)
	return err
}

// shards is how many workers may share one import, and all that one import
// takes of them: the calls of one are enough for Keycloak, the second is there
// when the first is killed.
const shards = 2

// Shards enqueues as many workers as so many ops are worth.
func (q *Queue) Shards(ctx context.Context, tx pgx.Tx, args ApplyOps, ops int) error {
	for args.Shard = range min(shards, (ops+sliceSize-1)/sliceSize) {
		if err := q.Enqueue(ctx, tx, args); err != nil {
			return err
		}
	}
	return nil
}

// EnqueueAt is Enqueue for a job that runs at a time or later.
func (q *Queue) EnqueueAt(ctx context.Context, tx pgx.Tx, args river.JobArgs, at time.Time) error {
	_, err := q.client.InsertTx(ctx, tx, args, &river.InsertOpts{ScheduledAt: at})
	return err
}
