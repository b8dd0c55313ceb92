package postgres

import (
	"context"
	"math"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/ponimayu/opora/internal/job"
	"github.com/ponimayu/opora/internal/roster"
	"github.com/ponimayu/opora/internal/tenancy"
)

var _ job.Ops = (*Rosters)(nil)

// whose is the condition on an op's import: an import's own ops, or those of
// none. That ids are above zero is what makes the index op_open fit.
func whose(id roster.ImportID) string {
	if id == "" {
		return "o.id > 0 AND o.import_id IS NULL AND $2::text = ''"
	}
	return "o.id > 0 AND o.import_id = $2::text::uuid"
}

// claimStatement claims ops: $1 tenant, $2 import, $3 claim, $4 how many at
// most, $5 the lease, $6 the op behind which they are.
func claimStatement(id roster.ImportID) string {
	return `
		WITH free AS (
			SELECT o.id, o.state <> 'pending' AS doubtful FROM op o
			WHERE o.tenant = $1 AND ` + whose(id) + ` AND o.id > $6 AND o.not_before <= now()
			AND o.ended_at IS NULL AND (o.state <> 'sent' OR o.lease_until < now())
			AND o.id = (SELECT min(b.id) FROM op b WHERE b.tenant = $1 AND b.employee_id = o.employee_id AND b.ended_at IS NULL)
			ORDER BY o.id LIMIT $4 FOR UPDATE OF o SKIP LOCKED),
		claimed AS (
			UPDATE op o SET state = 'sent', claim = $3, lease_until = now() + $5 FROM free f
			WHERE o.tenant = $1 AND o.id = f.id RETURNING o.id, o.kind, o.employee_id, f.doubtful)
		SELECT c.id, c.kind, c.doubtful, c.employee_id::text, coalesce(a.login, ''), coalesce(a.email, ''), coalesce(p.first_name, ''), coalesce(p.last_name, ''), coalesce(a.enabled, false)
		FROM claimed c LEFT JOIN account a ON a.tenant = $1 AND a.id = c.employee_id LEFT JOIN person p ON p.tenant = $1 AND p.id = c.employee_id
		ORDER BY c.id`
}

// ClaimOps implements job.Ops.
func (r *Rosters) ClaimOps(ctx context.Context, c job.OpClaim) (ops []job.Op, open int, err error) {
	err = r.db.ForTenant(ctx, c.Tenant, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, claimStatement(c.Import), c.Tenant, c.Import, c.Claim, c.Most, c.Lease, c.Behind)
		if err != nil {
			return err
		}
		ops, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (op job.Op, err error) {
			op.Account.Tenant = c.Tenant
			return op, row.Scan(&op.ID, &op.Kind, &op.Doubtful, &op.Account.ID, &op.Account.Login, &op.Account.Email, &op.Account.FirstName, &op.Account.LastName, &op.Account.Enabled)
		})
		if err != nil || len(ops) > 0 {
			return err // somebody who works need not count
		}
		return tx.QueryRow(ctx, `SELECT count(*) FROM op o WHERE o.tenant = $1 AND `+whose(c.Import)+` AND o.ended_at IS NULL`, c.Tenant, c.Import).Scan(&open)
	})
	return ops, open, err
}

// unknownWait is how long an op with a lost answer waits before it is observed.
const unknownWait = 2 * time.Second

// maxTries is how often Keycloak may answer an op with an error that leaves it
// open, such as a 403 or a 500, before the op has failed. The waits between
// double, up to two minutes: some ten minutes in all. Answers that were lost, and
// a Keycloak that is down, do not count.
const maxTries = 10

// EndOps implements job.Ops.
func (r *Rosters) EndOps(ctx context.Context, tenant tenancy.TenantSlug, id roster.ImportID, claim string, results []job.OpResult) error {
	ids, states, codes := make([]int64, len(results)), make([]string, len(results)), make([]string, len(results))
	messages := map[int64]string{}
	var addressTaken []int
	for i, result := range results {
		if result.State == job.OpFailed && result.Code == "email_taken" && result.Op.Kind == job.OpCreate {
			addressTaken = append(addressTaken, i)
			result.State = job.OpPending
		}
		ids[i], states[i], codes[i] = result.Op.ID, string(result.State), result.Code
		messages[result.Op.ID] = result.Message
	}
	return r.db.ForTenant(ctx, tenant, func(tx pgx.Tx) error {
		if len(addressTaken) > 0 {
			deleting, err := firstDeletion(ctx, tx, tenant)
			if err != nil {
				return err
			}
			var foreign []string
			for _, i := range addressTaken {
				if ids[i] > deleting {
					codes[i] = "email_held" // perhaps by the account that is being deleted: wait
					continue
				}
				// The realm has the address on an account that is not ours: the
				// employee signs in by his login, and only the platform is told.
				foreign = append(foreign, string(results[i].Op.Account.ID))
			}
			_, err = tx.Exec(ctx, `UPDATE account SET email = '' WHERE tenant = $1 AND id = ANY($2::text[]::uuid[]) AND email <> ''`, tenant, foreign)
			if err != nil {
				return err
			}
		}
		rows, err := tx.Query(ctx, `
			UPDATE op o SET state = r.state, code = r.code, tries = r.tries, claim = NULL, lease_until = NULL,
				ended_at = CASE WHEN r.state IN ('confirmed', 'failed') THEN now() END,
				not_before = CASE WHEN r.state IN ('confirmed', 'failed') OR r.code = 'email_taken' THEN o.not_before ELSE now() + $5::interval * power(2, least(r.tries, 6)) END
			FROM (
				SELECT r.id, r.code, t.tries, CASE WHEN r.state = 'unknown' AND r.code <> '' AND t.tries >= $7 THEN 'failed' ELSE r.state END AS state
				FROM unnest($3::bigint[], $4::text[], $6::text[]) r (id, state, code) JOIN op b ON b.tenant = $1 AND b.id = r.id
					CROSS JOIN LATERAL (SELECT b.tries + (r.state = 'unknown' AND r.code <> '')::int AS tries) t) r
			WHERE o.tenant = $1 AND o.id = r.id AND o.claim = $2 AND o.state = 'sent'
			RETURNING o.id, o.state, o.code, o.line`, tenant, claim, ids, states, unknownWait, codes, maxTries)
		if err != nil {
			return err
		}
		return endImport(ctx, tx, tenant, id, rows, messages)
	})
}

// firstDeletion returns the first op of the contour that deletes an account
// and is open, or has ended since any answer now told was asked for. An account
// made by a later op may be refused the address of the deleted one.
func firstDeletion(ctx context.Context, tx pgx.Tx, tenant tenancy.TenantSlug) (first int64, err error) {
	err = asContour(ctx, tx, tenant, func() error {
		return tx.QueryRow(ctx, `SELECT coalesce(min(id), $1) FROM op WHERE kind = 'delete' AND (ended_at IS NULL OR ended_at > now() - interval '1 minute')`, int64(math.MaxInt64)).Scan(&first)
	})
	return first, err
}

// endImport counts ops that have ended on their import, tells what Keycloak
// refused, and ends the import with its last op.
func endImport(ctx context.Context, tx pgx.Tx, tenant tenancy.TenantSlug, id roster.ImportID, rows pgx.Rows, messages map[int64]string) error {
	var ended int
	var refused []tenancy.Problem
	var op int64
	var state job.OpState
	var code string
	var line int
	_, err := pgx.ForEachRow(rows, []any{&op, &state, &code, &line}, func() error {
		if state == job.OpConfirmed || state == job.OpFailed {
			ended++
		}
		if state == job.OpFailed {
			refused = append(refused, tenancy.Problem{Code: tenancy.ProblemCode(code), Severity: tenancy.SeverityError, Line: line, Message: messages[op]})
		}
		return nil
	})
	if err != nil || id == "" || ended == 0 {
		return err
	}
	// The row is locked first, so that problems are numbered by one at a time.
	_, err = tx.Exec(ctx, `
		UPDATE import SET done = done + $3, ops_failed = ops_failed + $4,
			state = CASE WHEN state = 'applying' AND done + $3 = ops THEN 'applied' ELSE state END,
			ended_at = CASE WHEN state = 'applying' AND done + $3 = ops THEN now() ELSE ended_at END
		WHERE tenant = $1 AND id = $2`, tenant, id, ended, len(refused))
	if err != nil {
		return err
	}
	return addProblems(ctx, tx, tenant, id, "apply", refused)
}

// wakeOps enqueues anew for ops that have been open for longer than any worker
// needs and have no job any more: whatever became of it, they are not forgotten.
func (r *Rosters) wakeOps(ctx context.Context, tx pgx.Tx) error {
	rows, err := tx.Query(ctx, `
		SELECT o.tenant, o.import FROM (
			SELECT DISTINCT tenant, coalesce(import_id::text, '') AS import FROM op
			WHERE ended_at IS NULL AND made_at < now() - interval '10 minutes' AND coalesce(lease_until, now()) <= now()) o
		WHERE NOT EXISTS (
			SELECT FROM river_job j WHERE j.kind = $1 AND j.state IN ('available', 'pending', 'retryable', 'running', 'scheduled')
			AND j.args ->> 'tenant' = o.tenant AND coalesce(j.args ->> 'import', '') = o.import)`, job.ApplyOps{}.Kind())
	if err != nil {
		return err
	}
	waiting, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (args job.ApplyOps, err error) {
		return args, row.Scan(&args.Tenant, &args.Import)
	})
	if err != nil {
		return err
	}
	for _, args := range waiting {
		if err := r.queue.Enqueue(ctx, tx, args); err != nil {
			return err
		}
	}
	return nil
}
