package tenancy

import "fmt"

// ProblemCode is the stable name of a problem; the table of codes is in
// docs/design.md ("The command line").
type ProblemCode string

// Severity is "error" (the row or file is not taken) or "warning".
type Severity string

// The severities.
const (
	SeverityError   Severity = "error"
	SeverityWarning Severity = "warning"
)

// Problem is something wrong with what a person gave us: what, where and what
// to do. The message never quotes personal data.
type Problem struct {
	Code     ProblemCode `json:"code"`
	Severity Severity    `json:"severity"`
	Message  string      `json:"message"`
	File     string      `json:"file,omitempty"`
	Sheet    string      `json:"sheet,omitempty"`
	Line     int         `json:"line,omitempty"`
	Column   string      `json:"column,omitempty"` // spreadsheet letter, or column number in text
	Field    string      `json:"field,omitempty"`
}

// Error implements error, so that a problem with a whole file may be returned
// as one.
func (p Problem) Error() string {
	where := p.File
	if p.Sheet != "" {
		where += "[" + p.Sheet + "]"
	}
	if p.Line > 0 {
		where += fmt.Sprintf(":%d", p.Line)
		if p.Column != "" {
			where += ":" + p.Column
		}
	}
	if where != "" {
		where += ": "
	}
	return fmt.Sprintf("%s%s (%s)", where, p.Message, p.Code)
}
