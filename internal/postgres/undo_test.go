package postgres_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/ponimayu/opora/internal/roster"
	"github.com/ponimayu/opora/internal/tenancy"
	"github.com/ponimayu/opora/provisioner/memory"
)

func TestUndoReversesKeepsAndTellsWhich(t *testing.T) {
	o := newOffice(t)
	o.work()
	first := o.apply(hr, o.upload(hr, roster.Add, list(persons(0, 20)...)).ID)
	old := o.find("1003")
	// A changed department, two leavers with a day of their own, two new people.
	second := o.upload(hr, roster.Add, list(
		"1003;Примеров"+letters(3)+" Иван Петрович;p3@cdek.example;Касса;1990-01-04;",
		"1004;Примеров"+letters(4)+" Иван Петрович;p4@cdek.example;Склад 4;1990-01-05;2026-01-31",
		"1005;Примеров"+letters(5)+" Иван Петрович;p5@cdek.example;Касса;1990-01-06;",
		person(30), person(31)))
	if c := second.Counts; c.Update != 2 || c.Leave != 1 || c.Create != 2 {
		t.Fatalf("%+v", c)
	}
	second = o.apply(hr, second.ID)
	left := o.find("1004")
	if a, _ := o.account(left.ID); a.Enabled || left.Status != tenancy.Left {
		t.Fatalf("the leaver: %+v, %+v", a, left)
	}
	newcomer := o.find("1030")
	if _, ok := o.account(newcomer.ID); !ok {
		t.Fatal("the newcomer has no account")
	}
	// Somebody else changes 1005 before the undo.
	o.apply(hr, o.upload(hr, roster.Add, list("1005;Примеров"+letters(5)+" Иван Петрович;p5@cdek.example;Архив;1990-01-06;")).ID)

	report, err := o.Undo(t.Context(), hr, second.ID)
	if err != nil {
		t.Fatal(err)
	}
	if len(report.Reversed) != 4 || len(report.Kept) != 1 || len(report.Failed) != 0 || report.Kept[0].EmployeeNo != "1005" || report.Kept[0].Reason != "changed_since" {
		t.Fatalf("reversed %d, kept %+v, failed %+v", len(report.Reversed), report.Kept, report.Failed)
	}
	o.wait(second.ID, func(i roster.Import) bool { return i.State == roster.Undone && i.Done == i.Ops })
	if e := o.find("1003"); e.Employments[0].Department != old.Employments[0].Department {
		t.Errorf("department %q", e.Employments[0].Department)
	}
	if e := o.find("1005"); e.Employments[0].Department != "Архив" {
		t.Errorf("what was changed since was reversed: %q", e.Employments[0].Department)
	}
	if a, _ := o.account(left.ID); !a.Enabled {
		t.Error("the leaver may not sign in again")
	}
	if _, ok := o.account(newcomer.ID); ok {
		t.Error("the newcomer's account is still there")
	}
	if _, err := o.Employee(t.Context(), hr, newcomer.ID); tenancy.KindOf(err) != tenancy.NotFound {
		t.Errorf("the newcomer is still there: %v", err)
	}
	if again, err := o.Undo(t.Context(), hr, second.ID); err != nil || len(again.Reversed) != 4 {
		t.Errorf("undo again: %+v, %v", again, err)
	}
	// The first import is partly overwritten by nobody but undone rows.
	if i := o.read(first.ID); i.State != roster.Applied {
		t.Errorf("the first import: %s", i.State)
	}
}

// slowToDelete takes its time over a deletion, as the calls to Keycloak do.
type slowToDelete struct{ *memory.People }

func (s slowToDelete) DeleteAccount(ctx context.Context, id tenancy.EmployeeID) error {
	time.Sleep(15 * time.Millisecond)
	return s.People.DeleteAccount(ctx, id)
}

func TestTheCorrectedListRightAfterAnUndoKeepsTheAddresses(t *testing.T) {
	o := newOffice(t)
	o.target = slowToDelete{o.people}
	o.work()
	first := o.apply(hr, o.upload(hr, roster.Add, list(persons(0, 300)...)).ID)
	if _, err := o.Undo(t.Context(), hr, first.ID); err != nil {
		t.Fatal(err)
	}
	second := o.apply(hr, o.upload(hr, roster.Add, list(persons(0, 300)...)).ID)
	if second.Counts.Failed != 0 || second.Done != 300 {
		t.Errorf("%+v", second)
	}
	lost := 0
	for n := range 300 {
		number, _, _ := strings.Cut(person(n), ";")
		if a, ok := o.account(o.find(number).ID); !ok || a.Email == "" {
			lost++
		}
	}
	if lost > 0 {
		t.Errorf("%d of 300 accounts lost their address", lost)
	}
}

func TestUndoKeepsAllWhenTheRowsOfALaterListAreGone(t *testing.T) {
	o := newOffice(t)
	o.work()
	first := o.apply(hr, o.upload(hr, roster.Add, list(persons(0, 3)...)).ID)
	later := o.apply(hr, o.upload(hr, roster.Full, list(persons(0, 3)...)).ID)
	err := o.db.ForTenant(t.Context(), "cdek", func(tx pgx.Tx) error {
		_, err := tx.Exec(t.Context(), `DELETE FROM import_row WHERE import_id = $1`, later.ID)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	report, err := o.Undo(t.Context(), hr, first.ID)
	if err != nil || len(report.Kept) != 3 || report.Kept[0].Reason != "too_late" {
		t.Fatalf("%+v, %v", report, err)
	}
	o.settled()
	if n := o.count(`SELECT count(*) FROM person`); n != 3 {
		t.Errorf("%d people", n)
	}
}
