package client

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"
)

// Phase is how well a client can answer.
type Phase string

// The phases.
const (
	Starting Phase = "starting" // there has been no snapshot yet
	Fresh    Phase = "fresh"    // answers are at most MaxStale old
	Stale    Phase = "stale"    // older, and given all the same
	Out      Phase = "out"      // older than Outage: AfterOutage holds
	Closed   Phase = "closed"
)

// State is how a client stands at a moment. It tells of no employee, and is
// fit for metrics and logs.
type State struct {
	Phase Phase `json:"phase"`
	// Connected says that the last request to Opora was answered.
	Connected bool `json:"connected"`
	// Problem is why the last request failed; empty while connected.
	Problem string `json:"problem,omitempty"`

	Employees     int   `json:"employees"` // in memory
	Bytes         int64 `json:"bytes"`     // that they take, about
	TermsRevision int64 `json:"terms_revision"`
	// BrokenTenants are those whose terms this program cannot work with: Check
	// refuses their people with ErrTerms.
	BrokenTenants []TenantSlug `json:"broken_tenants,omitempty"`
	Cursor        Cursor       `json:"cursor,omitempty"` // the place in the feed
	AsOf          time.Time    `json:"as_of,omitzero"`   // of an answer given now

	// Counts since the client was made.
	Snapshots int64 `json:"snapshots"` // taken whole
	Changes   int64 `json:"changes"`   // items of the feed
	Failures  int64 `json:"failures"`  // requests that failed, or whose answers were refused
}

// status is what the follower tells beside the knowledge.
type status struct {
	ready chan struct{} // closed when Check can answer
	wake  chan struct{} // something for the watcher

	mu        sync.Mutex
	isReady   bool
	connected bool
	problem   string
	snapshots int64
	changes   int64
	failures  int64
}

func (s *status) init() {
	s.ready = make(chan struct{})
	s.wake = make(chan struct{}, 1)
}

// update changes the status, and wakes the watcher.
func (s *status) update(change func()) {
	s.mu.Lock()
	change()
	s.mu.Unlock()
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// becomeReady lets those go on who wait in Ready.
func (s *status) becomeReady() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.isReady {
		s.isReady = true
		close(s.ready)
	}
}

// State returns how the client stands now.
func (c *Client) State() State {
	k := c.known.Load()
	c.status.mu.Lock()
	s := State{
		Connected: c.status.connected, Problem: c.status.problem,
		Snapshots: c.status.snapshots, Changes: c.status.changes, Failures: c.status.failures,
	}
	c.status.mu.Unlock()
	s.Phase, s.Cursor, s.TermsRevision, s.BrokenTenants, s.AsOf = c.phase(k), k.cursor, k.terms, slices.Clone(k.broken), k.asOf.wall
	if k.closed {
		s.Connected = false
	}
	if k.directory != nil {
		s.Employees, s.Bytes = k.directory.Len(), int64(k.directory.Bytes())
	}
	return s
}

func (c *Client) phase(k *knowledge) Phase {
	switch {
	case k.closed:
		return Closed
	case k.directory == nil:
		return Starting
	}
	switch age := c.clock().since(k.asOf); {
	case age > c.config.Outage:
		return Out
	case age > c.config.MaxStale:
		return Stale
	}
	return Fresh
}

// watch tells logger and hook of changes of phase and connection. The age of
// what is known grows while nothing else happens, so it looks from time to time.
func (c *Client) watch(ctx context.Context) {
	ticker := time.NewTicker(min(max(c.config.MaxStale/4, 10*time.Millisecond), 500*time.Millisecond))
	defer ticker.Stop()
	told := State{Phase: Starting}
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		case <-c.status.wake:
		}
		now := c.State()
		if now.Phase != told.Phase || now.Connected != told.Connected || (now.Problem == "") != (told.Problem == "") || !slices.Equal(now.BrokenTenants, told.BrokenTenants) {
			c.tell(now)
			told = now
		}
	}
}

func (c *Client) tell(s State) {
	level := slog.LevelInfo
	if s.Phase != Fresh || !s.Connected || len(s.BrokenTenants) > 0 {
		level = slog.LevelWarn
	}
	c.config.Logger.Log(context.Background(), level, "entitlements of Opora", "phase", string(s.Phase),
		"connected", s.Connected, "employees", s.Employees, "as_of", s.AsOf, "broken_tenants", s.BrokenTenants, "problem", s.Problem)
	if c.config.OnState != nil {
		c.config.OnState(s)
	}
}
