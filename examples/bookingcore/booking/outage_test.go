package booking

import (
	"testing"
	"time"

	"github.com/ponimayu/opora/client"
)

// phase waits until the client is in a phase.
func (w *world) phase(want client.Phase) {
	w.t.Helper()
	for deadline := time.Now().Add(time.Minute); w.asks.State().Phase != want; time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			w.t.Fatalf("the client is not %s: %+v", want, w.asks.State())
		}
	}
}

// TestOutageInTheMiddle takes Opora away while people book. For a while all
// goes on by what is known; then nothing is booked, and whoever wants may still
// cancel; when Opora is back it goes on, by the news of meanwhile.
func TestOutageInTheMiddle(t *testing.T) {
	t.Parallel()
	w := newWorldWith(t, client.Config{MaxStale: 500 * time.Millisecond, Outage: 6 * time.Second}, func(o *fakeOpora) {
		o.sells("acme", contract("acme", "2026-01-01", "2028-01-01", grant("talk", 6, "employee", "contract")))
		o.employs("acme", person(1), "2020-01-01", "")
	})
	before := w.books(wishes(person(1), day("2026-12-20")))
	w.opora.goesAway(true)
	w.phase(client.Stale)
	during := w.books(wishes(person(1), day("2026-12-21")))
	if _, err := w.Sweep(t.Context(), false); CodeOf(err) != "entitlement_stale" && CodeOf(err) != "entitlement_unavailable" {
		t.Errorf("a sweep on old news: %v", err)
	}

	w.phase(client.Out)
	got := together(50, func(i int) error {
		_, err := w.Book(t.Context(), key(), wishes(person(1), day("2026-12-22").Add(time.Duration(i)*time.Minute)))
		return err
	})
	wantCodes(t, got, map[string]int{"entitlement_unavailable": 50})
	if _, err := w.Reschedule(t.Context(), key(), person(1), during.ID, day("2027-01-05")); CodeOf(err) != "entitlement_unavailable" {
		t.Errorf("moved without knowing: %v", err)
	}
	if still, err := w.Get(t.Context(), person(1), during.ID); err != nil || !still.At.Equal(during.At) || still.State != Booked {
		t.Errorf("after a move that could not be: %+v %v", still, err)
	}
	if _, err := w.Cancel(t.Context(), key(), person(1), before.ID); err != nil {
		t.Errorf("cancelling needs no Opora: %v", err)
	}
	w.audited()

	w.opora.employs("acme", person(1), "2020-01-01", "2026-12-30") // nobody hears it yet
	w.opora.goesAway(false)
	w.opora.seen(w.asks)
	w.refuses(wishes(person(1), day("2027-01-20")), "employee_inactive")
	got = together(50, func(i int) error {
		_, err := w.Book(t.Context(), key(), wishes(person(1), day("2026-12-23").Add(time.Duration(i)*time.Minute)))
		return err
	})
	wantCodes(t, got, map[string]int{"": 5, "quota_exhausted": 45})
	w.audited()
}

// TestOpenClientBooksNothing has a client that fails open: it names no grant to
// count against, so it is as good as no answer.
func TestOpenClientBooksNothing(t *testing.T) {
	t.Parallel()
	w := newWorldWith(t, client.Config{MaxStale: 100 * time.Millisecond, Outage: 200 * time.Millisecond, AfterOutage: client.FailOpen}, oneEmployee)
	w.opora.goesAway(true)
	w.phase(client.Out)
	w.refuses(wishes(person(1), day("2026-12-20")), "entitlement_unavailable")
}
