package postgres_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
)

// The rows of an import come by the million: none of them may look the import
// up for itself, and none may be of an import that is not there.
func TestRowsBelongToAnImport(t *testing.T) {
	o := newOffice(t)
	id := o.stageRows(1, "false")
	broken := func(what, statement string, args ...any) {
		t.Helper()
		_, err := o.db.Pool().Exec(t.Context(), statement, args...)
		if e := (*pgconn.PgError)(nil); !errors.As(err, &e) || e.Code != "23503" {
			t.Errorf("%s: got %v, want a broken reference", what, err)
		}
	}
	for _, table := range []string{"import_row", "import_change", "import_problem", "import_refused", "import_absence"} {
		var each int
		err := o.db.Pool().QueryRow(t.Context(), `
			SELECT count(*) FROM pg_trigger WHERE tgrelid = $1::regclass AND tgtype & 1 = 1 AND tgconstrrelid = 'import'::regclass`, table).Scan(&each)
		if err != nil || each > 0 {
			t.Errorf("%s: each row that comes fires %d triggers, %v", table, each, err)
		}
	}
	broken("import_row", `INSERT INTO import_row SELECT (jsonb_populate_record(r, jsonb_build_object('import_id', gen_random_uuid()))).* FROM import_row r`)
	broken("import_refused", `INSERT INTO import_refused (tenant, import_id, mark) VALUES ('cdek', gen_random_uuid(), '\x00')`)
	broken("another tenant's", `INSERT INTO import_refused (tenant, import_id, mark) VALUES ('other', $1, '\x00')`, id)
	broken("an import with rows", `DELETE FROM import WHERE id = $1`, id)
	if _, err := o.db.Pool().Exec(t.Context(), `INSERT INTO import_refused (tenant, import_id, mark) VALUES ('cdek', $1, $2)`, id, []byte(strings.Repeat("m", 32))); err != nil {
		t.Errorf("a row of an import: %v", err)
	}
}
