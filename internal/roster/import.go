// Package roster compares the list that HR uploaded with the people we have:
// have and want become changes. It is pure; who stores and applies them stands
// to its right.
package roster

import (
	"time"

	"github.com/ponimayu/opora/internal/tenancy"
)

// ImportID is the UUID of one upload of a roster.
type ImportID string

// Mode says what the list means.
type Mode string

// The modes.
const (
	Full    Mode = "full"    // absent = candidate to leave
	Add     Mode = "add"     // new and changed only
	Leavers Mode = "leavers" // everybody listed leaves
)

// Hints are what a person said about how a list is to be read. What they leave
// open is found.
type Hints struct {
	Sheet      string            `json:"sheet,omitempty"`
	HeaderLine int               `json:"header_line,omitempty"`
	Mapping    map[string]string `json:"mapping,omitempty"` // field to the letter of its column
}

// Summary says how a list's file was understood.
type Summary struct {
	Format      string            `json:"format"`   // such as "xlsx" or "csv"
	Encoding    string            `json:"encoding"` // IANA name in lower case
	Sheet       string            `json:"sheet,omitempty"`
	OtherSheets []string          `json:"other_sheets,omitempty"` // look like lists too and were not read
	HeaderLine  int               `json:"header_line"`
	Mapping     map[string]string `json:"mapping"`          // field to the letter of its column
	Unread      map[string]string `json:"unread,omitempty"` // the other columns: letter to the text of the header
	Skipped     map[string]int    `json:"skipped"`          // lines that are no people, by reason
	// SkippedLines are the first SkippedKept of those that somebody may have
	// written a person on: of the reasons group, note and total.
	SkippedLines map[string][]int `json:"skipped_lines,omitempty"`
}

// SkippedKept is how many numbers of skipped lines are kept for each reason.
const SkippedKept = 1000

// RememberedMapping is what a tenant's headers mean, as somebody settled it.
type RememberedMapping struct {
	Tenant    tenancy.TenantSlug `json:"tenant"`
	Names     map[string]string  `json:"names"`                // header text to field; "": none of ours
	SettledBy string             `json:"settled_by,omitempty"` // Actor.ID
	SettledAt time.Time          `json:"settled_at,omitzero"`
	Import    ImportID           `json:"import,omitempty"` // with whose list
}

// State is where an import stands; docs/life-of-an-import.md has the picture.
type State string

// The states of an import. Applied means that every op has ended in Keycloak.
const (
	Received  State = "received"
	Parsing   State = "parsing"
	Planned   State = "planned"
	Held      State = "held" // the brake holds it: another person must accept each finding
	Applying  State = "applying"
	Applied   State = "applied"
	Failed    State = "failed"
	Cancelled State = "cancelled"
	Undone    State = "undone"
)

// Counts says what became, or would become, of the rows.
type Counts struct {
	Rows      int `json:"rows"`
	Create    int `json:"create"`
	Update    int `json:"update"`
	Move      int `json:"move"`
	Leave     int `json:"leave"`
	Return    int `json:"return"`
	Unchanged int `json:"unchanged"`
	Rejected  int `json:"rejected"`
	Held      int `json:"held"`
	Failed    int `json:"failed"`
	Absent    int `json:"absent,omitempty"` // not on a full list, and not yet long enough to leave
}

// Finding is a danger that the brake saw in a plan, accepted by its code.
type Finding struct {
	Code     string `json:"code"`
	Message  string `json:"message"`
	Count    int    `json:"count"`
	Limit    int    `json:"limit"`
	Accepted bool   `json:"accepted"`
}

// Phase is what is being done for an import.
type Phase string

// The phases, in their order. Rows of the phase Sending are accounts.
const (
	Scanning    Phase = "scanning"
	ReadingRows Phase = "parsing"
	Comparing   Phase = "comparing"
	Sending     Phase = "applying"
)

// Progress says how far the work for an import is: Rows are done, of Of, which
// is 0 as long as it is not known.
type Progress struct {
	Phase Phase `json:"phase"`
	Rows  int   `json:"rows"`
	Of    int   `json:"of,omitempty"`
}

// Import is one upload and what became of it. It holds no personal data.
type Import struct {
	ID          ImportID                `json:"id"`
	Tenant      tenancy.TenantSlug      `json:"tenant"`
	State       State                   `json:"state"`
	Mode        Mode                    `json:"mode"`
	LegalEntity tenancy.LegalEntityCode `json:"legal_entity,omitempty"`
	UploadedBy  string                  `json:"uploaded_by"` // Actor.ID
	UploadedAt  time.Time               `json:"uploaded_at"`
	Counts      Counts                  `json:"counts"`
	Done        int                     `json:"done"` // ops that have ended, of Ops
	Ops         int                     `json:"ops"`
	// Progress is set while something is being done; Waiting says why nothing is
	// that should be.
	Progress *Progress        `json:"progress,omitempty"`
	Waiting  *tenancy.Problem `json:"waiting,omitempty"`
	// Summary says how the file was understood, once it was.
	Summary *Summary `json:"summary,omitempty"`
	// ErrorWorkbook says that HR can have the list back with its problems marked.
	ErrorWorkbook bool              `json:"error_workbook"`
	Findings      []Finding         `json:"findings"`
	Problems      []tenancy.Problem `json:"problems"` // the first thousand of ProblemsTotal
	ProblemsTotal int               `json:"problems_total"`
}
