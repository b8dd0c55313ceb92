package postgres

import (
	"context"
	"io/fs"
	"strconv"
	"strings"
)

// Survey is what a look at a database tells, without changing it.
type Survey struct {
	Server  int   // PostgreSQL's major version
	Schema  int64 // the latest migration the database has; 0 when none
	Wanted  int64 // the latest migration this binary has
	Missing int   // migrations of this binary that the database lacks
}

// Look reads what a database is.
func (db *DB) Look(ctx context.Context) (s Survey, err error) {
	var number int
	var migrated bool
	row := db.pool.QueryRow(ctx, `SELECT current_setting('server_version_num')::int, to_regclass('goose_db_version') IS NOT NULL`)
	if err := row.Scan(&number, &migrated); err != nil {
		return s, Face(err)
	}
	s.Server = number / 10000
	applied := map[int64]bool{}
	if migrated {
		if applied, err = db.applied(ctx); err != nil {
			return s, err
		}
	}
	for _, version := range migrationVersions() {
		s.Wanted = max(s.Wanted, version)
		if !applied[version] {
			s.Missing++
		}
	}
	for version := range applied {
		s.Schema = max(s.Schema, version)
	}
	return s, nil
}

// applied returns the migrations that the database has.
func (db *DB) applied(ctx context.Context) (map[int64]bool, error) {
	rows, err := db.pool.Query(ctx, `SELECT version_id FROM goose_db_version WHERE version_id > 0 AND is_applied`)
	if err != nil {
		return nil, Face(err)
	}
	defer rows.Close()
	found := map[int64]bool{}
	for rows.Next() {
		var version int64
		if err := rows.Scan(&version); err != nil {
			return nil, Face(err)
		}
		found[version] = true
	}
	return found, Face(rows.Err())
}

// migrationVersions returns the numbers of the migrations in this binary.
func migrationVersions() (versions []int64) {
	names, _ := fs.Glob(migrations, "migrations/*.sql")
	for _, name := range names {
		number, _, _ := strings.Cut(strings.TrimPrefix(name, "migrations/"), "_")
		if n, err := strconv.ParseInt(number, 10, 64); err == nil {
			versions = append(versions, n)
		}
	}
	return versions
}
