package postgres

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/singleflight"

	"github.com/ponimayu/opora/internal/entitlement"
	"github.com/ponimayu/opora/internal/tenancy"
)

// Timings of a Feed.
const (
	placeEvery   = 50 * time.Millisecond // while somebody waits
	placeRarely  = time.Second           // while nobody does: readers place for themselves
	placeTimeout = 2 * time.Second
	pageTimeout  = 10 * time.Second
	foundTimeout = 10 * time.Minute
	silentFor    = 2 * time.Second // may placing fail before those who wait are told
)

// Feed tells readers of every committed change of an employee and of the terms,
// in an order in which the changes of one employee follow each other as they
// were committed. docs/decisions/0044 says how and why. Any number of servers
// may each have one on the same database.
type Feed struct {
	db     *DB
	shared singleflight.Group // pages, for waiters who go on from the same place

	mu        sync.Mutex
	end       int64         // the last position that this process knows of
	broken    error         // why it has not been known for some time
	moved     chan struct{} // closed when one of them has become another
	listeners int
	rules     segmentRules

	wake chan struct{} // the first listener has come
}

// NewFeed returns the feed of a database. Await needs Run to go on beside it.
func NewFeed(db *DB) *Feed {
	return &Feed{db: db, moved: make(chan struct{}), wake: make(chan struct{}, 1)}
}

// Run gives committed changes their places, and wakes those who wait for them,
// until ctx ends. It asks the database instead of listening, for the reasons
// that Entitlements.Run has; one question serves all who wait in this process.
func (f *Feed) Run(ctx context.Context, log *slog.Logger) {
	failing, good := false, time.Now()
	for {
		began := time.Now()
		_, err := f.place(ctx, false)
		if errors.Is(err, errFeedNotReady) {
			err = f.found(ctx)
		}
		if ctx.Err() != nil {
			return
		}
		if err == nil {
			good = began
		} else if time.Since(good) > silentFor {
			f.breakOff(err)
		}
		if failing != (err != nil) {
			failing = err != nil
			log.Warn("feed: placing changes", "broken", failing, "kind", string(tenancy.KindOf(err)))
		}
		select {
		case <-ctx.Done():
			return
		case <-f.wake:
		case <-time.After(f.pause()):
		}
	}
}

// found begins the feed anew in a database that was restored from another one.
func (f *Feed) found(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, foundTimeout)
	defer cancel()
	return f.db.ForContour(ctx, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `SELECT opora_found_feed()`)
		return err
	})
}

var errFeedNotReady = tenancy.E(tenancy.Unavailable, "feed_not_ready", "The feed of changes is being prepared in this database; come again shortly.")

func (f *Feed) pause() time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.listeners > 0 {
		return placeEvery
	}
	return placeRarely
}

// place gives every transaction that was committed before it was called a
// place; one that is not patient leaves it to another process that is at it. It
// returns the last position. All of it is sent at once, so that a process which
// stops in the middle holds no lock that the others wait for.
func (f *Feed) place(ctx context.Context, patient bool) (end int64, err error) {
	ctx, cancel := context.WithTimeout(ctx, placeTimeout)
	defer cancel()
	var b pgx.Batch
	var placed *int64
	b.Queue(`BEGIN`)
	b.Queue(`SELECT set_config('role', $1, true), set_config('opora.tenant', '', true)`, roleContour)
	b.Queue(`SELECT opora_place_changes($1)`, patient).QueryRow(func(row pgx.Row) error { return row.Scan(&placed) })
	b.Queue(`COMMIT`)
	if err := f.db.pool.SendBatch(ctx, &b).Close(); err != nil {
		return 0, Face(err)
	}
	if placed == nil {
		return 0, errFeedNotReady
	}
	f.tell(*placed)
	return *placed, nil
}

// tell wakes all who wait when there is something new.
func (f *Feed) tell(end int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if end == f.end && f.broken == nil {
		return
	}
	f.end, f.broken = end, nil
	close(f.moved)
	f.moved = make(chan struct{})
}

// breakOff tells all who wait that nobody knows whether there is something new:
// silence would read as «nothing has changed».
func (f *Feed) breakOff(why error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.broken = why
	close(f.moved)
	f.moved = make(chan struct{})
}

// listen counts those who wait, and hurries Run for the first.
func (f *Feed) listen(more int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.listeners += more; f.listeners == 1 && more > 0 {
		select {
		case f.wake <- struct{}{}:
		default:
		}
	}
}

// Await waits until something comes after the cursor, and returns it as Changes
// does, or until ctx ends: then the page is empty and goes on from the same
// place. The error is that of a database which does not answer. The cursor is
// one that this feed has answered with.
func (f *Feed) Await(ctx context.Context, after entitlement.Cursor, limit int) (entitlement.ChangePage, error) {
	from, err := parseCursor(after)
	if err != nil {
		return entitlement.ChangePage{}, err
	}
	f.listen(1)
	defer f.listen(-1)
	page := entitlement.ChangePage{Items: []entitlement.Change{}, Next: after}
	for ctx.Err() == nil {
		f.mu.Lock()
		end, broken, moved := f.end, f.broken, f.moved
		f.mu.Unlock()
		switch {
		case broken != nil:
			return page, broken
		case end < from.position:
			select {
			case <-ctx.Done():
			case <-moved:
			}
			continue
		}
		if page, err := f.sharedPage(ctx, from, limit); err != nil || len(page.Items) > 0 {
			return page, err
		}
	}
	return page, nil
}

// sharedPage reads a page once for all who wake at the same place.
func (f *Feed) sharedPage(ctx context.Context, from feedCursor, limit int) (entitlement.ChangePage, error) {
	read := f.shared.DoChan(fmt.Sprint(from, limit), func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), pageTimeout)
		defer cancel()
		return f.page(ctx, from, limit)
	})
	select {
	case <-ctx.Done():
		return entitlement.ChangePage{Items: []entitlement.Change{}, Next: from.text()}, nil
	case r := <-read:
		return r.Val.(entitlement.ChangePage), r.Err
	}
}

// feedState is what a transaction sees of the feed as a whole.
type feedState struct {
	// ground tells this feed from every other: cursors of a database that was
	// restored to an earlier time, or elsewhere, or of one that has lost its last
	// transactions with a primary that failed, mean nothing here.
	ground     [cursorGround]byte
	floor, end int64 // kept are the turns after floor, up to end
}

// transactionsGround is where the numbers of transactions come from: the
// database, and the timeline of its log, which a failover changes. On another
// one the same numbers are of other transactions.
const transactionsGround = `opora_feed_ground() || ' ' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8)`

// readFeedState also keeps the transaction's statements from reading whole turns
// where the index gives the next rows in order: after a great turn PostgreSQL
// has no statistics of it yet, and guesses.
func readFeedState(ctx context.Context, tx pgx.Tx) (s feedState, err error) {
	var ground string
	var founded bool
	err = tx.QueryRow(ctx, `
		SELECT founded || ' ' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8), founded = opora_feed_ground(), floor, opora_feed_end()
		FROM change_feed, set_config('enable_bitmapscan', 'off', true)`).Scan(&ground, &founded, &s.floor, &s.end)
	if err == nil && !founded {
		err = errFeedNotReady
	}
	digest := sha256.Sum256([]byte(ground))
	copy(s.ground[:], digest[:])
	return s, err
}

// after returns the cursor before everything after the position.
func (s feedState) after(position int64) feedCursor {
	return feedCursor{ground: s.ground, position: position + 1}
}

// allows refuses a cursor after which something is not kept, or which is not of
// this feed.
func (s feedState) allows(c feedCursor) error {
	if c.ground != s.ground || c.position <= s.floor || c.position > s.end+1 || c.position == s.end+1 && c.id > 0 {
		return errCursorExpired
	}
	return nil
}
