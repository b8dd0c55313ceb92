package api

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/ponimayu/opora/internal/tenancy"
)

const levelError = slog.LevelError

// quiet are the routes whose requests are not logged one by one when they
// succeed: checks, so that nothing is recorded about when somebody sought
// help, the feed, which is asked all the time, and the probes, which would drown the rest.
var quiet = map[string]bool{
	"/v1/entitlements/check": true, "/v1/entitlements/checks": true, "/v1/entitlements/payer": true, "/v1/employees/{id}/entitlements": true,
	"/v1/changes": true, "/v1/changes/terms": true,
	"/healthz": true, "/readyz": true, "/metrics": true,
}

// observed is a response writer that remembers what was answered.
type observed struct {
	http.ResponseWriter
	status int
	bytes  int
}

// WriteHeader implements http.ResponseWriter.
func (o *observed) WriteHeader(status int) {
	if o.status == 0 {
		o.status = status
	}
	o.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (o *observed) Write(b []byte) (int, error) {
	if o.status == 0 {
		o.status = http.StatusOK
	}
	n, err := o.ResponseWriter.Write(b)
	o.bytes += n
	return n, err
}

// Unwrap lets http.ResponseController reach the writer below.
func (o *observed) Unwrap() http.ResponseWriter { return o.ResponseWriter }

// Headers that every answer carries; the slices are shared and never changed.
var (
	noSniff    = []string{"nosniff"}
	noStore    = []string{"no-store"}
	noReferrer = []string{"no-referrer"}
	noContent  = []string{"default-src 'none'; frame-ancestors 'none'"}
	sameOrigin = []string{"same-origin"}
	https      = []string{"max-age=31536000"}
)

// requestIDHeader carries our own number of the request; a caller's is not
// taken over, because it would go into our log.
const requestIDHeader = "X-Request-Id"

// observe stands around every request: it numbers it, sets the headers that
// protect the answer, survives a panic, and afterwards measures and logs it, by
// its route's pattern and never by its path.
func (s *Server) observe(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		o := &observed{ResponseWriter: w}
		h := w.Header()
		h[requestIDHeader] = []string{newRequestID()}
		h["X-Content-Type-Options"], h["Cache-Control"], h["Referrer-Policy"] = noSniff, noStore, noReferrer
		h["Content-Security-Policy"], h["Cross-Origin-Resource-Policy"] = noContent, sameOrigin
		h["Strict-Transport-Security"] = https
		defer s.finish(o, r, start)
		next.ServeHTTP(o, r)
	})
}

// newRequestID returns sixteen random hexadecimal digits.
func newRequestID() string {
	const digits = "0123456789abcdef"
	var b [16]byte
	n := rand.Uint64()
	for i := range b {
		b[i] = digits[n&15]
		n >>= 4
	}
	return string(b[:])
}

// finish is deferred by observe: it answers a panic with a bland 500, without
// its value, which may hold anything.
func (s *Server) finish(o *observed, r *http.Request, start time.Time) {
	if p := recover(); p != nil {
		if err, ok := p.(error); ok && errors.Is(err, http.ErrAbortHandler) {
			panic(p)
		}
		s.log.LogAttrs(r.Context(), levelError, "panic", requestAttrs(o, r, slog.String("value_type", fmt.Sprintf("%T", p)), slog.String("stack", stack()))...)
		if o.status == 0 {
			s.writeError(o, r, errInternal)
		}
	}
	pattern := patternOf(r)
	took := time.Since(start)
	s.metrics.observe(methodOf(r), pattern, o.status, took)
	if quiet[pattern] && o.status < http.StatusInternalServerError {
		return
	}
	s.log.LogAttrs(r.Context(), slog.LevelInfo, "request", requestAttrs(o, r, slog.Int("status", o.status),
		slog.Int("bytes", o.bytes), slog.Duration("took", took))...)
}

// requestAttrs says which request is meant without saying whom it concerns.
func requestAttrs(w http.ResponseWriter, r *http.Request, more ...slog.Attr) []slog.Attr {
	return append([]slog.Attr{slog.String("request_id", w.Header().Get(requestIDHeader)),
		slog.String("method", methodOf(r)), slog.String("route", patternOf(r))}, more...)
}

// methodOf returns the request's method when some route has it, so that a
// caller's own word gets neither into the log nor into a metric's label.
func methodOf(r *http.Request) string {
	switch r.Method {
	case http.MethodGet, http.MethodPost, http.MethodPatch, http.MethodDelete, http.MethodHead:
		return r.Method
	}
	return "other"
}

// patternOf returns the route's pattern, which holds no ids.
func patternOf(r *http.Request) string {
	if c := chi.RouteContext(r.Context()); c != nil {
		if p := c.RoutePattern(); p != "" && p != "/*" {
			return p
		}
	}
	return "unmatched"
}

// causeAttr describes an error for our log by its types and codes only: an
// error's text may quote a value of the database.
func causeAttr(err error) slog.Attr {
	var kinds []string
	for e := err; e != nil; e = errors.Unwrap(e) {
		kinds = append(kinds, fmt.Sprintf("%T", e))
		if many, ok := e.(interface{ Unwrap() []error }); ok {
			for _, one := range many.Unwrap() {
				kinds = append(kinds, causeAttr(one).Value.String())
			}
		}
	}
	text := strings.Join(kinds, " < ")
	var known *tenancy.Error
	if errors.As(err, &known) {
		text = known.Code + ": " + text
	}
	if state, ok := errors.AsType[interface {
		error
		SQLState() string
	}](err); ok {
		text += " SQLSTATE " + state.SQLState()
	}
	if errors.Is(err, context.DeadlineExceeded) {
		text += " (deadline)"
	}
	return slog.String("cause", text)
}

// stack lists the functions that led to a panic, without their arguments.
func stack() string {
	var pcs [32]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(4, pcs[:])])
	var b strings.Builder
	for {
		f, more := frames.Next()
		b.WriteString(f.Function + ":" + strconv.Itoa(f.Line) + " ")
		if !more {
			return b.String()
		}
	}
}
