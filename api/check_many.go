package api

import (
	"encoding/json"
	"net/http"
	"time"

	"github.com/ponimayu/opora/internal/entitlement"
	"github.com/ponimayu/opora/internal/tenancy"
)

// Bounds of a request for many decisions.
const (
	maxChecks     = 1000
	maxChecksBody = 1 << 20 // bytes
)

// checksRequest asks for many decisions at once: for some pairs of employee and
// type, or for one employee and several types or all.
type checksRequest struct {
	Items *[]json.RawMessage `json:"items"`
	// Without items: a check without a type, and the types; all when absent.
	SpecialistTypes *[]tenancy.SpecialistTypeCode `json:"specialist_types"`
	EmployeeID      tenancy.EmployeeID            `json:"employee_id"`
	At              time.Time                     `json:"at"`
	Format          tenancy.Format                `json:"format"`
	Minutes         int                           `json:"minutes"`
	For             entitlement.For               `json:"for"`
	Used            entitlement.Used              `json:"used"`
	UsedBefore      entitlement.Used              `json:"used_before"`
}

// checksAnswer has as many items as were asked for, in their order.
type checksAnswer struct {
	Items []checkedItem `json:"items"`
}

// checkedItem is a decision, or why there is none.
type checkedItem struct {
	EmployeeID     tenancy.EmployeeID         `json:"employee_id,omitempty"` // when the request names several
	SpecialistType tenancy.SpecialistTypeCode `json:"specialist_type"`
	checkAnswer
	Error *itemError `json:"error,omitempty"`
}

// itemError says what is wrong with one item.
type itemError struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

// checkMany answers many checks in one request: a booking page's, or those of
// many employees. Each employee is read once, so that all answers about him
// are of one state.
func (s *Server) checkMany(w http.ResponseWriter, r *http.Request, _ tenancy.Actor) error {
	lang, err := language(r)
	if err != nil {
		return err
	}
	asked, err := decodeUpTo[checksRequest](w, r, maxChecksBody)
	if err != nil {
		return err
	}
	many := manyChecks{server: s, r: r, lang: lang, snapshots: map[tenancy.EmployeeID]entitlement.Snapshot{}, memory: memories.Get().(*memory)}
	defer many.memory.giveBack()
	many.answer = append(many.answer, `{"items":[`...)
	if asked.Items != nil {
		err = many.pairs(asked)
	} else {
		err = many.types(asked)
	}
	if err != nil {
		return err
	}
	many.answer = append(many.answer, "]}\n"...)
	many.send(w)
	return nil
}

// manyChecks is the work of one request.
type manyChecks struct {
	*memory
	server    *Server
	r         *http.Request
	lang      tenancy.Language
	snapshots map[tenancy.EmployeeID]entitlement.Snapshot
	some      bool // items are written already
}

// pairs answers checks that are each whole.
func (m *manyChecks) pairs(asked checksRequest) error {
	all := *asked.Items
	asked.Items = nil
	switch {
	case asked.EmployeeID != "" || asked.SpecialistTypes != nil || !asked.At.IsZero() || asked.Format != "" || asked.Minutes != 0 || asked.For != "" || !asked.Used.IsZero() || !asked.UsedBefore.IsZero():
		return tenancy.E(tenancy.Invalid, "field_invalid", "items stands alone: each of them is a whole check.")
	case len(all) > maxChecks:
		return errTooManyChecks
	}
	queries, errs, several := parseChecks(all)
	for i := range queries {
		if errs[i] != nil {
			m.addError(errs[i])
			continue
		}
		snapshot, err := m.snapshotOf(queries[i].EmployeeID)
		if err != nil {
			return err
		}
		m.add(&snapshot, &queries[i], several)
	}
	return nil
}

// parseChecks reads each check or says what is wrong with it, and whether they
// are about several employees.
func parseChecks(all []json.RawMessage) (queries []entitlement.Query, errs []error, several bool) {
	queries, errs = make([]entitlement.Query, len(all)), make([]error, len(all))
	var first tenancy.EmployeeID
	for i, raw := range all {
		queries[i], errs[i] = entitlement.ParseQuery(raw)
		switch id := queries[i].EmployeeID; {
		case errs[i] != nil:
		case id == "":
			errs[i] = tenancy.E(tenancy.Invalid, "field_missing", "a check needs employee_id")
		case first == "":
			first = id
		default:
			several = several || id != first
		}
	}
	return queries, errs, several
}

// types answers for one employee and each of the types.
func (m *manyChecks) types(asked checksRequest) error {
	if asked.EmployeeID == "" {
		return tenancy.E(tenancy.Invalid, "field_missing", "checks need items, or employee_id")
	}
	q := entitlement.Query{
		EmployeeID: lower(asked.EmployeeID), At: asked.At, Format: asked.Format, Minutes: asked.Minutes, For: asked.For,
		Used: asked.Used, UsedBefore: asked.UsedBefore, SpecialistType: "any",
	}
	if err := q.Validate(); err != nil {
		return err
	}
	snapshot, err := m.snapshotOf(q.EmployeeID)
	if err != nil {
		return err
	}
	var types []tenancy.SpecialistTypeCode
	switch {
	case asked.SpecialistTypes != nil:
		types = *asked.SpecialistTypes
	case snapshot.Known():
		types = snapshot.Terms.SpecialistTypes()
	}
	if len(types) > maxChecks {
		return errTooManyChecks
	}
	for _, q.SpecialistType = range types {
		if err := q.Validate(); err != nil {
			m.addError(err)
			continue
		}
		m.add(&snapshot, &q, false)
	}
	return nil
}

var errTooManyChecks = tenancy.E(tenancy.Invalid, "checks_too_many", "At most 1000 checks are answered at once.")

// snapshotOf reads about an employee once.
func (m *manyChecks) snapshotOf(id tenancy.EmployeeID) (entitlement.Snapshot, error) {
	if known, ok := m.snapshots[id]; ok {
		return known, nil
	}
	snapshot, err := m.server.snapshot(m.r, id)
	m.snapshots[id] = snapshot
	return snapshot, err
}

// add decides and writes an item.
func (m *manyChecks) add(snapshot *entitlement.Snapshot, q *entitlement.Query, named bool) {
	entitlement.DecideInto(snapshot, q, &m.decision)
	m.begin()
	if named {
		m.answer = append(entitlement.AppendText(append(m.answer, `"employee_id":`...), string(q.EmployeeID)), ',')
	}
	m.answer = append(entitlement.AppendText(append(m.answer, `"specialist_type":`...), string(q.SpecialistType)), ',')
	m.addDecision(m.lang)
	m.answer = append(m.answer, '}')
}

// addError writes an item that was not decided.
func (m *manyChecks) addError(err error) {
	p := face(err)
	m.begin()
	m.answer = entitlement.AppendText(append(m.answer, `"error":{"code":`...), p.Code)
	m.answer = append(entitlement.AppendText(append(m.answer, `,"message":`...), p.Detail), "}}"...)
}

func (m *manyChecks) begin() {
	if m.some {
		m.answer = append(m.answer, ',')
	}
	m.some = true
	m.answer = append(m.answer, '{')
}
