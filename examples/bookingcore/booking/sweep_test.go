package booking

import (
	"testing"

	"github.com/ponimayu/opora/client"
)

// state is where an appointment stands, and what is noted of its cover.
func (w *world) state(a Appointment) (State, client.Reason) {
	w.t.Helper()
	got, err := w.Get(w.t.Context(), a.EmployeeID, a.ID)
	if err != nil {
		w.t.Fatal(err)
	}
	return got.State, got.Uncovered
}

func (w *world) swept(accept bool, want Swept) {
	w.t.Helper()
	if got, err := w.Sweep(w.t.Context(), accept); err != nil || got != want {
		w.t.Fatalf("swept %+v %v, want %+v", got, err, want)
	}
	w.audited()
}

func oneEmployee(o *fakeOpora) {
	o.sells("acme", contract("acme", "2026-01-01", "2028-01-01", grant("talk", 6, "employee", "contract")))
	o.employs("acme", person(1), "2020-01-01", "")
}

// TestLeaver has an employee leave who has booked: what lies beyond his grace
// period is cancelled and nothing more is booked; what lies within, happens.
func TestLeaver(t *testing.T) {
	t.Parallel()
	w := newWorld(t, oneEmployee)
	within, beyond := w.books(wishes(person(1), day("2026-12-20"))), w.books(wishes(person(1), day("2027-01-20")))
	w.told(func(o *fakeOpora) { o.employs("acme", person(1), "2020-01-01", "2026-12-10") }) // fourteen days of grace
	w.refuses(wishes(person(1), day("2026-12-25")), "employee_inactive")
	if _, err := w.Reschedule(t.Context(), key(), person(1), within.ID, day("2026-12-26")); CodeOf(err) != "employee_inactive" {
		t.Errorf("a leaver moves his appointment beyond his last day: %v", err)
	}
	w.swept(false, Swept{Looked: 2, Cancelled: 1})
	if state, why := w.state(beyond); state != Cancelled || why != client.EmployeeInactive {
		t.Errorf("beyond his last day: %s %s", state, why)
	}
	if state, why := w.state(within); state != Booked || why != "" {
		t.Errorf("within the grace period: %s %s", state, why)
	}
	w.swept(false, Swept{Looked: 1})
	if _, err := w.Cancel(t.Context(), key(), person(1), within.ID); err != nil {
		t.Errorf("a leaver may not cancel: %v", err)
	}
}

// TestSuspension suspends a tenant's contract for a while: its people's
// appointments are flagged, not lost.
func TestSuspension(t *testing.T) {
	t.Parallel()
	w := newWorld(t, oneEmployee)
	a := w.books(wishes(person(1), day("2026-12-20")))
	terms := func(suspended bool) func(*fakeOpora) {
		return func(o *fakeOpora) {
			c := contract("acme", "2026-01-01", "2028-01-01", grant("talk", 6, "employee", "contract"))
			c["suspended"] = suspended
			o.sells("acme", c)
		}
	}
	w.told(terms(true))
	w.swept(false, Swept{Looked: 1, Flagged: 1})
	if state, why := w.state(a); state != Booked || why != client.TenantSuspended {
		t.Errorf("suspended: %s %s", state, why)
	}
	w.refuses(wishes(person(1), day("2026-12-21")), "tenant_suspended")
	w.swept(false, Swept{Looked: 1})
	w.told(terms(false))
	w.swept(false, Swept{Looked: 1, Cleared: 1})
	if state, why := w.state(a); state != Booked || why != "" {
		t.Errorf("not suspended any more: %s %s", state, why)
	}
}

// TestBrokenTerms has the terms of one tenant broken: its appointments are left
// as they are, and those of others are looked at all the same.
func TestBrokenTerms(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *fakeOpora) {
		oneEmployee(o)
		o.sells("other", contract("other", "2026-01-01", "2028-01-01", grant("talk", 6, "employee", "contract")))
		o.employs("other", person(2), "2020-01-01", "")
	})
	left, leaving := w.books(wishes(person(2), day("2026-12-20"))), w.books(wishes(person(1), day("2027-01-20")))
	w.told(func(o *fakeOpora) {
		c := contract("other", "2026-01-01", "2028-01-01", grant("talk", 6, "employee", "contract"))
		c["time_zone"] = "Moon/Crater"
		o.sells("other", c)
		o.employs("acme", person(1), "2020-01-01", "2026-12-10")
	})
	w.refuses(wishes(person(2), day("2026-12-21")), "entitlement_unavailable")
	w.swept(false, Swept{Looked: 2, Unknown: 1, Cancelled: 1})
	if state, why := w.state(left); state != Booked || why != "" {
		t.Errorf("under broken terms: %s %s", state, why)
	}
	if state, _ := w.state(leaving); state != Cancelled {
		t.Errorf("of a leaver: %s", state)
	}
}

// TestGrantGone takes a grant away while another covers the same: what was
// counted against the one is counted against the other, as far as that goes.
func TestGrantGone(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *fakeOpora) {
		o.sells("acme", contract("acme", "2026-01-01", "2028-01-01", grant("talk", 6, "employee", "contract")))
		o.employs("acme", person(1), "2020-01-01", "")
	})
	first, second := w.books(wishes(person(1), day("2026-12-20"))), w.books(wishes(person(1), day("2026-12-21")))
	w.told(func(o *fakeOpora) {
		o.sells("acme", contract("acme", "2026-01-01", "2028-01-01", grant("pool", 1, "tenant", "contract")))
	})
	w.swept(false, Swept{Looked: 2, Moved: 1, Flagged: 1})
	if got, err := w.Get(t.Context(), person(1), first.ID); err != nil || got.Grant != "pool" || got.State != Booked {
		t.Errorf("the first: %+v %v", got, err)
	}
	if state, why := w.state(second); state != Booked || why != client.PoolExhausted {
		t.Errorf("the second: %s %s", state, why)
	}
	w.swept(false, Swept{Looked: 2})
	w.told(func(o *fakeOpora) {
		o.sells("acme", contract("acme", "2026-01-01", "2028-01-01", grant("pool", 2, "tenant", "contract")))
	})
	w.swept(false, Swept{Looked: 2, Moved: 1})
	if state, why := w.state(second); state != Booked || why != "" {
		t.Errorf("the second, now that there is room: %s %s", state, why)
	}
}

// TestManyLeaversAreHeld has everybody leave at once, which is rather a mistake
// in a list: nothing is cancelled until somebody says so.
func TestManyLeaversAreHeld(t *testing.T) {
	t.Parallel()
	const people = heldOver + 5
	w := newWorld(t, func(o *fakeOpora) {
		oneEmployee(o)
		for i := range people {
			o.employs("acme", person(i), "2020-01-01", "")
		}
	})
	for i := range people {
		w.books(wishes(person(i), day("2027-01-20")))
	}
	gone := func(n int, left string) func(*fakeOpora) {
		return func(o *fakeOpora) {
			for i := range n {
				o.employs("acme", person(i), "2020-01-01", left)
			}
		}
	}
	w.told(gone(people, "2026-12-10"))
	w.swept(false, Swept{Looked: people, Flagged: people, Held: true})
	w.swept(false, Swept{Looked: people, Held: true})
	w.told(gone(2, "")) // two are back
	w.swept(false, Swept{Looked: people, Cleared: 2, Held: true})
	w.swept(true, Swept{Looked: people, Cancelled: people - 2})
	w.swept(false, Swept{Looked: 2})
}
