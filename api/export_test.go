package api

import (
	"context"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/ponimayu/opora/internal/tenancy"
)

// Routes returns the mux, for tests that walk it.
func (s *Server) Routes() chi.Routes { return s.mux }

// Actions returns the action that each guarded address asks for.
func (s *Server) Actions() map[string]tenancy.Action {
	actions := map[string]tenancy.Action{}
	for _, r := range s.table() {
		actions[r.method+" "+r.pattern] = r.action
	}
	return actions
}

// SetPace replaces how slowly a file may come: without a byte, and from when on
// at how many bytes a second.
func (s *Server) SetPace(stall, grace time.Duration, rate float64) { s.pace = pace{stall, grace, rate} }

// Receiving is how many files are being received.
func (s *Server) Receiving() int {
	s.uploads.mu.Lock()
	defer s.uploads.mu.Unlock()
	return s.uploads.all
}

// SetLife replaces what ends when the process stops.
func (s *Server) SetLife(ctx context.Context) { s.life = ctx }

// SetTokenEvery replaces how often a stream looks at its token.
func (s *Server) SetTokenEvery(d time.Duration) { s.tokenEvery = d }

// SetSlowReader replaces how long a stream's listener may take for a page.
func (s *Server) SetSlowReader(d time.Duration) { s.slowReader = d }

// FillWaiters makes as many wait as may.
func (s *Server) FillWaiters() {
	s.waiters.Store(maxWaiters)
	s.changeStreams.Store(maxChangeStreams)
}

// ChangeStreams and Snapshots are how many are under way.
func (s *Server) ChangeStreams() int { return int(s.changeStreams.Load()) }
func (s *Server) Snapshots() int     { return int(s.snapshotting.Load()) }

// How many files are received, and streams open, at once.
const (
	MaxUploads    = maxUploads
	TenantUploads = tenantUploads
	MaxStreams    = maxStreams
	MaxSnapshots  = maxSnapshots
)
