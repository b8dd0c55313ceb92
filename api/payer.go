package api

import (
	"net/http"

	"github.com/ponimayu/opora/internal/entitlement"
	"github.com/ponimayu/opora/internal/tenancy"
)

// payer answers who pays for an appointment, for the payments system. Like a
// check it leaves no trace of who was asked about.
func (s *Server) payer(w http.ResponseWriter, r *http.Request, _ tenancy.Actor) error {
	if err := requireJSON(r); err != nil {
		return err
	}
	m := memories.Get().(*memory)
	defer m.giveBack()
	if err := m.read(w, r, maxCheck); err != nil {
		return err
	}
	q, err := entitlement.ParsePayerQuery(m.body)
	if err != nil {
		return err
	}
	snapshot, err := s.snapshot(r, q.EmployeeID)
	if err != nil {
		return err
	}
	s.writeJSON(w, r, http.StatusOK, entitlement.WhoPays(snapshot, q))
	return nil
}
