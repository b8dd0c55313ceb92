package keycloak

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"syscall"

	"github.com/Nerzal/gocloak/v13"

	"github.com/ponimayu/opora/internal/tenancy"
)

// statusError is an answer of Keycloak's that says no.
type statusError struct {
	Status int
	Method string
	Path   string // without a query
	Said   string // Keycloak's own words; empty where they could hold personal data
}

// Error implements error.
func (e *statusError) Error() string {
	text := fmt.Sprintf("%s %s: %d", e.Method, e.Path, e.Status)
	if e.Said != "" {
		text += ": " + e.Said
	}
	return text
}

// newStatusError keeps what Keycloak said about the realm's objects. About
// people it repeats the values it was sent, so there nothing is kept.
func newStatusError(method, address string, status int, body []byte) error {
	e := &statusError{Status: status, Method: method, Path: address}
	if u, err := url.Parse(address); err == nil {
		e.Path = u.Path
	}
	if !strings.Contains(e.Path, "/users") && !strings.Contains(e.Path, "/partialImport") {
		e.Said = said(body)
	}
	return e.as()
}

// said picks Keycloak's sentence from an error document, at most 200 characters.
func said(body []byte) string {
	var document struct {
		Message     string `json:"errorMessage"`
		Description string `json:"error_description"`
		Error       string `json:"error"`
	}
	if json.Unmarshal(body, &document) != nil {
		return ""
	}
	for _, s := range []string{document.Message, document.Description, document.Error} {
		if s != "" {
			return s[:min(len(s), 200)]
		}
	}
	return ""
}

// as gives the error its kind.
func (e *statusError) as() error {
	switch e.Status {
	case http.StatusBadRequest:
		return tenancy.E(tenancy.Invalid, "keycloak_refused", "Keycloak refuses the values", e)
	case http.StatusUnauthorized:
		return tenancy.E(tenancy.Unauthenticated, "keycloak_credential_refused", "Keycloak refuses the client's token", e)
	case http.StatusForbidden:
		return tenancy.E(tenancy.Forbidden, "keycloak_forbidden", "the client lacks the rights for this in Keycloak", e)
	case http.StatusNotFound:
		return tenancy.E(tenancy.NotFound, "keycloak_absent", "Keycloak does not have it", e)
	case http.StatusConflict:
		return tenancy.E(tenancy.Conflict, "keycloak_conflict", "Keycloak already has another one like it", e)
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return unavailable(e)
	}
	return tenancy.E(tenancy.Internal, "keycloak_failed", "Keycloak failed", e)
}

// asError gives the error of a call that got no answer, or that gocloak made,
// its kind. A transport's error names the address with its query, so only its
// cause is kept.
func asError(err error) error {
	var e *tenancy.Error
	if err == nil || errors.As(err, &e) {
		return err
	}
	var api *gocloak.APIError
	if errors.As(err, &api) && api.Code > 0 {
		return (&statusError{Status: api.Code, Method: "call", Path: "of gocloak"}).as()
	}
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err
	}
	return unavailable(err)
}

// statusOf returns the status of the answer that err tells of, 0 when there
// was none.
func statusOf(err error) int {
	var s *statusError
	if errors.As(err, &s) {
		return s.Status
	}
	return 0
}

// isRefusal reports whether the error already says what a person must mend, so
// that trying again helps nobody.
func isRefusal(err error) bool {
	var e *tenancy.Error
	return errors.As(err, &e) && e.Kind != tenancy.Unavailable
}

// neverSent reports whether the call failed without Keycloak having begun it.
func neverSent(err error, status int) bool {
	return status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable || errors.Is(err, syscall.ECONNREFUSED)
}
