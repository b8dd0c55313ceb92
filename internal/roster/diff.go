package roster

import (
	"fmt"
	"iter"

	"github.com/ponimayu/opora/internal/tenancy"
)

// Options says what the list means.
type Options struct {
	Mode  Mode
	Today tenancy.Date // in the contract's time zone
	// LegalEntity is the entity that the upload named; a full list speaks for
	// it, and for every entity that one of its rows names, and for no other.
	LegalEntity tenancy.LegalEntityCode
	// AbsentTimes is how many full lists in a row, each of another day, must
	// leave somebody out before he leaves; 0 and 1: this one is enough.
	AbsentTimes int
	// Listed reports whether a refused row of the list has the number: whoever
	// stands in the file is not absent, however badly his row is written. Nil:
	// no row was refused.
	Listed func(tenancy.EmployeeKey) bool
	// NewEmployeeID and NewEmploymentID make the ids of those who are new. They
	// are decided here, before anything is written, so that everything after
	// can be repeated without making anybody twice.
	NewEmployeeID   func() tenancy.EmployeeID
	NewEmploymentID func() tenancy.EmploymentID
}

// Output takes what Diff decides, as it is decided and in no order; an error
// ends the comparison. What it is given it may keep.
type Output interface {
	Change(Change) error
	// Absence is what a full list says of somebody's presence, when a run of
	// absences is counted before anybody leaves.
	Absence(Absence) error
	// Problem is a row held, refused or not taken whole because of what we have.
	Problem(tenancy.Problem) error
}

// Absence is one step in the counting of full lists that leave somebody out.
type Absence struct {
	Employment tenancy.EmploymentID
	Listed     bool // he is listed again: the counting begins anew
}

// Result is what a list would do, in numbers.
type Result struct {
	Counts      // all but Rows and Failed, which others count
	Decided int // rows of the list that were decided upon
	Waiting int // of Counts.Absent: those whom an earlier full list left out, too

	// What the brake measures. absent are those who would leave for not being
	// listed, departments the same by department.
	identity, newcomers, leavers, absent int
	departments                          map[string]int
}

// Diff compares the people we have with the rows of a list. Both sequences come
// in the order of Key.Compare, each key at most once; an error of either, or of
// the output, ends the comparison and is returned. What is decided goes to the
// output at once; only rows and employments that another row may bear upon
// (Have.Alone, Want.Alone) are kept until all have been seen.
//
//	we have       the list       mode        becomes
//	-----------   ------------   ---------   ---------------------------------------
//	working       same values    add, full   nothing
//	working       other values   add, full   update (held as identity_changed when the name
//	                                         differs and nothing else says it is him)
//	any           a last day     add, full   leave on that day, explicit
//	left          listed         add, full   return, also with a new last day; so does who was
//	                                         let go today for not being listed
//	left          somebody else  add, full   as nobody: the number has been given to somebody new
//	working       not listed     add         nothing
//	working       not listed     full        move, when his evidence is on a new row; else leave today,
//	                                         or be counted as absent (Options.AbsentTimes); who has not
//	                                         begun to work yet is on no list
//	nobody        a past day     add, full   nothing
//	nobody        listed         add, full   hire; or of somebody we have by evidence: move, return,
//	                                         second job (a move from nowhere); held as national_id_shared
//	                                         when only the national id says that it is him
//	working       listed         leavers     leave on the row's day, or today
//	nobody, left  listed         leavers     employee_unknown; nothing
//
// What several rows say of one person is settled once, see person.settle.
func Diff(have iter.Seq2[Have, error], want iter.Seq2[Want, error], options Options, out Output) (Result, error) {
	d := differ{
		options: options, out: out, persons: map[tenancy.EmployeeID]*person{},
		entities: map[tenancy.LegalEntityCode]bool{options.LegalEntity: options.LegalEntity != ""},
		result:   Result{departments: map[string]int{}},
	}
	if err := d.merge(have, want); err != nil {
		return Result{}, err
	}
	return d.result, d.settle()
}

type differ struct {
	options   Options
	out       Output
	entities  map[tenancy.LegalEntityCode]bool // that the list speaks for, as far as it was read
	persons   map[tenancy.EmployeeID]*person   // those of whom all must be seen first
	newcomers []Want                           // rows under a new key that may be about somebody among these
	result    Result
}

// merge walks both sequences once.
func (d *differ) merge(have iter.Seq2[Have, error], want iter.Seq2[Want, error]) error {
	nextHave, stopHave := iter.Pull2(have)
	defer stopHave()
	nextWant, stopWant := iter.Pull2(want)
	defer stopWant()
	h, err, haveOK := nextHave()
	if haveOK && err != nil {
		return err
	}
	w, err, wantOK := nextWant()
	if wantOK && err != nil {
		return err
	}
	for haveOK || wantOK {
		var order int
		switch {
		case !wantOK:
			order = -1
		case !haveOK:
			order = 1
		case h.Released:
			order = -1 // its number is not his any more
		default:
			order = h.Key.Compare(w.Key)
		}
		if wantOK {
			// Both come by legal entity: when we stand at an entity's people, the
			// list's first row of that entity has been seen or is this one.
			d.entities[w.LegalEntity] = true
		}
		switch {
		case order < 0:
			err = d.notListed(h)
		case order > 0:
			err = d.newcomer(w)
		default:
			err = d.known(h, w)
		}
		if err != nil {
			return err
		}
		if order <= 0 {
			last, again := h.Key, h.Released
			if h, err, haveOK = nextHave(); haveOK && err != nil {
				return err
			} else if c := h.Key.Compare(last); haveOK && (c < 0 || c == 0 && !again) {
				return fmt.Errorf("roster: the employments we have are not in order")
			}
		}
		if order >= 0 {
			last := w.Key
			if w, err, wantOK = nextWant(); wantOK && err != nil {
				return err
			} else if wantOK && w.Key.Compare(last) <= 0 {
				return fmt.Errorf("roster: the rows are not in order, or a key stands twice (line %d)", w.Line)
			}
		}
	}
	return nil
}

// left reports whether the employment is over.
func (d *differ) left(h Have) bool { return !h.LeftOn.IsZero() && h.LeftOn.Before(d.options.Today) }

// gone reports whether the employment is over, or was ended today by a list
// that did not show it: whoever is listed again on that day is back, too.
func (d *differ) gone(h Have) bool {
	return d.left(h) || h.LetGo && !h.LeftOn.IsZero() && !h.LeftOn.After(d.options.Today)
}

// missing reports whether a full list that should show the employment does not.
func (d *differ) missing(h Have) bool {
	return d.options.Mode == Full && !d.left(h) && !h.Released && d.entities[h.LegalEntity] && !d.refused(h)
}

// notListed settles an employment whose key the list does not have.
func (d *differ) notListed(h Have) error {
	missing := d.missing(h)
	if !h.Alone {
		p := d.personOf(h.EmployeeID)
		p.jobs = append(p.jobs, h)
		if missing {
			p.missing = append(p.missing, h)
		}
	}
	switch {
	case missing && h.Alone:
		return d.absent(h)
	case h.Missed && d.options.Mode == Full && d.refused(h):
		return d.present(h)
	}
	return nil
}

// refused reports whether the employment stands on a row that was refused.
func (d *differ) refused(h Have) bool {
	return d.options.Listed != nil && d.options.Listed(h.EmployeeKey)
}

// known settles a row whose key we have.
func (d *differ) known(h Have, w Want) error {
	p := &person{}
	if !h.Alone {
		p = d.personOf(h.EmployeeID)
		p.jobs = append(p.jobs, h)
	}
	switch {
	case !samePerson(h, w) && d.gone(h) && d.options.Mode != Leavers:
		w.Releases = h.EmploymentID
		return d.newcomer(w)
	case !samePerson(h, w):
		return d.hold(w)
	case h.Alone:
		return d.decide(h, w, personDifferences(h.Person, w.Person), 0)
	}
	p.rows = append(p.rows, row{have: &h, want: w})
	return nil
}

// newcomer settles a row of which we have no employment.
func (d *differ) newcomer(w Want) error {
	switch {
	case d.options.Mode == Leavers:
		return d.reject(w)
	case !w.LeftOn.IsZero() && w.LeftOn.Before(d.options.Today):
		d.unchanged() // lists show people who left long ago; we never had this one
		return nil
	case w.Alone:
		return d.hire(w, d.options.NewEmployeeID(), true, personDifferences(Person{}, w.Person), 0)
	}
	d.newcomers = append(d.newcomers, w)
	return nil
}

// decide settles a row of an employment that we have. fields are what it, or
// all rows of the person, change in the person; identity is the line of the row
// that the national id among them is from, 0 when it is this one.
func (d *differ) decide(h Have, w Want, fields []FieldChange, identity int) error {
	if err := d.present(h); err != nil {
		return err
	}
	if d.options.Mode == Leavers {
		return d.leaveListed(h, w)
	}
	fields = append(fields, jobDifferences(h.Job, w.Job)...)
	change := Change{Kind: Update, Fields: fields, IdentityLine: identity}
	switch {
	case d.gone(h) && (w.LeftOn.IsZero() || w.LeftOn.After(d.options.Today)):
		change.Kind, change.LeftOn = Return, w.LeftOn
		change.Fields = append(fields, leftOn(h.LeftOn, w.LeftOn))
	case !w.LeftOn.IsZero() && w.LeftOn != h.LeftOn:
		change.Kind, change.LeftOn, change.Explicit = Leave, w.LeftOn, true
		change.Fields = append(fields, leftOn(h.LeftOn, w.LeftOn))
	case len(fields) == 0:
		d.unchanged()
		return nil
	}
	return d.addKnown(change, h, w.Line)
}

// leaveListed settles a row of a list of leavers.
func (d *differ) leaveListed(h Have, w Want) error {
	day := w.LeftOn
	if day.IsZero() {
		day = d.options.Today
	}
	if h.LeftOn == day || d.left(h) && w.LeftOn.IsZero() {
		d.unchanged()
		return nil
	}
	return d.addKnown(Change{Kind: Leave, LeftOn: day, Explicit: true, Fields: []FieldChange{leftOn(h.LeftOn, day)}}, h, w.Line)
}

// hire makes an employment of somebody new; first says that it is his first.
func (d *differ) hire(w Want, id tenancy.EmployeeID, first bool, fields []FieldChange, identity int) error {
	fields = append(fields, jobDifferences(Job{}, w.Job)...)
	if !w.LeftOn.IsZero() {
		fields = append(fields, leftOn(tenancy.Date{}, w.LeftOn))
	}
	return d.addNew(Change{
		Kind: Hire, EmployeeID: id, NewPerson: first, OfNewPerson: true, Settled: first && !w.Alone, LeftOn: w.LeftOn, Explicit: !w.LeftOn.IsZero(), Fields: fields, IdentityLine: identity,
	}, w)
}

// absent settles an employment that a full list should show and does not.
func (d *differ) absent(h Have) error {
	// A dated leave stays as it was dated, and who is still to begin is on no list.
	if !h.LeftOn.IsZero() || h.HiredOn.After(d.options.Today) {
		return nil
	}
	if h.AbsentDays+1 < d.options.AbsentTimes {
		d.result.Counts.Absent++
		if h.AbsentDays > 0 {
			d.result.Waiting++
		}
		return d.out.Absence(Absence{Employment: h.EmploymentID})
	}
	d.result.absent++
	d.result.departments[h.Department]++
	return d.addKnown(Change{Kind: Leave, LeftOn: d.options.Today, Fields: []FieldChange{leftOn(h.LeftOn, d.options.Today)}}, h, 0)
}

// present ends the counting of absences of somebody who is listed.
func (d *differ) present(h Have) error {
	if !h.Missed {
		return nil
	}
	return d.out.Absence(Absence{Employment: h.EmploymentID, Listed: true})
}

// hold keeps a row back: its number is known, but for somebody else.
func (d *differ) hold(w Want) error {
	return d.holdFor(tenancy.Problem{
		Code: "identity_changed", Severity: tenancy.SeverityError, Line: w.Line, Field: "employee_no",
		Message: "this personnel number belongs to somebody with another name, and no birth date or national id says that it is the same person; " +
			"if the number was given to a new person, list the previous holder with his last day of work first",
	})
}

// holdShared keeps a row back whose national id is also somebody else's.
func (d *differ) holdShared(w Want) error {
	return d.holdFor(tenancy.Problem{
		Code: "national_id_shared", Severity: tenancy.SeverityError, Line: w.Line, Field: string(w.NationalID),
		Message: "this national id belongs to somebody with another name and another birth date, and two people are never made one; " +
			"correct the number, or leave it empty",
	})
}

// holdFor keeps a row back and says why.
func (d *differ) holdFor(why tenancy.Problem) error {
	d.result.Counts.Held++
	d.result.Decided++
	return d.out.Problem(why)
}

// reject refuses a row of a list of leavers whom nobody knows.
func (d *differ) reject(w Want) error {
	d.result.Counts.Rejected++
	d.result.Decided++
	return d.out.Problem(tenancy.Problem{
		Code: "employee_unknown", Severity: tenancy.SeverityError, Line: w.Line, Field: "employee_no",
		Message: "nobody with this personnel number is employed here, so nobody can leave; check the number and the legal entity",
	})
}

func (d *differ) unchanged() {
	d.result.Counts.Unchanged++
	d.result.Decided++
}

// addKnown completes a change of an employment that we have.
func (d *differ) addKnown(c Change, h Have, line int) error {
	c.Line, c.WasLeftOn = line, h.LeftOn
	c.LegalEntity, c.EmployeeKey, c.EmployeeNo = h.LegalEntity, h.EmployeeKey, h.EmployeeNo
	c.EmployeeID, c.Employment = h.EmployeeID, h.EmploymentID
	return d.add(c)
}

// addNew completes a change that makes an employment.
func (d *differ) addNew(c Change, w Want) error {
	c.Line, c.Employment, c.Releases = w.Line, d.options.NewEmploymentID(), w.Releases
	c.LegalEntity, c.EmployeeKey, c.EmployeeNo = w.LegalEntity, w.EmployeeKey, w.EmployeeNo
	return d.add(c)
}

func (d *differ) add(c Change) error {
	c.State = ChangePlanned
	d.result.count(c)
	return d.out.Change(c)
}
