package api

import (
	"net/http"
	"strings"

	"github.com/ponimayu/opora/internal/tenancy"
)

// codeTokenMissing is the code of a request without any token, which is
// challenged without an error (RFC 6750, section 3.1).
const codeTokenMissing = "token_missing"

// authenticate returns whom the request's bearer token speaks for. A cookie is
// refused: what a browser sends by itself must never authenticate here.
func (s *Server) authenticate(r *http.Request) (tenancy.Actor, error) {
	if _, ok := r.Header["Cookie"]; ok {
		return tenancy.Actor{}, tenancy.E(tenancy.Invalid, "cookies_refused", "This API takes bearer tokens and no cookies.")
	}
	given := r.Header["Authorization"]
	if len(given) == 0 {
		return tenancy.Actor{}, tenancy.E(tenancy.Unauthenticated, codeTokenMissing, "Send Authorization: Bearer with an access token.")
	}
	scheme, raw, ok := strings.Cut(given[0], " ")
	if len(given) > 1 || !ok || !strings.EqualFold(scheme, "Bearer") {
		return tenancy.Actor{}, tenancy.E(tenancy.Unauthenticated, codeTokenMissing, "Send one Authorization header: Bearer with an access token.")
	}
	return s.tokens.Verify(r.Context(), raw)
}
