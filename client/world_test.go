package client_test

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/ponimayu/opora/client"
	"github.com/ponimayu/opora/client/clienttest"
)

// No test may leave a goroutine of a client behind.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const anna, boris = client.EmployeeID("0b0e7d7e-0000-4000-8000-00000000000a"), client.EmployeeID("0b0e7d7e-0000-4000-8000-00000000000b")

var (
	types = []client.SpecialistTypeCode{"psychologist", "coach", "lawyer"}
	noon  = time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC)
)

func date(text string) clienttest.Date {
	var d clienttest.Date
	if err := d.UnmarshalText([]byte(text)); err != nil {
		panic(err)
	}
	return d
}

// carrier is a tenant whose people may see a psychologist six times a year,
// couriers twice more in 90 days, and share 500 hours of a lawyer.
func carrier() clienttest.Tenant {
	return clienttest.Tenant{
		Slug:     "cdek",
		Segments: []clienttest.Segment{{ID: "couriers", When: clienttest.SegmentRule{Position: []string{"Курьер"}}}},
		Contracts: []clienttest.Contract{{ID: "cdek-ru-2026", Country: "RU", TimeZone: "Europe/Moscow", From: date("2026-01-01"), Until: date("2028-01-01"), GraceDays: 14,
			Grants: []clienttest.Grant{
				{ID: "talk", SpecialistTypes: []client.SpecialistTypeCode{"psychologist", "coach"}, Amount: 6, Per: client.PerEmployee, Window: "calendar_year", Priority: 10},
				{ID: "extra", SpecialistTypes: []client.SpecialistTypeCode{"psychologist"}, Amount: 2, Per: client.PerEmployee, Window: "rolling", Days: 90, Segments: []client.SegmentID{"couriers"}, Priority: 20},
				{ID: "law", SpecialistTypes: []client.SpecialistTypeCode{"lawyer"}, Amount: 500, Per: client.PerTenant, Window: "contract", Priority: 10},
			}}},
	}
}

func courier(id client.EmployeeID) clienttest.Employee {
	return clienttest.Employee{ID: id, Tenant: "cdek", Employments: []clienttest.Employment{{LegalEntity: "global", EmployeeNo: "17", Position: "Курьер", HiredOn: date("2024-03-01")}}}
}

func leaver(id client.EmployeeID) clienttest.Employee {
	e := courier(id)
	e.Employments[0].LeftOn = date("2026-06-30")
	return e
}

func ask(id client.EmployeeID) client.Query {
	return client.Query{EmployeeID: id, SpecialistType: "psychologist", At: noon}
}

func newServer(t testing.TB) *clienttest.Server {
	s := clienttest.NewServer(types, carrier())
	t.Cleanup(s.Close)
	s.Put(courier(anna))
	return s
}

// soon is a configuration of a client that asks every 50 ms.
func soon(s *clienttest.Server) client.Config {
	config := s.Config()
	config.MaxStale, config.Outage = 200*time.Millisecond, time.Hour
	return config
}

// open returns a client that tries again soon; now may be nil.
func open(t testing.TB, config client.Config, now client.Clock) *client.Client {
	t.Helper()
	c, err := client.OpenAt(config, now, 500*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func openReady(t testing.TB, config client.Config, now client.Clock) *client.Client {
	t.Helper()
	c := open(t, config, now)
	ready(t, c)
	return c
}

func ready(t testing.TB, c *client.Client) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := c.Ready(ctx); err != nil {
		t.Fatal(err)
	}
}

// eventually waits until something holds.
func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !holds(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("it never came to this: " + what)
		}
	}
}

func check(t testing.TB, c *client.Client, q client.Query) client.Answer {
	t.Helper()
	a, err := c.Check(q)
	if err != nil {
		t.Fatalf("%v: %+v", err, c.State())
	}
	return a
}

// agrees waits until the client answers as the server would.
func agrees(t testing.TB, c *client.Client, s *clienttest.Server, q client.Query) client.Answer {
	t.Helper()
	var a client.Answer
	eventually(t, fmt.Sprintf("the client answers %+v, as Opora does", s.Decide(q)), func() bool {
		a, _ = c.Check(q)
		return same(a.Decision, s.Decide(q))
	})
	return a
}

func same(a, b client.Decision) bool { return cmp.Equal(a, b, cmp.Comparer(time.Time.Equal)) }

// setClock is a clock that stands still until it is set.
type setClock struct {
	mu   sync.Mutex
	wall time.Time
	mono time.Duration
}

func newClock() *setClock { return &setClock{wall: noon} }

func (c *setClock) now() (time.Time, time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.wall, c.mono
}

// pass lets time go by; the wall clock may show another time than went by.
func (c *setClock) pass(wall, mono time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.wall, c.mono = c.wall.Add(wall), c.mono+mono
}

// fault is a transport that lets a test stand in for Opora: strike returns nil
// where the request goes its way. A fault that never struck fails the test.
type fault struct {
	strike func(*http.Request) *http.Response
	struck atomic.Int64
	off    atomic.Bool
}

func (f *fault) RoundTrip(r *http.Request) (*http.Response, error) {
	if !f.off.Load() {
		if answer := f.strike(r); answer != nil {
			f.struck.Add(1)
			answer.Request = r
			return answer, nil
		}
	}
	return http.DefaultTransport.RoundTrip(r)
}

// through makes a client's requests go through the fault.
func (f *fault) through(t *testing.T, config client.Config) client.Config {
	config.HTTPClient = &http.Client{Transport: f}
	t.Cleanup(func() {
		http.DefaultTransport.(*http.Transport).CloseIdleConnections()
		if f.struck.Load() == 0 {
			t.Error("the fault never struck")
		}
	})
	return config
}
