package api

import (
	"net/http"

	"github.com/go-chi/chi/v5"

	"github.com/ponimayu/opora/internal/tenancy"
)

// tenantOf reads the tenant of the address.
func tenantOf(r *http.Request) tenancy.TenantSlug { return tenancy.TenantSlug(chi.URLParam(r, "slug")) }

// readMapping answers what is remembered of the headers of a tenant's lists.
func (s *Server) readMapping(w http.ResponseWriter, r *http.Request, actor tenancy.Actor) error {
	m, err := s.rosters.RememberedMapping(r.Context(), actor, tenantOf(r))
	if err != nil {
		return err
	}
	s.writeJSON(w, r, http.StatusOK, m)
	return nil
}

// forgetMapping forgets it.
func (s *Server) forgetMapping(w http.ResponseWriter, r *http.Request, actor tenancy.Actor) error {
	if err := s.rosters.ForgetMapping(r.Context(), actor, tenantOf(r)); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// rosterStatus answers when a tenant's list last came, and when the next is due.
func (s *Server) rosterStatus(w http.ResponseWriter, r *http.Request, actor tenancy.Actor) error {
	status, err := s.rosters.RosterStatus(r.Context(), actor, tenantOf(r))
	if err != nil {
		return err
	}
	s.writeJSON(w, r, http.StatusOK, status)
	return nil
}
