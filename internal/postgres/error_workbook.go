package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/ponimayu/opora/importers"
	"github.com/ponimayu/opora/internal/job"
	"github.com/ponimayu/opora/internal/roster"
	"github.com/ponimayu/opora/internal/tenancy"
	"github.com/ponimayu/opora/workbooks"
)

// keepErrorsFor is how long an error workbook is kept unless KeepErrorsFor says
// otherwise.
const keepErrorsFor = 7 * 24 * time.Hour

// KeepErrorsFor sets how long the error workbooks made from now on are kept.
func (r *Rosters) KeepErrorsFor(term time.Duration) { r.errorTerm = term }

// storeErrors makes the error workbook of a list that was just planned, when
// there is something to correct in it, and stores it sealed. A list that cannot
// be marked is planned all the same: the problems stand on the import.
func (r *Rosters) storeErrors(ctx context.Context, tx pgx.Tx, p *job.Parsing, summary importers.Summary) error {
	var any bool // as workbooks.Marks
	err := tx.QueryRow(ctx, `SELECT EXISTS (SELECT FROM import_problem
		WHERE tenant = $1 AND import_id = $2 AND line > 0 AND (code <> $3 OR col <> ''))`, p.Tenant, p.Import, importers.ContactMissing).Scan(&any)
	if err != nil || !any || p.File == "" {
		return err
	}
	marking := workbooks.Marking{Options: p.Options, Summary: summary, Language: firstLanguage(p.Options.Country)}
	kept, err := json.Marshal(marking.Kept())
	if err != nil {
		return err
	}
	expires := time.Now().Add(r.errorTerm)
	if _, err := tx.Exec(ctx, `INSERT INTO error_workbook (tenant, import_id, marking, expires_at) VALUES ($1, $2, $3, $4)`, p.Tenant, p.Import, kept, expires); err != nil {
		return err
	}
	out := &sealedWriter{ctx: ctx, tx: tx, rosters: r, tenant: p.Tenant, id: p.Import, expires: expires}
	var query error
	err = workbooks.MarkIsolated(ctx, p.File, marking, noting(lineProblems(ctx, tx, p.Tenant, p.Import), &query), out)
	if err == nil {
		err = out.flush()
	}
	switch {
	case err == nil, query != nil, out.err != nil, ctx.Err() != nil:
		return errors.Join(err, out.err)
	}
	_, err = tx.Exec(ctx, `DELETE FROM error_workbook WHERE tenant = $1 AND import_id = $2`, p.Tenant, p.Import)
	return err
}

func firstLanguage(country tenancy.Country) tenancy.Language {
	if len(country.Languages) > 0 {
		return country.Languages[0]
	}
	return tenancy.English
}

// lineProblems are an import's problems that have a line, by line.
func lineProblems(ctx context.Context, tx pgx.Tx, tenant tenancy.TenantSlug, id roster.ImportID) iter.Seq2[tenancy.Problem, error] {
	return cursor(ctx, tx, "line_problems", `SELECT code, severity, message, sheet, line, col, field FROM import_problem
		WHERE tenant = $1 AND import_id = $2 AND line > 0 ORDER BY line, n`, []any{tenant, id}, scanProblem)
}

// noting remembers an error of a sequence, to tell it from others.
func noting[T any](seq iter.Seq2[T, error], noted *error) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for v, err := range seq {
			if err != nil {
				*noted = err
			}
			if !yield(v, err) {
				return
			}
		}
	}
}

// sealedWriter seals what it is given piece by piece and stores it.
type sealedWriter struct {
	ctx     context.Context
	tx      pgx.Tx
	rosters *Rosters
	tenant  tenancy.TenantSlug
	id      roster.ImportID
	expires time.Time
	n       int
	waiting []byte
	err     error
}

// Write implements io.Writer.
func (w *sealedWriter) Write(b []byte) (int, error) {
	w.waiting = append(w.waiting, b...)
	for len(w.waiting) >= chunkSize && w.err == nil {
		w.store(w.waiting[:chunkSize])
		w.waiting = append(w.waiting[:0], w.waiting[chunkSize:]...)
	}
	return len(b), w.err
}

func (w *sealedWriter) flush() error {
	if len(w.waiting) > 0 && w.err == nil {
		w.store(w.waiting)
	}
	return w.err
}

func (w *sealedWriter) store(plain []byte) {
	sealed := w.rosters.key.Seal(errorsPlace(w.id, w.n), plain)
	_, w.err = w.tx.Exec(w.ctx, `INSERT INTO error_workbook_chunk (tenant, import_id, n, sealed, expires_at) VALUES ($1, $2, $3, $4, $5)`, w.tenant, w.id, w.n, sealed, w.expires)
	w.n++
}

// errorsPlace binds a piece to its import and its number.
func errorsPlace(id roster.ImportID, n int) string { return fmt.Sprintf("errors/%s/%d", id, n) }

// dropErrors removes an import's error workbook.
func dropErrors(ctx context.Context, tx pgx.Tx, tenant tenancy.TenantSlug, id roster.ImportID) error {
	_, err := tx.Exec(ctx, `DELETE FROM error_workbook WHERE tenant = $1 AND import_id = $2`, tenant, id)
	return err
}

// The answers of ErrorWorkbook where there is none.
var (
	errErrorsEarly   = tenancy.E(tenancy.Conflict, "import_state", "The list has not been read yet; ask again when it has.")
	errErrorsNone    = tenancy.E(tenancy.NotFound, "errors_none", "There is no workbook of errors: nothing in the list's rows needs correcting.")
	errErrorsGone    = tenancy.E(tenancy.NotFound, "errors_expired", "The workbook of errors was removed when the import was cancelled. Upload the list again to get it anew.")
	errErrorsFailed  = tenancy.E(tenancy.NotFound, "errors_none", "There is no workbook of errors: the list could not be read as a whole. The import's problems say why.")
	errErrorsExpired = tenancy.E(tenancy.NotFound, "errors_expired", "The workbook of errors was kept for its term and is removed now. Upload the list again to get it anew.")
)

// ErrorWorkbook writes the workbook that HR corrects: its own list with the
// problems marked (workbooks.Mark). lang is the language of the advice, the
// country's first when empty. Nothing is written when an error is returned,
// unless writing itself broke off. There is no workbook while the list has not
// been read (import_state), when there is nothing to correct or the list could
// not be read at all (errors_none), after its term, and when the import was
// cancelled (errors_expired).
func (r *Rosters) ErrorWorkbook(ctx context.Context, actor tenancy.Actor, id roster.ImportID, lang tenancy.Language, to io.Writer) error {
	tenant, err := r.tenantOfImport(ctx, actor, tenancy.ReadRoster, id)
	if err != nil {
		return err
	}
	return r.db.ReadTenant(ctx, tenant, func(tx pgx.Tx) error {
		marking, err := errorsIn(ctx, tx, tenant, id)
		if err != nil {
			return err
		}
		if lang == "" || lang == marking.Language {
			return r.openErrors(ctx, tx, tenant, id, to)
		}
		marking.Language = lang
		return r.markAgain(ctx, tx, tenant, id, marking, to)
	})
}

// errorsIn finds out whether there is a workbook, and how it was made.
func errorsIn(ctx context.Context, tx pgx.Tx, tenant tenancy.TenantSlug, id roster.ImportID) (m workbooks.Marking, err error) {
	var state roster.State
	var kept []byte
	var expired bool
	err = tx.QueryRow(ctx, `
		SELECT i.state, w.marking, w.expires_at IS NOT NULL AND (w.expires_at <= now() OR NOT EXISTS (
			SELECT FROM error_workbook_chunk c WHERE c.tenant = w.tenant AND c.import_id = w.import_id))
		FROM import i LEFT JOIN error_workbook w ON w.tenant = i.tenant AND w.import_id = i.id
		WHERE i.tenant = $1 AND i.id = $2`, tenant, id).Scan(&state, &kept, &expired)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return m, unknownImport()
	case err != nil:
		return m, err
	case state == roster.Received, state == roster.Parsing:
		return m, errErrorsEarly
	case state == roster.Cancelled:
		return m, errErrorsGone
	case state == roster.Failed:
		return m, errErrorsFailed
	case kept == nil:
		return m, errErrorsNone
	case expired:
		return m, errErrorsExpired
	}
	return m, json.Unmarshal(kept, &m)
}

// openErrors writes the workbook as it is stored.
func (r *Rosters) openErrors(ctx context.Context, tx pgx.Tx, tenant tenancy.TenantSlug, id roster.ImportID, to io.Writer) error {
	next := 0
	for sealed, err := range cursorOf(ctx, tx, "error_pieces", 4, `SELECT n, sealed FROM error_workbook_chunk WHERE tenant = $1 AND import_id = $2 ORDER BY n`, []any{tenant, id}, scanPiece) {
		if err != nil {
			return err
		}
		if sealed.n != next {
			return fmt.Errorf("piece %d of a workbook is missing", next)
		}
		next++
		plain, err := r.key.Open(errorsPlace(id, sealed.n), sealed.bytes)
		if err != nil {
			return err
		}
		if _, err := to.Write(plain); err != nil {
			return err
		}
	}
	return nil
}

// piece is a sealed piece of a file.
type piece struct {
	n     int
	bytes []byte
}

func scanPiece(row pgx.CollectableRow) (p piece, err error) { return p, row.Scan(&p.n, &p.bytes) }

// markAgain marks the stored workbook once more, in another language: what was
// marked before is known by its colours and its column, and replaced.
func (r *Rosters) markAgain(ctx context.Context, tx pgx.Tx, tenant tenancy.TenantSlug, id roster.ImportID, m workbooks.Marking, to io.Writer) error {
	file, path, err := importers.MemoryFile()
	if err != nil {
		return err
	}
	defer file.Close()
	if err := r.openErrors(ctx, tx, tenant, id, file); err != nil {
		return err
	}
	if m.Summary.Format != "xlsx" {
		m.Summary.Sheet = "" // it was no workbook, and is one of a single sheet now
	}
	return workbooks.MarkIsolated(ctx, path, m, lineProblems(ctx, tx, tenant, id), to)
}
