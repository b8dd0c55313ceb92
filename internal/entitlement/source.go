package entitlement

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"time"

	"github.com/ponimayu/opora/internal/tenancy"
)

// Sources say what made a past state what it was. They hold opaque ids, days
// and the names of fields, and nothing of what the fields said.
type Sources struct {
	Contract    *ContractSource    `json:"contract,omitempty"` // the one that ran; absent when none did
	Employments []EmploymentSource `json:"employments"`
	Overrides   []OverrideSource   `json:"overrides,omitempty"`
	// OverridesWithheld says that overrides, if there were any, are neither told
	// nor counted in the decisions: the caller may not know of them.
	OverridesWithheld bool `json:"overrides_withheld,omitempty"`
}

// Source is what made one version: of a contract an apply of the catalogue, of
// an employment a list.
type Source struct {
	LearntAt time.Time     `json:"learnt_at"`
	Revision string        `json:"catalogue_revision,omitempty"`
	Plan     string        `json:"plan,omitempty"` // whose apply it was
	By       string        `json:"by,omitempty"`   // a subject: Actor.ID
	Import   *ImportSource `json:"import,omitempty"`
	// Undid is the import whose undo made this version.
	Undid string `json:"undid,omitempty"`
}

// ImportSource is a list that was applied.
type ImportSource struct {
	ID         string    `json:"id"`
	Mode       string    `json:"mode"`
	Change     string    `json:"change,omitempty"` // what it did with the employment: roster.Kind
	Line       int       `json:"line,omitempty"`   // of the list; 0: the employment was not in it
	UploadedAt time.Time `json:"uploaded_at"`
	UploadedBy string    `json:"uploaded_by"`
	AppliedAt  time.Time `json:"applied_at,omitzero"`
}

// ContractSource is the contract that ran: its words as they stood.
type ContractSource struct {
	ID     tenancy.ContractID `json:"id"`
	Holder tenancy.TenantSlug `json:"holder,omitempty"` // whose it is, when another company shares it
	From   tenancy.Date       `json:"from"`
	Until  tenancy.Date       `json:"until"`
	Source
	// LearntLate: it was applied only after the day that is asked about.
	LearntLate bool `json:"learnt_late,omitempty"`
	// ChangedLater are the versions that came after this one.
	ChangedLater []Source `json:"changed_later,omitempty"`
}

// EmploymentSource is an employment and the lists that made it what it was.
type EmploymentSource struct {
	ID          tenancy.EmploymentID    `json:"id"`
	LegalEntity tenancy.LegalEntityCode `json:"legal_entity"`
	HiredOn     tenancy.Date            `json:"hired_on,omitzero"`
	LeftOn      tenancy.Date            `json:"left_on,omitzero"`
	Segments    []tenancy.SegmentID     `json:"segments,omitempty"`
	// InForce: it gave access at that time, the grace period included.
	InForce  bool               `json:"in_force"`
	Versions []EmploymentChange `json:"versions"`
	// TakenBackAt is when the employment was removed by an undo.
	TakenBackAt time.Time `json:"taken_back_at,omitzero"`
}

// EmploymentChange is one version of an employment.
type EmploymentChange struct {
	Source
	Changed []string `json:"changed,omitempty"` // names of the fields that differ from the version before
	InForce bool     `json:"in_force"`          // its department, position, grade and segment held at that time
}

// OverrideSource is an override and whether it held on that day.
type OverrideSource struct {
	Override
	InForce bool `json:"in_force"`
}

// source says which contract ran.
func (f inForce) source(terms *Terms, at time.Time, day tenancy.Date) *ContractSource {
	running := terms.running(at)
	if running == nil {
		return nil
	}
	for _, c := range f.contracts {
		body := c.version.Of
		if body.ID != running.ID {
			continue
		}
		s := &ContractSource{ID: body.ID, Holder: body.Holder, Source: c.version.Source, LearntLate: c.late}
		s.From, s.Until = body.Period(day)
		for _, v := range c.of.Versions {
			if v.LearntAt.After(c.version.LearntAt) {
				s.ChangedLater = append(s.ChangedLater, v.Source)
			}
		}
		return s
	}
	return nil
}

// source tells of one employment; spells are its times of work.
func (h EmploymentHistory) source(terms *Terms, spells []tenancy.Employment, at time.Time) EmploymentSource {
	last := h.Versions[len(h.Versions)-1]
	s := EmploymentSource{ID: h.ID, LegalEntity: last.Of.LegalEntity, HiredOn: last.Of.HiredOn, LeftOn: last.Of.LeftOn, Versions: []EmploymentChange{}}
	if h.takenBack() {
		s.TakenBackAt = last.SupersededAt
	}
	m := momentOf(&Snapshot{Terms: terms}, at)
	for _, e := range terms.Record(tenancy.Employee{Employments: spells}, 0).Employments {
		s.HiredOn, s.LeftOn, s.Segments = e.HiredOn, e.LeftOn, e.Segments
		if s.InForce = (span{hired: e.HiredOn, left: e.LeftOn}).active(m.day, m.grace); s.InForce {
			break
		}
	}
	held := false
	for i, v := range h.Versions {
		change := EmploymentChange{Source: v.Source}
		if i > 0 {
			change.Changed = changed(h.Versions[i-1].Of, v.Of)
		}
		if !held && len(spells) > 0 && (v.stoodAt(at) || v.LearntAt.After(at)) {
			held, change.InForce = true, true
		}
		s.Versions = append(s.Versions, change)
	}
	return s
}

// changed names the fields in which two versions of an employment differ.
func changed(was, is tenancy.Employment) (names []string) {
	for _, field := range []struct {
		name    string
		differs bool
	}{
		{"legal_entity", was.LegalEntity != is.LegalEntity},
		{"employee_no", was.EmployeeNo != is.EmployeeNo},
		{"department", was.Department != is.Department},
		{"position", was.Position != is.Position},
		{"grade", was.Grade != is.Grade},
		{"segment", was.Segment != is.Segment},
		{"hired_on", was.HiredOn != is.HiredOn},
		{"left_on", was.LeftOn != is.LeftOn},
	} {
		if field.differs {
			names = append(names, field.name)
		}
	}
	return names
}

// digest names a state: the same terms and the same employee have the same one.
func digest(f inForce, employee tenancy.Employee) string {
	h := sha256.New()
	enc := json.NewEncoder(h)
	for _, part := range []any{f.types.Of, f.tenant, employee} {
		_ = enc.Encode(part) // into a hash, of types that always encode
	}
	for _, c := range f.contracts {
		_ = enc.Encode(c.version.Of)
	}
	return hex.EncodeToString(h.Sum(nil)[:8])
}

// HideCatalogueAuthors leaves out who applied the catalogue, for readers
// outside the platform.
func (s *Sources) HideCatalogueAuthors() {
	if s.Contract == nil {
		return
	}
	s.Contract.By = ""
	for i := range s.Contract.ChangedLater {
		s.Contract.ChangedLater[i].By = ""
	}
}
