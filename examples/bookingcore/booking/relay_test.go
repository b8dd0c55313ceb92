package booking

import (
	"io"
	"net"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
)

// relay stands between a booking core and its PostgreSQL and cuts connections.
type relay struct {
	t      *testing.T
	listen net.Listener
	to     string

	mu   sync.Mutex
	open map[net.Conn]struct{}
	cuts int
}

// through returns a relay to the server of the address, and the address by it.
func through(t *testing.T, address string) (*relay, string) {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	listen, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &relay{t: t, listen: listen, to: u.Host, open: map[net.Conn]struct{}{}}
	t.Cleanup(func() { listen.Close(); r.cut() })
	go r.serve()
	u.Host = listen.Addr().String()
	return r, u.String()
}

func (r *relay) serve() {
	for {
		from, err := r.listen.Accept()
		if err != nil {
			return
		}
		to, err := net.Dial("tcp", r.to)
		if err != nil {
			from.Close()
			continue
		}
		r.mu.Lock()
		r.open[from], r.open[to] = struct{}{}, struct{}{}
		r.mu.Unlock()
		go pipe(from, to)
		go pipe(to, from)
	}
}

func pipe(to, from net.Conn) {
	_, _ = io.Copy(to, from)
	to.Close()
	from.Close()
}

// cut cuts every connection, wherever its transaction stands.
func (r *relay) cut() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for c := range r.open {
		c.Close()
		r.cuts++
	}
	clear(r.open)
}

// TestAnswersAreLost cuts the way to PostgreSQL again and again while many
// book, so that nobody knows whether his transaction was committed. Everybody
// asks again with the same key until he knows: six are booked, and no more.
func TestAnswersAreLost(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *fakeOpora) {
		o.sells("acme", contract("acme", "2026-01-01", "2028-01-01", grant("talk", 6, "employee", "contract")))
		o.employs("acme", person(1), "2020-01-01", "")
	})
	relay, address := through(t, w.url)
	w.url = address
	s := w.another(Policy{})
	stop := make(chan struct{})
	var cutter sync.WaitGroup
	cutter.Go(func() {
		wait := 3 * time.Millisecond
		for range 40 {
			select {
			case <-stop:
				return
			case <-time.After(wait):
				relay.cut()
			}
			wait = 20 * time.Millisecond
		}
	})
	var mu sync.Mutex
	lost, ids := 0, map[uuid.UUID]bool{}
	got := together(40, func(i int) error {
		once, wish := key(), wishes(person(1), day("2026-12-20").Add(time.Duration(i)*time.Minute))
		for {
			a, err := s.Book(t.Context(), once, wish)
			mu.Lock()
			switch {
			case CodeOf(err) == "database_unavailable":
				lost++
			case err == nil:
				ids[a.ID] = true
			}
			mu.Unlock()
			if CodeOf(err) != "database_unavailable" {
				return err
			}
			time.Sleep(10 * time.Millisecond)
		}
	})
	close(stop)
	cutter.Wait()
	wantCodes(t, got, map[string]int{"": 6, "quota_exhausted": 34})
	w.audited()
	if all, err := w.List(t.Context(), person(1), now); err != nil || len(all) != 6 || len(ids) != 6 {
		t.Errorf("%d are booked, %d were told of: %v", len(all), len(ids), err)
	}
	if lost == 0 || relay.cuts == 0 {
		t.Error("no answer was lost: this proves nothing")
	}
}
