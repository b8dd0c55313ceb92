package roster

import (
	"strings"

	"github.com/ponimayu/opora/internal/tenancy"
)

// people finds somebody we have by evidence that a row gives under a key we do
// not have. Names alone never find anybody: namesakes are common.
type people struct {
	byEvidence map[string]tenancy.EmployeeID // "" where two people share it
	jobs       map[tenancy.EmployeeID][]Have
}

func (p *people) add(h Have) {
	if p.byEvidence == nil {
		p.byEvidence = map[string]tenancy.EmployeeID{}
		p.jobs = map[tenancy.EmployeeID][]Have{}
	}
	keys := evidence(h.Person)
	if h.EmailConfirmed && h.Email != "" {
		keys = append(keys, emailEvidence(h.Email))
	}
	if h.PhoneConfirmed && h.Phone != "" {
		keys = append(keys, "phone\x00"+h.Phone)
	}
	for _, key := range keys {
		if other, taken := p.byEvidence[key]; taken && other != h.EmployeeID {
			p.byEvidence[key] = ""
			continue
		}
		p.byEvidence[key] = h.EmployeeID
	}
	if len(keys) > 0 || len(p.jobs[h.EmployeeID]) > 0 {
		p.jobs[h.EmployeeID] = append(p.jobs[h.EmployeeID], h)
	}
}

// find returns the employments of the one person to whom the row's evidence
// points, or nil when it points to nobody or to several.
func (p *people) find(w Want) []Have {
	keys := evidence(w.Person)
	if w.Email != "" {
		keys = append(keys, emailEvidence(w.Email))
	}
	if w.Phone != "" {
		keys = append(keys, "phone\x00"+w.Phone)
	}
	var found tenancy.EmployeeID
	for _, key := range keys {
		id := p.byEvidence[key]
		switch {
		case id == "":
		case found != "" && found != id:
			return nil
		default:
			found = id
		}
	}
	if known := p.jobs[found]; found != "" && !contradicts(known[0].Person, w.Person) {
		return known
	}
	return nil
}

// evidence lists what a person can be found by: the national id, and the full
// name together with the birth date.
func evidence(p Person) []string {
	var keys []string
	if p.NationalIDHash != "" {
		keys = append(keys, "id\x00"+p.NationalIDHash)
	}
	if !p.BirthDate.IsZero() {
		keys = append(keys, strings.Join([]string{"born", p.BirthDate.String(), Fold(p.LastName), Fold(p.FirstName), Fold(p.MiddleName)}, "\x00"))
	}
	return keys
}

func emailEvidence(email string) string { return "email\x00" + strings.ToLower(email) }

// hires remembers whom the list itself hires, so that somebody's second row is
// a second job and not a second person.
type hires struct {
	byEvidence map[string]tenancy.EmployeeID
	persons    map[tenancy.EmployeeID]Person
}

func (h *hires) find(w Want) (tenancy.EmployeeID, bool) {
	for _, key := range evidence(w.Person) {
		if id, ok := h.byEvidence[key]; ok && !contradicts(h.persons[id], w.Person) {
			return id, true
		}
	}
	return "", false
}

func (h *hires) add(w Want, id tenancy.EmployeeID) {
	if h.byEvidence == nil {
		h.byEvidence = map[string]tenancy.EmployeeID{}
		h.persons = map[tenancy.EmployeeID]Person{}
	}
	keys := evidence(w.Person)
	for _, key := range keys {
		h.byEvidence[key] = id
	}
	if len(keys) > 0 {
		h.persons[id] = w.Person
	}
}
