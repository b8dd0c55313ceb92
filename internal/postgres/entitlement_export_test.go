package postgres

import (
	"context"
	"time"
)

// ReloadEvery makes Run, before it begins, read everybody anew so often.
func (e *Entitlements) ReloadEvery(d time.Duration) { e.reloadEvery = d }

// Rewound reports what a follower that has seen a snapshot thinks of the database.
func Rewound(ctx context.Context, db *DB, seen string) (bool, error) {
	f := &follower{of: NewEntitlements(db), seen: seen}
	g, err := f.glance(ctx)
	return g.rewound, err
}
