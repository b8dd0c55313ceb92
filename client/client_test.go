package client_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/ponimayu/opora/client"
	"github.com/ponimayu/opora/client/clienttest"
)

func TestAnswersFromMemory(t *testing.T) {
	s := newServer(t)
	c := openReady(t, s.Config(), nil)
	q := ask(anna)
	q.Used = client.UsedByGrant(map[client.GrantID]int{"talk": 6, "extra": 1})
	a := check(t, c, q)
	if !a.Allowed || a.Consume != "extra" || a.Limit != 8 || a.Remaining != 1 || len(a.Lines) != 2 || a.Stale {
		t.Errorf("%+v", a)
	}
	if since := time.Since(a.AsOf); since < 0 || since > client.DefaultMaxStale {
		t.Errorf("as of %v ago", since)
	}
	if !same(a.Decision, s.Decide(q)) {
		t.Errorf("the client says %+v, Opora %+v", a.Decision, s.Decide(q))
	}
	capitals := q
	capitals.EmployeeID = client.EmployeeID(strings.ToUpper(string(anna)))
	if !same(check(t, c, capitals).Decision, a.Decision) {
		t.Error("an id in capitals is another one")
	}
	if n := s.Requests("/v1/changes/snapshot"); n != 1 {
		t.Errorf("%d snapshots", n)
	}
}

// Each change in Opora becomes one of the client's answers.
func TestFollowsTheFeed(t *testing.T) {
	s := newServer(t)
	c := openReady(t, s.Config(), nil) // by long poll
	if a := agrees(t, c, s, ask(boris)); a.Reason != client.EmployeeUnknown {
		t.Error(a.Reason)
	}
	s.Put(courier(boris))
	if a := agrees(t, c, s, ask(boris)); !a.Allowed {
		t.Error(a.Reason)
	}
	s.Put(leaver(boris))
	if a := agrees(t, c, s, ask(boris)); a.Reason != client.EmployeeInactive {
		t.Error(a.Reason)
	}
	s.Remove(boris)
	if a := agrees(t, c, s, ask(boris)); a.Reason != client.EmployeeUnknown {
		t.Error(a.Reason)
	}
	for range 5 { // all but the last superseded when they are read
		s.Put(courier(boris))
	}
	agrees(t, c, s, ask(boris))

	dearer := carrier()
	dearer.Contracts[0].Grants[0].Amount = 9
	s.SetTenants(dearer)
	if a := agrees(t, c, s, ask(anna)); a.Limit != 11 {
		t.Error(a.Limit)
	}
	moved := carrier() // couriers are another bit, and their rule is another one
	moved.Segments = []clienttest.Segment{{ID: "night", When: clienttest.SegmentRule{Department: []string{"Ночь"}}}, {ID: "couriers", When: clienttest.SegmentRule{Position: []string{"Водитель"}}}}
	s.SetTenants(moved)
	if a := agrees(t, c, s, ask(anna)); a.Limit != 6 {
		t.Error(a.Limit)
	}
	s.SetTenants()
	if a := agrees(t, c, s, ask(anna)); a.Reason != client.ContractAbsent {
		t.Error(a.Reason)
	}
	if n := s.Requests("/v1/changes/snapshot"); n != 1 {
		t.Errorf("%d snapshots", n)
	}
}

// A change is answered with as soon as Opora has told it, not when somebody
// asks the next time.
func TestAChangeIsWaitedFor(t *testing.T) {
	s := newServer(t)
	config := s.Config()
	config.MaxStale = 20 * time.Second // waits ten seconds at the feed
	c := openReady(t, config, nil)
	time.Sleep(50 * time.Millisecond) // until it waits
	start := time.Now()
	s.Put(leaver(anna))
	agrees(t, c, s, ask(anna))
	if took := time.Since(start); took > 3*time.Second {
		t.Errorf("it took %v", took)
	}
}

// While nothing changes, answers stay fresh with few requests.
func TestStaysFreshAtRest(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	c := openReady(t, s.Config(), nil)
	before := s.Requests("/v1/changes")
	for end := time.Now().Add(3 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if a := check(t, c, ask(anna)); a.Stale {
			t.Fatalf("stale: as of %v ago", time.Since(a.AsOf))
		}
	}
	if n := s.Requests("/v1/changes") - before; n > 10 {
		t.Errorf("%d requests in three seconds", n)
	}
}

// A cursor that has expired asks for a snapshot; answers go on meanwhile.
func TestTakesASnapshotWhenTheCursorHasExpired(t *testing.T) {
	s := newServer(t)
	c := openReady(t, soon(s), nil)
	stop, asked := make(chan struct{}), make(chan error, 1)
	go func() {
		for {
			select {
			case <-stop:
				asked <- nil
				return
			default:
				if a, err := c.Check(ask(anna)); err != nil || !a.Allowed {
					asked <- fmt.Errorf("%+v, %w", a, err)
					return
				}
			}
		}
	}()
	s.Forget()
	s.Put(courier(boris))
	eventually(t, "a second snapshot", func() bool { return c.State().Snapshots == 2 })
	agrees(t, c, s, ask(boris))
	close(stop)
	if err := <-asked; err != nil {
		t.Error("while the snapshot was taken:", err)
	}
	s.Put(leaver(anna))
	if a := agrees(t, c, s, ask(anna)); a.Reason != client.EmployeeInactive {
		t.Error(a.Reason)
	}
}

func TestQueriesThatAreNoQuestions(t *testing.T) {
	s := newServer(t)
	c := openReady(t, s.Config(), nil)
	for name, change := range map[string]func(*client.Query){
		"field_missing employee": func(q *client.Query) { q.EmployeeID = "" },
		"field_missing type":     func(q *client.Query) { q.SpecialistType = "" },
		"field_missing at":       func(q *client.Query) { q.At = time.Time{} },
		"field_invalid format":   func(q *client.Query) { q.Format = "letter" },
		"field_invalid minutes":  func(q *client.Query) { q.Minutes = -1 },
	} {
		t.Run(name, func(t *testing.T) {
			q := ask(anna)
			change(&q)
			a, err := c.Check(q)
			var wrong *client.Error
			if !errors.As(err, &wrong) || wrong.Code != strings.Fields(name)[0] || a.Allowed {
				t.Errorf("%+v, %v", a, err)
			}
		})
	}
	q := ask("nobody")
	if a := check(t, c, q); a.Reason != client.EmployeeUnknown || a.Revision != s.Decide(q).Revision {
		t.Errorf("%+v", a)
	}
}

func TestConfigSaysWhatIsWrong(t *testing.T) {
	good := client.Config{URL: "https://opora.example", TokenURL: "https://sso.example/token", ClientID: "id-canary", ClientSecret: "secret-canary"}
	for want, change := range map[string]func(*client.Config){
		"URL is missing":                      func(c *client.Config) { c.URL = "" },
		"TokenURL is missing":                 func(c *client.Config) { c.TokenURL = "" },
		"ClientID is missing":                 func(c *client.Config) { c.ClientID = "" },
		"ClientSecret is missing":             func(c *client.Config) { c.ClientSecret = "" },
		"URL is an address that":              func(c *client.Config) { c.URL = "opora.example" },
		"TokenURL is an address without user": func(c *client.Config) { c.TokenURL = "https://secret-canary@sso.example/token" },
		"MaxStale is at least":                func(c *client.Config) { c.MaxStale = time.Millisecond },
		"Outage is at least":                  func(c *client.Config) { c.Outage = time.Second },
		"AfterOutage is":                      func(c *client.Config) { c.AfterOutage = 7 },
	} {
		config := good
		change(&config)
		c, err := client.New(config)
		if err == nil {
			c.Close()
		}
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: %v", want, err)
		}
	}
	_, err := client.New(client.Config{})
	if err == nil || strings.Count(err.Error(), "is missing") != 4 {
		t.Error("not all that is wrong is said at once:", err)
	}
	encoded, _ := json.Marshal(struct{ C fmt.Stringer }{good})
	for _, printed := range []string{fmt.Sprint(good), fmt.Sprintf("%+v %#v %q", good, good, &good), good.LogValue().String(), string(encoded)} {
		if strings.Contains(printed, "canary") {
			t.Error("printed: " + printed)
		}
	}
}

// Close ends everything soon, in the middle of a long poll too, and again does
// nothing.
func TestClose(t *testing.T) {
	before := goleak.IgnoreCurrent()
	s := newServer(t)
	config := s.Config()
	config.MaxStale = time.Minute // waits 30 seconds at the feed
	c := openReady(t, config, nil)
	eventually(t, "it waits at the feed", func() bool { return s.Requests("/v1/changes") >= 2 })
	time.Sleep(20 * time.Millisecond)
	start := time.Now()
	var together sync.WaitGroup
	for range 3 {
		together.Go(func() { c.Close() })
	}
	together.Wait()
	if took := time.Since(start); took > 10*time.Second {
		t.Errorf("it took %v", took)
	}
	if a, err := c.Check(ask(anna)); !errors.Is(err, client.ErrClosed) || a.Allowed || a.Reason != client.Unavailable {
		t.Errorf("after Close %+v, %v", a, err)
	}
	if err := c.Ready(t.Context()); !errors.Is(err, client.ErrClosed) {
		t.Error("Ready after Close:", err)
	}
	if st := c.State(); st.Phase != client.Closed || st.Connected || st.Employees != 0 {
		t.Errorf("%+v", st)
	}
	s.Close()
	goleak.VerifyNone(t, before)
}

// Close ends a client that has never reached anything, and whoever waits for it.
func TestCloseBeforeReady(t *testing.T) {
	s := newServer(t)
	s.SetAway(true)
	c := open(t, soon(s), nil)
	waited := make(chan error)
	go func() { waited <- c.Ready(context.Background()) }()
	time.Sleep(10 * time.Millisecond)
	c.Close()
	if err := <-waited; !errors.Is(err, client.ErrClosed) {
		t.Error(err)
	}
}

// Questions, changes, states and the end may come from everywhere at once.
func TestConcurrentUse(t *testing.T) {
	s := newServer(t)
	c := openReady(t, soon(s), nil)
	var all sync.WaitGroup
	for i := range 4 {
		all.Go(func() {
			var a client.Answer
			for n := range 500 {
				q := ask(anna)
				q.Used = client.UsedEach(n % 9)
				if err := c.CheckInto(&q, &a); err != nil {
					t.Error(err)
				}
				if n%50 == 0 {
					_ = c.State()
				}
			}
			if i == 0 {
				s.Forget()
			}
		})
	}
	all.Go(func() {
		for n := range 100 {
			s.Put(courier(client.EmployeeID(fmt.Sprintf("0b0e7d7e-0000-4000-8000-%012d", n))))
			if n%20 == 0 {
				s.SetTenants(carrier())
			}
		}
	})
	all.Wait()
	agrees(t, c, s, ask("0b0e7d7e-0000-4000-8000-000000000099"))
}

// The snapshot comes zipped, and a transport of the program's own is used.
func TestAsksForGzip(t *testing.T) {
	s := newServer(t)
	watch := &fault{}
	zipped := make(chan bool, 10)
	watch.strike = func(r *http.Request) *http.Response {
		if r.URL.Path != "/v1/changes/snapshot" {
			return nil
		}
		answer, err := http.DefaultTransport.RoundTrip(r)
		if err != nil {
			t.Error(err)
			return nil
		}
		zipped <- answer.Uncompressed // it was gzip, and the transport has unzipped it
		return answer
	}
	openReady(t, watch.through(t, s.Config()), nil)
	if !<-zipped {
		t.Error("the snapshot came as it is")
	}
}
