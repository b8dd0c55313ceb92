package entitlement

import "github.com/ponimayu/opora/internal/tenancy"

// Cursor is a place in the feed of changes, opaque to its reader: what comes
// after it is what the reader has not seen. The empty cursor is the beginning
// of what is kept.
type Cursor string

// Now is the end of the feed, asked for instead of a cursor.
const Now Cursor = "now"

// ChangeType says what an item of the feed tells of.
type ChangeType string

// The types of items. A snapshot has TermsChanged and EmployeeChanged items
// too, without cursors, between SnapshotBegins and SnapshotEnds.
const (
	EmployeeChanged ChangeType = "employee"
	TermsChanged    ChangeType = "terms"
	SnapshotBegins  ChangeType = "snapshot"
	SnapshotEnds    ChangeType = "end"
)

// Change is an item of the feed, and a line of a snapshot.
type Change struct {
	Cursor Cursor     `json:"cursor,omitempty"`
	Type   ChangeType `json:"type"`

	// Of an EmployeeChanged. Employee is what he is after the change; it is
	// absent when a later item of the feed tells it (Superseded), and when he
	// is Gone: erased, or not of this contour any more.
	EmployeeID tenancy.EmployeeID `json:"employee_id,omitempty"`
	Tenant     tenancy.TenantSlug `json:"tenant,omitempty"`
	Revision   int64              `json:"revision,omitempty"` // the employee's, or the terms'
	Employee   *Record            `json:"employee,omitempty"`
	Superseded bool               `json:"superseded,omitempty"`
	Gone       bool               `json:"gone,omitempty"`

	// Of a TermsChanged in a snapshot. In the feed it is absent: the reader
	// asks for the terms as they are now (GET /v1/changes/terms).
	Terms *TermsDocument `json:"terms,omitempty"`

	// Of a SnapshotEnds: what the snapshot held, so that one cut short is noticed.
	Employees int `json:"employees,omitempty"`
}

// ChangePage is the answer of GET /v1/changes.
type ChangePage struct {
	Items []Change `json:"items"`
	// Next is where to go on; it is given on an empty page too.
	Next Cursor `json:"next"`
	// More says that there is more already.
	More bool `json:"more"`
}

// TermsDocument is what all tenants of a contour bought, as a reader compiles
// it (Compile): without names, domains and contacts, and of segments the ids only.
type TermsDocument struct {
	Revision        int64                        `json:"revision"`
	SpecialistTypes []tenancy.SpecialistTypeCode `json:"specialist_types"`
	Tenants         []tenancy.Tenant             `json:"tenants"`
}
