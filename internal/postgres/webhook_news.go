package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/ponimayu/opora/internal/entitlement"
)

// feedEnd returns where the feed ends: another cursor means news. Committed
// changes count when they have their places (Feed.place).
func feedEnd(ctx context.Context, tx pgx.Tx) (entitlement.Cursor, error) {
	state, err := readFeedState(ctx, tx)
	return state.after(state.end).text(), err
}

// placed gives committed changes their places before a transaction that looks
// where the feed ends; they are given in one of their own, which is short.
func (w *Webhooks) placed(ctx context.Context, patient bool, fn func(pgx.Tx) error) error {
	if _, err := w.feed.place(ctx, patient); err != nil {
		return err
	}
	return w.db.ForContour(ctx, fn)
}
