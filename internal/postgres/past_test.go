package postgres_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/ponimayu/opora/internal/entitlement"
	"github.com/ponimayu/opora/internal/roster"
	"github.com/ponimayu/opora/internal/tenancy"
)

// year is a story of a year: what happens is done now, one thing after the
// other, and then moved in the history to the days on which the story has it.
// Beside it a plain list of the same things is kept, for the naive replay.
type year struct {
	*office
	today  tenancy.Date
	events []event
	limits []time.Time // the real instants between the events
	id     tenancy.EmployeeID
}

// event is something that happened, and what it does to the plain state.
type event struct {
	name string
	day  int // relative to today; at noon in Moscow
	does func(*plain)
}

// plain is all that the replay knows of the employee and of what was sold.
type plain struct {
	sold               bool
	talk, more         int
	revision           string
	employed           bool
	courier            bool
	hired, left        tenancy.Date
	formerly           []plain // before he returned on a later day
	extra              int
	extraFrom, extraTo tenancy.Date
}

const grace = 14

func (y *year) on(n int) tenancy.Date { return y.today.AddDays(n) }

// happens does something and notes it as of the story's day.
func (y *year) happens(day int, name string, do func(), does func(*plain)) {
	y.t.Helper()
	do()
	time.Sleep(5 * time.Millisecond)
	y.limits = append(y.limits, y.clock())
	time.Sleep(5 * time.Millisecond)
	y.events = append(y.events, event{name, day, does})
}

// clock is the database's.
func (y *year) clock() (now time.Time) {
	if err := y.db.ReadContour(y.t.Context(), func(tx pgx.Tx) error {
		return tx.QueryRow(y.t.Context(), `SELECT clock_timestamp()`).Scan(&now)
	}); err != nil {
		y.t.Fatal(err)
	}
	return now
}

// noon is the instant of a day of the story.
func (y *year) noon(day int) time.Time {
	zone, _ := time.LoadLocation("Europe/Moscow")
	return y.on(day).In(zone).Add(12 * time.Hour)
}

// moveToTheirDays moves what was learnt to the days of the story.
func (y *year) moveToTheirDays() {
	y.t.Helper()
	err := y.db.ForContour(y.t.Context(), func(tx pgx.Tx) error {
		from := time.Unix(0, 0)
		for i, until := range y.limits {
			for _, table := range []string{"tenant_history", "contract_history", "catalogue_part_history", "person_history", "employment_history", "grant_override_history"} {
				for _, column := range []string{"learnt_at", "superseded_at"} {
					_, err := tx.Exec(y.t.Context(), fmt.Sprintf(`UPDATE %s SET %s = $1 WHERE %[2]s > $2 AND %[2]s <= $3`, table, column), y.noon(y.events[i].day), from, until)
					if err != nil {
						return err
					}
				}
			}
			from = until
		}
		return nil
	})
	if err != nil {
		y.t.Fatal(err)
	}
}

// catalogue sells talk appointments, and more to couriers.
func (y *year) catalogue(talk, more int, revision string) tenancy.Catalogue {
	sold := soldTo("cdek", talk)
	sold.Countries = part().Countries
	t := &sold.Tenants[0]
	t.LegalEntities = part().Tenants[1].LegalEntities
	t.Contracts[0].From, t.Contracts[0].Until, t.Contracts[0].GraceDays, t.Contracts[0].Seats = y.on(-350), y.on(200), grace, 100
	t.Contracts[0].Grants[1].Amount = more
	_ = revision
	return sold
}

func (y *year) store(talk, more int, revision string) {
	if err := y.db.StoreCatalogue(y.t.Context(), y.catalogue(talk, more, revision), revision); err != nil {
		y.t.Fatal(err)
	}
}

const yearHeader = "Табельный номер;ФИО;Дата рождения;Должность;Дата приема;Дата увольнения\n"

// list applies a list about the one employee.
func (y *year) list(mode roster.Mode, position, hired, left string) roster.ImportID {
	y.t.Helper()
	i := y.apply(hr, y.upload(hr, mode, yearHeader+"17;Примерова Анна Петровна;1990-02-03;"+position+";"+hired+";"+left+"\n").ID)
	if i.State != roster.Applied {
		y.t.Fatalf("%+v", i)
	}
	return i.ID
}

// tell lets the year pass.
func (y *year) tell() {
	y.happens(-340, "the contract is stored", func() { y.store(6, 2, "r1") }, func(p *plain) { p.sold, p.talk, p.more, p.revision = true, 6, 2, "r1" })
	y.happens(-300, "a list hires her for a later day", func() {
		y.list(roster.Add, "Бухгалтер", y.on(-290).String(), "")
		y.id = y.find("17").ID
	}, func(p *plain) { p.employed, p.hired = true, y.on(-290) })
	y.happens(-200, "the contract gives more", func() { y.store(8, 2, "r2") }, func(p *plain) { p.talk, p.revision = 8, "r2" })
	var wrong roster.ImportID
	y.happens(-150, "a list makes her a courier", func() { wrong = y.list(roster.Add, "Курьер", "", "") }, func(p *plain) { p.courier = true })
	y.happens(-120, "the list is undone", func() {
		if report, err := y.Undo(y.t.Context(), hr, wrong); err != nil || len(report.Reversed) != 1 {
			y.t.Fatalf("%+v %v", report, err)
		}
	}, func(p *plain) { p.courier = false })
	y.happens(-100, "she becomes a courier after all", func() { y.list(roster.Add, "Курьер", "", "") }, func(p *plain) { p.courier = true })
	y.happens(-60, "a late list says that she was hired earlier", func() { y.list(roster.Add, "Курьер", y.on(-310).String(), "") }, func(p *plain) { p.hired = y.on(-310) })
	var made entitlement.Override
	y.happens(-40, "an override is made", func() {
		var err error
		made, _, err = y.AddOverride(y.t.Context(), platform, y.id, entitlement.OverrideRequest{Grant: "talk", Amount: 3, From: y.on(-45), Until: y.on(60), Reason: entitlement.Goodwill, Reference: "HELP-1"}, "")
		if err != nil {
			y.t.Fatal(err)
		}
	}, func(p *plain) { p.extra, p.extraFrom, p.extraTo = 3, y.on(-45), y.on(60) })
	y.happens(-30, "a late list says that she left", func() { y.list(roster.Leavers, "", "", y.on(-50).String()) }, func(p *plain) { p.left = y.on(-50) })
	y.happens(-10, "she returned", func() { y.list(roster.Add, "Бухгалтер", y.on(-12).String(), "") }, func(p *plain) {
		p.formerly = append(p.formerly, *p)
		p.courier, p.hired, p.left = false, y.on(-12), tenancy.Date{}
	})
	y.happens(-2, "couriers get nothing more", func() { y.store(8, 1, "r3") }, func(p *plain) { p.more, p.revision = 1, "r3" })
	y.happens(0, "the override is ended", func() {
		if _, err := y.EndOverride(y.t.Context(), platform, y.id, made.ID); err != nil {
			y.t.Fatal(err)
		}
	}, func(p *plain) { p.extraTo = y.on(0) })
}

// known replays the events that were learnt until an instant.
func (y *year) known(until time.Time) (p plain) {
	for _, e := range y.events {
		if !y.noon(e.day).After(until) {
			e.does(&p)
		}
	}
	return p
}

// naive answers by replaying the list of events: words as they stood, days as
// they were known last.
func (y *year) naive(at, known time.Time) (reason entitlement.Reason, limit int, revision string) {
	stood := at
	if known.Before(at) {
		stood = known
	}
	then, last := y.known(stood), y.known(known)
	zone, _ := time.LoadLocation("Europe/Moscow")
	day := tenancy.DateOf(at.In(zone))
	if !last.employed {
		return entitlement.EmployeeUnknown, 0, ""
	}
	first := func(has func(plain) bool) plain { // the first state, after the instant, that has it
		for _, e := range y.events {
			if p := y.known(y.noon(e.day)); has(p) {
				return p
			}
		}
		return plain{}
	}
	if !then.sold {
		p := first(func(p plain) bool { return p.sold })
		then.sold, then.talk, then.more, then.revision = true, p.talk, p.more, p.revision
	}
	if !then.employed {
		p := first(func(p plain) bool { return p.employed })
		then.courier = p.courier
	}
	hired, left := last.hired, last.left
	if n := len(last.formerly); n > 0 && len(then.formerly) == 0 && day.Before(hired) {
		former := last.formerly[n-1]
		if !day.Before(former.hired) && day.Before(former.left.AddDays(grace+1)) {
			hired, left = former.hired, former.left
		}
	}
	covered := !day.Before(y.on(-350)) && day.Before(y.on(200))
	if covered {
		revision = then.revision
	}
	switch {
	case day.Before(hired):
		return entitlement.EmployeeNotStarted, 0, revision
	case !left.IsZero() && !day.Before(left.AddDays(grace+1)):
		return entitlement.EmployeeInactive, 0, revision
	case !covered:
		return entitlement.ContractAbsent, 0, ""
	}
	limit = then.talk
	if then.courier {
		limit += then.more
	}
	if last.extra != 0 && !day.Before(last.extraFrom) && day.Before(last.extraTo) {
		limit += last.extra
	}
	return entitlement.OK, limit, revision
}

func newYear(t *testing.T) *year {
	y := &year{office: newOffice(t), today: today()}
	err := y.db.ForContour(t.Context(), func(tx pgx.Tx) error {
		_, err := tx.Exec(t.Context(), `DELETE FROM contract; DELETE FROM tenant; DELETE FROM catalogue_part; DELETE FROM contract_history; DELETE FROM tenant_history; DELETE FROM catalogue_part_history`)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	y.work()
	y.limits = nil
	y.tell()
	y.moveToTheirDays()
	return y
}

func TestEntitlementsAsOfAYear(t *testing.T) {
	y := newYear(t)
	days := []int{-400, -351, -350, -345, -340, -320, -310, -305, -300, -295, -290, -250, -200, -199, -160, -150, -149, -130, -120, -110, -100, -99, -70, -60, -59,
		-46, -45, -44, -40, -39, -37, -36, -35, -30, -29, -20, -13, -12, -11, -10, -9, -3, -2, -1, 0, 1, 40, 59, 60, 199, 200, 300}
	pairs, told := 0, map[entitlement.Reason]int{}
	for _, k := range []int{-345, -340, -320, -299, -290, -250, -199, -149, -119, -99, -59, -39, -29, -20, -9, -1, 0} {
		known := y.noon(k).Add(time.Minute)
		if k >= 0 {
			known = y.clock()
		}
		for _, a := range days {
			for _, at := range []time.Time{y.noon(a).Add(-time.Minute), y.noon(a).Add(time.Minute)}[(a+k)&1:] {
				got, err := y.EntitlementsAsOf(t.Context(), operator, y.id, at, known)
				if err != nil {
					t.Fatal(err)
				}
				reason, limit, revision := y.naive(at, known)
				if len(got.Items) != 1 {
					t.Fatalf("at %s, known %s: %+v", at, known, got)
				}
				d := got.Items[0]
				ran := ""
				if got.Sources.Contract != nil {
					ran = got.Sources.Contract.Revision
				}
				if d.Reason != reason || d.Limit != limit || (reason != entitlement.EmployeeUnknown && ran != revision) {
					t.Errorf("at %s (%d), known %s (%d): %s %d under %q, the replay says %s %d under %q", at.Format(time.RFC3339), a, known.Format(time.RFC3339), k, d.Reason, d.Limit, ran, reason, limit, revision)
				}
				pairs++
				told[reason]++
			}
		}
	}
	t.Logf("%d pairs: %v", pairs, told)
	for _, reason := range []entitlement.Reason{entitlement.OK, entitlement.EmployeeUnknown, entitlement.EmployeeInactive, entitlement.EmployeeNotStarted, entitlement.ContractAbsent} {
		if told[reason] == 0 {
			t.Errorf("no pair comes to %s", reason)
		}
	}
}
