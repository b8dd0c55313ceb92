package postgres

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"

	"github.com/ponimayu/opora/internal/tenancy"
)

//go:embed migrations/*.sql
var migrations embed.FS

// migrateLock is the advisory lock that lets one process migrate at a time.
const migrateLock = 0x6f706f7261 // "opora"

// Migrate brings the database at url to this binary's schema: the roles, our
// tables and the job queue's. It is safe to repeat, and safe when several
// processes start at once: the others wait. A database that a newer Opora has
// migrated is refused (schema_newer).
func Migrate(ctx context.Context, url string) error {
	db, err := Open(ctx, url)
	if err != nil {
		return err
	}
	defer db.Close()
	conn, err := db.pool.Acquire(ctx)
	if err != nil {
		return Face(err)
	}
	defer conn.Release()
	if _, err := conn.Exec(ctx, `SELECT pg_advisory_lock($1)`, migrateLock); err != nil {
		return Face(err)
	}
	defer func() {
		_, _ = conn.Exec(context.WithoutCancel(ctx), `SELECT pg_advisory_unlock($1)`, migrateLock)
	}()
	if err := makeRoles(ctx, conn.Conn()); err != nil {
		return err
	}
	if err := migrateTables(ctx, db.pool); err != nil {
		return err
	}
	return migrateQueue(ctx, db.pool)
}

// makeRoles makes the two roles and lets the login role take them. Roles
// belong to the whole server, and another database's migration may be making
// them at this moment: that is not an error.
func makeRoles(ctx context.Context, conn *pgx.Conn) error {
	for _, role := range []string{roleTenant, roleContour} {
		_, err := conn.Exec(ctx, fmt.Sprintf(`DO $$
			BEGIN
				IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '%[1]s') THEN
					CREATE ROLE %[1]s NOLOGIN NOINHERIT;
				END IF;
			EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
			END $$`, role))
		if err == nil {
			_, err = conn.Exec(ctx, fmt.Sprintf(`DO $$
			BEGIN
				IF NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN
					EXECUTE format('GRANT %[1]s TO %%I', current_user);
				END IF;
			EXCEPTION WHEN unique_violation OR internal_error THEN NULL; -- granted by another at this moment
			END $$`, role))
		}
		if err != nil {
			return tenancy.E(tenancy.Invalid, "roles_missing", fmt.Sprintf(
				"the roles %s and %s are missing and may not be made by this user: let an administrator run CREATE ROLE %s; CREATE ROLE %s; and GRANT both to the user of DATABASE_URL",
				roleTenant, roleContour, roleTenant, roleContour), Face(err))
		}
	}
	return nil
}

func migrateTables(ctx context.Context, pool *pgxpool.Pool) error {
	sub, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	sql := stdlib.OpenDBFromPool(pool)
	defer sql.Close()
	// Numbers are given out in blocks, so a lower one may come after a higher one.
	provider, err := goose.NewProvider(goose.DialectPostgres, sql, sub, goose.WithAllowOutofOrder(true), goose.WithSlog(slog.New(slog.DiscardHandler)))
	if err != nil {
		return err
	}
	have, err := provider.GetDBVersion(ctx)
	if err != nil {
		return Face(err)
	}
	sources := provider.ListSources()
	if want := sources[len(sources)-1].Version; have > want {
		return tenancy.E(tenancy.Conflict, "schema_newer", fmt.Sprintf(
			"the database is at schema %d, this Opora knows only up to %d: a newer Opora has migrated it; run that one", have, want))
	}
	if _, err := provider.Up(ctx); err != nil {
		return fmt.Errorf("the schema could not be migrated: %w", faceOfMigration(err))
	}
	return nil
}

// faceOfMigration keeps the message of a failed migration, which is about our
// own SQL, but not the detail, which quotes rows.
func faceOfMigration(err error) error {
	var partial *goose.PartialError
	if errors.As(err, &partial) && partial.Failed != nil {
		return fmt.Errorf("migration %d: %w", partial.Failed.Source.Version, partial.Err)
	}
	return Face(err)
}

func migrateQueue(ctx context.Context, pool *pgxpool.Pool) error {
	migrator, err := rivermigrate.New(riverpgxv5.New(pool), &rivermigrate.Config{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	if _, err := migrator.Migrate(ctx, rivermigrate.DirectionUp, nil); err != nil {
		return fmt.Errorf("the job queue's tables could not be migrated: %w", Face(err))
	}
	return nil
}

// Migrations returns the migrations' files, for a digest of the schema.
func Migrations() fs.FS { return migrations }
