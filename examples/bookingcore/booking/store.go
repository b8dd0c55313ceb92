package booking

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Open connects to the database at url, which it makes if the server has none
// of that name, and brings it to this schema. Several may start at once: the
// others wait.
func Open(ctx context.Context, url string) (*pgxpool.Pool, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, errors.New("the address of PostgreSQL cannot be read; it looks like postgres://user:password@host:5432/database")
	}
	config.MaxConns = max(config.MaxConns, 16)
	config.ConnConfig.RuntimeParams["application_name"] = "bookingcore"
	// Whoever waits longer for a lock had better be told to try again.
	config.ConnConfig.RuntimeParams["lock_timeout"] = "8000"
	config.ConnConfig.RuntimeParams["idle_in_transaction_session_timeout"] = "60000"
	if err := create(ctx, config.ConnConfig); err != nil {
		return nil, err
	}
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, errors.New("PostgreSQL's address is not usable")
	}
	if err := migrate(ctx, pool); err != nil {
		pool.Close()
		return nil, err
	}
	return pool, nil
}

// create makes the database unless it is there.
func create(ctx context.Context, config *pgx.ConnConfig) error {
	conn, err := pgx.ConnectConfig(ctx, config)
	if err == nil {
		return conn.Close(ctx)
	}
	if sqlState(err) != noSuchDatabase {
		return errors.New("PostgreSQL does not answer, or does not let us in")
	}
	server := config.Copy()
	server.Database = "postgres"
	if conn, err = pgx.ConnectConfig(ctx, server); err != nil {
		return fmt.Errorf("there is no database %q; make it", config.Database)
	}
	defer conn.Close(ctx)
	_, err = conn.Exec(ctx, "CREATE DATABASE "+pgx.Identifier{config.Database}.Sanitize())
	if err != nil && sqlState(err) != duplicateDatabase && sqlState(err) != uniqueViolation { // made by another at this moment
		return fmt.Errorf("there is no database %q, and we may not make it", config.Database)
	}
	return nil
}

func migrate(ctx context.Context, pool *pgxpool.Pool) error {
	sub, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, 60)) // each second, for a minute
	if err != nil {
		return err
	}
	db := stdlib.OpenDBFromPool(pool)
	defer db.Close()
	provider, err := goose.NewProvider(goose.DialectPostgres, db, sub, goose.WithSessionLocker(locker), goose.WithSlog(slog.New(slog.DiscardHandler)))
	if err != nil {
		return err
	}
	if _, err := provider.Up(ctx); err != nil {
		return fmt.Errorf("the schema could not be migrated: %w", err)
	}
	return nil
}

// attempts is how often a transaction is tried that PostgreSQL broke off for
// the sake of others, or that found that it needs more locks.
const attempts = 8

// again asks for the transaction to be done again: with the account, if there
// is one, among those that are locked at its beginning.
type again struct{ account string }

func (again) Error() string { return "it has to be done again" }

// inTx runs fn in a transaction, again when PostgreSQL broke it off because of
// others. locks are the accounts to lock at the beginning, beside the employee's.
func (s *Service) inTx(ctx context.Context, fn func(tx pgx.Tx, locks []string) error) error {
	var locks []string
	for n := 1; ; n++ {
		err := pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error { return fn(tx, locks) })
		var more again
		switch {
		case err == nil:
			return nil
		case errors.As(err, &more):
			if more.account != "" {
				locks = append(locks, more.account)
			}
		case sqlState(err) == serializationFailure, sqlState(err) == deadlockDetected:
			if err := pause(ctx, n); err != nil {
				return errBusy
			}
		default:
			return face(err)
		}
		if n == attempts {
			return errBusy
		}
	}
}

// face hides what a database says: its messages may quote rows.
func face(err error) error {
	if _, ok := errors.AsType[*Error](err); ok {
		return err
	}
	if sqlState(err) == lockNotAvailable {
		return errBusy
	}
	return &Error{Kind: Unavailable, Code: "database_unavailable", Message: "It could not be stored, or it is not known whether it was; try again with the same Idempotency-Key.", Err: err}
}

// pause waits before the n-th attempt, longer each time and never as long as
// the others do.
func pause(ctx context.Context, n int) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(5*time.Millisecond + rand.N(time.Duration(n)*10*time.Millisecond)):
		return nil
	}
}
