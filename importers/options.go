package importers

import (
	"github.com/ponimayu/opora/importers/book"
	"github.com/ponimayu/opora/internal/tenancy"
)

// Options is what a parse may know of the upload and of the tenant. The zero
// value of every field but Country is usable.
type Options struct {
	Country tenancy.Country `json:"country"` // phone region, kinds of national id, what another country is
	Sheet   string          `json:"sheet,omitempty"`

	// LegalEntities are those of the tenant; a text that is none of their codes
	// or names is legal_entity_unknown. Nil: the tenant is not known, and any
	// text is taken as it stands.
	LegalEntities []tenancy.LegalEntity `json:"legal_entities"`
	// LegalEntity holds for rows that name none; when empty, the one of
	// LegalEntities that is marked default (or the only one) does.
	LegalEntity tenancy.LegalEntityCode `json:"legal_entity,omitempty"`
	// Segments are those of the tenant; nil takes any text.
	Segments []tenancy.Segment `json:"segments"`

	// Mapping settles the fields that it names, whatever the header says; a
	// field mapped to NoColumn is in no column. The other fields are found as
	// without it. HeaderLine is the header's last line, found when 0.
	Mapping    Mapping `json:"mapping,omitempty"`
	HeaderLine int     `json:"header_line,omitempty"`
	// Names is what this tenant confirmed earlier: the names of columns (see
	// Summary.Names; compared without case and punctuation) and the field of
	// each, "" for none of ours. They come before the dictionary and after
	// Mapping.
	Names map[string]Field `json:"names,omitempty"`

	// IDKey is the secret key of the national ids' hash (HMAC-SHA-256 of kind
	// and digits). Nil: no hashes are made.
	IDKey []byte `json:"id_key,omitempty"`
	// Today decides the century of two-digit years and which days are
	// impossible; the machine's date when zero.
	Today  tenancy.Date `json:"today,omitzero"`
	Limits book.Limits  `json:"limits,omitzero"`
	// Progress is told, now and then, how many lines of the file were read so
	// far; it may be nil. All are read before the first record is emitted.
	Progress func(lines int) `json:"-"`
}

// Field names what a column holds.
type Field string

// The fields. FullName and the national ids are of the file only: a Row has
// the name's parts and the id's kind.
const (
	FieldEmployeeNo  Field = "employee_no"
	FieldFullName    Field = "full_name"
	FieldLastName    Field = "last_name"
	FieldFirstName   Field = "first_name"
	FieldMiddleName  Field = "middle_name"
	FieldEmail       Field = "email"
	FieldPhone       Field = "phone"
	FieldDepartment  Field = "department"
	FieldPosition    Field = "position"
	FieldLegalEntity Field = "legal_entity"
	FieldHiredOn     Field = "hired_on"
	FieldLeftOn      Field = "left_on"
	FieldBirthDate   Field = "birth_date"
	FieldCountry     Field = "country" // of residence
	FieldSegment     Field = "segment"
	FieldSNILS       Field = "snils"
	FieldINN         Field = "inn"
	FieldIIN         Field = "iin"
)

// Mapping says in which column (a letter: "A", "AB") a field is.
type Mapping map[Field]string

// NoColumn is the column of a field that a list does not have, though the
// header looks as if it had.
const NoColumn = "-"
