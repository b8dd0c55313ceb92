package booking

import (
	"testing"
	"time"

	"github.com/ponimayu/opora/client"
)

// racers is how many ask at the same time.
const racers = 500

// TestRaceOfOneEmployee lets one employee, on two devices that reach two
// servers, ask for five hundred appointments at once when six of ten are left.
func TestRaceOfOneEmployee(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *fakeOpora) {
		o.sells("acme", contract("acme-2026", "2026-01-01", "2027-01-01", grant("talk", 10, "employee", "calendar_year")))
		o.employs("acme", person(1), "2020-01-01", "")
	})
	for i := range 4 {
		w.books(wishes(person(1), now.Add(time.Duration(i+1)*time.Hour)))
	}
	servers := []*Service{w.Service, w.another(Policy{})}
	types := []client.SpecialistTypeCode{"psychologist", "coach"}
	got := together(racers, func(i int) error {
		wish := wishes(person(1), now.Add(time.Duration(i+10)*time.Hour))
		wish.SpecialistType = types[i/2%2]
		_, err := servers[i%2].Book(t.Context(), key(), wish)
		return err
	})
	wantCodes(t, got, map[string]int{"": 6, "quota_exhausted": racers - 6})
	w.audited()
}

// TestRaceOfAFamily lets an employee and his family ask at once: they share
// one amount of six, and the employee has two of his own that go first.
func TestRaceOfAFamily(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *fakeOpora) {
		o.sells("acme", contract("acme-2026", "2026-01-01", "2027-01-01",
			grant("talk", 2, "employee", "calendar_year"),
			grant("family", 6, "family", "contract_year", object{"audience": []string{"employee", "dependant"}, "priority": 20})))
		o.employs("acme", person(1), "2020-01-01", "")
	})
	got := together(racers, func(i int) error {
		wish := wishes(person(1), now.Add(time.Duration(i+1)*time.Hour))
		if i%2 == 0 {
			wish.For = client.Dependant
		}
		_, err := w.Book(t.Context(), key(), wish)
		return err
	})
	wantCodes(t, got, map[string]int{"": 8, "quota_exhausted": racers - 8})
	w.audited()
}

// TestRaceForAPool lets hundreds of employees of two companies of a holding
// ask for one pool of fifty.
func TestRaceForAPool(t *testing.T) {
	t.Parallel()
	pool := grant("law", 50, "tenant", "contract", object{"specialist_types": []string{"lawyer"}})
	w := newWorld(t, func(o *fakeOpora) {
		own := contract("holding-2026", "2026-01-01", "2027-01-01", pool)
		own["shared_with"] = []string{"daughter"}
		shared := contract("holding-2026", "2026-01-01", "2027-01-01", pool)
		shared["holder"] = "mother"
		o.sells("mother", own)
		o.sells("daughter", shared)
		for i := range 200 {
			o.employs([]string{"mother", "daughter"}[i%2], person(i), "2020-01-01", "")
		}
	})
	other := w.another(Policy{})
	got := together(racers, func(i int) error {
		wish := Wish{EmployeeID: person(i % 200), SpecialistType: "lawyer", At: now.Add(time.Duration(i+1) * time.Hour)}
		_, err := []*Service{w.Service, other}[i%2].Book(t.Context(), key(), wish)
		return err
	})
	wantCodes(t, got, map[string]int{"": 50, "pool_exhausted": racers - 50})
	w.audited()
}

// TestRaceOfOneRequest sends the same request many times at once, as a device
// does whose answers are lost.
func TestRaceOfOneRequest(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *fakeOpora) {
		o.sells("acme", contract("acme-2026", "2026-01-01", "2027-01-01", grant("talk", 10, "employee", "calendar_year")))
		o.employs("acme", person(1), "2020-01-01", "")
	})
	once, wish := key(), wishes(person(1), day("2026-12-05"))
	first := w.books(wish)
	got := together(50, func(int) error {
		_, err := w.Book(t.Context(), once, wish)
		return err
	})
	wantCodes(t, got, map[string]int{"": 50})
	all, err := w.List(t.Context(), person(1), now)
	if err != nil || len(all) != 2 {
		t.Fatalf("fifty times the same request, and one more, booked %d: %v", len(all), err)
	}
	// Another request with that key is a mistake of the caller.
	if _, err := w.Book(t.Context(), once, wishes(person(1), day("2026-12-06"))); CodeOf(err) != "idempotency_key_reused" {
		t.Errorf("another request under the same key: %v", err)
	}
	got = together(50, func(int) error {
		_, err := w.Cancel(t.Context(), key(), person(1), first.ID)
		return err
	})
	wantCodes(t, got, map[string]int{"": 50})
	w.audited()
	if d, err := w.Allowance(t.Context(), wish); err != nil || d.Remaining != 9 {
		t.Errorf("cancelled fifty times over, %d are left: %v", d.Remaining, err)
	}
}

// TestStormOfMoves has many people move their appointments between two pools,
// to and fro, while others book and cancel: everybody waits for everybody.
func TestStormOfMoves(t *testing.T) {
	t.Parallel()
	const people = 12
	w := newWorld(t, func(o *fakeOpora) {
		// The pool of one half of the year and that of the other: a move goes from one to the other.
		o.sells("acme",
			contract("acme-2026", "2026-01-01", "2027-01-01", grant("late", 8, "tenant", "contract")),
			contract("acme-2027", "2027-01-01", "2028-01-01", grant("early", 8, "tenant", "contract")))
		for i := range people {
			o.employs("acme", person(i), "2020-01-01", "")
		}
	})
	other := w.another(Policy{})
	halves := []time.Time{day("2026-12-10"), day("2027-02-10")}
	got := together(people, func(i int) error {
		s := []*Service{w.Service, other}[i%2]
		a, err := s.Book(t.Context(), key(), wishes(person(i), halves[i%2]))
		if CodeOf(err) == "pool_exhausted" {
			return nil
		}
		for n := 1; n < 12 && err == nil; n++ {
			a, err = s.Reschedule(t.Context(), key(), person(i), a.ID, halves[(i+n)%2].Add(time.Duration(n)*time.Minute))
			if CodeOf(err) == "pool_exhausted" {
				a, err = s.Get(t.Context(), person(i), a.ID)
			}
		}
		if err == nil && i%3 == 0 {
			_, err = s.Cancel(t.Context(), key(), person(i), a.ID)
		}
		return err
	})
	wantCodes(t, got, map[string]int{"": people})
	w.audited()
	for _, at := range halves {
		if d, err := w.Allowance(t.Context(), wishes(person(0), at)); err != nil || d.Used > d.Limit {
			t.Errorf("the pool is overdrawn: %+v %v", d, err)
		}
	}
}

// TestGuardHoldsWithoutLock takes from one counter without the account's lock:
// the guarded statement alone lets no more through than allowed.
func TestGuardHoldsWithoutLock(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(*fakeOpora) {})
	if _, err := w.pool.Exec(t.Context(), `INSERT INTO account VALUES ('pool:acme/law')`); err != nil {
		t.Fatal(err)
	}
	p := place{"pool:acme/law", "law", day("2026-01-01"), day("2027-01-01")}
	got := together(40, func(int) error {
		tx, err := w.pool.Begin(t.Context())
		if err != nil {
			return err
		}
		defer tx.Rollback(t.Context())
		if _, err := take(t.Context(), tx, p, 6); err != nil {
			return err
		}
		return tx.Commit(t.Context())
	})
	wantCodes(t, got, map[string]int{"": 6, errFull.Error(): 34})
}

// TestRaceForOneAppointment moves, cancels and sweeps one appointment from many
// sides at once: whoever is last, it stands in one place and is counted there.
func TestRaceForOneAppointment(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *fakeOpora) {
		o.sells("acme",
			contract("acme-2026", "2026-01-01", "2027-01-01", grant("talk", 1, "employee", "contract"), grant("pool", 1, "tenant", "contract", object{"priority": 20})),
			contract("acme-2027", "2027-01-01", "2028-01-01", grant("talk", 1, "employee", "contract")))
		o.employs("acme", person(1), "2020-01-01", "")
	})
	for round := range 5 {
		a := w.books(wishes(person(1), day("2026-12-20")))
		got := together(30, func(i int) (err error) {
			switch {
			case i%10 == 9 && round%2 == 0:
				_, err = w.Cancel(t.Context(), key(), person(1), a.ID)
			case i%10 == 8:
				_, err = w.Sweep(t.Context(), false)
			default:
				_, err = w.Reschedule(t.Context(), key(), person(1), a.ID, []time.Time{day("2026-12-21"), day("2027-01-21")}[i%2])
			}
			return err
		})
		for code := range got {
			if code != "" && code != "appointment_over" {
				t.Fatalf("%v", got)
			}
		}
		w.audited()
		if a, err := w.Cancel(t.Context(), key(), person(1), a.ID); err != nil || a.State != Cancelled || a.Counts {
			t.Fatalf("%+v %v", a, err)
		}
		for _, at := range []time.Time{day("2026-12-20"), day("2027-01-20")} {
			if d, err := w.Allowance(t.Context(), wishes(person(1), at)); err != nil || d.Used != 0 {
				t.Fatalf("all is cancelled, and %d are used: %v", d.Used, err)
			}
		}
	}
}

// TestLeaverInTheRace has an employee leave while he books from many devices:
// what came through before the news is found by the sweep after it.
func TestLeaverInTheRace(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *fakeOpora) {
		o.sells("acme", contract("acme", "2026-01-01", "2028-01-01", grant("talk", 300, "employee", "contract")))
		o.employs("acme", person(1), "2020-01-01", "")
	})
	got := together(200, func(i int) error {
		if i == 100 {
			w.opora.employs("acme", person(1), "2020-01-01", "2026-12-10")
		}
		_, err := w.Book(t.Context(), key(), wishes(person(1), day("2027-01-20").Add(time.Duration(i)*time.Minute)))
		return err
	})
	if got[""]+got["employee_inactive"] != 200 {
		t.Fatalf("%v", got)
	}
	w.opora.seen(w.asks)
	w.refuses(wishes(person(1), day("2027-01-21")), "employee_inactive")
	w.swept(true, Swept{Looked: got[""], Cancelled: got[""]})
	if all, err := w.List(t.Context(), person(1), now); err != nil || len(all) != min(got[""], Page) || len(all) > 0 && all[0].State != Cancelled {
		t.Errorf("%d %v", len(all), err)
	}
}
