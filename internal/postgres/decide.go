package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/ponimayu/opora/internal/roster"
	"github.com/ponimayu/opora/internal/tenancy"
)

// Approve accepts findings of a held import by their codes; when all are
// accepted the import is planned. The uploader himself gets tenancy.Conflict
// (same_person), an import that is not held tenancy.Conflict (import_state), a
// code that is not among its findings tenancy.Invalid (finding_unknown). When
// people have changed so that the plan is another one, nobody has seen it yet:
// tenancy.Conflict (plan_stale), and it is to be read again.
func (r *Rosters) Approve(ctx context.Context, actor tenancy.Actor, id roster.ImportID, accept []string) (roster.Import, error) {
	var conflict error // told after the commit: the new plan is kept
	after, err := r.decide(ctx, actor, tenancy.ApproveRoster, id, func(tx pgx.Tx, i roster.Import) error {
		switch {
		case i.UploadedBy == actor.ID:
			return tenancy.E(tenancy.Conflict, "same_person", "Another person than the one who uploaded the list must accept its findings.")
		case i.State != roster.Held:
			return wrongState(i, "is not held, so there is nothing to accept")
		case len(accept) == 0:
			return tenancy.E(tenancy.Invalid, "finding_unknown", "Name the codes of the findings that you accept.")
		}
		for _, code := range accept {
			if !slices.ContainsFunc(i.Findings, func(f roster.Finding) bool { return f.Code == code }) {
				return tenancy.E(tenancy.Invalid, "finding_unknown", "The import has no finding with one of these codes; read it again.")
			}
		}
		stale, err := r.refresh(ctx, tx, i)
		if err != nil {
			return err
		}
		if stale {
			conflict = planStale()
			return nil
		}
		_, err = tx.Exec(ctx, `UPDATE import_finding SET accepted_by = $4, accepted_at = now() WHERE tenant = $1 AND import_id = $2 AND code = ANY($3) AND accepted_by = ''`,
			i.Tenant, id, accept, actor.ID)
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `
			UPDATE import SET state = 'planned' WHERE tenant = $1 AND id = $2
			AND NOT EXISTS (SELECT FROM import_finding f WHERE f.tenant = $1 AND f.import_id = $2 AND f.accepted_by = '')`, i.Tenant, id)
		return err
	})
	if err != nil {
		return after, err
	}
	return after, conflict
}

func planStale() error {
	return tenancy.E(tenancy.Conflict, "plan_stale", "The tenant's people have changed since the plan was made; it was made anew: read it again first.")
}

// Cancel gives up an import that was not applied. To cancel it again is
// success; one that is applied, or being applied, is tenancy.Conflict
// (import_state): it can be undone. Leaves with a date of their own that a held
// import has applied already stay, and can be undone too.
func (r *Rosters) Cancel(ctx context.Context, actor tenancy.Actor, id roster.ImportID) (roster.Import, error) {
	return r.decide(ctx, actor, tenancy.ApplyRoster, id, func(tx pgx.Tx, i roster.Import) error {
		switch i.State {
		case roster.Cancelled:
			return nil
		case roster.Received, roster.Parsing, roster.Planned, roster.Held:
		case roster.Applying, roster.Applied:
			return wrongState(i, "cannot be cancelled any more; undo it")
		default:
			return wrongState(i, "so there is nothing to cancel")
		}
		if err := dropUpload(ctx, tx, i.Tenant, id); err != nil {
			return err
		}
		if err := dropPlan(ctx, tx, i.Tenant, id); err != nil {
			return err
		}
		if err := dropErrors(ctx, tx, i.Tenant, id); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `UPDATE import SET state = 'cancelled', claim = NULL, lease_until = NULL, progress = NULL, waiting = NULL, ended_at = now() WHERE tenant = $1 AND id = $2`, i.Tenant, id)
		return err
	})
}

// decide runs a decision on an import, in one transaction with its audit
// entry, while no other decision about the tenant's people is being made.
func (r *Rosters) decide(ctx context.Context, actor tenancy.Actor, action tenancy.Action, id roster.ImportID, decision func(pgx.Tx, roster.Import) error) (roster.Import, error) {
	tenant, err := r.tenantOfImport(ctx, actor, action, id)
	if err != nil {
		return roster.Import{}, err
	}
	var after roster.Import
	err = r.db.ForTenant(ctx, tenant, func(tx pgx.Tx) error {
		// Whoever ends its parsing, or ends it for its age, is let finish first; rows
		// that are only being stored do not wait, nor are they waited for.
		if _, err := tx.Exec(ctx, `SELECT FROM import WHERE tenant = $1 AND id = $2 FOR NO KEY UPDATE`, tenant, id); err != nil {
			return err
		}
		if err := lockRoster(ctx, tx, tenant); err != nil {
			return err
		}
		before, err := importIn(ctx, tx, tenant, id)
		if err != nil {
			return err
		}
		if err := decision(tx, before); err != nil {
			return err
		}
		if after, err = importIn(ctx, tx, tenant, id); err != nil {
			return err
		}
		return asContour(ctx, tx, tenant, func() error {
			return record(ctx, tx, Entry{Actor: actor.ID, Action: action, Tenant: tenant, Subject: string(id), Allowed: true})
		})
	})
	return after, err
}

// lockNotAvailable is the SQLSTATE of a lock that was not to be had in time.
const lockNotAvailable = "55P03"

// lockRoster makes decisions about one tenant's people take turns, until the
// transaction ends. Who has waited for half a minute is refused: roster_busy.
func lockRoster(ctx context.Context, tx pgx.Tx, tenant tenancy.TenantSlug) error {
	if _, err := tx.Exec(ctx, `SET LOCAL lock_timeout = '30s'`); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock(hashtextextended('roster ' || $1, 0))`, tenant)
	var refused *pgconn.PgError
	if errors.As(err, &refused) && refused.Code == lockNotAvailable {
		return tenancy.E(tenancy.Unavailable, "roster_busy", "Another list of this tenant is being applied or undone; try again in a minute.")
	}
	if err != nil {
		return err
	}
	// The lock orders decisions; the snapshot of what follows is taken after it.
	_, err = tx.Exec(ctx, `SET LOCAL lock_timeout = 0`)
	return err
}

func wrongState(i roster.Import, why string) error {
	return tenancy.E(tenancy.Conflict, "import_state", fmt.Sprintf("The import is in state %s and %s.", i.State, why))
}
