package roster

import (
	"strings"

	"github.com/ponimayu/opora/internal/tenancy"
)

// Key is what identifies an employment within its tenant: the legal entity and
// the canonical personnel number. Both sequences that Diff merges are in the
// order of Key.Compare, which is PostgreSQL's ORDER BY … COLLATE "C".
type Key struct {
	LegalEntity tenancy.LegalEntityCode
	EmployeeKey tenancy.EmployeeKey
}

// Compare orders keys by their bytes, the legal entity first.
func (k Key) Compare(l Key) int {
	if c := strings.Compare(string(k.LegalEntity), string(l.LegalEntity)); c != 0 {
		return c
	}
	return strings.Compare(string(k.EmployeeKey), string(l.EmployeeKey))
}

// Person is what a list, or we, know of a person. Empty means not known.
type Person struct {
	LastName       string
	FirstName      string
	MiddleName     string
	Email          string
	Phone          string // E.164
	BirthDate      tenancy.Date
	NationalID     tenancy.NationalIDKind
	NationalIDHash string // keyed hash, compared and never shown
}

// Job is what a list, or we, know of an employment beyond its key.
type Job struct {
	EmployeeNo tenancy.EmployeeNo // as HR wrote it
	Department string
	Position   string
	Segment    tenancy.SegmentID
	HiredOn    tenancy.Date
	LeftOn     tenancy.Date // the last day of work
}

// Have is an employment that we hold, with its person.
type Have struct {
	Key
	Person
	Job
	EmployeeID     tenancy.EmployeeID
	EmploymentID   tenancy.EmploymentID
	EmailConfirmed bool // by the employee himself: only then it is evidence
	PhoneConfirmed bool
	LetGo          bool // if LeftOn is today: it is over already, for a list ended it without a date of its own, or the account is closed
	Released       bool // the employment is over, and its number was given to another; it comes before the other's
	AbsentDays     int  // days before today on which full lists in a row left him out
	Missed         bool // AbsentDays > 0, or one of today left him out
	// Alone says that the person has no other employment, and that no row of the
	// list with a new key can be about him: what is decided about this one bears
	// on nothing else. It may be false for want of knowing, which costs memory.
	Alone bool
}

// Want is a row of the uploaded list that was taken.
type Want struct {
	Key
	Person
	Job
	Line int // the sheet's own row number
	// Alone says that, should the key be new, neither somebody we have nor another
	// row of the list shares a piece of evidence with the row.
	Alone bool
	// Releases is the ended employment that has the row's key, and gives it up:
	// the number has been given to somebody else. Diff sets it.
	Releases tenancy.EmploymentID
}

// sameName reports whether two persons are called the same. Case, ё and е and
// spacing do not count; a middle name that one side lacks does not either.
func sameName(a, b Person) bool {
	if !sameWord(a.LastName, b.LastName) || !sameWord(a.FirstName, b.FirstName) {
		return false
	}
	return a.MiddleName == "" || b.MiddleName == "" || sameWord(a.MiddleName, b.MiddleName)
}

func sameWord(a, b string) bool { return a == b || Fold(a) == Fold(b) }

var foldYo = strings.NewReplacer("ё", "е")

// Fold is a name as it is compared and searched: lower case, ё as е, spaces folded.
func Fold(s string) string {
	return foldYo.Replace(strings.Join(strings.Fields(strings.ToLower(s)), " "))
}

// contradicts reports whether two national ids of one kind say that these are
// two people, whatever else they share: namesakes are born on one day too.
func contradicts(a, b Person) bool {
	return a.NationalID == b.NationalID && a.NationalIDHash != "" && b.NationalIDHash != "" && a.NationalIDHash != b.NationalIDHash
}

// unlike reports whether name and birth date say that these are two people,
// whatever else they share: not the same name, and another birth date; where a
// birth date is missing, neither the last nor the first name of the other.
func unlike(a, b Person) bool {
	if sameName(a, b) {
		return false
	}
	if a.BirthDate.IsZero() || b.BirthDate.IsZero() {
		return !sameWord(a.LastName, b.LastName) && !sameWord(a.FirstName, b.FirstName)
	}
	return a.BirthDate != b.BirthDate
}

// samePerson reports whether the row of a number we have is about the person
// who holds it: by the name, unless the national ids differ, or by evidence.
func samePerson(have Have, want Want) bool {
	return sameName(have.Person, want.Person) && !contradicts(have.Person, want.Person) || sameEvidence(have, want)
}

// sameEvidence reports whether something better than a name says that the row
// is about the person we have: the national id, the birth date, or a contact
// that the employee himself has confirmed, unless it has been given to another.
func sameEvidence(have Have, want Want) bool {
	switch {
	case have.NationalIDHash != "" && have.NationalIDHash == want.NationalIDHash:
		return true
	case !have.BirthDate.IsZero() && have.BirthDate == want.BirthDate && (sameName(have.Person, want.Person) || !contradicts(have.Person, want.Person)):
		return true // a new name, or a corrected national id; with both, somebody else
	case unlike(have.Person, want.Person):
		return false
	case have.EmailConfirmed && have.Email != "" && strings.EqualFold(have.Email, want.Email):
		return true
	case have.PhoneConfirmed && have.Phone != "" && have.Phone == want.Phone:
		return true
	}
	return false
}
