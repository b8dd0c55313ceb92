package main

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/google/uuid"

	"github.com/ponimayu/opora/examples/bookingcore/booking"
)

// api is the service over HTTP. Who the employee is comes from his token,
// never from a body or an address.
type api struct {
	service      *booking.Service
	authenticate authenticate
	ready        func() error // why nothing can be booked at present
	log          *slog.Logger
}

// deadline bounds a request.
const deadline = 20 * time.Second

// handler returns the routes.
func (a *api) handler() http.Handler {
	r := chi.NewRouter()
	r.Use(bounded)
	r.Get("/healthz", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	r.Get("/readyz", a.readyz)
	r.Post("/v1/allowance", a.as(roleEmployee, a.allowance))
	r.Post("/v1/appointments", a.as(roleEmployee, a.book))
	r.Get("/v1/appointments", a.as(roleEmployee, a.list))
	r.Get("/v1/appointments/{id}", a.as(roleEmployee, a.get))
	r.Post("/v1/appointments/{id}/cancel", a.as(roleEmployee, a.cancel))
	r.Post("/v1/appointments/{id}/reschedule", a.as(roleEmployee, a.reschedule))
	r.Post("/v1/appointments/{id}/complete", a.as(roleSpecialist, a.complete))
	r.Post("/v1/appointments/{id}/no-show", a.as(roleSpecialist, a.noShow))
	r.Post("/v1/sweeps", a.as(roleAdmin, a.sweep))
	return r
}

// bounded gives every request a deadline and a small body.
func bounded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), deadline)
		defer cancel()
		r.Body = http.MaxBytesReader(w, r.Body, 16<<10)
		w.Header().Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}

func (a *api) readyz(w http.ResponseWriter, r *http.Request) {
	if err := a.ready(); err != nil {
		a.fail(w, r, &booking.Error{Kind: booking.Unavailable, Code: "entitlement_unavailable", Message: "Opora's answers have not come yet, or are too old."})
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// allowance says what is left for a wish; it is a POST because who asks for
// which help does not belong into addresses, which are logged everywhere.
func (a *api) allowance(w http.ResponseWriter, r *http.Request, c caller) error {
	wish, err := read[booking.Wish](r)
	if err != nil {
		return err
	}
	wish.EmployeeID = c.employee()
	decision, err := a.service.Allowance(r.Context(), wish)
	return write(w, http.StatusOK, decision, err)
}

func (a *api) book(w http.ResponseWriter, r *http.Request, c caller) error {
	wish, err := read[booking.Wish](r)
	if err != nil {
		return err
	}
	once, err := onceOf(r, c)
	if err != nil {
		return err
	}
	wish.EmployeeID = c.employee()
	made, err := a.service.Book(r.Context(), once, wish)
	return write(w, http.StatusCreated, made, err)
}

func (a *api) list(w http.ResponseWriter, r *http.Request, c caller) error {
	from := time.Now()
	if text := r.URL.Query().Get("from"); text != "" {
		var err error
		if from, err = time.Parse(time.RFC3339, text); err != nil {
			return badRequest("from_invalid", "from is an RFC 3339 time with its zone.")
		}
	}
	all, err := a.service.List(r.Context(), c.employee(), from)
	return write(w, http.StatusOK, map[string]any{"items": all}, err)
}

func (a *api) get(w http.ResponseWriter, r *http.Request, c caller) error {
	found, err := a.service.Get(r.Context(), c.employee(), idOf(r))
	return write(w, http.StatusOK, found, err)
}

func (a *api) cancel(w http.ResponseWriter, r *http.Request, c caller) error {
	once, err := onceOf(r, c)
	if err != nil {
		return err
	}
	changed, err := a.service.Cancel(r.Context(), once, c.employee(), idOf(r))
	return write(w, http.StatusOK, changed, err)
}

func (a *api) reschedule(w http.ResponseWriter, r *http.Request, c caller) error {
	to, err := read[struct {
		At time.Time `json:"at"`
	}](r)
	if err != nil {
		return err
	}
	once, err := onceOf(r, c)
	if err != nil {
		return err
	}
	changed, err := a.service.Reschedule(r.Context(), once, c.employee(), idOf(r), to.At)
	return write(w, http.StatusOK, changed, err)
}

func (a *api) complete(w http.ResponseWriter, r *http.Request, c caller) error {
	return a.close(w, r, c, a.service.Complete)
}

func (a *api) noShow(w http.ResponseWriter, r *http.Request, c caller) error {
	return a.close(w, r, c, a.service.NoShow)
}

// close says what became of an appointment. A specialist learns no more of it
// than that it was done.
func (a *api) close(w http.ResponseWriter, r *http.Request, c caller, do func(context.Context, booking.Once, uuid.UUID) (booking.Appointment, error)) error {
	once, err := onceOf(r, c)
	if err != nil {
		return err
	}
	closed, err := do(r.Context(), once, idOf(r))
	return write(w, http.StatusOK, map[string]any{"id": closed.ID, "state": closed.State}, err)
}

// sweep looks at all appointments ahead now; accept is the admin's word for
// one that was held because it would cancel very many.
func (a *api) sweep(w http.ResponseWriter, r *http.Request, _ caller) error {
	order, err := read[struct {
		Accept bool `json:"accept"`
	}](r)
	if err != nil {
		return err
	}
	swept, err := a.service.Sweep(r.Context(), order.Accept)
	return write(w, http.StatusOK, swept, err)
}

// idOf is the appointment's id in the address; what is none is nobody's.
func idOf(r *http.Request) uuid.UUID {
	id, _ := uuid.Parse(chi.URLParam(r, "id"))
	return id
}

// onceOf reads the Idempotency-Key, which every write has.
func onceOf(r *http.Request, c caller) (booking.Once, error) {
	key := r.Header.Get("Idempotency-Key")
	if len(key) < 8 || len(key) > 128 {
		return booking.Once{}, errKey
	}
	return booking.Once{Actor: c.id, Key: key}, nil
}

// read reads exactly one JSON value of the expected shape.
func read[T any](r *http.Request) (v T, err error) {
	d := json.NewDecoder(r.Body)
	d.DisallowUnknownFields()
	if d.Decode(&v) != nil || d.Decode(new(json.RawMessage)) != io.EOF {
		return v, badRequest("json_invalid", "The body is one JSON object with the fields that are described, and no others.")
	}
	return v, nil
}

// write answers with v, or hands the error on.
func write(w http.ResponseWriter, status int, v any, err error) error {
	if err != nil {
		return err
	}
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(b)
	return nil
}
