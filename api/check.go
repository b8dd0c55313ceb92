package api

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/ponimayu/opora/internal/entitlement"
	"github.com/ponimayu/opora/internal/tenancy"
)

// maxCheck bounds the body of a check, in bytes.
const maxCheck = 64 << 10

// check answers whether an employee may book. It is the hot path, and it
// leaves no trace of who was asked about.
func (s *Server) check(w http.ResponseWriter, r *http.Request, _ tenancy.Actor) error {
	b := buffers.Get().(*bytes.Buffer)
	defer buffers.Put(b)
	b.Reset()
	if err := requireJSON(r); err != nil {
		return err
	}
	if _, err := io.Copy(b, http.MaxBytesReader(w, r.Body, maxCheck)); err != nil {
		return err
	}
	q, err := entitlement.ParseQuery(b.Bytes())
	if err != nil {
		return err
	}
	if q.EmployeeID == "" {
		return tenancy.E(tenancy.Invalid, "field_missing", "a check needs employee_id")
	}
	snapshot, err := s.snapshots.Snapshot(r.Context(), q.EmployeeID)
	if err != nil {
		return err
	}
	s.writeJSON(w, r, http.StatusOK, entitlement.Decide(snapshot, q))
	return nil
}

// entitlementsAnswer is what an employee may use at an instant.
type entitlementsAnswer struct {
	EmployeeID tenancy.EmployeeID `json:"employee_id"`
	Tenant     tenancy.TenantSlug `json:"tenant"`
	At         time.Time          `json:"at"`
	Items      []typeAnswer       `json:"items"`
	Revision   string             `json:"revision"`
}

// typeAnswer is the decision for one specialist type, nothing being used.
type typeAnswer struct {
	SpecialistType tenancy.SpecialistTypeCode `json:"specialist_type"`
	entitlement.Decision
}

// entitlements answers what an employee may use at an instant, type by type,
// before any use is counted.
func (s *Server) entitlements(w http.ResponseWriter, r *http.Request, _ tenancy.Actor) error {
	id := tenancy.EmployeeID(pathID(r))
	at, err := instant(r, "at")
	if err != nil {
		return err
	}
	snapshot, err := s.snapshots.Snapshot(r.Context(), id)
	if err != nil {
		return err
	}
	if !snapshot.Known() {
		return errEmployeeUnknown
	}
	answer := entitlementsAnswer{EmployeeID: id, Tenant: snapshot.Terms.Tenant(), At: at, Items: []typeAnswer{}, Revision: snapshot.Revision}
	for _, code := range snapshot.Terms.SpecialistTypes() {
		q := entitlement.Query{EmployeeID: id, SpecialistType: code, At: at}
		if err := q.Validate(); err != nil {
			return err
		}
		answer.Items = append(answer.Items, typeAnswer{code, entitlement.Decide(snapshot, q)})
	}
	s.writeJSON(w, r, http.StatusOK, answer)
	return nil
}

// errEmployeeUnknown is said of an employee who does not exist and of one whom
// the caller does not reach, in the same words.
var errEmployeeUnknown = tenancy.E(tenancy.NotFound, "employee_unknown", "There is no such employee.")

// instant reads a time from the query string; now when absent.
func instant(r *http.Request, name string) (time.Time, error) {
	text := r.URL.Query().Get(name)
	if text == "" {
		return time.Now().UTC().Truncate(time.Second), nil
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return time.Time{}, tenancy.E(tenancy.Invalid, "field_invalid", fmt.Sprintf("%s is an RFC 3339 time with its zone, such as 2026-12-01T10:00:00%%2B03:00", name))
	}
	return at, nil
}
