package api

import (
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
