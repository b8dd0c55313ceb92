package client_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ponimayu/opora/client"
)

// An outage from its beginning to its end, by a clock that the test sets.
func TestAnOutage(t *testing.T) {
	for policy, want := range map[client.Policy]struct {
		allowed bool
		err     error
	}{
		client.FailClosed: {false, client.ErrUnavailable},
		client.FailOpen:   {true, nil},
	} {
		s, clock := newServer(t), newClock()
		config := soon(s)
		config.MaxStale, config.Outage, config.AfterOutage = 2*time.Second, 30*time.Minute, policy
		c := openReady(t, config, clock.now)
		first := check(t, c, ask(anna))
		s.SetAway(true)
		eventually(t, "not connected", func() bool { return !c.State().Connected })

		clock.pass(2*time.Second, 2*time.Second)
		if a := check(t, c, ask(anna)); a.Stale || !a.AsOf.Equal(first.AsOf) {
			t.Errorf("two seconds later: %+v", a)
		}
		clock.pass(1, 1)
		if a := check(t, c, ask(anna)); !a.Stale || !a.Allowed || !same(a.Decision, first.Decision) {
			t.Errorf("a moment later: %+v", a)
		}
		clock.pass(30*time.Minute-2*time.Second-1, 30*time.Minute-2*time.Second-1)
		if a := check(t, c, ask(anna)); !a.Stale || !same(a.Decision, first.Decision) || c.State().Phase != client.Stale {
			t.Errorf("30 minutes later: %+v, %+v", a, c.State())
		}
		clock.pass(1, 1)
		a, err := c.Check(ask(anna))
		if a.Allowed != want.allowed || !errors.Is(err, want.err) || a.Reason != client.Unavailable || !a.Stale || !a.AsOf.Equal(first.AsOf) ||
			a.Consume != "" || a.Revision != "" || a.Lines == nil || len(a.Lines) != 0 || c.State().Phase != client.Out {
			t.Errorf("beyond the outage: %+v, %v", a, err)
		}
		s.Put(leaver(anna))
		s.SetAway(false)
		eventually(t, "fresh", func() bool { return c.State().Phase == client.Fresh })
		if a := agrees(t, c, s, ask(anna)); a.Stale || a.Reason != client.EmployeeInactive {
			t.Errorf("after it: %+v", a)
		}
	}
}

// A client that starts during an outage has nothing to answer from; it fills
// itself when Opora comes.
func TestAnOutageAtTheStart(t *testing.T) {
	for policy, allowed := range map[client.Policy]bool{client.FailClosed: false, client.FailOpen: true} {
		s := newServer(t)
		s.SetAway(true)
		config := soon(s)
		config.AfterOutage = policy
		c := open(t, config, nil)
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		err := c.Ready(ctx)
		cancel()
		if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "the token endpoint is not reached") {
			t.Error(err)
		}
		a, err := c.Check(ask(anna))
		if a.Allowed != allowed || a.Reason != client.Unavailable || !a.Stale || !a.AsOf.IsZero() || errors.Is(err, client.ErrUnavailable) == allowed {
			t.Errorf("%+v, %v", a, err)
		}
		if body, _ := json.Marshal(a); strings.Contains(string(body), "as_of") || !strings.Contains(string(body), `"lines":[]`) {
			t.Errorf("%s", body)
		}
		s.SetAway(false)
		ready(t, c)
		agrees(t, c, s, ask(anna))
	}
}

// Opora's clock is never looked at, and this machine's may be set.
func TestClocksThatAreSet(t *testing.T) {
	for name, tc := range map[string]struct {
		wall, mono time.Duration
		stale, out bool
	}{
		"the wall clock is set back":               {-24 * time.Hour, 0, false, false},
		"back, and time goes by":                   {-24 * time.Hour, 5 * time.Second, true, false},
		"back, and much time goes by":              {-24 * time.Hour, time.Hour, true, true},
		"the machine slept":                        {5 * time.Second, 0, true, false},
		"the machine slept longer than the outage": {24 * time.Hour, 0, true, true},
	} {
		t.Run(name, func(t *testing.T) {
			s, clock := newServer(t), newClock()
			config := soon(s)
			config.MaxStale, config.Outage = 2*time.Second, 30*time.Minute
			c := openReady(t, config, clock.now)
			s.SetAway(true)
			eventually(t, "not connected", func() bool { return !c.State().Connected })
			clock.pass(tc.wall, tc.mono)
			a, err := c.Check(ask(anna))
			if a.Stale != tc.stale || errors.Is(err, client.ErrUnavailable) != tc.out {
				t.Errorf("%+v, %v", a, err)
			}
			s.SetAway(false)
			eventually(t, "fresh", func() bool { return c.State().Phase == client.Fresh })
			if a := check(t, c, ask(anna)); a.Stale {
				t.Errorf("%+v", a)
			}
		})
	}
}

// The hook hears of every phase, in order.
func TestOnState(t *testing.T) {
	s, clock := newServer(t), newClock()
	config := soon(s)
	config.MaxStale, config.Outage = 2*time.Second, 30*time.Minute
	var mu sync.Mutex
	var heard []string
	config.OnState = func(st client.State) {
		mu.Lock()
		defer mu.Unlock()
		said := string(st.Phase)
		if !st.Connected {
			said += " away"
		}
		heard = append(heard, said)
	}
	wait := func(want string) {
		t.Helper()
		eventually(t, want, func() bool {
			mu.Lock()
			defer mu.Unlock()
			return len(heard) > 0 && heard[len(heard)-1] == want
		})
	}
	s.SetAway(true)
	c := open(t, config, clock.now)
	wait("starting away")
	s.SetAway(false)
	wait("fresh")
	s.SetAway(true)
	wait("fresh away")
	clock.pass(3*time.Second, 3*time.Second)
	wait("stale away")
	clock.pass(time.Hour, time.Hour)
	wait("out away")
	s.SetAway(false)
	wait("fresh")
	c.Close()
}
