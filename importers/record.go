package importers

import (
	"encoding/json"

	"github.com/ponimayu/opora/internal/tenancy"
)

// Reason says why a line is no person.
type Reason string

// The reasons for which a line is skipped.
const (
	Title        Reason = "title"  // above the header
	Header       Reason = "header" // the header, its repetition, or the numbers under it
	Blank        Reason = "blank"
	Total        Reason = "total"
	Group        Reason = "group" // a department's name between the people
	Note         Reason = "note"  // below the last person: signatures, remarks
	notSkipped   Reason = ""
	groupPending Reason = "?" // group or note: known when a person follows or none does
)

// Record is what one line of the file became: a Row with its problems, or a
// skipped line with its Reason.
type Record struct {
	Line     int  // the sheet's own row number; of a CSV record, the physical line where it begins
	OK       bool // the row may be taken
	Row      Row
	Problems []tenancy.Problem
	Skipped  Reason // not empty: the line is no person, and Row is empty
}

// MarshalJSON writes the line of `opora roster parse`.
func (r Record) MarshalJSON() ([]byte, error) {
	if r.Skipped != notSkipped {
		return json.Marshal(struct {
			Type   string `json:"type"`
			Line   int    `json:"line"`
			Reason Reason `json:"reason"`
		}{"skipped", r.Line, r.Skipped})
	}
	problems := r.Problems
	if problems == nil {
		problems = []tenancy.Problem{}
	}
	return json.Marshal(struct {
		Type string `json:"type"`
		Line int    `json:"line"`
		OK   bool   `json:"ok"`
		Row
		Problems []tenancy.Problem `json:"problems"`
	}{"row", r.Line, r.OK, r.Row, problems})
}

// Summary says what a file was and how its lines were counted: Rows is OK and
// Rejected together.
type Summary struct {
	Rows       int     `json:"rows"`
	OK         int     `json:"ok"`
	Rejected   int     `json:"rejected"`
	Skipped    int     `json:"skipped"`
	HeaderLine int     `json:"header_line"`
	Format     string  `json:"format"`   // "xlsx", "xls", "ods", "html", "xml" (XML Spreadsheet 2003) or "csv"
	Encoding   string  `json:"encoding"` // IANA name in lower case
	Mapping    Mapping `json:"mapping"`
	// Names are the columns of Mapping by the text of their header: what
	// Options.Names takes for the next list of the same make.
	Names map[string]Field `json:"names"`
	// Unread are the texts of the header's other columns, by letter, of which
	// nothing was taken: the first mostUnread from the left, without those that
	// number the lines.
	Unread map[string]string `json:"unread,omitempty"`
	// Outdated are the names of Options.Names that this header no longer has.
	Outdated    []string `json:"outdated,omitempty"`
	Sheet       string   `json:"sheet,omitempty"`
	OtherSheets []string `json:"other_sheets,omitempty"` // visible sheets that look like lists too and were not read
	// Problems are remarks on the whole file, all of them warnings.
	Problems []tenancy.Problem `json:"problems,omitempty"`
	Cost     Cost              `json:"-"` // for measurements only
}

// MarshalJSON writes the last line of `opora roster parse`.
func (s Summary) MarshalJSON() ([]byte, error) {
	type plain Summary
	return json.Marshal(struct {
		Type string `json:"type"`
		plain
	}{"summary", plain(s)})
}

// FileProblem is the line that `opora roster parse` prints for a file that
// cannot be taken at all.
type FileProblem tenancy.Problem

// MarshalJSON writes the error line.
func (p FileProblem) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Type string `json:"type"`
		tenancy.Problem
	}{"error", tenancy.Problem(p)})
}
