package postgres

import (
	"context"
	"time"
)

// ReloadEvery makes Run, before it begins, read everybody anew so often.
func (e *Entitlements) ReloadEvery(d time.Duration) { e.reloadEvery = d }

// Rewound reports what a follower thinks of the database that has seen a
// snapshot on a ground; an empty ground is the database's own.
func Rewound(ctx context.Context, db *DB, seen, ground string) (bool, error) {
	f := &follower{of: NewEntitlements(db), seen: seen, ground: ground}
	if ground == "" {
		if err := db.pool.QueryRow(ctx, `SELECT `+transactionsGround).Scan(&f.ground); err != nil {
			return false, err
		}
	}
	g, err := f.glance(ctx)
	return g.rewound, err
}

// Elsewhere makes the feed remember the rules of segments, none, that a
// database which has failed over since had in the same revision.
func (f *Feed) Elsewhere(revision int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.rules = segmentRules{ground: [cursorGround]byte{1}, revision: revision}
}
