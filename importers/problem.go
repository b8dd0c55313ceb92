package importers

import "github.com/ponimayu/opora/internal/tenancy"

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

// The codes of a list in which no header can be found. Those of the file itself
// are of package book.
const (
	HeaderNotFound  tenancy.ProblemCode = "header_not_found"
	HeaderAmbiguous tenancy.ProblemCode = "header_ambiguous"
)

// The codes of remarks on a file that was read (Summary.Problems);
// book.FileMacro is one of them too, when macros were left alone.
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
