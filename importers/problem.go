package importers

import (
	"fmt"

	"github.com/ponimayu/opora/internal/tenancy"
)

// The codes of a row's problems, as in docs/design.md ("The command line").
// IdentityChanged is found later, against the people we have.
const (
	NameMissing        tenancy.ProblemCode = "name_missing"
	EmployeeNoMissing  tenancy.ProblemCode = "employee_no_missing"
	EmployeeNoTwice    tenancy.ProblemCode = "employee_no_duplicate"
	EmployeeNoSimilar  tenancy.ProblemCode = "employee_no_similar"
	DateOrder          tenancy.ProblemCode = "date_order"
	CountryMismatch    tenancy.ProblemCode = "country_mismatch"
	LegalEntityUnknown tenancy.ProblemCode = "legal_entity_unknown"
	IdentityChanged    tenancy.ProblemCode = "identity_changed"

	EmailInvalid   tenancy.ProblemCode = "email_invalid"
	EmailSuspect   tenancy.ProblemCode = "email_suspect"
	EmailDuplicate tenancy.ProblemCode = "email_duplicate"
	PhoneInvalid   tenancy.ProblemCode = "phone_invalid"
	DateInvalid    tenancy.ProblemCode = "date_invalid"
	SNILSChecksum  tenancy.ProblemCode = "snils_checksum"
	IINChecksum    tenancy.ProblemCode = "iin_checksum"
	INNChecksum    tenancy.ProblemCode = "inn_checksum"
	ValueLost      tenancy.ProblemCode = "value_lost"
	FormulaText    tenancy.ProblemCode = "formula_text"
	SegmentUnknown tenancy.ProblemCode = "segment_unknown"

	NameIncomplete tenancy.ProblemCode = "name_incomplete"
	NameSuspect    tenancy.ProblemCode = "name_suspect"
	ContactMissing tenancy.ProblemCode = "contact_missing"
	IDRepaired     tenancy.ProblemCode = "id_repaired"
	CountrySuspect tenancy.ProblemCode = "country_suspect"
)

// The codes of problems with a whole file.
const (
	HeaderNotFound  tenancy.ProblemCode = "header_not_found"
	HeaderAmbiguous tenancy.ProblemCode = "header_ambiguous"
	FileFormat      tenancy.ProblemCode = "file_format"
	FileEncrypted   tenancy.ProblemCode = "file_encrypted"
	FileTooLarge    tenancy.ProblemCode = "file_too_large"
	FileMacro       tenancy.ProblemCode = "file_macro"
	FileDamaged     tenancy.ProblemCode = "file_damaged"
	SheetMissing    tenancy.ProblemCode = "sheet_missing"
	FileEmpty       tenancy.ProblemCode = "file_empty"
	EncodingLossy   tenancy.ProblemCode = "encoding_lossy"
)

// The codes of remarks on a file that was read (Summary.Problems); FileMacro is
// one of them too, when macros were left alone.
const (
	RowsHidden    tenancy.ProblemCode = "rows_hidden"
	ColumnsHidden tenancy.ProblemCode = "columns_hidden"
	SheetsHidden  tenancy.ProblemCode = "sheets_hidden"
	SheetsUnread  tenancy.ProblemCode = "sheets_unread"
)

// errorCodes are the codes that reject a row; all others of a row warn.
var errorCodes = map[tenancy.ProblemCode]bool{
	NameMissing: true, EmployeeNoMissing: true, EmployeeNoTwice: true, EmployeeNoSimilar: true,
	DateOrder: true, CountryMismatch: true, LegalEntityUnknown: true, IdentityChanged: true,
}

// severity returns what docs/design.md's table says of a row's code.
func severity(code tenancy.ProblemCode) tenancy.Severity {
	if errorCodes[code] {
		return tenancy.SeverityError
	}
	return tenancy.SeverityWarning
}

// fileProblem is a problem with the whole file; line 0 means no place.
func fileProblem(code tenancy.ProblemCode, line int, format string, args ...any) tenancy.Problem {
	return tenancy.Problem{
		Code:     code,
		Severity: tenancy.SeverityError,
		Message:  fmt.Sprintf(format, args...),
		Line:     line,
	}
}

// advice is what the person who sent the list is told of a row's problem. No
// sentence quotes a value: the place is enough to find it.
var advice = map[tenancy.ProblemCode]string{
	NameMissing:        "The row has no name: fill in the name.",
	EmployeeNoMissing:  "The row has no personnel number: fill it in.",
	EmployeeNoTwice:    "The same personnel number belongs to different people in this list: correct the number.",
	EmployeeNoSimilar:  "The same personnel number is written in different ways in this list (zeros, letters that look alike): write it in one way.",
	DateOrder:          "The dates contradict each other: birth, first day and last day of work must follow in this order.",
	CountryMismatch:    "The person lives in another country, whose list is kept there: move the row to that country's list.",
	LegalEntityUnknown: "The legal entity is none of the company's: correct it, or ask the platform to add it.",
	EmailInvalid:       "This is no e-mail address, and is left out: correct it.",
	EmailSuspect:       "The e-mail address mixes Latin and Cyrillic letters that look alike, and is left out: type it again.",
	EmailDuplicate:     "The same e-mail address belongs to different people in this list, and is left out: give each an own address or none.",
	PhoneInvalid:       "This is no phone number that exists, and is left out: correct it.",
	DateInvalid:        "This is no date that can be read without guessing, and is left out: write DD.MM.YYYY.",
	SNILSChecksum:      "The control digits of the СНИЛС do not fit, and it is left out: correct it or leave it empty.",
	IINChecksum:        "The control digit of the ИИН does not fit, and it is left out: correct it or leave it empty.",
	INNChecksum:        "This is not a person's ИНН (12 digits with fitting control digits), and it is left out: correct it or leave it empty.",
	ValueLost:          "The value was lost in the spreadsheet or in an earlier conversion, and is left out: enter it again, in a column formatted as text.",
	FormulaText:        "The text begins like a formula (= + - @), and is left out: remove the sign.",
	SegmentUnknown:     "The segment is none of the company's, and is left out: correct it.",
	NameIncomplete:     "The name is not whole: the last and the first name should both be written out.",
	NameSuspect:        "The name holds signs or letters of two alphabets that do not belong together: check it.",
	ContactMissing:     "The row has neither e-mail nor phone: the person will need an activation sheet.",
	IDRepaired:         "Leading zeros of the number were lost and have been put back; its control digits fit.",
	CountrySuspect:     "The phone or the identification number is of another country: check that the person works here.",
}
