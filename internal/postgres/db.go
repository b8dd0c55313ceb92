// Package postgres holds every SQL statement of Opora, one file per noun, and
// the migrations. Nobody outside sees the pool: work is done in a transaction
// for one tenant (ForTenant) or for the contour (ForContour), each under a role
// that does not own the tables and is bound by row-level security.
package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/ponimayu/opora/internal/tenancy"
)

// The roles that transactions take; Migrate makes them. Neither may log in.
const (
	roleTenant  = "opora_tenant"
	roleContour = "opora_contour"
)

// ErrCommitUnknown says that the connection was lost while a transaction was
// being committed: it may have happened or not. Read back by the key of what
// was being written; never blindly do it again.
var ErrCommitUnknown = errors.New("it is not known whether the transaction was committed")

// DB is Opora's PostgreSQL.
type DB struct {
	pool *pgxpool.Pool
	// following is the same database by connections of its own, for those who
	// follow its changes (Entitlements.Run): whoever else takes all connections
	// for as long as he likes, checks go on from memory.
	following *DB
}

// followers is how many connections follow: one, and one to read everybody anew.
const followers = 2

// Open connects to the database and checks that it answers. An address that
// cannot be parsed is tenancy.Invalid, a server that does not answer
// tenancy.Unavailable; neither error shows the address.
func Open(ctx context.Context, url string) (*DB, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, tenancy.E(tenancy.Invalid, "database_url_invalid", "the address of PostgreSQL cannot be read; it looks like postgres://user:password@host:5432/database")
	}
	config.MaxConns = max(config.MaxConns, 16)
	config.ConnConfig.RuntimeParams["application_name"] = "opora"
	// A forgotten transaction must not hold locks for ever.
	config.ConnConfig.RuntimeParams["idle_in_transaction_session_timeout"] = "120000"
	// Compiling a plan takes some 40 ms each time it runs, more than almost any of
	// our statements; PostgreSQL takes one that does without an index against its
	// settings for one worth compiling.
	config.ConnConfig.RuntimeParams["jit"] = "off"
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, Face(err)
	}
	few := config.Copy()
	few.MaxConns, few.MinConns, few.MinIdleConns = followers, 0, 0
	following, err := pgxpool.NewWithConfig(ctx, few) // connects when it is needed
	if err != nil {
		pool.Close()
		return nil, Face(err)
	}
	db := &DB{pool: pool, following: &DB{pool: following}}
	if err := db.Ping(ctx); err != nil {
		db.Close()
		return nil, err
	}
	return db, nil
}

// Close closes the connections.
func (db *DB) Close() {
	db.pool.Close()
	db.following.pool.Close()
}

// Pool is for the job queue alone, which keeps its own tables.
func (db *DB) Pool() *pgxpool.Pool { return db.pool }

// Ping reports whether the database answers within five seconds.
func (db *DB) Ping(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	return Face(db.pool.Ping(ctx))
}

// ForTenant runs fn in a transaction that sees and writes only the tenant's
// rows. The error is fn's own, or *tenancy.Error for the database's.
func (db *DB) ForTenant(ctx context.Context, slug tenancy.TenantSlug, fn func(pgx.Tx) error) error {
	return db.in(ctx, pgx.TxOptions{}, roleTenant, slug, fn)
}

// ForContour runs fn in a transaction that sees and writes every tenant's
// rows: for the workers, the booking core's reads and the catalogue.
func (db *DB) ForContour(ctx context.Context, fn func(pgx.Tx) error) error {
	return db.in(ctx, pgx.TxOptions{}, roleContour, "", fn)
}

// ReadTenant is ForTenant for reading: one snapshot, and a write is an error.
func (db *DB) ReadTenant(ctx context.Context, slug tenancy.TenantSlug, fn func(pgx.Tx) error) error {
	return db.in(ctx, readOnly, roleTenant, slug, fn)
}

// ReadContour is ForContour for reading: one snapshot, and a write is an error.
func (db *DB) ReadContour(ctx context.Context, fn func(pgx.Tx) error) error {
	return db.in(ctx, readOnly, roleContour, "", fn)
}

var readOnly = pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}

func (db *DB) in(ctx context.Context, options pgx.TxOptions, role string, slug tenancy.TenantSlug, fn func(pgx.Tx) error) (err error) {
	tx, err := db.pool.BeginTx(ctx, options)
	if err != nil {
		return Face(err)
	}
	// After a commit this does nothing; on an error or a panic it must still
	// reach the server although ctx may have ended.
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		_ = tx.Rollback(ctx)
	}()
	if err := become(ctx, tx, role, slug); err != nil {
		return Face(err)
	}
	if err := fn(tx); err != nil {
		return Face(err)
	}
	return commit(ctx, tx)
}

// become makes the rest of the transaction run as the role, for the tenant.
func become(ctx context.Context, tx pgx.Tx, role string, slug tenancy.TenantSlug) error {
	_, err := tx.Exec(ctx, `SELECT set_config('role', $1, true), set_config('opora.tenant', $2, true)`, role, string(slug))
	return err
}

// asContour runs fn, a part of a tenant's transaction, with the contour's
// rights: to put a job into the queue, to claim an e-mail address, to audit.
func asContour(ctx context.Context, tx pgx.Tx, slug tenancy.TenantSlug, fn func() error) error {
	if err := become(ctx, tx, roleContour, slug); err != nil {
		return err
	}
	if err := fn(); err != nil {
		return err
	}
	return become(ctx, tx, roleTenant, slug)
}

func commit(ctx context.Context, tx pgx.Tx) error {
	err := tx.Commit(ctx)
	var refused *pgconn.PgError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &refused), errors.Is(err, pgx.ErrTxCommitRollback), errors.Is(err, pgx.ErrTxClosed):
		return Face(err) // the server said no
	}
	return tenancy.E(tenancy.Unavailable, "commit_unknown",
		"the connection to PostgreSQL broke while the change was being saved; look whether it was before doing it again", ErrCommitUnknown)
}

// Face turns an error of the database into one that may be logged and shown:
// the server's detail, which quotes values, is left out. Other errors, nil
// included, are returned as they are.
func Face(err error) error {
	var known *tenancy.Error
	var refused *pgconn.PgError
	var connect *pgconn.ConnectError
	var parse *pgconn.ParseConfigError
	switch {
	case err == nil, errors.As(err, &known), errors.Is(err, pgx.ErrNoRows), errors.Is(err, context.Canceled):
		return err
	case errors.As(err, &connect), errors.As(err, &parse):
		// Its text names user, host and database.
		return tenancy.E(tenancy.Unavailable, "database_unavailable", "PostgreSQL does not answer; see that it runs and that DATABASE_URL is right")
	case errors.As(err, &refused) && refused.Code == "53100":
		return tenancy.E(tenancy.Full, "storage_full", "PostgreSQL has no room left on its disk; nothing was stored", bare(refused))
	case errors.As(err, &refused) && gone(refused.Code):
		return tenancy.E(tenancy.Unavailable, "database_unavailable", "PostgreSQL is stopping or overloaded; try again shortly", bare(refused))
	case errors.As(err, &refused):
		return tenancy.E(tenancy.Internal, "database_refused", "PostgreSQL refused a statement", bare(refused))
	case pgconn.Timeout(err), pgconn.SafeToRetry(err), isNetwork(err):
		return tenancy.E(tenancy.Unavailable, "database_unavailable", "the connection to PostgreSQL was lost or is too slow; try again")
	}
	return err
}

// bare is a server's error without the parts that quote rows.
func bare(e *pgconn.PgError) error {
	return fmt.Errorf("SQLSTATE %s in %s %s", e.Code, e.TableName, e.ConstraintName)
}

// gone reports SQLSTATE classes after which another try may do: connection
// exceptions, insufficient resources, operator intervention, and a lost race.
func gone(code string) bool {
	switch {
	case len(code) != 5:
		return false
	case code[:2] == "08", code[:2] == "53", code[:2] == "57", code[:2] == "40":
		return true
	}
	return code == "55P03" // a lock was not to be had in time
}
