package roster

import (
	"io"

	"github.com/ponimayu/opora/internal/tenancy"
)

// Upload is a list as it was handed in. The tenant comes from who is signed
// in and what he chose, never from the file.
type Upload struct {
	Tenant      tenancy.TenantSlug
	Mode        Mode                    // Add when nothing is said
	LegalEntity tenancy.LegalEntityCode // for rows that name none; the tenant's default when empty
	Extension   string                  // of the file's name, such as ".xlsx"; the name itself is not kept
	Content     io.Reader
}

// Search looks for employees of one tenant: by personnel number, by e-mail, or
// by a text that their names begin with. Exactly one of them is set.
type Search struct {
	Tenant     tenancy.TenantSlug
	EmployeeNo tenancy.EmployeeNo
	Email      string
	Text       string
}

// Page is a part of a list in file order: at most Limit items after the
// After-th.
type Page struct {
	After int
	Limit int
}

// Activation is an employee's way to sign in for the first time. Code is shown
// once and stored only as a hash; for an account that is already active it does
// nothing, and nothing here tells which accounts those are.
type Activation struct {
	EmployeeID tenancy.EmployeeID `json:"employee_id"`
	Login      string             `json:"login"`
	Code       string             `json:"code"`
}

// Preview is a page of what an import would do, or did, to people.
type Preview struct {
	Items []PreviewItem `json:"items"`
	Next  int           `json:"next,omitempty"` // the next page's After; 0: there is none
}

// PreviewItem is one change, with old and new of every field that differs.
type PreviewItem struct {
	Line       int                `json:"line,omitempty"`
	Change     string             `json:"change"` // create, update, move, leave, return, held, rejected
	EmployeeID tenancy.EmployeeID `json:"employee_id,omitempty"`
	Fields     []FieldChange      `json:"fields"`
	Problems   []tenancy.Problem  `json:"problems,omitempty"`
}

// FieldChange is a field's value before and after.
type FieldChange struct {
	Field string `json:"field"`
	Old   string `json:"old,omitempty"`
	New   string `json:"new,omitempty"`
}
