package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"github.com/ponimayu/opora/internal/tenancy"
)

// statuses is the one table from kinds of error to HTTP statuses. What is not
// here is Internal.
var statuses = map[tenancy.Kind]struct {
	status int
	title  string
}{
	tenancy.Invalid:         {http.StatusBadRequest, "The request is not valid"},
	tenancy.Unauthenticated: {http.StatusUnauthorized, "The access token was not accepted"},
	tenancy.Forbidden:       {http.StatusForbidden, "This is not allowed"},
	tenancy.NotFound:        {http.StatusNotFound, "There is no such thing"},
	tenancy.Conflict:        {http.StatusConflict, "The state of things does not allow this"},
	tenancy.Gone:            {http.StatusGone, "This is not kept any more"},
	tenancy.TooLarge:        {http.StatusRequestEntityTooLarge, "The request is too large"},
	tenancy.Slow:            {http.StatusRequestTimeout, "The request does not come"},
	tenancy.Busy:            {http.StatusTooManyRequests, "Too much of this is under way"},
	tenancy.Full:            {http.StatusInsufficientStorage, "There is no room to store it"},
	tenancy.Unavailable:     {http.StatusServiceUnavailable, "A part of the system is not available"},
	tenancy.Internal:        {http.StatusInternalServerError, "Something went wrong on our side"},
}

// problem is an error's face, RFC 9457. Type stands for the code and is a
// relative reference: a name, not a page to fetch.
type problem struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Code   string `json:"code"`
	Detail string `json:"detail"`
	// Problem is set for a mistake in something that has places, such as a
	// file: sheet, line, column.
	Problem *tenancy.Problem `json:"problem,omitempty"`
}

// errInternal is what the outside learns of an error that has no face.
var errInternal = tenancy.E(tenancy.Internal, "internal", "The request could not be completed; the request id finds it in our log.")

// face returns what the outside may see of err: only the code and the sentence
// that its author meant to be seen, never the cause.
func face(err error) problem {
	var known *tenancy.Error
	var place tenancy.Problem
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &known) && statuses[known.Kind].status != 0 && known.Kind != tenancy.Internal:
		return faceOf(known)
	case errors.As(err, &place):
		p := faceOf(tenancy.E(tenancy.Invalid, string(place.Code), place.Message))
		p.Problem = &place
		return p
	case errors.As(err, &tooLarge):
		return faceOf(tenancy.E(tenancy.TooLarge, "body_too_large", "The body is larger than this address takes."))
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return faceOf(tenancy.E(tenancy.Unavailable, "deadline_exceeded", "The answer took too long; try again."))
	}
	return faceOf(errInternal)
}

func faceOf(e *tenancy.Error) problem {
	row := statuses[e.Kind]
	return problem{Type: "problems/" + e.Code, Title: row.title, Status: row.status, Code: e.Code, Detail: e.Message}
}

// writeError answers with err's face and logs what is our own fault. The cause
// may hold anything, so only its kind and type are logged, never its text.
func (s *Server) writeError(w http.ResponseWriter, r *http.Request, err error) {
	p := face(err)
	h := w.Header()
	switch p.Status {
	case http.StatusUnauthorized:
		challenge := `Bearer realm="opora"`
		if p.Code != codeTokenMissing {
			challenge += `, error="invalid_token", error_description="` + p.Code + `"`
		}
		h.Set("WWW-Authenticate", challenge)
	case http.StatusServiceUnavailable:
		if h.Get("Retry-After") == "" {
			h.Set("Retry-After", "2")
		}
	case http.StatusTooManyRequests:
		h.Set("Retry-After", "10")
	}
	if p.Status >= http.StatusInternalServerError {
		s.log.LogAttrs(r.Context(), levelError, "request failed", requestAttrs(w, r, causeAttr(err))...)
	}
	h.Set("Content-Type", "application/problem+json")
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(p)
}
