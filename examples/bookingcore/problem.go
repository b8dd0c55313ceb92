package main

import (
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"

	"github.com/go-chi/chi/v5"

	"github.com/ponimayu/opora/examples/bookingcore/booking"
)

// problem is an error's face, RFC 9457.
type problem struct {
	Title  string `json:"title"`
	Status int    `json:"status"`
	Code   string `json:"code"`
	Detail string `json:"detail"`
}

// Error implements error.
func (p problem) Error() string { return p.Detail }

var (
	errToken = problem{"The access token was not accepted", http.StatusUnauthorized, "token_invalid", "Send an access token of the realm as bearer."}
	errRole  = problem{"This is not allowed", http.StatusForbidden, "role_missing", "The access token's role does not allow this."}
	errKey   = badRequest("idempotency_key_missing", "Send an Idempotency-Key of 8 to 128 characters, a new one for each thing that is to be done.")
)

func badRequest(code, detail string) problem {
	return problem{titles[booking.Invalid].title, http.StatusBadRequest, code, detail}
}

// titles is the one table from kinds of error to statuses.
var titles = map[booking.Kind]struct {
	status int
	title  string
}{
	booking.Invalid:     {http.StatusBadRequest, "The request is not valid"},
	booking.NotFound:    {http.StatusNotFound, "There is no such thing"},
	booking.Refused:     {http.StatusConflict, "It cannot be booked"},
	booking.Conflict:    {http.StatusConflict, "The state of things does not allow this"},
	booking.Unavailable: {http.StatusServiceUnavailable, "A part of the system is not available"},
}

// fail answers with the error's face. What is our own fault is logged, with
// the route and without who asked for what.
func (a *api) fail(w http.ResponseWriter, r *http.Request, err error) {
	face := problem{"Something went wrong on our side", http.StatusInternalServerError, "internal", "The request could not be completed."}
	var known *booking.Error
	switch {
	case errors.As(err, &face):
	case errors.As(err, &known):
		row := titles[known.Kind]
		face = problem{row.title, row.status, known.Code, known.Message}
	}
	if face.Status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", "5")
	}
	if face.Status >= http.StatusInternalServerError {
		a.log.LogAttrs(r.Context(), slog.LevelError, "request failed",
			slog.String("route", chi.RouteContext(r.Context()).RoutePattern()), slog.String("code", face.Code), slog.String("cause", booking.CauseOf(err)))
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(face.Status)
	_ = json.NewEncoder(w).Encode(face)
}
