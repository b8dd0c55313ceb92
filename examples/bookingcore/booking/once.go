package booking

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// Once is an Idempotency-Key and whose it is: what an actor asked for under a
// key is done once, however often it is asked for. Refused requests are not
// remembered: nothing was done. The zero Once is for what needs none.
type Once struct{ Actor, Key string }

// keep is how long a key is remembered.
const keep = 7 * 24 * time.Hour

// begin notes that the request is being done, for the appointment; if it was
// done before it returns the appointment that it was done for, and true. While
// the same request is being done elsewhere it waits for the end of that.
func (o Once) begin(ctx context.Context, tx pgx.Tx, appointment uuid.UUID, now time.Time, request ...any) (uuid.UUID, bool, error) {
	if o.Key == "" {
		return appointment, false, nil
	}
	body, err := json.Marshal(request)
	if err != nil {
		return appointment, false, err
	}
	fingerprint := sha256.Sum256(body)
	tag, err := tx.Exec(ctx, `
		INSERT INTO request (actor, key, fingerprint, appointment, made_at) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING`,
		o.Actor, o.Key, fingerprint[:], appointment, now)
	if err != nil || tag.RowsAffected() == 1 {
		return appointment, false, err
	}
	var same bool
	err = tx.QueryRow(ctx, `SELECT appointment, fingerprint = $3 FROM request WHERE actor = $1 AND key = $2`, o.Actor, o.Key, fingerprint[:]).Scan(&appointment, &same)
	switch {
	case errors.Is(err, pgx.ErrNoRows): // forgotten at this moment
		return appointment, false, again{}
	case err == nil && !same:
		return appointment, false, errReused
	}
	return appointment, true, err
}
