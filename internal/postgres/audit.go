package postgres

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/ponimayu/opora/internal/tenancy"
)

// Entry is a line of the audit log: who did what to which tenant's what, and
// whether it was allowed. It holds opaque ids and no personal data.
type Entry struct {
	At      time.Time
	Actor   string
	Action  tenancy.Action
	Tenant  tenancy.TenantSlug
	Subject string
	Allowed bool
}

// hash covers the entry, its number and the hash before it.
func (e Entry) hash(seq int64, before []byte) []byte {
	h := sha256.New()
	h.Write(before)
	for _, part := range []string{fmt.Sprint(seq), e.At.UTC().Format(time.RFC3339Nano), e.Actor, string(e.Action), string(e.Tenant), e.Subject, fmt.Sprint(e.Allowed)} {
		_ = binary.Write(h, binary.BigEndian, uint32(len(part)))
		h.Write([]byte(part))
	}
	return h.Sum(nil)
}

// auditLock makes the log's writers take turns: each needs the last hash.
const auditLock = 0x6175646974 // "audit"

// record appends an entry, in a transaction of the contour. It belongs at the
// transaction's end, for the next writer waits until it is over.
func record(ctx context.Context, tx pgx.Tx, e Entry) error {
	if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock($1)`, auditLock); err != nil {
		return err
	}
	var seq int64
	var before []byte
	err := tx.QueryRow(ctx, `SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1`).Scan(&seq, &before)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return err
	}
	seq++
	e.At = time.Now().UTC().Truncate(time.Microsecond) // what the column keeps
	_, err = tx.Exec(ctx, `INSERT INTO audit (seq, at, actor, action, tenant, subject, allowed, hash) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
		seq, e.At, e.Actor, e.Action, e.Tenant, e.Subject, e.Allowed, e.hash(seq, before))
	return err
}

// AuditHead is where the audit log ends: how many entries it has, and the hash
// of the last one, which covers all before it.
type AuditHead struct {
	Entries int64
	Hash    []byte
}

// VerifyAudit walks the audit log and returns its head. An entry that was
// edited, moved, added among the others or removed from among them is
// tenancy.Conflict (audit_broken), naming the first number that does not follow.
// Entries removed from the end, and a log written anew from some entry on, do
// not show in the log itself: they show when the head of an earlier time, kept
// elsewhere, is no longer the hash of that entry.
func (db *DB) VerifyAudit(ctx context.Context) (head AuditHead, err error) {
	err = db.ReadContour(ctx, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `SELECT seq, at, actor, action, tenant, subject, allowed, hash FROM audit ORDER BY seq`)
		if err != nil {
			return err
		}
		var e Entry
		var seq int64
		var hash []byte
		_, err = pgx.ForEachRow(rows, []any{&seq, &e.At, &e.Actor, &e.Action, &e.Tenant, &e.Subject, &e.Allowed, &hash}, func() error {
			head.Entries++
			if want := e.hash(seq, head.Hash); seq != head.Entries || string(want) != string(hash) {
				return tenancy.E(tenancy.Conflict, "audit_broken", fmt.Sprintf("the audit log does not hold together at entry %d: something was changed, removed or added there", head.Entries))
			}
			head.Hash = append([]byte(nil), hash...)
			return nil
		})
		return err
	})
	return head, err
}
