package booking

import (
	"testing"
	"time"

	"github.com/ponimayu/opora/client"
)

// TestRenewalBetweenTwoAppointments books across the end of a contract: each
// appointment counts in the contract of its own day, and one that is moved
// across frees a place in the one and takes one in the other.
func TestRenewalBetweenTwoAppointments(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *fakeOpora) {
		o.sells("acme",
			contract("acme-2026", "2026-01-01", "2027-01-01", grant("talk", 2, "employee", "contract")),
			contract("acme-2027", "2027-01-01", "2028-01-01", grant("talk", 1, "employee", "contract")))
		o.employs("acme", person(1), "2020-01-01", "")
	})
	first := w.books(wishes(person(1), day("2026-12-29")))
	second := w.books(wishes(person(1), day("2026-12-30")))
	w.refuses(wishes(person(1), day("2026-12-31")), "quota_exhausted")
	third := w.books(wishes(person(1), day("2027-01-02")))
	if first.Contract != "acme-2026" || third.Contract != "acme-2027" {
		t.Fatalf("counted in %s and %s", first.Contract, third.Contract)
	}

	// Nothing is left in the new contract: the move is refused, and all stays.
	if _, err := w.Reschedule(t.Context(), key(), person(1), second.ID, day("2027-01-09")); CodeOf(err) != "quota_exhausted" {
		t.Fatalf("moved into a full contract: %v", err)
	}
	if still, err := w.Get(t.Context(), person(1), second.ID); err != nil || !still.At.Equal(second.At) || still.State != Booked || still.Contract != "acme-2026" {
		t.Fatalf("after a refused move: %+v %v", still, err)
	}
	w.refuses(wishes(person(1), day("2026-12-31")), "quota_exhausted")

	// Within a full contract one may be moved: it does not stand in its own way.
	if moved, err := w.Reschedule(t.Context(), key(), person(1), third.ID, day("2027-03-03")); err != nil || moved.Contract != "acme-2027" {
		t.Fatalf("within a contract: %+v %v", moved, err)
	}
	if _, err := w.Cancel(t.Context(), key(), person(1), third.ID); err != nil {
		t.Fatal(err)
	}
	once := key()
	for range 2 { // the answer was lost: the same again
		moved, err := w.Reschedule(t.Context(), once, person(1), second.ID, day("2027-01-09"))
		if err != nil || moved.Contract != "acme-2027" || !moved.At.Equal(day("2027-01-09")) {
			t.Fatalf("across the renewal: %+v %v", moved, err)
		}
	}
	w.books(wishes(person(1), day("2026-12-31")))
	w.refuses(wishes(person(1), day("2027-05-05")), "quota_exhausted")
	w.audited()
}

// TestRollingWindowLooksForward books an appointment before others: it is in
// their windows as well, and must not overfill them.
func TestRollingWindowLooksForward(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *fakeOpora) {
		o.sells("acme", contract("acme", "2026-01-01", "2028-01-01",
			grant("rolling", 2, "employee", "rolling", object{"days": 30}),
			grant("spare", 1, "employee", "contract", object{"priority": 20})))
		o.employs("acme", person(1), "2020-01-01", "")
	})
	w.books(wishes(person(1), day("2027-01-20")))
	w.books(wishes(person(1), day("2027-01-25")))
	// Looking back from 10 January nothing is used, but on the 25th there would be three.
	if got := w.books(wishes(person(1), day("2027-01-10"))); got.Grant != "spare" {
		t.Fatalf("counted against %s", got.Grant)
	}
	w.refuses(wishes(person(1), day("2027-01-10")), "quota_exhausted")
	if d, err := w.Allowance(t.Context(), wishes(person(1), day("2027-01-10"))); err != nil || d.Allowed || d.Remaining != 0 {
		t.Errorf("the page promises %+v %v", d, err)
	}
	// On 26 December the 25th of January is 31 days away, the 20th is not.
	if got := w.books(wishes(person(1), day("2026-12-26"))); got.Grant != "rolling" {
		t.Fatalf("counted against %s", got.Grant)
	}
	w.audited()
}

// TestCarryOverIsNotUsedTwice lets the next year take over what this one left:
// what it has taken cannot be used up here any more.
func TestCarryOverIsNotUsedTwice(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *fakeOpora) {
		o.sells("acme", contract("acme", "2026-01-01", "2028-01-01", grant("talk", 2, "employee", "calendar_year", object{"carry_over": 1})))
		o.employs("acme", person(1), "2020-01-01", "")
	})
	w.books(wishes(person(1), day("2026-12-20")))
	for _, at := range []string{"2027-02-01", "2027-03-01", "2027-04-01"} { // two and the one left
		w.books(wishes(person(1), day(at)))
	}
	w.refuses(wishes(person(1), day("2027-05-01")), "quota_exhausted")
	w.refuses(wishes(person(1), day("2026-12-21")), "quota_exhausted")
	all, _ := w.List(t.Context(), person(1), now)
	if _, err := w.Cancel(t.Context(), key(), person(1), all[3].ID); err != nil {
		t.Fatal(err)
	}
	w.books(wishes(person(1), day("2026-12-21")))
	w.refuses(wishes(person(1), day("2027-05-01")), "quota_exhausted")
	w.audited()
}

// TestWindowsThatMove mends a hire date: years of hire then begin on other
// days, and what was booked in the old ones counts in the new.
func TestWindowsThatMove(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *fakeOpora) {
		o.sells("acme", contract("acme", "2026-01-01", "2029-01-01", grant("talk", 2, "employee", "hire_year")))
		o.employs("acme", person(1), "2020-02-01", "")
	})
	w.books(wishes(person(1), day("2027-01-20"))) // in the year that ends on 1 February
	w.books(wishes(person(1), day("2027-02-20")))
	w.told(func(o *fakeOpora) { o.employs("acme", person(1), "2020-06-01", "") }) // now both are in one year
	w.refuses(wishes(person(1), day("2027-03-20")), "quota_exhausted")
	w.told(func(o *fakeOpora) { o.employs("acme", person(1), "2020-02-10", "") }) // and now in two again
	w.books(wishes(person(1), day("2027-03-20")))
	w.books(wishes(person(1), day("2027-01-21")))
	w.refuses(wishes(person(1), day("2027-03-21")), "quota_exhausted")
	w.audited()
}

// TestLoweredLimit lowers a pool below what is booked: what is booked stays,
// and nothing more is.
func TestLoweredLimit(t *testing.T) {
	t.Parallel()
	pool := func(amount int) object {
		return contract("acme", "2026-01-01", "2028-01-01", grant("pool", amount, "tenant", "contract"))
	}
	w := newWorld(t, func(o *fakeOpora) {
		o.sells("acme", pool(4))
		o.employs("acme", person(1), "2020-01-01", "")
		o.employs("acme", person(2), "2020-01-01", "")
	})
	first := w.books(wishes(person(1), day("2026-12-20")))
	w.books(wishes(person(2), day("2026-12-20")))
	w.books(wishes(person(2), day("2026-12-21")))
	w.told(func(o *fakeOpora) { o.sells("acme", pool(2)) })
	w.refuses(wishes(person(1), day("2026-12-22")), "pool_exhausted")
	if swept, err := w.Sweep(t.Context(), false); err != nil || swept != (Swept{Looked: 3}) {
		t.Errorf("a lowered limit takes nothing away: %+v %v", swept, err)
	}
	if _, err := w.Cancel(t.Context(), key(), person(1), first.ID); err != nil {
		t.Fatal(err)
	}
	w.refuses(wishes(person(1), day("2026-12-22")), "pool_exhausted")
	w.audited()
}

// TestWaysOfAnAppointment walks through the states.
func TestWaysOfAnAppointment(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *fakeOpora) {
		o.sells("acme", contract("acme", "2026-01-01", "2028-01-01", grant("talk", 3, "employee", "contract")))
		o.employs("acme", person(1), "2020-01-01", "")
		o.employs("acme", person(2), "2020-01-01", "")
	})
	s, ctx := w.another(Policy{FreeUntil: 24 * time.Hour, Ahead: 60 * 24 * time.Hour}), t.Context()
	code := func(want string, _ Appointment, err error) {
		t.Helper()
		if CodeOf(err) != want || (err != nil) != (want != "") {
			t.Errorf("%v, want %q", err, want)
		}
	}
	left := func(want int) {
		t.Helper()
		if d, err := w.Allowance(ctx, wishes(person(1), day("2027-01-20"))); err != nil || d.Remaining != want {
			t.Errorf("%d are left, want %d: %v", d.Remaining, want, err)
		}
	}
	one, two, three := w.books(wishes(person(1), day("2026-12-10"))), w.books(wishes(person(1), day("2026-12-11"))), w.books(wishes(person(1), day("2026-12-13")))
	book := func(at time.Time) (Appointment, error) { return s.Book(ctx, key(), wishes(person(2), at)) }
	a, err := book(now)
	code("at_passed", a, err)
	a, err = book(now.Add(61 * 24 * time.Hour))
	code("at_far", a, err)
	a, err = s.Cancel(ctx, key(), person(2), one.ID)
	code("appointment_unknown", a, err)
	a, err = s.Reschedule(ctx, key(), person(2), one.ID, day("2026-12-20"))
	code("appointment_unknown", a, err)
	a, err = s.Complete(ctx, key(), one.ID)
	code("appointment_ahead", a, err)

	w.is(one.At.Add(-time.Hour)) // too late to give back
	a, err = s.Reschedule(ctx, key(), person(1), one.ID, day("2026-12-20"))
	code("too_late", a, err)
	a, err = s.Cancel(ctx, key(), person(1), one.ID)
	if code("", a, err); a.State != Cancelled || !a.Counts {
		t.Errorf("cancelled late: %+v", a)
	}
	left(0)
	a, err = s.Reschedule(ctx, key(), person(1), one.ID, day("2026-12-20"))
	code("appointment_over", a, err)

	w.is(two.At.Add(time.Minute))
	a, err = s.Cancel(ctx, key(), person(1), two.ID)
	code("appointment_begun", a, err)
	a, err = s.NoShow(ctx, key(), two.ID)
	if code("", a, err); a.State != NoShow || !a.Counts {
		t.Errorf("nobody came: %+v", a)
	}
	a, err = s.Complete(ctx, key(), two.ID)
	code("appointment_over", a, err)
	left(0)

	a, err = s.Cancel(ctx, key(), person(1), three.ID)
	if code("", a, err); a.Counts {
		t.Errorf("cancelled in time: %+v", a)
	}
	left(1)
	four := w.books(wishes(person(1), day("2026-12-13")))
	w.is(four.At)
	a, err = s.Complete(ctx, key(), four.ID)
	if code("", a, err); a.State != Completed {
		t.Errorf("completed: %+v", a)
	}
	a, err = s.Complete(ctx, key(), four.ID)
	code("", a, err)
	left(0)
	w.audited()
}

// TestUnknownWishes asks for what nobody sells.
func TestUnknownWishes(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *fakeOpora) {
		o.sells("acme", contract("acme", "2026-01-01", "2027-01-01", grant("talk", 3, "employee", "contract", object{"formats": []string{"video"}, "minutes": 60})))
		o.employs("acme", person(1), "2026-12-10", "2026-12-20")
	})
	at := day("2026-12-15")
	for code, wish := range map[string]Wish{
		"employee_unknown":        {EmployeeID: person(2), SpecialistType: "psychologist", At: at},
		"employee_not_started":    {EmployeeID: person(1), SpecialistType: "psychologist", At: day("2026-12-09")},
		"contract_absent":         {EmployeeID: person(1), SpecialistType: "psychologist", At: day("2027-01-02")},
		"type_unknown":            {EmployeeID: person(1), SpecialistType: "astrologer", At: at},
		"type_not_covered":        {EmployeeID: person(1), SpecialistType: "lawyer", At: at},
		"format_not_covered":      {EmployeeID: person(1), SpecialistType: "psychologist", At: at, Format: client.InPerson},
		"audience_not_covered":    {EmployeeID: person(1), SpecialistType: "psychologist", At: at, For: client.Dependant},
		"specialist_type_missing": {EmployeeID: person(1), At: at},
		"format_invalid":          {EmployeeID: person(1), SpecialistType: "psychologist", At: at, Format: "letter"},
		"for_invalid":             {EmployeeID: person(1), SpecialistType: "psychologist", At: at, For: "neighbour"},
		"minutes_invalid":         {EmployeeID: person(1), SpecialistType: "psychologist", At: at, Minutes: -1},
	} {
		w.refuses(wish, code)
	}
	if all, err := w.List(t.Context(), person(1), time.Time{}); err != nil || len(all) != 0 {
		t.Errorf("%v %v", all, err)
	}
}
