package client_test

import (
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"

	"github.com/ponimayu/opora/client"
)

// tapped is a transport that lets a test look before each request for changes.
type tapped struct{ look func() }

func (t tapped) RoundTrip(r *http.Request) (*http.Response, error) {
	if isFeed(r) {
		t.look()
	}
	return http.DefaultTransport.RoundTrip(r)
}

// When the rules of segments change, the new terms come before the pages of
// people who are in other segments by them. Nobody is answered by new terms and
// old segments meanwhile.
func TestNewTermsWaitForTheirPeople(t *testing.T) {
	s := newServer(t)
	ids := make([]client.EmployeeID, 2500) // three pages
	for i := range ids {
		ids[i] = client.EmployeeID(fmt.Sprintf("0b0e7d7e-0000-4000-8000-%012d", i))
		s.Put(courier(ids[i]))
	}
	var c atomic.Pointer[client.Client]
	var looks, mixed atomic.Int64
	config := soon(s)
	config.HTTPClient = &http.Client{Transport: tapped{func() {
		if c := c.Load(); c != nil {
			looks.Add(1)
			for _, id := range ids {
				if a, err := c.Check(ask(id)); err != nil || a.Limit != 8 {
					mixed.Add(1)
				}
			}
		}
	}}}
	t.Cleanup(http.DefaultTransport.(*http.Transport).CloseIdleConnections)
	c.Store(openReady(t, config, nil))

	renamed := carrier()
	renamed.Segments[0].ID = "drivers"
	renamed.Contracts[0].Grants[1].Segments = []client.SegmentID{"drivers"}
	before := looks.Load()
	s.SetTenants(renamed)
	for _, id := range ids {
		agrees(t, c.Load(), s, ask(id))
	}
	if n := looks.Load() - before; n < 3 || mixed.Load() > 0 {
		t.Errorf("%d looks, in which %d answers were by new terms and old segments", n, mixed.Load())
	}
}
