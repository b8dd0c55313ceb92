package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"hash/fnv"

	"github.com/jackc/pgx/v5"

	"github.com/ponimayu/opora/internal/tenancy"
	"github.com/ponimayu/opora/provisioner"
	"github.com/ponimayu/opora/realms"
)

var _ provisioner.Store = (*DB)(nil)

// StorePlan stores a drafted plan.
func (db *DB) StorePlan(ctx context.Context, p provisioner.Plan) error {
	ops, err := json.Marshal(p.Ops)
	if err != nil {
		return err
	}
	return db.ForContour(ctx, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `INSERT INTO plan (id, country, realm, source, revision, have, ops, actor) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
			p.ID, p.Country, p.Realm, p.Source, p.Revision, p.Have, ops, p.Actor)
		return err
	})
}

// Plan returns a stored plan.
func (db *DB) Plan(ctx context.Context, id provisioner.PlanID) (p provisioner.Plan, err error) {
	err = db.ReadContour(ctx, func(tx pgx.Tx) error {
		var ops []byte
		err := tx.QueryRow(ctx, `SELECT id::text, country, realm, source, revision, have, ops, state, actor, accepted, planned_at FROM plan WHERE id::text = $1`, string(id)).
			Scan(&p.ID, &p.Country, &p.Realm, &p.Source, &p.Revision, &p.Have, &ops, &p.State, &p.Actor, &p.Accepted, &p.PlannedAt)
		if errors.Is(err, pgx.ErrNoRows) {
			return tenancy.E(tenancy.NotFound, "plan_unknown", "there is no such plan here; see what `opora catalogue plan` printed")
		}
		if err != nil {
			return err
		}
		return json.Unmarshal(ops, &p.Ops)
	})
	return p, err
}

// BeginPlan moves a plan into applying and notes what was accepted.
func (db *DB) BeginPlan(ctx context.Context, id provisioner.PlanID, accepted []string) error {
	return db.movePlan(ctx, `UPDATE plan SET state = 'applying', accepted = $2, problem = '' WHERE id::text = $1 AND state <> 'applied'`, string(id), append([]string{}, accepted...))
}

// EndPlan moves a plan that is being applied to applied, or with a problem to
// failed.
func (db *DB) EndPlan(ctx context.Context, id provisioner.PlanID, problem string) error {
	return db.movePlan(ctx, `UPDATE plan SET state = CASE WHEN $2 = '' THEN 'applied' ELSE 'failed' END, problem = $2, ended_at = now()
		WHERE id::text = $1 AND state = 'applying'`, string(id), problem)
}

func (db *DB) movePlan(ctx context.Context, statement string, args ...any) error {
	return db.ForContour(ctx, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, statement, args...)
		if err == nil && tag.RowsAffected() == 0 {
			return tenancy.E(tenancy.Conflict, "plan_state", "the plan is not in a state for this; somebody else has applied it")
		}
		return err
	})
}

// LockRealm keeps others from planning and applying in the realm until unlock
// is called or the connection ends. A realm that is locked already is
// tenancy.Conflict.
func (db *DB) LockRealm(ctx context.Context, realm string) (unlock func(), err error) {
	conn, err := db.pool.Acquire(ctx)
	if err != nil {
		return nil, Face(err)
	}
	key := fnv.New64a()
	key.Write([]byte("opora realm " + realm))
	var locked bool
	if err := conn.QueryRow(ctx, `SELECT pg_try_advisory_lock($1)`, int64(key.Sum64())).Scan(&locked); err != nil || !locked {
		conn.Release()
		if err != nil {
			return nil, Face(err)
		}
		return nil, tenancy.E(tenancy.Conflict, "realm_busy", "another apply is at work on the realm "+realm+"; wait for it to end")
	}
	return func() {
		// The lock ends with its connection, whatever else happens; but the server
		// sees a closed connection only some time later, and who comes next should
		// not have to wait for that.
		held, ctx := conn.Hijack(), context.WithoutCancel(ctx)
		_, _ = held.Exec(ctx, `SELECT pg_advisory_unlock($1)`, int64(key.Sum64()))
		_ = held.Close(ctx)
	}, nil
}

// Registered implements provisioner.Registry.
func (db *DB) Registered(ctx context.Context, realm string) (map[realms.Ref]bool, error) {
	ours := map[realms.Ref]bool{}
	err := db.ReadContour(ctx, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `SELECT kind, key FROM registered WHERE realm = $1`, realm)
		if err != nil {
			return err
		}
		refs, err := pgx.CollectRows(rows, pgx.RowToStructByPos[realms.Ref])
		for _, ref := range refs {
			ours[ref] = true
		}
		return err
	})
	return ours, err
}

// Register implements provisioner.Registry.
func (db *DB) Register(ctx context.Context, realm string, ref realms.Ref) error {
	return db.ForContour(ctx, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `INSERT INTO registered (realm, kind, key) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`, realm, ref.Kind, ref.Key)
		return err
	})
}

// Unregister implements provisioner.Registry.
func (db *DB) Unregister(ctx context.Context, realm string, ref realms.Ref) error {
	return db.ForContour(ctx, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `DELETE FROM registered WHERE realm = $1 AND kind = $2 AND key = $3`, realm, ref.Kind, ref.Key)
		return err
	})
}

// ConsoleTenants returns the slugs of the tenants that the console owns.
func (db *DB) ConsoleTenants(ctx context.Context) (slugs []tenancy.TenantSlug, err error) {
	err = db.ReadContour(ctx, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `SELECT tenant FROM tenant WHERE owner = 'console' AND dropped_at IS NULL ORDER BY tenant`)
		if err != nil {
			return err
		}
		slugs, err = pgx.CollectRows(rows, pgx.RowTo[tenancy.TenantSlug])
		return err
	})
	return slugs, err
}
