package roster

import "github.com/ponimayu/opora/internal/tenancy"

// differences lists what the row says otherwise than we have it. A blank cell
// says nothing: it does not erase. The personnel number is not compared: two
// spellings of one key are one number.
func differences(have Have, want Want) []FieldChange {
	var fields []FieldChange
	compare := func(field, old, new string) {
		if new != "" && new != old {
			fields = append(fields, FieldChange{Field: field, Old: old, New: new})
		}
	}
	compare("last_name", have.LastName, want.LastName)
	compare("first_name", have.FirstName, want.FirstName)
	compare("middle_name", have.MiddleName, want.MiddleName)
	compare("email", have.Email, want.Email)
	compare("phone", have.Phone, want.Phone)
	compare("birth_date", have.BirthDate.String(), want.BirthDate.String())
	compare("department", have.Department, want.Department)
	compare("position", have.Position, want.Position)
	compare("segment", string(have.Segment), string(want.Segment))
	compare("hired_on", have.HiredOn.String(), want.HiredOn.String())
	if want.NationalIDHash != "" && want.NationalIDHash != have.NationalIDHash {
		fields = append(fields, FieldChange{Field: "national_id", Old: string(have.NationalID), New: string(want.NationalID)})
	}
	return fields
}

// allFields lists what a row says of somebody new.
func allFields(want Want) []FieldChange {
	fields := differences(Have{}, want)
	if !want.LeftOn.IsZero() {
		fields = append(fields, leftOn(tenancy.Date{}, want.LeftOn))
	}
	return fields
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
