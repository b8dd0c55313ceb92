package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/ponimayu/opora/importers"
	"github.com/ponimayu/opora/importers/book"
	"github.com/ponimayu/opora/internal/job"
	"github.com/ponimayu/opora/internal/roster"
	"github.com/ponimayu/opora/internal/tenancy"
)

var _ job.Uploads = (*Rosters)(nil)

// BeginParse implements job.Uploads.
func (r *Rosters) BeginParse(ctx context.Context, id roster.ImportID) (p *job.Parsing, err error) {
	err = r.db.ForContour(ctx, func(tx pgx.Tx) error {
		claimed := job.Parsing{Import: id, Claim: uuid.NewString()}
		var entity tenancy.LegalEntityCode
		err := tx.QueryRow(ctx, `
			UPDATE import SET state = 'parsing', claim = $2, lease_until = now() + $3, progress = NULL, waiting = NULL
			WHERE id = $1 AND (state = 'received' OR state = 'parsing' AND lease_until < now())
			RETURNING tenant, legal_entity, mode`, id, claimed.Claim, job.KeepParseFor).Scan(&claimed.Tenant, &entity, &claimed.Mode)
		if errors.Is(err, pgx.ErrNoRows) {
			return busyParsing(ctx, tx, id)
		}
		if err != nil {
			return err
		}
		c, err := contourIn(ctx, tx, claimed.Tenant)
		if tenancy.KindOf(err) == tenancy.NotFound {
			return failDropped(ctx, tx, claimed.Tenant, id)
		}
		if err != nil {
			return err
		}
		claimed.Options = importers.Options{
			Country: c.Country, LegalEntities: c.Tenant.LegalEntities, LegalEntity: entity, Segments: c.Tenant.Segments,
			IDKey: r.key.IDKey(), Today: c.Today,
		}
		if err := hintsOf(ctx, tx, &claimed); err != nil {
			return err
		}
		if r.scanner != nil {
			claimed.Scan = r.scanner.Scan
		}
		p = &claimed
		return nil
	})
	return p, err
}

// failDropped ends an import whose tenant the catalogue has dropped meanwhile:
// nobody can tell any more what its list should be compared with.
func failDropped(ctx context.Context, tx pgx.Tx, tenant tenancy.TenantSlug, id roster.ImportID) error {
	return failParse(ctx, tx, tenant, id, tenancy.Problem{Code: "tenant_dropped", Severity: tenancy.SeverityError,
		Message: "The catalogue has no such tenant any more, so the list was not taken; put the tenant back into the catalogue and upload the list again."})
}

// busyParsing tells an import that another process is parsing from one that
// needs no parsing any more.
func busyParsing(ctx context.Context, tx pgx.Tx, id roster.ImportID) error {
	var busy bool
	if err := tx.QueryRow(ctx, `SELECT EXISTS (SELECT FROM import WHERE id = $1 AND state = 'parsing')`, id).Scan(&busy); err != nil {
		return err
	}
	if busy {
		return job.ErrBusy
	}
	return nil
}

// contourIn reads what the catalogue says of a tenant, as of now.
func contourIn(ctx context.Context, tx pgx.Tx, slug tenancy.TenantSlug) (c contour, err error) {
	return contourAt(ctx, tx, slug, time.Now())
}

// contourAt is contourIn as of an instant.
func contourAt(ctx context.Context, tx pgx.Tx, slug tenancy.TenantSlug, now time.Time) (c contour, err error) {
	t, err := tenantIn(ctx, tx, slug)
	if err != nil {
		return c, err
	}
	country, err := countryIn(ctx, tx)
	if err != nil {
		return c, err
	}
	return asOf(t, country, now), nil
}

// WriteUpload implements job.Uploads.
func (r *Rosters) WriteUpload(ctx context.Context, p *job.Parsing, to io.Writer) error {
	return r.db.ReadTenant(ctx, p.Tenant, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `SELECT n, sealed FROM upload_chunk WHERE tenant = $1 AND import_id = $2 ORDER BY n`, p.Tenant, p.Import)
		if err != nil {
			return err
		}
		var n, next int
		var sealed []byte
		_, err = pgx.ForEachRow(rows, []any{&n, &sealed}, func() error {
			if n != next {
				return fmt.Errorf("piece %d of an upload is missing", next)
			}
			next++
			plain, err := r.key.Open(chunkPlace(p.Import, n), sealed)
			if err != nil {
				return err
			}
			_, err = to.Write(plain)
			return err
		})
		return err
	})
}

// KeepParse implements job.Uploads.
func (r *Rosters) KeepParse(ctx context.Context, p *job.Parsing, progress roster.Progress) error {
	b, err := json.Marshal(progress)
	if err != nil {
		return err
	}
	return r.db.ForTenant(ctx, p.Tenant, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `UPDATE import SET lease_until = now() + $4, progress = $5 WHERE tenant = $1 AND id = $2 AND state = 'parsing' AND claim = $3`,
			p.Tenant, p.Import, p.Claim, job.KeepParseFor, b)
		return heldBy(tag, err)
	})
}

// heldBy is job.ErrLost when a statement that names the claim met no row.
func heldBy(tag pgconn.CommandTag, err error) error {
	if err == nil && tag.RowsAffected() == 0 {
		return job.ErrLost
	}
	return err
}

// AbandonParse implements job.Uploads. The job is to be run again by whoever
// ran it; should he die before that, WakeParses sees to it.
func (r *Rosters) AbandonParse(ctx context.Context, p *job.Parsing) error {
	var waiting []byte
	if p.Waits != nil {
		var err error
		if waiting, err = json.Marshal(p.Waits); err != nil {
			return err
		}
	}
	return r.db.ForTenant(ctx, p.Tenant, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `UPDATE import SET state = 'received', claim = NULL, lease_until = now() + $4, progress = NULL, waiting = $5 WHERE tenant = $1 AND id = $2 AND state = 'parsing' AND claim = $3`,
			p.Tenant, p.Import, p.Claim, wakeAfter, waiting)
		return err
	})
}

// wakeAfter is how long an import may wait to be parsed before its job is put
// into the queue once more.
const wakeAfter = 30 * time.Second

// maxLost is how often whoever parses an import may die of it, or beside it,
// before it is ended: a file must not kill one worker after the other.
const maxLost = 5

// WakeParses implements job.Uploads. A claim that has run out is taken away,
// so that a process that only seemed dead is fenced; from then on the import
// waits as any other.
func (r *Rosters) WakeParses(ctx context.Context) error {
	return r.db.ForContour(ctx, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `
			UPDATE import i SET state = 'received', claim = NULL, progress = NULL, lease_until = now() + $1, lost = i.lost + (i.state = 'parsing')::int
			FROM (SELECT tenant, id FROM import WHERE state IN ('received', 'parsing') AND lease_until < now() FOR UPDATE SKIP LOCKED) w
			WHERE i.tenant = w.tenant AND i.id = w.id
			RETURNING i.tenant, i.id::text, i.lost, EXISTS (SELECT FROM river_job j WHERE j.kind = $2 AND j.state IN ('available', 'pending', 'retryable', 'scheduled') AND j.args ->> 'import' = i.id::text)`,
			wakeAfter, job.ParseImport{}.Kind())
		if err != nil {
			return err
		}
		stopped, err := pgx.CollectRows(rows, pgx.RowToStructByPos[stoppedParse])
		if err != nil {
			return err
		}
		for _, p := range stopped {
			if err := r.wake(ctx, tx, p); err != nil {
				return err
			}
		}
		return nil
	})
}

// stoppedParse is an import that should be parsed and that nobody parses.
type stoppedParse struct {
	Tenant tenancy.TenantSlug
	ID     roster.ImportID
	Lost   int  // how often its claim has run out
	Queued bool // its job is in the queue, which is long
}

func (r *Rosters) wake(ctx context.Context, tx pgx.Tx, p stoppedParse) error {
	switch {
	case p.Lost >= maxLost:
		return failParse(ctx, tx, p.Tenant, p.ID, tenancy.Problem{Code: "parse_failed", Severity: tenancy.SeverityError,
			Message: "Whoever began to read the list did not come to an end, several times; nothing was changed. Copy the list alone into a new workbook, as values, and upload that; tell the platform's support if this stays."})
	case p.Queued:
		return nil
	}
	return r.queue.Enqueue(ctx, tx, job.ParseImport{Import: p.ID})
}

// FailParse implements job.Uploads.
func (r *Rosters) FailParse(ctx context.Context, p *job.Parsing, problem tenancy.Problem) error {
	return r.db.ForTenant(ctx, p.Tenant, func(tx pgx.Tx) error {
		if err := fence(ctx, tx, p); err != nil {
			return err
		}
		return failParse(ctx, tx, p.Tenant, p.Import, lostNames(problem, p.Options.Names)...)
	})
}

// failParse ends an import whose file cannot be taken.
func failParse(ctx context.Context, tx pgx.Tx, tenant tenancy.TenantSlug, id roster.ImportID, problems ...tenancy.Problem) error {
	if err := addProblems(ctx, tx, tenant, id, "parse", problems); err != nil {
		return err
	}
	if err := dropUpload(ctx, tx, tenant, id); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, `UPDATE import SET state = 'failed', claim = NULL, lease_until = NULL, progress = NULL, waiting = NULL, ended_at = now() WHERE tenant = $1 AND id = $2`, tenant, id)
	return err
}

// fence locks the import for whoever still holds the claim. Another's late
// work is refused: somebody took over.
func fence(ctx context.Context, tx pgx.Tx, p *job.Parsing) error {
	var one int
	err := tx.QueryRow(ctx, `SELECT 1 FROM import WHERE tenant = $1 AND id = $2 AND state = 'parsing' AND claim = $3 FOR UPDATE`, p.Tenant, p.Import, p.Claim).Scan(&one)
	if errors.Is(err, pgx.ErrNoRows) {
		return job.ErrLost
	}
	return err
}

func dropUpload(ctx context.Context, tx pgx.Tx, tenant tenancy.TenantSlug, id roster.ImportID) error {
	_, err := tx.Exec(ctx, `DELETE FROM upload_chunk WHERE tenant = $1 AND import_id = $2`, tenant, id)
	return err
}

// FinishParse implements job.Uploads: the rows are staged as they come, compared
// with the people we have and planned, and the sealed file is removed, all or
// nothing.
//
// The import's row is locked at the end only: until then signs of life pass,
// and so does whoever cancels it. Whether the claim held is seen last.
func (r *Rosters) FinishParse(ctx context.Context, p *job.Parsing, list *job.Reading) error {
	err := r.db.ForTenant(ctx, p.Tenant, func(tx pgx.Tx) error {
		s, err := newStage(ctx, tx, p, r.key.IDKey())
		if err != nil {
			return err
		}
		began := time.Now()
		if err := s.receive(ctx, list); err != nil {
			return err
		}
		if s.taken+s.refused == 0 {
			return nobody()
		}
		p.Spent.Receive, began = time.Since(began), time.Now()
		if err := s.store(ctx); err != nil {
			return err
		}
		if err := addProblems(ctx, tx, p.Tenant, p.Import, "parse", remarks(list.Summary())); err != nil {
			return err
		}
		p.Spent.Store, began = time.Since(began), time.Now()
		if err := r.noteCounts(ctx, s, list.Summary()); err != nil {
			return err
		}
		p.Note(roster.Comparing, s.taken, s.taken)
		if err := r.replan(ctx, tx, p.Tenant, p.Import); err != nil {
			return err
		}
		p.Spent.Compare, began = time.Since(began), time.Now()
		if err := r.storeErrors(ctx, tx, p, list.Summary()); err != nil {
			return err
		}
		p.Spent.Mark = time.Since(began)
		tag, err := tx.Exec(ctx, `UPDATE import SET claim = NULL, lease_until = NULL, progress = NULL WHERE tenant = $1 AND id = $2 AND claim = $3`, p.Tenant, p.Import, p.Claim)
		if err := heldBy(tag, err); err != nil {
			return err
		}
		return dropUpload(ctx, tx, p.Tenant, p.Import)
	})
	var refused tenancy.Problem
	if errors.As(err, &refused) { // rows were lost, or the child found the worst while it handed them over
		return r.FailParse(ctx, p, refused)
	}
	return err
}

// noteCounts writes how many rows of what kind there were and how the file was
// understood, in a transaction of its own so that the import's row stays free.
func (r *Rosters) noteCounts(ctx context.Context, s *stage, read importers.Summary) error {
	summary, err := json.Marshal(summaryOf(read, s))
	if err != nil {
		return err
	}
	names, err := json.Marshal(read.Names)
	if err != nil {
		return err
	}
	return r.db.ForTenant(ctx, s.p.Tenant, func(tx pgx.Tx) error {
		return heldBy(tx.Exec(ctx, `UPDATE import SET rows_read = $4, rejected = $5, repeated = $6, unidentified = $7, summary = $8, names = coalesce(nullif($9::jsonb, 'null'), '{}')
			WHERE tenant = $1 AND id = $2 AND state = 'parsing' AND claim = $3`,
			s.p.Tenant, s.p.Import, s.p.Claim, s.taken+s.refused, s.refused, s.repeated, s.unidentified, summary, names))
	})
}

// nobody is the problem of a list that has a header and no people below it,
// such as a template that was not filled in: in a full list it would read as
// everybody's leaving.
func nobody() tenancy.Problem {
	return tenancy.Problem{Code: book.FileEmpty, Severity: tenancy.SeverityError,
		Message: "The list has a header and nobody below it: fill it in, or send the right file."}
}

// rowsLost is the problem of a file whose rows were not all accounted for:
// nothing may happen then, for a missing row reads as a person who left.
func rowsLost(counted, decided int) tenancy.Problem {
	return tenancy.Problem{Code: "rows_lost", Severity: tenancy.SeverityError,
		Message: fmt.Sprintf("the file has %d rows, but %d were accounted for; nothing was taken: upload it again, and report this", counted, decided)}
}
