package postgres_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/ponimayu/opora/importers"
	"github.com/ponimayu/opora/internal/job"
	"github.com/ponimayu/opora/internal/pgtest"
	"github.com/ponimayu/opora/internal/postgres"
	"github.com/ponimayu/opora/internal/roster"
	"github.com/ponimayu/opora/internal/seal"
	"github.com/ponimayu/opora/internal/tenancy"
	"github.com/ponimayu/opora/provisioner"
	"github.com/ponimayu/opora/provisioner/memory"
)

// TestMain lets a parse's child process do its work.
func TestMain(m *testing.M) {
	importers.WorkIfAsked()
	os.Exit(m.Run())
}

// office is a contour with two tenants, the use cases, and a Keycloak in memory.
type office struct {
	*postgres.Rosters
	t      testing.TB
	db     *postgres.DB
	people *memory.People
	target provisioner.People // what the workers speak to; people when nil
}

var (
	hr       = tenancy.Actor{ID: "hr-1", Roles: []tenancy.Role{tenancy.RoleHRAdmin}, Tenants: []tenancy.TenantSlug{"cdek"}}
	hr2      = tenancy.Actor{ID: "hr-2", Roles: []tenancy.Role{tenancy.RoleHRAdmin}, Tenants: []tenancy.TenantSlug{"cdek"}}
	stranger = tenancy.Actor{ID: "hr-3", Roles: []tenancy.Role{tenancy.RoleHRAdmin}, Tenants: []tenancy.TenantSlug{"avito"}}
	operator = tenancy.Actor{ID: "op", Roles: []tenancy.Role{tenancy.RoleOperator}}
)

// part is the catalogue of the office's country.
func part() tenancy.Catalogue {
	contract := func(id tenancy.ContractID) []tenancy.Contract {
		return []tenancy.Contract{{ID: id, Country: "RU", TimeZone: "Europe/Moscow", From: tenancy.NewDate(2026, 1, 1), Until: tenancy.NewDate(2030, 1, 1), Seats: 20000, GraceDays: 14}}
	}
	return tenancy.Catalogue{
		Countries: []tenancy.Country{{Code: "RU", Realm: "ponimayu", TimeZone: "Europe/Moscow", PhoneRegion: "RU", Languages: []tenancy.Language{tenancy.Russian}, NationalIDs: []tenancy.NationalIDKind{tenancy.SNILS, tenancy.INN}}},
		Tenants: []tenancy.Tenant{
			{Slug: "avito", LegalEntities: []tenancy.LegalEntity{{Code: "main", Name: "ООО Пример", Default: true}}, Contracts: contract("avito-ru")},
			{Slug: "cdek", LegalEntities: []tenancy.LegalEntity{{Code: "global", Name: "ООО Глобал", Default: true}, {Code: "north", Name: "ООО Север"}}, Contracts: contract("cdek-ru")},
		},
	}
}

func newOffice(t testing.TB) *office {
	t.Helper()
	return officeOn(t, pgtest.New(t))
}

func officeOn(t testing.TB, db *postgres.DB) *office {
	t.Helper()
	secret := make([]byte, 32)
	_, _ = rand.Read(secret)
	key, err := seal.New(secret)
	if err != nil {
		t.Fatal(err)
	}
	rosters, err := postgres.NewRosters(db, key)
	if err != nil {
		t.Fatal(err)
	}
	if err := db.StoreCatalogue(t.Context(), part(), "1"); err != nil {
		t.Fatal(err)
	}
	return &office{Rosters: rosters, t: t, db: db, people: memory.NewPeople("cdek", "avito")}
}

// work runs the workers until the test ends.
func (o *office) work() *job.Workers {
	o.t.Helper()
	target := o.target
	if target == nil {
		target = o.people
	}
	workers, err := job.NewWorkers(o.db.Pool(), o.Rosters, target, job.WorkersOptions{Log: slog.New(slog.NewTextHandler(testWriter{o.t}, &slog.HandlerOptions{Level: slog.LevelWarn}))})
	if err != nil {
		o.t.Fatal(err)
	}
	if err := workers.Start(context.Background()); err != nil {
		o.t.Fatal(err)
	}
	o.t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		_ = workers.Kill(ctx)
	})
	return workers
}

type testWriter struct{ t testing.TB }

func (w testWriter) Write(b []byte) (int, error) {
	w.t.Log(strings.TrimSpace(string(b)))
	return len(b), nil
}

// list is a CSV file: a header and rows of number, name, e-mail, department,
// birth date and last day.
func list(rows ...string) string {
	return "Табельный номер;ФИО;Email;Отдел;Дата рождения;Дата увольнения\n" + strings.Join(rows, "\n") + "\n"
}

// person is a row of list, different for each n.
func person(n int) string {
	return fmt.Sprintf("%d;Примеров%s Иван Петрович;p%d@cdek.example;Склад %d;1990-01-%02d;", 1000+n, letters(n), n, n%7, n%28+1)
}

func letters(n int) string {
	out := ""
	for ; ; n /= 30 {
		out += string(rune('а' + n%30))
		if n < 30 {
			return out
		}
	}
}

func persons(from, to int) []string {
	var rows []string
	for n := from; n < to; n++ {
		rows = append(rows, person(n))
	}
	return rows
}

// upload receives and parses a list.
func (o *office) upload(actor tenancy.Actor, mode roster.Mode, file string) roster.Import {
	o.t.Helper()
	made, err := o.Receive(o.t.Context(), actor, postgres.Upload{Tenant: "cdek", Mode: mode, File: strings.NewReader(file)})
	if err != nil {
		o.t.Fatal(err)
	}
	// A worker may be at it already: then its answer is waited for.
	err = job.Parse(o.t.Context(), o.Rosters, made.ID)
	for deadline := time.Now().Add(30 * time.Second); errors.Is(err, job.ErrBusy) && time.Now().Before(deadline); {
		time.Sleep(20 * time.Millisecond)
		err = job.Parse(o.t.Context(), o.Rosters, made.ID)
	}
	if err != nil {
		o.t.Fatal(err)
	}
	return o.read(made.ID)
}

func (o *office) read(id roster.ImportID) roster.Import {
	o.t.Helper()
	i, err := o.Import(o.t.Context(), operator, id)
	if err != nil {
		o.t.Fatal(err)
	}
	return i
}

// apply applies an import and waits for the workers.
func (o *office) apply(actor tenancy.Actor, id roster.ImportID) roster.Import {
	o.t.Helper()
	i, err := o.Apply(o.t.Context(), actor, id)
	if err != nil {
		o.t.Fatal(err)
	}
	return o.wait(i.ID, func(i roster.Import) bool { return i.Done == i.Ops && i.State != roster.Applying })
}

func (o *office) wait(id roster.ImportID, done func(roster.Import) bool) roster.Import {
	o.t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for {
		i := o.read(id)
		if done(i) {
			return i
		}
		if time.Now().After(deadline) {
			o.t.Fatalf("the import stays in state %s, %d of %d ops done, %+v", i.State, i.Done, i.Ops, i.Problems)
		}
		time.Sleep(30 * time.Millisecond)
	}
}

// find returns the one employee with the number.
func (o *office) find(number string) tenancy.Employee {
	o.t.Helper()
	found, err := o.SearchEmployees(o.t.Context(), operator, roster.EmployeeFilter{Tenant: "cdek", EmployeeNo: tenancy.EmployeeNo(number)})
	if err != nil || len(found) != 1 {
		o.t.Fatalf("number %s: %d found, %v", number, len(found), err)
	}
	return found[0]
}

func (o *office) account(id tenancy.EmployeeID) (provisioner.Account, bool) {
	o.t.Helper()
	all, err := o.people.ObserveAccounts(o.t.Context(), []tenancy.EmployeeID{id})
	if err != nil {
		o.t.Fatal(err)
	}
	a, ok := all[id]
	return a, ok
}

func TestImportFromFileToKeycloak(t *testing.T) {
	o := newOffice(t)
	o.work()
	file := list(persons(0, 100)...)
	i := o.upload(hr, roster.Add, file)
	if i.State != roster.Planned || i.Counts.Create != 100 || i.Counts.Rows != 100 {
		t.Fatalf("%+v", i)
	}
	i = o.apply(hr, i.ID)
	if i.State != roster.Applied || i.Done != 100 || i.Counts.Failed != 0 {
		t.Fatalf("%+v", i)
	}
	e := o.find("1007")
	if e.Status != tenancy.Current || !strings.HasPrefix(e.Login, "cdek-") || len(e.Employments) != 1 || e.Employments[0].Department != "Склад 0" {
		t.Errorf("%+v", e)
	}
	a, ok := o.account(e.ID)
	if !ok || !a.Enabled || a.Login != e.Login || a.Email != "p7@cdek.example" {
		t.Errorf("account %+v", a)
	}
	again := o.apply(hr, o.upload(hr, roster.Full, file).ID)
	if again.State != roster.Applied || again.Counts.Unchanged != 100 || again.Ops != 0 {
		t.Errorf("the same file again: %+v", again)
	}
}
