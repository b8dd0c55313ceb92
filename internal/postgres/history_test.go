package postgres_test

import (
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/ponimayu/opora/internal/roster"
	"github.com/ponimayu/opora/internal/tenancy"
)

func TestHistoryAnswersAsOfADay(t *testing.T) {
	o := newOffice(t)
	o.work()
	header := "Табельный номер;ФИО;Отдел;Дата приема\n"
	o.apply(hr, o.upload(hr, roster.Add, header+"17;Примерова Анна Петровна;Склад;2024-03-01\n").ID)
	between := time.Now()
	time.Sleep(20 * time.Millisecond)
	o.apply(hr, o.upload(hr, roster.Add, header+"17;Примерова Анна Петровна;Касса;2024-03-01\n").ID)
	id := o.find("17").ID

	for _, c := range []struct {
		what     string
		at, knew time.Time
		want     string
	}{
		{"today, as we know it now", time.Now(), time.Now(), "Касса"},
		{"a year ago, as we know it now", time.Now().AddDate(-1, 0, 0), time.Now(), "Склад"},
		{"today, as we knew it between", time.Now(), between, "Склад"},
		{"before she was hired", time.Date(2023, 1, 1, 0, 0, 0, 0, time.UTC), time.Now(), ""},
		{"today, as we knew it before the first list", time.Now(), between.Add(-time.Hour), ""},
	} {
		e, err := o.EmployeeAsOf(t.Context(), operator, id, c.at, c.knew)
		var got string
		if err == nil && len(e.Employments) > 0 {
			got = e.Employments[0].Department
		} else if err != nil && tenancy.KindOf(err) != tenancy.NotFound {
			t.Fatal(err)
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q", c.what, got, c.want)
		}
	}
}

func TestTheSameFileWritesNothing(t *testing.T) {
	o := newOffice(t)
	o.work()
	// One of them has a second job, whose row gives another address.
	second := strings.NewReplacer("1003;", "9003;", "p3@", "other3@").Replace(person(3))
	file := list(append(persons(0, 50), second)...)
	o.apply(hr, o.upload(hr, roster.Full, file).ID)
	versions := func() (all string) {
		err := o.db.ReadContour(t.Context(), func(tx pgx.Tx) error {
			return tx.QueryRow(t.Context(), `SELECT string_agg(v, ' ' ORDER BY v) FROM (
				SELECT 'p ' || id || xmin AS v FROM person UNION ALL SELECT 'a ' || id || xmin FROM account UNION ALL SELECT 'e ' || id || xmin FROM employment
				UNION ALL SELECT 'ph ' || count(*) FROM person_history UNION ALL SELECT 'eh ' || count(*) FROM employment_history UNION ALL SELECT 'o ' || count(*) FROM op) x`).Scan(&all)
		})
		if err != nil {
			t.Fatal(err)
		}
		return all
	}
	before := versions()
	i := o.apply(hr, o.upload(hr, roster.Full, file).ID)
	if i.State != roster.Applied || i.Counts.Unchanged != 51 || i.Ops != 0 {
		t.Fatalf("%+v", i)
	}
	if versions() != before {
		t.Error("the same file again wrote rows")
	}
}

func TestStoreCatalogueKeepsHistoryAndWritesOnlyWhatChanges(t *testing.T) {
	o := newOffice(t)
	if err := o.db.StoreCatalogue(t.Context(), part(), "1"); err != nil {
		t.Fatal(err)
	}
	count := func(query string) (n int) {
		if err := o.db.ReadContour(t.Context(), func(tx pgx.Tx) error { return tx.QueryRow(t.Context(), query).Scan(&n) }); err != nil {
			t.Fatal(err)
		}
		return n
	}
	if n := count(`SELECT count(*) FROM tenant_history`); n != 2 {
		t.Errorf("storing the same twice left %d versions of 2 tenants", n)
	}
	changed := part()
	changed.Tenants = changed.Tenants[1:]
	changed.Tenants[0].Contracts[0].Seats = 7
	if err := o.db.StoreCatalogue(t.Context(), changed, "2"); err != nil {
		t.Fatal(err)
	}
	have, revision, err := o.db.Catalogue(t.Context())
	if err != nil || revision != "2" || len(have.Tenants) != 1 || have.Tenants[0].Contracts[0].Seats != 7 || len(have.Countries) != 1 {
		t.Fatalf("%s %+v %v", revision, have, err)
	}
	if n := count(`SELECT count(*) FROM contract_history WHERE superseded_at = 'infinity' AND held_until < 'infinity' AND body ->> 'seats' = '20000'`); n == 0 {
		t.Error("the contract's earlier seats are forgotten")
	}
}
