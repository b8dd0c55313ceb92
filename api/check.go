package api

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"sync"

	"github.com/ponimayu/opora/internal/entitlement"
	"github.com/ponimayu/opora/internal/reason"
	"github.com/ponimayu/opora/internal/tenancy"
)

// Snapshots reads what a decision about an employee needs. An employee who is
// not known has a snapshot without a subject.
type Snapshots interface {
	// Held is Snapshot where it need not wait, which is nearly always: false
	// when it may have to.
	Held(id tenancy.EmployeeID) (entitlement.Snapshot, bool)
	Snapshot(ctx context.Context, id tenancy.EmployeeID) (entitlement.Snapshot, error)
}

// maxCheck bounds the body of a check, in bytes.
const maxCheck = 64 << 10

// checkAnswer is the answer to a check.
type checkAnswer struct {
	entitlement.Decision
	Text string `json:"text,omitempty"` // what the employee is told, when a language was asked for
}

// check answers whether an employee may book. It is the hot path, and it
// leaves no trace of who was asked about.
func (s *Server) check(w http.ResponseWriter, r *http.Request, _ tenancy.Actor) error {
	lang, err := language(r)
	if err != nil {
		return err
	}
	if err := requireJSON(r); err != nil {
		return err
	}
	m := memories.Get().(*memory)
	defer m.giveBack()
	if err := m.read(w, r, maxCheck); err != nil {
		return err
	}
	q, err := entitlement.ParseQuery(m.body)
	if err != nil {
		return err
	}
	if q.EmployeeID == "" {
		return tenancy.E(tenancy.Invalid, "field_missing", "a check needs employee_id")
	}
	snapshot, err := s.snapshot(r, q.EmployeeID)
	if err != nil {
		return err
	}
	entitlement.DecideInto(&snapshot, &q, &m.decision)
	m.answer = append(m.answer, '{')
	m.addDecision(lang)
	m.answer = append(m.answer, "}\n"...)
	m.send(w)
	return nil
}

// snapshot reads about an employee: without a deadline from memory, and with
// one where it is to be waited for.
func (s *Server) snapshot(r *http.Request, id tenancy.EmployeeID) (entitlement.Snapshot, error) {
	if held, ok := s.snapshots.Held(id); ok {
		return held, nil
	}
	ctx, cancel := context.WithTimeout(r.Context(), checkDeadline)
	defer cancel()
	return s.snapshots.Snapshot(ctx, id)
}

// memory is what one check after another is read into, decided in and
// written from: thousands a second.
type memory struct {
	body     []byte
	decision entitlement.Decision
	answer   []byte
}

var memories = sync.Pool{New: func() any { return &memory{body: make([]byte, 0, 1<<10), answer: make([]byte, 0, 4<<10)} }}

// maxMemory is how much of either is kept for the next.
const maxMemory = 64 << 10

func (m *memory) giveBack() {
	if cap(m.body)+cap(m.answer) > maxMemory {
		return
	}
	clear(m.body) // what was asked is not kept, not even here
	m.body, m.answer = m.body[:0], m.answer[:0]
	memories.Put(m)
}

// read takes the body, of at most limit bytes.
func (m *memory) read(w http.ResponseWriter, r *http.Request, limit int64) error {
	if r.ContentLength > limit {
		return &http.MaxBytesError{Limit: limit}
	}
	from := r.Body
	if r.ContentLength < 0 {
		from = http.MaxBytesReader(w, from, limit)
	}
	for {
		if len(m.body) == cap(m.body) {
			m.body = append(m.body, 0)[:len(m.body)]
		}
		n, err := from.Read(m.body[len(m.body):cap(m.body)])
		m.body = m.body[:len(m.body)+n]
		switch {
		case err == io.EOF:
			return nil
		case errors.Is(err, io.ErrUnexpectedEOF):
			return tenancy.E(tenancy.Invalid, "json_invalid", "The body ends in the middle of a JSON value.")
		case err != nil:
			return err
		}
	}
}

// addDecision writes the members of the decision, and what the employee is told
// of it in a language, nothing in the empty one.
func (m *memory) addDecision(lang tenancy.Language) {
	m.answer = m.decision.AppendMembers(m.answer)
	if lang != "" {
		m.answer = entitlement.AppendText(append(m.answer, `,"text":`...), reason.Text(m.decision.Reason, lang))
	}
}

// send answers with what was written.
func (m *memory) send(w http.ResponseWriter) {
	h := w.Header()
	h["Content-Type"] = contentTypeJSON
	if len(m.answer) > chunked {
		h["Content-Length"] = []string{strconv.Itoa(len(m.answer))}
	}
	_, _ = w.Write(m.answer)
}

// chunked is from where on net/http does not count an answer by itself.
const chunked = 2 << 10
