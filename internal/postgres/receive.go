package postgres

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/ponimayu/opora/internal/job"
	"github.com/ponimayu/opora/internal/roster"
	"github.com/ponimayu/opora/internal/tenancy"
)

// chunkSize is how much of an upload is sealed and stored at a time.
const chunkSize = 1 << 20

// Receive stores an upload, sealed, with its import (state received) and the
// job that reads it. A file over the limit is tenancy.TooLarge
// (file_too_large), an unknown legal entity or mode tenancy.Invalid.
func (r *Rosters) Receive(ctx context.Context, actor tenancy.Actor, upload Upload) (roster.Import, error) {
	if err := r.allow(ctx, actor, tenancy.UploadRoster, upload.Tenant, "", unknownTenant()); err != nil {
		return roster.Import{}, err
	}
	if upload.Mode == "" {
		upload.Mode = roster.Add
	}
	if !slices.Contains([]roster.Mode{roster.Full, roster.Add, roster.Leavers}, upload.Mode) {
		return roster.Import{}, tenancy.E(tenancy.Invalid, "mode_unknown", `The mode is "full", "add" or "leavers".`)
	}
	if err := checkHints(upload.Hints); err != nil {
		return roster.Import{}, err
	}
	hints, err := json.Marshal(upload.Hints)
	if err != nil {
		return roster.Import{}, err
	}
	id := roster.ImportID(newID())
	var made roster.Import
	err = r.db.ForTenant(ctx, upload.Tenant, func(tx pgx.Tx) (err error) {
		if err := checkEntity(ctx, tx, upload); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `INSERT INTO import (tenant, id, mode, legal_entity, uploaded_by, lease_until, hints) VALUES ($1, $2, $3, $4, $5, now() + $6, $7)`,
			upload.Tenant, id, upload.Mode, upload.LegalEntity, actor.ID, wakeAfter, hints)
		if err != nil {
			return err
		}
		if err := r.storeUpload(ctx, tx, upload, id); err != nil {
			return err
		}
		if made, err = importIn(ctx, tx, upload.Tenant, id); err != nil {
			return err
		}
		return asContour(ctx, tx, upload.Tenant, func() error {
			if err := r.queue.Enqueue(ctx, tx, job.ParseImport{Import: id}); err != nil {
				return err
			}
			return record(ctx, tx, Entry{Actor: actor.ID, Action: tenancy.UploadRoster, Tenant: upload.Tenant, Subject: string(id), Allowed: true})
		})
	})
	return made, err
}

func checkEntity(ctx context.Context, tx pgx.Tx, upload Upload) error {
	t, err := tenantIn(ctx, tx, upload.Tenant)
	if err != nil || upload.LegalEntity == "" {
		return err
	}
	if !slices.ContainsFunc(t.LegalEntities, func(e tenancy.LegalEntity) bool { return e.Code == upload.LegalEntity }) {
		return tenancy.E(tenancy.Invalid, "legal_entity_unknown", "The tenant has no legal entity of this code; the catalogue lists them.")
	}
	return nil
}

// storeUpload seals the file piece by piece, so that it never lies about whole.
func (r *Rosters) storeUpload(ctx context.Context, tx pgx.Tx, upload Upload, id roster.ImportID) error {
	buffer := make([]byte, chunkSize)
	var total int64
	for n := 0; ; n++ {
		read, err := io.ReadFull(upload.File, buffer)
		if total += int64(read); total > r.maxUpload {
			return tenancy.E(tenancy.TooLarge, "file_too_large", fmt.Sprintf("A roster's file may have at most %d MB.", r.maxUpload>>20))
		}
		if read > 0 {
			sealed := r.key.Seal(chunkPlace(id, n), buffer[:read])
			if _, err := tx.Exec(ctx, `INSERT INTO upload_chunk (tenant, import_id, n, sealed) VALUES ($1, $2, $3, $4)`, upload.Tenant, id, n, sealed); err != nil {
				return err
			}
		}
		switch err {
		case nil:
		case io.EOF, io.ErrUnexpectedEOF:
			return nil
		default:
			return fmt.Errorf("the upload broke off: %w", err)
		}
	}
}

// chunkPlace binds a piece to its import and its number.
func chunkPlace(id roster.ImportID, n int) string { return fmt.Sprintf("upload/%s/%d", id, n) }

// newID returns a UUID that is ordered by time, which keeps the indexes dense.
func newID() string { return uuid.Must(uuid.NewV7()).String() }
