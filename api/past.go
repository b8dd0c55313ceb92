package api

import (
	"context"
	"net/http"
	"time"

	"github.com/ponimayu/opora/internal/entitlement"
	"github.com/ponimayu/opora/internal/reason"
	"github.com/ponimayu/opora/internal/tenancy"
)

// Past answers from history, for disputes, under the same rule as Rosters.
type Past interface {
	// EntitlementsAsOf answers as of at, as far as it was known at known (now
	// when it is zero or yet to come).
	EntitlementsAsOf(ctx context.Context, actor tenancy.Actor, id tenancy.EmployeeID, at, known time.Time) (entitlement.PastEntitlements, error)
}

// entitlementsAsOf answers what an employee was entitled to at an instant, and
// by what.
func (s *Server) entitlementsAsOf(w http.ResponseWriter, r *http.Request, actor tenancy.Actor) error {
	id, err := pathEmployee(r)
	if err != nil {
		return err
	}
	lang, err := language(r)
	if err != nil {
		return err
	}
	at, err := instant(r, "at")
	if err != nil {
		return err
	}
	var known time.Time
	switch r.URL.Query().Get("known") {
	case "":
	case "at":
		known = at
	default:
		if known, err = instant(r, "known"); err != nil {
			return err
		}
	}
	answer, err := s.past.EntitlementsAsOf(r.Context(), actor, id, at, known)
	if err != nil {
		return err
	}
	if lang != "" {
		for i := range answer.Items {
			answer.Items[i].Text = reason.Text(answer.Items[i].Reason, lang)
		}
	}
	s.writeJSON(w, r, http.StatusOK, answer)
	return nil
}
