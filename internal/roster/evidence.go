package roster

import (
	"hash/maphash"
	"slices"
	"strings"
)

// mark is a piece of evidence of who somebody is, hashed: an index of hundreds
// of thousands of people stays small. That two pieces share a mark is as likely
// as a collision of 128 bits.
type mark [2]uint64

var seeds = [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()}

func markOf(parts ...string) mark {
	text := strings.Join(parts, "\x00")
	return mark{maphash.String(seeds[0], text), maphash.String(seeds[1], text)}
}

// evidence lists what a person can be found by: the national id, and the full
// name together with the birth date. Names alone never find anybody: namesakes
// are common.
func evidence(p Person) []mark {
	var marks []mark
	if p.NationalIDHash != "" {
		marks = append(marks, markOf("id", p.NationalIDHash))
	}
	if !p.BirthDate.IsZero() {
		marks = append(marks, markOf("born", p.BirthDate.String(), Fold(p.LastName), Fold(p.FirstName), Fold(p.MiddleName)))
	}
	return marks
}

// hadEvidence is evidence, and the contacts that the employee has confirmed.
func hadEvidence(h Have) []mark {
	marks := evidence(h.Person)
	if h.EmailConfirmed && h.Email != "" {
		marks = append(marks, emailMark(h.Email))
	}
	if h.PhoneConfirmed && h.Phone != "" {
		marks = append(marks, phoneMark(h.Phone))
	}
	return marks
}

// listedEvidence is evidence, and the contacts that the row gives.
func listedEvidence(w Want) []mark {
	marks := evidence(w.Person)
	if w.Email != "" {
		marks = append(marks, emailMark(w.Email))
	}
	if w.Phone != "" {
		marks = append(marks, phoneMark(w.Phone))
	}
	return marks
}

func emailMark(email string) mark { return markOf("email", strings.ToLower(email)) }
func phoneMark(phone string) mark { return markOf("phone", phone) }

// index finds a person by evidence.
type index struct{ by map[mark]*person } // nil where two people share it

func (x *index) add(p *person, marks ...mark) {
	if x.by == nil {
		x.by = map[mark]*person{}
	}
	for _, m := range marks {
		if other, taken := x.by[m]; taken && other != p {
			x.by[m] = nil
			continue
		}
		x.by[m] = p
	}
}

// find returns the one person to whom the marks point, or nil when they point
// to nobody or to several, or when the national ids say that it is not him.
func (x *index) find(who Person, marks ...mark) *person {
	var found *person
	for _, m := range marks {
		p := x.by[m]
		switch {
		case p == nil:
		case found != nil && found != p:
			return nil
		default:
			found = p
		}
	}
	if found == nil || found.contradicts(who) {
		return nil
	}
	return found
}

// contradicts reports whether what we know of the person, or an earlier row of
// the list says of him, has another national id of the same kind.
func (p *person) contradicts(who Person) bool {
	return p.known(func(known Person) bool { return contradicts(known, who) })
}

// unlike reports whether name and birth date say that this is somebody else
// than the person whom we have, or of whom earlier rows speak.
func (p *person) unlike(who Person) bool {
	return !p.known(func(known Person) bool { return !unlike(known, who) })
}

// sharesID reports whether the person has the national id.
func (p *person) sharesID(who Person) bool {
	return who.NationalIDHash != "" && p.known(func(known Person) bool { return known.NationalIDHash == who.NationalIDHash })
}

// known reports whether something holds of what we have of the person, or of
// what an earlier row of the list says.
func (p *person) known(is func(Person) bool) bool {
	return len(p.jobs) > 0 && is(p.jobs[0].Person) || slices.ContainsFunc(p.rows, func(r row) bool { return is(r.want.Person) })
}
