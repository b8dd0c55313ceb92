package roster

import (
	"strings"

	"github.com/ponimayu/opora/internal/tenancy"
)

// personDifferences lists what is said otherwise of a person than we have it. A
// blank cell says nothing: it does not erase.
func personDifferences(have, want Person) []FieldChange {
	fields := newFields(nil, "last_name", have.LastName, want.LastName)
	fields = newFields(fields, "first_name", have.FirstName, want.FirstName)
	fields = newFields(fields, "middle_name", have.MiddleName, want.MiddleName)
	fields = newFields(fields, "email", have.Email, want.Email)
	fields = newFields(fields, "phone", have.Phone, want.Phone)
	if want.BirthDate != have.BirthDate {
		fields = newFields(fields, "birth_date", have.BirthDate.String(), want.BirthDate.String())
	}
	if want.NationalIDHash != "" && want.NationalIDHash != have.NationalIDHash {
		fields = append(fields, FieldChange{Field: "national_id", Old: string(have.NationalID), New: string(want.NationalID)})
	}
	return fields
}

// jobDifferences lists what is said otherwise of an employment. The personnel
// number is not compared: two spellings of one key are one number.
func jobDifferences(have, want Job) []FieldChange {
	fields := newFields(nil, "department", have.Department, want.Department)
	fields = newFields(fields, "position", have.Position, want.Position)
	fields = newFields(fields, "segment", string(have.Segment), string(want.Segment))
	if want.HiredOn != have.HiredOn {
		fields = newFields(fields, "hired_on", have.HiredOn.String(), want.HiredOn.String())
	}
	return fields
}

func newFields(fields []FieldChange, field, old, new string) []FieldChange {
	if new == "" || new == old {
		return fields
	}
	return append(fields, FieldChange{Field: field, Old: old, New: new})
}

// fill takes over what the other says of the person where nothing is known, and
// returns every field that it says otherwise: with an Old value where one was
// known, which stays. Another spelling of a name or of an address is the same,
// and so is a national id of another kind.
func (p *Person) fill(other Person) []FieldChange {
	var otherwise []FieldChange
	say := func(field string, known *string, says string, same bool) {
		if says == "" || *known != "" && same {
			return
		}
		otherwise = append(otherwise, FieldChange{Field: field, Old: *known})
		if *known == "" {
			*known = says
		}
	}
	say("last_name", &p.LastName, other.LastName, sameWord(p.LastName, other.LastName))
	say("first_name", &p.FirstName, other.FirstName, sameWord(p.FirstName, other.FirstName))
	say("middle_name", &p.MiddleName, other.MiddleName, sameWord(p.MiddleName, other.MiddleName))
	say("email", &p.Email, other.Email, strings.EqualFold(p.Email, other.Email))
	say("phone", &p.Phone, other.Phone, p.Phone == other.Phone)
	born := p.BirthDate.String()
	say("birth_date", &born, other.BirthDate.String(), p.BirthDate == other.BirthDate)
	if p.BirthDate.IsZero() {
		p.BirthDate = other.BirthDate
	}
	kind := p.NationalID
	say("national_id", &p.NationalIDHash, other.NationalIDHash, kind != other.NationalID || p.NationalIDHash == other.NationalIDHash)
	if kind == "" {
		p.NationalID = other.NationalID
	}
	return otherwise
}

func leftOn(old, new tenancy.Date) FieldChange {
	return FieldChange{Field: "left_on", Old: old.String(), New: new.String()}
}

// Identifies reports whether the field tells who somebody is or how he is
// reached: the brake counts changes of these.
func (f FieldChange) Identifies() bool {
	switch f.Field {
	case "last_name", "first_name", "middle_name", "email", "phone":
		return f.Old != ""
	}
	return false
}
