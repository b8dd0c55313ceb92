package postgres_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/ponimayu/opora/internal/entitlement"
	"github.com/ponimayu/opora/internal/roster"
	"github.com/ponimayu/opora/internal/tenancy"
	"github.com/ponimayu/opora/provisioner"
)

// year is a story of a year: what happens is done now, one thing after the
// other, and then moved in the history to the days on which the story has it.
// Beside it a plain list of the same things is kept, for the naive replay.
type year struct {
	*office
	today  tenancy.Date
	events []event
	limits []time.Time // the real instants between the events
	lists  []roster.ImportID
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
	y.lists = append(y.lists, i.ID)
	return i.ID
}

// asked asks as of a day of the story, at its noon.
func (y *year) asked(t *testing.T, actor tenancy.Actor, day int, known time.Time) entitlement.PastEntitlements {
	t.Helper()
	got, err := y.EntitlementsAsOf(t.Context(), actor, y.id, y.noon(day), known)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// sources asks on a day on which a list held that was undone later, and on one
// on which an override held.
func (y *year) sources(t *testing.T) {
	got := y.asked(t, platform, -130, time.Time{})
	c := got.Sources.Contract
	if c == nil || c.ID != "c1" || c.Revision != "r2" || !c.LearntAt.Equal(y.noon(-200)) || c.LearntLate || len(c.ChangedLater) != 1 || c.ChangedLater[0].Revision != "r3" {
		t.Errorf("the contract is %+v", c)
	}
	if len(got.Sources.Employments) != 1 {
		t.Fatalf("%+v", got.Sources.Employments)
	}
	var versions []string
	e := got.Sources.Employments[0]
	for _, v := range e.Versions {
		list := ""
		if v.Import != nil {
			list = fmt.Sprint(slices.Index(y.lists, roster.ImportID(v.Import.ID)), " ", v.Import.Mode, " ", v.Import.Change, " ", v.Import.Line, " ", v.Import.UploadedBy)
		}
		if v.Undid != "" {
			list = fmt.Sprint("undo of ", slices.Index(y.lists, roster.ImportID(v.Undid)))
		}
		versions = append(versions, fmt.Sprint(list, " ", v.Changed, " ", v.InForce))
	}
	want := []string{
		"0 add hire 2 hr-1 [] false", "1 add update 2 hr-1 [position] true", "undo of 1 [position] false", "2 add update 2 hr-1 [position] false",
		"3 add update 2 hr-1 [hired_on] false", "4 leavers leave 2 hr-1 [left_on] false", "5 add return 2 hr-1 [position hired_on left_on] false",
	}
	if d := cmp.Diff(want, versions); d != "" {
		t.Errorf("versions (-want +got):\n%s", d)
	}
	if !e.InForce || e.HiredOn != y.on(-310) || e.LeftOn != y.on(-50) || !slices.Equal(e.Segments, []tenancy.SegmentID{"couriers"}) || len(got.Sources.Overrides) != 1 || got.Sources.Overrides[0].InForce {
		t.Errorf("%+v %+v", e, got.Sources.Overrides)
	}
	got = y.asked(t, operator, -42, y.noon(-35))
	if o := got.Sources.Overrides; len(o) != 1 || !o[0].InForce || o[0].Author != "platform-1" || o[0].Reason != entitlement.Goodwill || o[0].Reference != "HELP-1" || !o[0].EndedAt.IsZero() || got.Items[0].Limit != 13 {
		t.Errorf("%+v %+v", got.Items, o)
	}
	if got := y.asked(t, operator, -42, y.noon(-41)); got.Items[0].Limit != 10 || len(got.Sources.Overrides) != 0 {
		t.Errorf("an override is known before it was made: %+v", got)
	}
	text, err := json.Marshal(y.asked(t, platform, -44, time.Time{}))
	if err != nil || strings.Contains(string(text), "Пример") || strings.Contains(string(text), "Курьер") || strings.Contains(string(text), "1990-02-03") {
		t.Errorf("personal data in the answer: %s %v", text, err)
	}
}

// withoutOverrides asks as HR: neither told nor counted are overrides, whether
// there are any or not.
func (y *year) withoutOverrides(t *testing.T) {
	for day, limit := range map[int]int{-44: 10, -130: 10, -250: 6} {
		got := y.asked(t, hr, day, time.Time{})
		if got.Items[0].Limit != limit || len(got.Sources.Overrides) != 0 || !got.Sources.OverridesWithheld || len(got.Sources.Employments) != 1 {
			t.Errorf("day %d: %+v", day, got)
		}
	}
	_, err := y.EntitlementsAsOf(t.Context(), stranger, y.id, y.noon(0), time.Time{})
	wantCode(t, "HR of another tenant", err, "employee_unknown")
	_, err = y.EntitlementsAsOf(t.Context(), tenancy.Actor{ID: "b", Roles: []tenancy.Role{tenancy.RoleBookingCore}}, y.id, y.noon(0), time.Time{})
	wantCode(t, "the booking core", err, "forbidden")
	_, err = y.EntitlementsAsOf(t.Context(), hr, y.id, time.Date(1999, 1, 1, 0, 0, 0, 0, time.UTC), time.Time{})
	wantCode(t, "an instant out of range", err, "field_invalid")
	if n := y.count(`SELECT count(*) FROM audit WHERE action = 'entitlement.past' AND actor = 'hr-1' AND allowed AND subject = '` + string(y.id) + `'`); n != 4 {
		t.Errorf("%d questions of HR are in the audit log", n)
	}
}

func (y *year) erased(t *testing.T) {
	change(t, y.db, "cdek", `UPDATE person SET erased_at = now() WHERE id = $1`, y.id)
	for _, known := range []time.Time{{}, y.noon(-100)} {
		_, err := y.EntitlementsAsOf(t.Context(), operator, y.id, y.noon(-100), known)
		wantCode(t, "one who was erased", err, "employee_unknown")
	}
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
	t.Run("sources", y.sources)
	t.Run("HR", y.withoutOverrides)
	t.Run("every pair", y.everyPair)
	t.Run("erased", y.erased)
}

func (y *year) everyPair(t *testing.T) {
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

// A second job that a list made by mistake is taken back with the list, and a
// contract names the plan whose apply it came with, and its holder.
func TestPastOfAHolding(t *testing.T) {
	o := newOffice(t)
	o.work()
	today := today()
	sold := soldTo("avito", 5)
	sold.Countries = part().Countries
	holder := &sold.Tenants[0]
	holder.Contracts[0].From, holder.Contracts[0].Until, holder.Contracts[0].SharedWith = today.AddDays(-10), today.AddDays(100), []tenancy.TenantSlug{"cdek"}
	member := part().Tenants[1]
	member.Contracts, member.Segments = nil, []tenancy.Segment{{ID: "couriers", When: tenancy.SegmentRule{Position: []string{"Курьер"}}}}
	sold.Tenants = append(sold.Tenants, member)
	plan := provisioner.Plan{ID: provisioner.PlanID(uuid.NewString()), Country: "RU", Realm: "ponimayu", Revision: "r7", Actor: "operator:petrov"}
	for _, step := range []func() error{
		func() error { return o.db.StorePlan(t.Context(), plan) },
		func() error { return o.db.BeginPlan(t.Context(), plan.ID, nil) },
		func() error { return o.db.StoreCatalogue(t.Context(), sold, "r7") },
		func() error { return o.db.EndPlan(t.Context(), plan.ID, "") },
	} {
		if err := step(); err != nil {
			t.Fatal(err)
		}
	}
	header := "Табельный номер;ФИО;Дата рождения;Должность;Юридическое лицо\n"
	o.apply(hr, o.upload(hr, roster.Add, header+"17;Примерова Анна Петровна;1990-02-03;Бухгалтер;global\n").ID)
	id := o.find("17").ID
	second := o.apply(hr, o.upload(hr, roster.Add, header+"17;Примерова Анна Петровна;1990-02-03;Бухгалтер;global\n900;Примерова Анна Петровна;1990-02-03;Курьер;north\n").ID)
	if o.find("900").ID != id {
		t.Fatal("the second job is somebody else's")
	}
	between := time.Now()
	if _, err := o.Undo(t.Context(), hr, second.ID); err != nil {
		t.Fatal(err)
	}
	then, err := o.EntitlementsAsOf(t.Context(), operator, id, between, between)
	if err != nil {
		t.Fatal(err)
	}
	now, err := o.EntitlementsAsOf(t.Context(), operator, id, between, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	if then.Items[0].Limit != 7 || now.Items[0].Limit != 5 || then.Revision == now.Revision {
		t.Errorf("then %d, as is known now %d", then.Items[0].Limit, now.Items[0].Limit)
	}
	back := 0
	for _, e := range now.Sources.Employments {
		if !e.TakenBackAt.IsZero() && e.LegalEntity == "north" && !e.InForce {
			back++
		}
	}
	if back != 1 || len(now.Sources.Employments) != 2 || len(then.Sources.Employments) != 2 || !then.Sources.Employments[1].TakenBackAt.IsZero() {
		t.Errorf("%+v", now.Sources.Employments)
	}
	c := now.Sources.Contract
	if c == nil || c.Holder != "avito" || c.Revision != "r7" || c.Plan != string(plan.ID) || c.By != "operator:petrov" || c.LearntLate {
		t.Errorf("%+v", c)
	}
	toHR, err := o.EntitlementsAsOf(t.Context(), hr, id, between, time.Time{})
	if err != nil || toHR.Sources.Contract == nil || toHR.Sources.Contract.By != "" {
		t.Errorf("%+v %v", toHR.Sources.Contract, err)
	}
}
