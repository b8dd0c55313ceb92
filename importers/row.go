package importers

import "github.com/ponimayu/opora/internal/tenancy"

// Row is one person's line of a roster, normalised. Absent values are empty.
type Row struct {
	EmployeeNo  tenancy.EmployeeNo      `json:"employee_no,omitempty"`
	EmployeeKey tenancy.EmployeeKey     `json:"employee_key,omitempty"`
	LastName    string                  `json:"last_name,omitempty"`
	FirstName   string                  `json:"first_name,omitempty"`
	MiddleName  string                  `json:"middle_name,omitempty"`
	Email       string                  `json:"email,omitempty"`
	Phone       string                  `json:"phone,omitempty"` // E.164
	Department  string                  `json:"department,omitempty"`
	Position    string                  `json:"position,omitempty"`
	LegalEntity tenancy.LegalEntityCode `json:"legal_entity,omitempty"`
	HiredOn     tenancy.Date            `json:"hired_on,omitzero"`
	LeftOn      tenancy.Date            `json:"left_on,omitzero"`
	BirthDate   tenancy.Date            `json:"birth_date,omitzero"`
	Country     tenancy.CountryCode     `json:"country,omitempty"`
	Segment     tenancy.SegmentID       `json:"segment,omitempty"`
	// NationalID is the kind of the national id when one was present and
	// valid. The number itself never leaves the parser; NationalIDHash is its
	// keyed hash (Options.HashID) and is never printed.
	NationalID     tenancy.NationalIDKind `json:"national_id,omitempty"`
	NationalIDHash string                 `json:"-"`
}
