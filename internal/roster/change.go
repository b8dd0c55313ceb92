package roster

import "github.com/ponimayu/opora/internal/tenancy"

// Kind is what happens to a person.
type Kind string

// The kinds of change. An unchanged row is no change: it is only counted.
const (
	Hire   Kind = "hire"   // a new person, or a further employment of a known one
	Update Kind = "update" // fields of a known employment or its person
	Move   Kind = "move"   // the same person under another number or legal entity
	Leave  Kind = "leave"
	Return Kind = "return" // somebody who left is back, within the grace period or with evidence
)

// FieldChange is one field's old and new value, as people read them.
type FieldChange struct {
	Field string `json:"field"` // as in the columns of a roster: "last_name", "department"…
	Old   string `json:"old,omitempty"`
	New   string `json:"new,omitempty"`
}

// ChangeState is where one change stands.
type ChangeState string

// The states of a change. Reversed, kept and failed are what undo made of it.
const (
	ChangePlanned  ChangeState = "planned"
	ChangeApplied  ChangeState = "applied"
	ChangeReversed ChangeState = "reversed"
	ChangeKept     ChangeState = "kept"   // changed since by something else
	ChangeFailed   ChangeState = "failed" // Reason says why
)

// Change is what a roster does to one employment. It holds personal data: it
// is shown to who may read the tenant's people, and never logged.
type Change struct {
	N           int                     `json:"n"` // its place in the stored plan, from 1: by line, then those who are not in the file by key
	Kind        Kind                    `json:"kind"`
	State       ChangeState             `json:"state"`
	Line        int                     `json:"line,omitempty"` // 0: the person is not in the file
	LegalEntity tenancy.LegalEntityCode `json:"legal_entity"`
	EmployeeNo  tenancy.EmployeeNo      `json:"employee_no"`
	EmployeeKey tenancy.EmployeeKey     `json:"employee_key"`
	EmployeeID  tenancy.EmployeeID      `json:"employee_id"`
	Name        string                  `json:"name,omitempty"` // the person's, as we have it now; empty for somebody who is not hired yet
	Employment  tenancy.EmploymentID    `json:"employment_id"`
	From        tenancy.EmploymentID    `json:"from_employment_id,omitempty"` // a move: the employment that ends
	NewPerson   bool                    `json:"new_person,omitempty"`
	Explicit    bool                    `json:"explicit,omitempty"` // a leave that the file dates itself: never held up
	LeftOn      tenancy.Date            `json:"left_on,omitzero"`   // a leave or move: the last day of work
	WasLeftOn   tenancy.Date            `json:"was_left_on,omitzero"`
	Fields      []FieldChange           `json:"fields,omitempty"` // old → new
	Reason      string                  `json:"reason,omitempty"`

	// What carrying it out needs, and nobody reads.
	OfNewPerson  bool                 `json:"-"` // the list hires the person, with this row or another
	Releases     tenancy.EmploymentID `json:"-"` // the ended employment that gives its number up to this one
	Settled      bool                 `json:"-"` // a new person whose own fields stand in Fields, settled over several rows
	IdentityLine int                  `json:"-"` // the line whose national id is taken; 0: the change's own
}

// UndoReport is what undoing an import came to: every change is in exactly one
// of the three.
type UndoReport struct {
	Import   Import   `json:"import"`
	Reversed []Change `json:"reversed"`
	Kept     []Change `json:"kept"`
	Failed   []Change `json:"failed"`
}

// EmployeeFilter says whom to look for in a tenant, by exactly one of
// EmployeeNo (any spelling of the number), Email, or Query (the beginning of a
// name or login, or a number). Limit is at most 100, and 20 when 0.
type EmployeeFilter struct {
	Tenant     tenancy.TenantSlug `json:"tenant"`
	EmployeeNo tenancy.EmployeeNo `json:"employee_no,omitempty"`
	Email      string             `json:"email,omitempty"`
	Query      string             `json:"q,omitempty"`
	Limit      int                `json:"limit,omitempty"`
}

// Activation is a one-time code for one employee, shown once. It says nothing
// about whether the account is active: for an active one the code does nothing.
type Activation struct {
	EmployeeID tenancy.EmployeeID `json:"employee_id"`
	Login      string             `json:"login"`
	Code       string             `json:"code"`
	ExpiresAt  string             `json:"expires_at"` // RFC 3339
}
