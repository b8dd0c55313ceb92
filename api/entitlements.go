package api

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/ponimayu/opora/internal/entitlement"
	"github.com/ponimayu/opora/internal/tenancy"
)

// entitlementsAnswer is what an employee may use at an instant.
type entitlementsAnswer struct {
	EmployeeID tenancy.EmployeeID         `json:"employee_id"`
	Tenant     tenancy.TenantSlug         `json:"tenant"`
	At         time.Time                  `json:"at"`
	Items      []entitlement.TypeDecision `json:"items"`
	Revision   string                     `json:"revision"`
}

// entitlements answers what an employee may use at an instant, type by type,
// before any use is counted. An employee is answered about himself alone; all
// others do not exist for him.
func (s *Server) entitlements(w http.ResponseWriter, r *http.Request, actor tenancy.Actor) error {
	id := tenancy.EmployeeID(pathID(r))
	if !actor.MayAnywhere(tenancy.ReadEntitlements) && actor.ID != string(id) {
		return errEmployeeUnknown
	}
	lang, err := language(r)
	if err != nil {
		return err
	}
	at, err := instant(r, "at")
	if err != nil {
		return err
	}
	snapshot, err := s.snapshot(r, id)
	if err != nil {
		return err
	}
	if !snapshot.Known() {
		return errEmployeeUnknown
	}
	m := memories.Get().(*memory)
	defer m.giveBack()
	tag, err := m.addEntitlements(&snapshot, id, at, lang)
	if err != nil {
		return err
	}
	h := w.Header()
	h["Cache-Control"] = privately
	h.Set("ETag", "W/"+tag)
	if given := r.Header.Get("If-None-Match"); given != "" && noneMatch(given, tag) {
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	m.send(w)
	return nil
}

// privately lets the caller alone keep an answer, and has him ask whether it
// still holds.
var privately = []string{"private, no-cache"}

// addEntitlements writes an entitlementsAnswer and returns its tag. The tag is
// a digest of all that is answered but the instant, which is the question's:
// "now" asked again has the same tag until the answer changes. The employee's
// id is in it, so that tags of two people, of one tenant or two, are never
// equal and tell nothing of each other.
func (m *memory) addEntitlements(snapshot *entitlement.Snapshot, id tenancy.EmployeeID, at time.Time, lang tenancy.Language) (tag string, err error) {
	digest := sha256.New()
	m.answer = entitlement.AppendText(append(m.answer, `{"employee_id":`...), string(id))
	m.answer = entitlement.AppendText(append(m.answer, `,"tenant":`...), string(snapshot.Terms.Tenant()))
	digest.Write(m.answer)
	m.answer = append(at.AppendFormat(append(m.answer, `,"at":"`...), time.RFC3339Nano), '"')
	rest := len(m.answer)
	m.answer = append(m.answer, `,"items":[`...)
	for i, code := range snapshot.Terms.SpecialistTypes() {
		q := entitlement.Query{EmployeeID: id, SpecialistType: code, At: at}
		if err := q.Validate(); err != nil {
			return "", err
		}
		entitlement.DecideInto(snapshot, &q, &m.decision)
		if i > 0 {
			m.answer = append(m.answer, ',')
		}
		m.answer = append(entitlement.AppendText(append(m.answer, `{"specialist_type":`...), string(code)), ',')
		m.addDecision(lang)
		m.answer = append(m.answer, '}')
	}
	m.answer = append(entitlement.AppendText(append(m.answer, `],"revision":`...), snapshot.Revision), "}\n"...)
	digest.Write(m.answer[rest:])
	return `"` + base64.RawURLEncoding.EncodeToString(digest.Sum(nil)[:18]) + `"`, nil
}

// errEmployeeUnknown is said of an employee who does not exist and of one whom
// the caller does not reach, in the same words.
var errEmployeeUnknown = tenancy.E(tenancy.NotFound, "employee_unknown", "There is no such employee.")

// instant reads a time from the query string; now when absent.
func instant(r *http.Request, name string) (time.Time, error) {
	text := r.URL.Query().Get(name)
	if text == "" {
		return time.Now().UTC().Truncate(time.Second), nil
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return time.Time{}, tenancy.E(tenancy.Invalid, "field_invalid", fmt.Sprintf("%s is an RFC 3339 time with its zone, such as 2026-12-01T10:00:00%%2B03:00", name))
	}
	return at, nil
}

// lower spells an id as ids are kept.
func lower(id tenancy.EmployeeID) tenancy.EmployeeID {
	return tenancy.EmployeeID(strings.ToLower(string(id)))
}
