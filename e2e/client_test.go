//go:build e2e

package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ponimayu/opora/client"
)

// newClient returns a client as a booking core has one, filled.
func (s *stack) newClient() *client.Client {
	s.t.Helper()
	c, err := client.New(client.Config{
		URL: s.opora, TokenURL: s.endpoint("token"),
		ClientID: need(s.t, "BOOKING_CLIENT_ID"), ClientSecret: need(s.t, "BOOKING_CLIENT_SECRET"),
	})
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { c.Close() })
	ctx, cancel := context.WithTimeout(s.t.Context(), time.Minute)
	defer cancel()
	if err := c.Ready(ctx); err != nil {
		s.t.Fatal(err)
	}
	return c
}

// answered waits until the client's answer is as wanted, and returns how long
// that took.
func answered(t *testing.T, c *client.Client, q client.Query, wanted func(client.Answer) bool) time.Duration {
	t.Helper()
	start := time.Now()
	for {
		a, err := c.Check(q)
		if err != nil {
			t.Fatalf("%v: %+v", err, c.State())
		}
		if wanted(a) {
			return time.Since(start)
		}
		if time.Since(start) > 5*time.Second {
			t.Fatalf("five seconds later it is still %+v; %+v", a, c.State())
		}
		time.Sleep(time.Millisecond)
	}
}

// knows waits until the API answers from a state in which the query's employee
// is known; all who came with him on one list are known then too.
func (s *stack) knows(q client.Query) {
	s.t.Helper()
	for end := time.Now().Add(5 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		d := into[client.Decision](s.t, s.call(s.token("BOOKING"), "POST", "/v1/entitlements/check", q), http.StatusOK)
		if d.Reason != "employee_unknown" {
			return
		}
		if time.Now().After(end) {
			s.t.Fatal("five seconds later the API does not know the employee")
		}
	}
}

// TestClientOnTheStack fills the Go client from a running Opora: people come
// and leave in it as HR says, it answers what the API answers, and a change is
// in its answers well within half a second.
func TestClientOnTheStack(t *testing.T) {
	s := newStack(t)
	c := s.newClient()
	staff := people(12)
	s.imports("HR_CDEK", "cdek", "add", staff)
	ids := make([]client.EmployeeID, 0, len(staff))
	for _, p := range staff {
		ids = append(ids, client.EmployeeID(s.findOne(s.token("HR_CDEK"), "cdek", p.no).id))
	}
	soon := client.Query{EmployeeID: ids[0], SpecialistType: "psychologist", At: time.Now().Add(20 * 24 * time.Hour).Truncate(time.Second)}
	answered(t, c, soon, func(a client.Answer) bool { return a.Allowed })
	s.knows(soon) // the client may know of the list before the server that is asked

	t.Run("what the API answers", func(t *testing.T) {
		types := []client.SpecialistTypeCode{"psychologist", "coach", "lawyer", "dietitian", "no-such-type"}
		asked, allowed := 0, 0
		for i, id := range append(slices.Clone(ids), "00000000-0000-4000-8000-000000000000") {
			for j, code := range types {
				q := client.Query{
					EmployeeID: id, SpecialistType: code, At: time.Now().AddDate(0, 0, 37*(i+j)-150).Truncate(time.Second),
					Format: []client.Format{"", client.Video, client.InPerson}[(i+j)%3], For: []client.For{"", client.Self, client.Dependant}[(i*j)%3],
					Used: client.UsedByGrant(map[client.GrantID]int{"talk": i % 8, "extra": j % 3}),
				}
				a, err := c.Check(q)
				if err != nil {
					t.Fatal(err)
				}
				want := into[client.Decision](t, newStackOf(t, s).call(s.token("BOOKING"), "POST", "/v1/entitlements/check", q), http.StatusOK)
				if diff := cmp.Diff(want, decoded(t, a.Decision), cmp.Comparer(time.Time.Equal)); diff != "" {
					t.Errorf("%s at %v (-API +client):\n%s", code, q.At, diff)
				}
				if asked++; a.Allowed {
					allowed++
				}
			}
		}
		if allowed == 0 || allowed == asked {
			t.Errorf("%d of %d questions were allowed: they show little", allowed, asked)
		}
	})

	t.Run("a change is soon answered with", func(t *testing.T) {
		var took []time.Duration
		before, err := c.Check(soon)
		if err != nil {
			t.Fatal(err)
		}
		for range 20 {
			start := time.Now()
			made := into[struct{ ID string }](t, s.call(s.token("PLATFORM"), "POST", "/v1/employees/"+string(soon.EmployeeID)+"/overrides", map[string]any{
				"grant": "talk", "amount": 1, "from": start.Format(time.DateOnly), "until": soon.At.AddDate(0, 0, 2).Format(time.DateOnly), "reason": "goodwill",
			}), http.StatusCreated)
			answered(t, c, soon, func(a client.Answer) bool { return a.Limit == before.Limit+1 })
			took = append(took, time.Since(start))
			if r := s.call(s.token("PLATFORM"), "DELETE", fmt.Sprintf("/v1/employees/%s/overrides/%s", soon.EmployeeID, made.ID), nil); r.status/100 != 2 {
				t.Fatal(r)
			}
			answered(t, c, soon, func(a client.Answer) bool { return a.Limit == before.Limit })
		}
		slices.Sort(took)
		t.Logf("from the request that changes to the client's changed answer: median %v, at most %v", took[len(took)/2], took[len(took)-1])
		if worst := took[len(took)-1]; worst > 2*time.Second {
			t.Errorf("it took up to %v", worst)
		}
	})

	t.Run("a leaver", func(t *testing.T) {
		i := into[imported](t, s.upload(s.token("HR_CDEK"), "cdek", workbook(t, staff[:1]), map[string]string{"mode": "leavers"}), http.StatusAccepted)
		if i = s.await(s.token("HR_CDEK"), i.ID, "planned", "held"); i.State == "held" {
			var codes []string
			for _, f := range i.Findings {
				codes = append(codes, f.Code)
			}
			into[imported](t, s.call(s.token("HR_CDEK2"), "POST", "/v1/imports/"+i.ID+"/approve", map[string]any{"accept": codes}), 200)
		}
		into[imported](t, s.call(s.token("HR_CDEK"), "POST", "/v1/imports/"+i.ID+"/apply", nil), http.StatusAccepted)
		t.Logf("from the answer to the list's approval to the client's refusal: %v",
			answered(t, c, soon, func(a client.Answer) bool { return a.Reason == client.EmployeeInactive }))
		s.await(s.token("HR_CDEK"), i.ID, "applied")
	})

	if st := c.State(); st.Phase != client.Fresh || !st.Connected || st.Snapshots != 1 || st.Failures != 0 || st.Employees < len(staff) {
		t.Errorf("%+v", st)
	}
}

// newStackOf is the stack for a subtest.
func newStackOf(t *testing.T, s *stack) *stack {
	of := *s
	of.t = t
	return &of
}

// decoded is the decision after its way through JSON, as the API's is.
func decoded(t *testing.T, d client.Decision) (read client.Decision) {
	t.Helper()
	b, err := json.Marshal(d)
	if err == nil {
		err = json.Unmarshal(b, &read)
	}
	if err != nil {
		t.Fatal(err)
	}
	return read
}
