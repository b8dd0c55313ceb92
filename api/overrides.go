package api

import (
	"context"
	"net/http"
	"regexp"
	"strings"

	"github.com/go-chi/chi/v5"

	"github.com/ponimayu/opora/internal/entitlement"
	"github.com/ponimayu/opora/internal/tenancy"
)

// Overrides are the dated exceptions of one employee, under the same rule as
// Rosters.
type Overrides interface {
	Overrides(ctx context.Context, actor tenancy.Actor, id tenancy.EmployeeID) ([]entitlement.Override, error)
	// AddOverride makes nothing (made is false) when the same request came
	// under the same key before; an empty key is none.
	AddOverride(ctx context.Context, actor tenancy.Actor, id tenancy.EmployeeID, asked entitlement.OverrideRequest, key string) (o entitlement.Override, made bool, err error)
	EndOverride(ctx context.Context, actor tenancy.Actor, id tenancy.EmployeeID, override entitlement.OverrideID) (entitlement.Override, error)
}

func (s *Server) listOverrides(w http.ResponseWriter, r *http.Request, actor tenancy.Actor) error {
	id, err := pathEmployee(r)
	if err != nil {
		return err
	}
	all, err := s.overrides.Overrides(r.Context(), actor, id)
	if err != nil {
		return err
	}
	s.writeJSON(w, r, http.StatusOK, items[entitlement.Override]{Items: append([]entitlement.Override{}, all...)})
	return nil
}

func (s *Server) addOverride(w http.ResponseWriter, r *http.Request, actor tenancy.Actor) error {
	id, err := pathEmployee(r)
	if err != nil {
		return err
	}
	key, err := idempotencyKey(r)
	if err != nil {
		return err
	}
	asked, err := decode[entitlement.OverrideRequest](w, r)
	if err != nil {
		return err
	}
	o, made, err := s.overrides.AddOverride(r.Context(), actor, id, asked, key)
	if err != nil {
		return err
	}
	status := http.StatusOK
	if made {
		status = http.StatusCreated
	}
	s.writeJSON(w, r, status, o)
	return nil
}

func (s *Server) endOverride(w http.ResponseWriter, r *http.Request, actor tenancy.Actor) error {
	id, err := pathEmployee(r)
	if err != nil {
		return err
	}
	o, err := s.overrides.EndOverride(r.Context(), actor, id, entitlement.OverrideID(strings.ToLower(chi.URLParam(r, "override"))))
	if err != nil {
		return err
	}
	s.writeJSON(w, r, http.StatusOK, o)
	return nil
}

// pathEmployee reads the employee of the address; what is no id is nobody's.
func pathEmployee(r *http.Request) (tenancy.EmployeeID, error) {
	id := pathID(r)
	if !isUUID(id) {
		return "", errEmployeeUnknown
	}
	return tenancy.EmployeeID(id), nil
}

var keyPattern = regexp.MustCompile(`^[A-Za-z0-9._:-]{1,128}$`)

// idempotencyKey reads the caller's name for the request; "" when he gives none.
func idempotencyKey(r *http.Request) (string, error) {
	given := r.Header.Values("Idempotency-Key")
	switch {
	case len(given) == 0:
		return "", nil
	case len(given) > 1 || !keyPattern.MatchString(strings.Trim(given[0], `"`)):
		return "", tenancy.E(tenancy.Invalid, "key_invalid", "Idempotency-Key is one word of at most 128 Latin letters, digits and . _ : -, such as a UUID.")
	}
	return strings.Trim(given[0], `"`), nil
}
