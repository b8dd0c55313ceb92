package booking

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/ponimayu/opora/client"
	"github.com/ponimayu/opora/examples/bookingcore/bookingtest"
)

// now is the moment at which the tests book, unless they say another.
var now = time.Date(2026, 12, 1, 9, 0, 0, 0, time.UTC)

// world is a booking core on a database of its own and an Opora that tells
// what the test says.
type world struct {
	*Service
	t     testing.TB
	opora *fakeOpora
	asks  *client.Client
	url   string
	clock atomic.Int64
}

// newWorld makes a world whose Opora knows what set tells it.
func newWorld(t testing.TB, set func(*fakeOpora)) *world {
	return newWorldWith(t, client.Config{}, set)
}

func newWorldWith(t testing.TB, config client.Config, set func(*fakeOpora)) *world {
	t.Helper()
	w := &world{t: t, opora: newFakeOpora(t), url: bookingtest.Database(t)}
	set(w.opora)
	config.URL, config.TokenURL, config.ClientID, config.ClientSecret = w.opora.server.URL, w.opora.server.URL+"/token", "booking-core", "secret"
	if config.MaxStale == 0 {
		config.MaxStale = 30 * time.Second // a busy machine makes nothing stale
	}
	var err error
	if w.asks, err = client.New(config); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.asks.Close() })
	w.opora.seen(w.asks)
	w.is(now)
	w.Service = w.another(Policy{})
	return w
}

// another is one more server of the same booking core.
func (w *world) another(policy Policy) *Service {
	w.t.Helper()
	pool, err := Open(w.t.Context(), w.url)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(pool.Close)
	s := New(pool, w.asks, policy)
	s.now = func() time.Time { return time.Unix(0, w.clock.Load()) }
	return s
}

// is sets the clock.
func (w *world) is(t time.Time) { w.clock.Store(t.UnixNano()) }

// told tells the client news.
func (w *world) told(news func(*fakeOpora)) {
	w.t.Helper()
	news(w.opora)
	w.opora.seen(w.asks)
}

// key is an Idempotency-Key of its own.
func key() Once { return Once{Actor: "test", Key: uuid.NewString()} }

// day is ten o'clock in Moscow on a day.
func day(text string) time.Time {
	at, err := time.Parse("2006-01-02T15:04Z07:00", text+"T10:00+03:00")
	if err != nil {
		panic(err)
	}
	return at
}

// wishes is a wish of somebody for a psychologist.
func wishes(id client.EmployeeID, at time.Time) Wish {
	return Wish{EmployeeID: id, SpecialistType: "psychologist", At: at}
}

// books books, or fails the test.
func (w *world) books(wish Wish) Appointment {
	w.t.Helper()
	made, err := w.Book(w.t.Context(), key(), wish)
	if err != nil {
		w.t.Fatalf("%v was not booked: %v", wish, err)
	}
	return made
}

// refuses wants a booking to be refused with the code.
func (w *world) refuses(wish Wish, code string) {
	w.t.Helper()
	if made, err := w.Book(w.t.Context(), key(), wish); CodeOf(err) != code {
		w.t.Fatalf("%v: %v %v, want %s", wish, made, err, code)
	}
}

// audited wants the books to be right.
func (w *world) audited() {
	w.t.Helper()
	if wrong, err := w.Audit(context.WithoutCancel(w.t.Context())); err != nil || len(wrong) > 0 {
		w.t.Fatalf("the books are wrong: %v %v", wrong, err)
	}
}

// together does n things at the same time and returns how many there were of
// each code; "" is of those that were done.
func together(n int, do func(i int) error) map[string]int {
	var mu sync.Mutex
	codes := map[string]int{}
	var all sync.WaitGroup
	gun := make(chan struct{})
	for i := range n {
		all.Go(func() {
			<-gun
			err := do(i)
			code := CodeOf(err)
			if err != nil && code == "" {
				code = err.Error()
			}
			mu.Lock()
			codes[code]++
			mu.Unlock()
		})
	}
	close(gun)
	all.Wait()
	return codes
}

// wantCodes wants just those codes, each as often.
func wantCodes(t *testing.T, got, want map[string]int) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("got %v, want %v", got, want)
	}
	for code, n := range want {
		if got[code] != n {
			t.Fatalf("got %v, want %v", got, want)
		}
	}
}
