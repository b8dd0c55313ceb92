package postgres

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/ponimayu/opora/internal/entitlement"
	"github.com/ponimayu/opora/internal/tenancy"
)

// Run reads everybody and follows the changes until ctx ends. It asks often
// instead of listening: a notification would hold a lock of the whole server at
// every commit, and is lost with its connection, while the question costs a
// fraction of a millisecond and needs no second truth beside it.
//
// From time to time, and when the database has gone back to an earlier state,
// everybody is read anew, so that nothing that was ever missed is wrong for ever.
func (e *Entitlements) Run(ctx context.Context, log *slog.Logger) {
	report := reporter{log: log}
	var f *follower
	for ctx.Err() == nil && f == nil {
		var err error
		f, err = e.load(ctx, log)
		if report.of(ctx, "reading everybody", err); err != nil {
			pause(ctx, retryLoad)
		}
	}
	next := make(chan *follower, 1) // who has read everybody anew
	reloading, loaded := false, time.Now()
	for ; ctx.Err() == nil; pause(ctx, pollEvery) {
		rewound, err := f.poll(ctx)
		report.of(ctx, "following the changes", err)
		if !reloading && (rewound || time.Since(loaded) > e.reloadEvery) {
			reloading = true
			if rewound {
				e.terms.Store(nil) // the same revision may be of other terms
			}
			go func() { next <- e.reload(ctx, log) }()
		}
		select {
		case f = <-next:
			reloading, loaded = false, time.Now()
		default:
		}
	}
	if reloading {
		<-next
	}
}

// reload loads until it succeeds; after ctx has ended what it returns is not used.
func (e *Entitlements) reload(ctx context.Context, log *slog.Logger) *follower {
	for {
		f, err := e.load(ctx, log)
		if err == nil || ctx.Err() != nil {
			return f
		}
		pause(ctx, retryLoad)
	}
}

// reporter logs when something begins to fail and when it works again.
type reporter struct {
	log     *slog.Logger
	failing bool
}

func (r *reporter) of(ctx context.Context, what string, err error) {
	if r.failing != (err != nil) && ctx.Err() == nil {
		r.failing = err != nil
		r.log.Warn("entitlements: "+what, "broken", r.failing, "kind", string(tenancy.KindOf(err)))
	}
}

// follower is what Run holds, and what it has seen.
type follower struct {
	of        *Entitlements
	directory *entitlement.Directory
	terms     contourTerms
	seen      string // pg_snapshot: the transactions whose changes are held
	ground    string // what their numbers mean (transactionsGround)
	shown     bool   // to readers
}

// load returns a follower that has read everybody. Readers see what it holds
// after its first poll.
func (e *Entitlements) load(ctx context.Context, log *slog.Logger) (*follower, error) {
	ctx, cancel := context.WithTimeout(ctx, loadTimeout)
	defer cancel()
	began := time.Now()
	f := &follower{of: e, directory: entitlement.NewDirectory()}
	err := e.db.following.ReadContour(ctx, func(tx pgx.Tx) (err error) {
		if err := tx.QueryRow(ctx, `SELECT pg_current_snapshot()::text, `+transactionsGround).Scan(&f.seen, &f.ground); err != nil {
			return err
		}
		if f.terms, err = readTerms(ctx, tx, contourTerms{}); err != nil {
			return err
		}
		f.directory.SetTerms(f.terms.revision, f.terms.tenants)
		for p, err := range readPeople(ctx, tx, everybody) {
			if err != nil {
				return err
			}
			f.directory.Put(f.terms.record(p))
		}
		return nil
	})
	if err == nil {
		log.Info("entitlements: everybody is in memory", "people", f.directory.Len(), "bytes", f.directory.Bytes(), "took", time.Since(began).Round(time.Millisecond))
	}
	return f, err
}

// poll learns what has changed since the last poll, takes it in, and makes what
// is held good as of the poll's beginning. Unless the terms have changed it is
// one round trip, whoever has changed.
func (f *follower) poll(ctx context.Context) (rewound bool, err error) {
	start := time.Since(f.of.began)
	news, err := f.glance(ctx)
	if err != nil || news.rewound {
		return news.rewound, err
	}
	if news.terms != f.terms.revision {
		if err := f.catchUp(ctx); err != nil {
			return false, err
		}
	}
	if !f.shown {
		f.shown = true
		f.of.held.Store(f.directory)
		f.of.terms.Store(&f.terms)
	}
	f.of.fresh.Store(int64(start + freshFor))
	return false, nil
}

// glance is what a poll sees in its one round trip.
type glance struct {
	now     string // pg_snapshot
	rewound bool   // transactions that were seen have not happened
	terms   int64  // their revision
}

// byIndex has the few who changed looked up one by one. The planner takes a
// third of all people for them, and would read everybody at every poll.
const byIndex = `set_config('enable_seqscan', 'off', true), set_config('enable_hashjoin', 'off', true), set_config('enable_mergejoin', 'off', true)`

// glance asks for what is new. When that are people alone it takes them in.
func (f *follower) glance(ctx context.Context) (g glance, err error) {
	ctx, cancel := context.WithTimeout(ctx, loadTimeout)
	defer cancel()
	late := time.AfterFunc(pollTimeout, cancel) // unless an answer begins to come
	defer late.Stop()
	var b pgx.Batch
	b.Queue(`BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY`)
	b.Queue(`SELECT set_config('role', $1, true), set_config('opora.tenant', '', true), `+byIndex, roleContour)
	b.Queue(`SELECT pg_current_snapshot()::text, pg_snapshot_xmax(pg_current_snapshot()) < pg_snapshot_xmax($1::text::pg_snapshot) OR `+transactionsGround+` <> $2,
		(SELECT revision FROM terms_revision)`, f.seen, f.ground)
	b.Queue(fmt.Sprintf(overridesOf, changedPeople), f.seen)
	b.Queue(fmt.Sprintf(employmentsOf, changedPeople), f.seen)
	b.Queue(`COMMIT`)
	answers := f.of.db.following.pool.SendBatch(ctx, &b)
	defer func() { err = Face(cmp.Or(err, answers.Close())) }()
	for range 2 {
		if _, err := answers.Exec(); err != nil {
			return g, err
		}
	}
	if err := answers.QueryRow().Scan(&g.now, &g.rewound, &g.terms); err != nil || g.rewound || g.terms != f.terms.revision {
		return g, err
	}
	late.Stop()
	if err := f.take(f.terms, peopleFrom(func(string) (pgx.Rows, error) { return answers.Query() })); err != nil {
		return g, err
	}
	f.seen = g.now
	return g, nil
}

// catchUp takes in everything that was committed and not seen. When it fails
// in the middle what was taken in is right, and will be taken in again.
func (f *follower) catchUp(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, loadTimeout)
	defer cancel()
	var seen string
	var terms contourTerms
	err := f.of.db.following.ReadContour(ctx, func(tx pgx.Tx) (err error) {
		if err := tx.QueryRow(ctx, `SELECT pg_current_snapshot()::text`).Scan(&seen); err != nil {
			return err
		}
		if terms, err = readTerms(ctx, tx, f.terms); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `SELECT `+byIndex); err != nil {
			return err
		}
		return f.take(terms, readPeople(ctx, tx, changedPeople, f.seen))
	})
	if err != nil {
		return err
	}
	if f.shown && terms.revision != f.terms.revision {
		f.of.terms.Store(&terms)
	}
	f.seen, f.terms = seen, terms
	return nil
}

// take brings changed people, and the terms when they are new, into the directory.
func (f *follower) take(terms contourTerms, changed people) error {
	var update entitlement.Update
	if terms.revision != f.terms.revision {
		update.Terms, update.TermsRevision = terms.tenants, terms.revision
	}
	for p, err := range changed {
		if err != nil {
			return err
		}
		if len(update.Put) == appliedAtOne {
			if update.Terms != nil {
				f.of.fresh.Store(0) // new terms, and people as they were before
			}
			f.directory.Apply(update)
			update = entitlement.Update{}
		}
		if p.gone {
			update.Remove = append(update.Remove, entitlement.Removal{ID: p.ID, Revision: p.revision})
		} else {
			update.Put = append(update.Put, terms.record(p))
		}
	}
	if update.Terms != nil || len(update.Put)+len(update.Remove) > 0 {
		f.directory.Apply(update)
	}
	return nil
}

// pause waits, or until ctx ends.
func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
