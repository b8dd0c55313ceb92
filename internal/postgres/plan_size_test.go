package postgres_test

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/ponimayu/opora/internal/roster"
)

// stageRows stages n rows as an import of cdek, as if a file had been parsed;
// change is the SQL condition of the rows whose department is another.
func (o *office) stageRows(n int, change string) roster.ImportID {
	o.t.Helper()
	var id roster.ImportID
	err := o.db.ForTenant(o.t.Context(), "cdek", func(tx pgx.Tx) error {
		err := tx.QueryRow(o.t.Context(), `
			INSERT INTO import (tenant, id, state, mode, uploaded_by, rows_read, revision) VALUES ('cdek', gen_random_uuid(), 'planned', 'full', 'hr-1', $1, -1) RETURNING id::text`, n).Scan(&id)
		if err != nil {
			return err
		}
		_, err = tx.Exec(o.t.Context(), `
			INSERT INTO import_row (tenant, import_id, line, employee_no, employee_key, legal_entity, last_name, first_name, middle_name, email, phone, department, position, segment, hired_on, birth_date, search)
			SELECT 'cdek', $1::uuid, i + 1, i, i, 'global', 'Примеров' || i, 'Иван', 'Ильич', 'p' || i || '@cdek.example', '+7900' || lpad(i::text, 7, '0'),
				CASE WHEN `+change+` THEN 'Касса' ELSE 'Отдел ' || i % 300 END, 'Кладовщик', '', date '2015-01-01' + i % 3000, date '1970-01-01' + i % 12000, 'примеров' || i || ' иван ильич'
			FROM generate_series(1, $2) i`, id, n)
		return err
	})
	if err != nil {
		o.t.Fatal(err)
	}
	if _, err := o.db.Pool().Exec(o.t.Context(), `ANALYZE import_row`); err != nil {
		o.t.Fatal(err)
	}
	return id
}

// status reads a figure of this process, in MB.
func status(t testing.TB, key string) int {
	b, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Skip("this machine does not tell how much memory a process has used")
	}
	_, rest, _ := strings.Cut(string(b), key+":")
	kb, _ := strconv.Atoi(strings.Fields(rest)[0])
	return kb / 1024
}

// plan compares the staged rows with the people and returns how long it took
// and the greatest memory this process had meanwhile.
func (o *office) plan(id roster.ImportID) (took time.Duration, peak int) {
	o.t.Helper()
	_ = os.WriteFile("/proc/self/clear_refs", []byte("5"), 0o200) // the peak begins anew
	begun := time.Now()
	if _, err := o.Apply(o.t.Context(), hr, id); code(err) != "plan_stale" {
		o.t.Fatalf("the plan was not made anew: %v", err)
	}
	return time.Since(begun), status(o.t, "VmHWM")
}

// A plan does not grow in memory with the list: people who come, who stay as
// they are, and who change, each go on as soon as they are decided upon.
func TestAPlanOfManyRowsStaysSmall(t *testing.T) {
	rows, most := 20_000, 120 // MB, the test's own included
	if s := os.Getenv("OPORA_TEST_ROWS"); s != "" {
		rows, _ = strconv.Atoi(s)
	} else if testing.Short() {
		t.Skip("stages many rows")
	}
	o := newOffice(t)
	first := o.stageRows(rows, "false")
	tell := func(what string, took time.Duration, peak int) {
		t.Logf("%d rows, %s: %v, peak %d MB", rows, what, took.Round(time.Millisecond), peak)
		if peak > most && !raceDetector {
			t.Errorf("%s: a plan of %d rows took %d MB", what, rows, peak)
		}
	}
	took, peak := o.plan(first)
	tell("all new", took, peak)
	if i := o.read(first); i.Counts.Create != rows {
		t.Fatalf("%+v", i.Counts)
	}
	begun := time.Now()
	o.employ(first)
	t.Logf("employed in %v", time.Since(begun).Round(time.Millisecond))
	for range 2 {
		unchanged, changed := o.stageRows(rows, "false"), o.stageRows(rows, "i % 100 = 7")
		took, peak = o.plan(unchanged)
		tell("unchanged", took, peak)
		if i := o.read(unchanged); i.Counts.Unchanged != rows {
			t.Fatalf("%+v", i.Counts)
		}
		took, peak = o.plan(changed)
		tell("1 % changed", took, peak)
		if i := o.read(changed); i.Counts.Update != rows/100 {
			t.Fatalf("%+v", i.Counts)
		}
	}
}

// employ writes the people of a plan without their history and ops, which are
// not what is measured here.
func (o *office) employ(id roster.ImportID) {
	o.t.Helper()
	err := pgx.BeginFunc(o.t.Context(), o.db.Pool(), func(tx pgx.Tx) error {
		for _, statement := range []string{
			`ALTER TABLE person DISABLE TRIGGER USER`, `ALTER TABLE account DISABLE TRIGGER USER`, `ALTER TABLE employment DISABLE TRIGGER USER`,
			`SET LOCAL ROLE opora_contour`,
			`INSERT INTO person (tenant, id, last_name, first_name, middle_name, email, phone, birth_date, search)
			 SELECT c.tenant, c.employee_id, r.last_name, r.first_name, r.middle_name, r.email, r.phone, r.birth_date, r.search
			 FROM import_change c JOIN import_row r USING (tenant, import_id, legal_entity, employee_key) WHERE import_id = '%s'`,
			`INSERT INTO account (tenant, id, login) SELECT c.tenant, c.employee_id, c.login FROM import_change c WHERE import_id = '%s'`,
			`INSERT INTO employment (tenant, id, person_id, legal_entity, employee_no, employee_key, department, position, hired_on)
			 SELECT c.tenant, c.employment_id, c.employee_id, r.legal_entity, r.employee_no, r.employee_key, r.department, r.position, r.hired_on
			 FROM import_change c JOIN import_row r USING (tenant, import_id, legal_entity, employee_key) WHERE import_id = '%s'`,
			`UPDATE import SET state = 'cancelled' WHERE id = '%s'`,
			`RESET ROLE`,
			`ALTER TABLE person ENABLE TRIGGER USER`, `ALTER TABLE account ENABLE TRIGGER USER`, `ALTER TABLE employment ENABLE TRIGGER USER`,
			`ANALYZE person, account, employment`,
		} {
			if _, err := tx.Exec(o.t.Context(), strings.Replace(statement, "%s", string(id), 1)); err != nil {
				return fmt.Errorf("%s: %w", statement, err)
			}
		}
		return nil
	})
	if err != nil {
		o.t.Fatal(err)
	}
}
