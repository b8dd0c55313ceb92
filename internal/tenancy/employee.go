package tenancy

import "time"

// EmployeeID is the UUID of a person's account in one tenant. It is the
// Keycloak user id and the token's "sub".
type EmployeeID string

// EmploymentID is the UUID of one employment.
type EmploymentID string

// EmployeeNo is a personnel number exactly as HR wrote it.
type EmployeeNo string

// EmployeeKey is the canonical form of an EmployeeNo (see importers): with the
// tenant and the legal entity it is the key of an employment.
type EmployeeKey string

// EmployeeStatus is where an employee stands, as the outside sees it.
type EmployeeStatus string

// The states of an employee. Whether the account was ever activated is not one
// of them: HR must not learn it.
const (
	Scheduled EmployeeStatus = "scheduled" // hired on a later day
	Current   EmployeeStatus = "current"
	Leaving   EmployeeStatus = "leaving" // has a last day ahead, or is in the grace period
	Left      EmployeeStatus = "left"
	Erased    EmployeeStatus = "erased"
)

// Employee is a person in one tenant, with one account.
type Employee struct {
	ID          EmployeeID     `json:"id"`
	Tenant      TenantSlug     `json:"tenant"`
	Login       string         `json:"login,omitempty"`
	Status      EmployeeStatus `json:"status,omitempty"`
	LastName    string         `json:"last_name,omitempty"`
	FirstName   string         `json:"first_name,omitempty"`
	MiddleName  string         `json:"middle_name,omitempty"`
	Email       string         `json:"email,omitempty"`
	Phone       string         `json:"phone,omitempty"` // E.164
	BirthDate   Date           `json:"birth_date,omitzero"`
	Employments []Employment   `json:"employments,omitempty"`
	Overrides   []Override     `json:"overrides,omitempty"`
}

// Employment is a job of an employee: a second job or a move is an employment,
// not a person.
type Employment struct {
	ID          EmploymentID    `json:"id,omitempty"`
	LegalEntity LegalEntityCode `json:"legal_entity"`
	EmployeeNo  EmployeeNo      `json:"employee_no"`
	EmployeeKey EmployeeKey     `json:"employee_key,omitempty"`
	Department  string          `json:"department,omitempty"`
	Position    string          `json:"position,omitempty"`
	Grade       string          `json:"grade,omitempty"`
	Segment     SegmentID       `json:"segment,omitempty"` // from the roster's own column
	HiredOn     Date            `json:"hired_on,omitzero"`
	LeftOn      Date            `json:"left_on,omitzero"` // the last day of work
}

// Override is a dated exception for one employee, with a reason and an author.
// It adds Amount to what the grant gives (or gives it where no segment did).
type Override struct {
	Grant  GrantID   `json:"grant"`
	Amount int       `json:"amount"`
	From   Date      `json:"from,omitzero"`
	Until  Date      `json:"until,omitzero"` // exclusive
	Reason string    `json:"reason,omitempty"`
	Author string    `json:"author,omitempty"`
	At     time.Time `json:"at,omitzero"`
}
