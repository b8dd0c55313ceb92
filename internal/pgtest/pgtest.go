// Package pgtest gives each test that asks a fresh, migrated database of its
// own on the PostgreSQL that DATABASE_URL names. The schema is migrated once
// into a template, which is then copied: a copy takes a few dozen milliseconds.
package pgtest

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/ponimayu/opora/internal/postgres"
)

// URL makes a database for the test and returns its address; the database is
// dropped when the test ends. Without DATABASE_URL the test fails: a test that
// needs PostgreSQL and passes without it proves nothing.
func URL(t testing.TB) string {
	t.Helper()
	if os.Getenv("DATABASE_URL") == "" {
		t.Fatal("DATABASE_URL is not set: run `make test`, or `opora dev --exec 'go test ./...'`")
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	address, drop, err := Make(ctx, os.Getenv("DATABASE_URL"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := drop(); err != nil {
			t.Logf("the test's database was left behind: %v", postgres.Face(err))
		}
	})
	return address
}

// Make makes a fresh, migrated database on a server, for measurements, and
// returns its address and what drops it.
func Make(ctx context.Context, server string) (address string, drop func() error, err error) {
	conn, err := pgx.Connect(ctx, server)
	if err != nil {
		return "", nil, fmt.Errorf("PostgreSQL at DATABASE_URL does not answer: %w", postgres.Face(err))
	}
	defer conn.Close(ctx)
	template, err := makeTemplate(ctx, conn, server)
	if err != nil {
		return "", nil, err
	}
	name := "opora_test_" + strings.ToLower(rand.Text()[:12])
	if _, err := conn.Exec(ctx, fmt.Sprintf("CREATE DATABASE %s TEMPLATE %s", name, template)); err != nil {
		return "", nil, err
	}
	return withDatabase(server, name), func() error { return dropDatabase(server, name) }, nil
}

// New opens a fresh database for the test.
func New(t testing.TB) *postgres.DB {
	t.Helper()
	db, err := postgres.Open(t.Context(), URL(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	return db
}

// templateLock is the advisory lock under which the template is made.
const templateLock = 0x706774657374 // "pgtest"

// makeTemplate makes the template of this schema unless it is there, and
// returns its name, which holds a digest of the migrations: another schema is
// another template.
func makeTemplate(ctx context.Context, conn *pgx.Conn, server string) (string, error) {
	digest, err := schemaDigest()
	if err != nil {
		return "", err
	}
	name := "opora_template_" + digest
	if _, err := conn.Exec(ctx, `SELECT pg_advisory_lock($1)`, templateLock); err != nil {
		return "", err
	}
	defer conn.Exec(context.WithoutCancel(ctx), `SELECT pg_advisory_unlock($1)`, templateLock) //nolint:errcheck // the connection is about to close
	var ready bool
	if err := conn.QueryRow(ctx, `SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)`, name).Scan(&ready); err != nil || ready {
		return name, err
	}
	// Made under another name first, so that a half-migrated one is never used.
	building := name + "_building"
	if _, err := conn.Exec(ctx, "DROP DATABASE IF EXISTS "+building+" WITH (FORCE)"); err != nil {
		return "", err
	}
	if _, err := conn.Exec(ctx, "CREATE DATABASE "+building); err != nil {
		return "", err
	}
	if err := postgres.Migrate(ctx, withDatabase(server, building)); err != nil {
		return "", err
	}
	_, err = conn.Exec(ctx, fmt.Sprintf("ALTER DATABASE %s RENAME TO %s", building, name))
	return name, err
}

func schemaDigest() (string, error) {
	h := sha256.New()
	err := fs.WalkDir(postgres.Migrations(), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := fs.ReadFile(postgres.Migrations(), path)
		fmt.Fprintf(h, "%s %d\n%s", path, len(b), b)
		return err
	})
	return hex.EncodeToString(h.Sum(nil))[:12], err
}

// dropDatabase removes a database, cutting connections that are still open.
func dropDatabase(server, name string) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	conn, err := pgx.Connect(ctx, server)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	_, err = conn.Exec(ctx, "DROP DATABASE IF EXISTS "+name+" WITH (FORCE)")
	return err
}

func withDatabase(server, name string) string {
	u, err := url.Parse(server)
	if err != nil {
		panic("DATABASE_URL was used before and cannot be parsed now")
	}
	u.Path = "/" + name
	return u.String()
}
