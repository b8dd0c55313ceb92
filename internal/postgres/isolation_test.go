package postgres_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/ponimayu/opora/internal/pgtest"
	"github.com/ponimayu/opora/internal/postgres"
	"github.com/ponimayu/opora/internal/roster"
	"github.com/ponimayu/opora/internal/tenancy"
)

// TestEveryTenantTableIsProtected reads the catalogue of the database: whoever
// adds a table with a tenant and forgets row-level security fails here.
func TestEveryTenantTableIsProtected(t *testing.T) {
	url := pgtest.URL(t)
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	rows, err := conn.Query(t.Context(), `
		SELECT c.relname, c.relrowsecurity, c.relforcerowsecurity,
			(SELECT count(*) FROM pg_policy p WHERE p.polrelid = c.oid AND p.polroles @> ARRAY['opora_contour'::regrole::oid]),
			EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid AND p.polroles @> ARRAY['opora_tenant'::regrole::oid] AND pg_get_expr(p.polqual, c.oid) NOT LIKE '%tenant = opora_current_tenant()%')
		FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p') AND EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'tenant' AND NOT a.attisdropped)`)
	if err != nil {
		t.Fatal(err)
	}
	var name string
	var enabled, forced, open bool
	var contour, tables int
	_, err = pgx.ForEachRow(rows, []any{&name, &enabled, &forced, &contour, &open}, func() error {
		tables++
		if !enabled || !forced || contour == 0 || open {
			t.Errorf("%s: row-level security enabled %v, forced %v, policies of the contour %d, another policy for tenants %v", name, enabled, forced, contour, open)
		}
		return nil
	})
	if err != nil || tables < 15 {
		t.Fatalf("%d tables, %v", tables, err)
	}
	// Unique keys that tell of other tenants' rows: each begins with the tenant,
	// or is an index on a random id, or belongs to the contour alone.
	rows, err = conn.Query(t.Context(), `
		SELECT t.relname || '.' || i.relname FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_class t ON t.oid = x.indrelid
		JOIN pg_attribute a ON a.attrelid = t.oid AND a.attname = 'tenant'
		JOIN pg_attribute f ON f.attrelid = t.oid AND f.attnum = x.indkey[0]
		WHERE x.indisunique AND f.attname <> 'tenant' AND f.atttypid <> 'uuid'::regtype AND has_table_privilege('opora_tenant', t.oid, 'INSERT')`)
	if err != nil {
		t.Fatal(err)
	}
	leaky, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil || len(leaky) > 0 {
		t.Errorf("unique keys that do not begin with the tenant: %v %v", leaky, err)
	}
	views := `SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'public' AND c.relkind = 'v' AND NOT coalesce(c.reloptions @> ARRAY['security_invoker=true'], false)`
	var loose int
	if err := conn.QueryRow(t.Context(), views).Scan(&loose); err != nil || loose > 0 {
		t.Errorf("%d views without security_invoker, %v", loose, err)
	}
}

func TestATenantNeverSeesAnothersRows(t *testing.T) {
	o := newOffice(t)
	o.work()
	o.apply(hr, o.upload(hr, roster.Add, list(persons(0, 3)...)).ID)
	tables := []string{"tenant", "contract", "person", "person_history", "account", "account_history", "employment", "employment_history",
		"import", "import_row", "import_problem", "import_finding", "import_change", "upload_chunk", "op", "activation", "roster_revision"}
	count := func(slug tenancy.TenantSlug, table string) (n int) {
		err := o.db.ForTenant(t.Context(), slug, func(tx pgx.Tx) error {
			return tx.QueryRow(t.Context(), `SELECT count(*) FROM `+table+` WHERE tenant = 'cdek'`).Scan(&n)
		})
		if err != nil {
			t.Errorf("%s as %q: %v", table, slug, err)
		}
		return n
	}
	for _, table := range tables {
		if n := count("avito", table); n != 0 {
			t.Errorf("avito sees %d rows of cdek in %s", n, table)
		}
		if n := count("", table); n != 0 {
			t.Errorf("nobody sees %d rows of cdek in %s", n, table)
		}
	}
	if n := count("cdek", "person"); n != 3 {
		t.Errorf("cdek sees %d of its 3 people", n)
	}
	for _, statement := range []string{
		`UPDATE person SET last_name = 'X' WHERE tenant = 'cdek'`,
		`DELETE FROM op WHERE tenant = 'cdek'`,
	} {
		err := o.db.ForTenant(t.Context(), "avito", func(tx pgx.Tx) error {
			tag, err := tx.Exec(t.Context(), statement)
			if err == nil && tag.RowsAffected() != 0 {
				t.Errorf("avito changed %d rows of cdek: %s", tag.RowsAffected(), statement)
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	}
	err := o.db.ForTenant(t.Context(), "avito", func(tx pgx.Tx) error {
		_, err := tx.Exec(t.Context(), `INSERT INTO roster_revision (tenant) VALUES ('cdek') ON CONFLICT DO NOTHING`)
		return err
	})
	if err == nil {
		t.Error("avito may write a row of cdek")
	}
	for _, table := range []string{"email_claim", "audit", "river_job"} {
		err := o.db.ForTenant(t.Context(), "cdek", func(tx pgx.Tx) error {
			_, err := tx.Exec(t.Context(), `SELECT FROM `+table)
			return err
		})
		if err == nil {
			t.Errorf("a tenant may read %s", table)
		}
	}
}

func TestReadOnlyMeansReadOnly(t *testing.T) {
	o := newOffice(t)
	err := o.db.ReadContour(t.Context(), func(tx pgx.Tx) error {
		_, err := tx.Exec(t.Context(), `UPDATE tenant SET suspended = true`)
		return err
	})
	if err == nil {
		t.Error("a read-only transaction wrote")
	}
}

func TestErrorsDoNotQuoteRows(t *testing.T) {
	o := newOffice(t)
	canary := "kanarejkin-7f3a@cdek.example"
	err := o.db.ForContour(t.Context(), func(tx pgx.Tx) error {
		if _, err := tx.Exec(t.Context(), `INSERT INTO person (tenant, id, email) VALUES ('cdek', gen_random_uuid(), $1)`, canary); err != nil {
			return err
		}
		for range 2 {
			_, err := tx.Exec(t.Context(), `INSERT INTO email_claim SELECT email, tenant, id FROM person WHERE email = $1`, canary)
			if err != nil {
				return err
			}
		}
		return nil
	})
	var pg *pgconn.PgError
	if err == nil || strings.Contains(err.Error(), canary) || errors.As(err, &pg) {
		t.Errorf("the error of a unique violation: %v", err)
	}
	if _, err := postgres.Open(t.Context(), "postgres://someone:"+canary+"@127.0.0.1:1/x?connect_timeout=2"); err == nil || strings.Contains(err.Error(), canary) || strings.Contains(err.Error(), "someone") {
		t.Errorf("the error of an absent server: %v", err)
	}
}

func TestWhoReachesWhat(t *testing.T) {
	o := newOffice(t)
	i := o.upload(hr, roster.Add, list(persons(0, 2)...))
	_, foreign := o.Import(t.Context(), stranger, i.ID)
	_, absent := o.Import(t.Context(), stranger, "01890000-0000-7000-8000-000000000000")
	_, nonsense := o.Import(t.Context(), stranger, "nonsense")
	if foreign == nil || foreign.Error() != absent.Error() || foreign.Error() != nonsense.Error() || tenancy.KindOf(foreign) != tenancy.NotFound {
		t.Errorf("an import of another tenant, none, nonsense:\n%v\n%v\n%v", foreign, absent, nonsense)
	}
	for name, err := range map[string]error{
		"apply":   second(o.Apply(t.Context(), stranger, i.ID)),
		"approve": second(o.Approve(t.Context(), stranger, i.ID, []string{"x"})),
		"cancel":  second(o.Cancel(t.Context(), stranger, i.ID)),
		"undo":    second(o.Undo(t.Context(), stranger, i.ID)),
		"changes": second(o.Changes(t.Context(), stranger, i.ID, 0, 0)),
	} {
		if err == nil || err.Error() != foreign.Error() {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, wrong := o.SearchEmployees(t.Context(), stranger, roster.EmployeeFilter{Tenant: "cdek", Query: "п"})
	_, none := o.SearchEmployees(t.Context(), stranger, roster.EmployeeFilter{Tenant: "nobody", Query: "п"})
	if wrong == nil || none == nil || wrong.Error() != none.Error() {
		t.Errorf("search: %v, %v", wrong, none)
	}
	if head, err := o.db.VerifyAudit(t.Context()); err != nil || head.Entries < 8 {
		t.Errorf("the audit log has %d entries, %v", head.Entries, err)
	}
	booking := tenancy.Actor{ID: "b", Roles: []tenancy.Role{tenancy.RoleBookingCore}}
	if _, err := o.Import(t.Context(), booking, i.ID); tenancy.KindOf(err) != tenancy.Forbidden {
		t.Errorf("the booking core reads an import: %v", err)
	}
}

func second[T any](_ T, err error) error { return err }
