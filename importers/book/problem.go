package book

import (
	"errors"
	"fmt"
	"strings"

	"github.com/ponimayu/opora/internal/tenancy"
)

// The codes of problems with a whole file. FileMacro is also that of a remark: macros that
// were left alone.
const (
	FileFormat    tenancy.ProblemCode = "file_format"
	FileEncrypted tenancy.ProblemCode = "file_encrypted"
	FileTooLarge  tenancy.ProblemCode = "file_too_large"
	FileMacro     tenancy.ProblemCode = "file_macro"
	FileDamaged   tenancy.ProblemCode = "file_damaged"
	SheetMissing  tenancy.ProblemCode = "sheet_missing"
	FileEmpty     tenancy.ProblemCode = "file_empty"
	EncodingLossy tenancy.ProblemCode = "encoding_lossy"
)

// Problem says in format and args why the whole file is refused; line 0 means no
// place.
func Problem(code tenancy.ProblemCode, line int, format string, args ...any) tenancy.Problem {
	return tenancy.Problem{
		Code:     code,
		Severity: tenancy.SeverityError,
		Message:  fmt.Sprintf(format, args...),
		Line:     line,
	}
}

// Warning is a remark on a file that could be read.
func Warning(code tenancy.ProblemCode, format string, args ...any) tenancy.Problem {
	p := Problem(code, 0, format, args...)
	p.Severity = tenancy.SeverityWarning
	return p
}

// ProblemOf returns the problem with a whole file inside an error.
func ProblemOf(err error) (tenancy.Problem, bool) {
	var p tenancy.Problem
	ok := errors.As(err, &p)
	return p, ok
}

// PlacedIn names the sheet in a problem; other errors it leaves alone.
func PlacedIn(sheet string, err error) error {
	p, ok := ProblemOf(err)
	if !ok {
		return err
	}
	p.Sheet = strings.TrimSpace(sheet)
	return p
}

// placedAt adds the sheet to a problem and, when it has no line, the last one
// that was read; other errors it leaves alone.
func placedAt(sheet string, line int, err error) error {
	p, ok := ProblemOf(err)
	if !ok {
		return err
	}
	p.Sheet = sheet
	if p.Line == 0 {
		p.Line = line
	}
	return p
}

// damagedSheet is the problem of a table that cannot be what a program has
// written.
func damagedSheet(line int, what string) error {
	return Problem(FileDamaged, line, "The sheet is damaged: %s. Save and send the workbook again.", what)
}
