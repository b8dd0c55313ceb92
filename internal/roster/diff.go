package roster

import (
	"cmp"
	"fmt"
	"iter"
	"slices"

	"github.com/ponimayu/opora/internal/tenancy"
)

// Options says what the list means.
type Options struct {
	Mode  Mode
	Today tenancy.Date // in the contract's time zone
	// LegalEntity is the entity that the upload named; a full list speaks for
	// it, and for every entity that one of its rows names, and for no other.
	LegalEntity tenancy.LegalEntityCode
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

// Result is what a list would do.
type Result struct {
	Changes   []Change // by line, then those who are not on the list by key; numbered from 1
	Unchanged int
	Absent    map[string]int    // who would leave for not being listed, by department
	Problems  []tenancy.Problem // rows held or refused because of what we have
	Held      int               // rows held as identity_changed
	Rejected  int               // rows refused here, such as a leaver whom nobody knows
}

// Diff compares the people we have with the rows of a list. Both sequences come
// in the order of Key.Compare, each key at most once; an error of either ends
// the comparison and is returned.
//
//	we have       the list       mode        becomes
//	-----------   ------------   ---------   ---------------------------------------
//	working       same values    add, full   nothing
//	working       other values   add, full   update (held as identity_changed when the name
//	                                         differs and nothing else says it is him)
//	any           a last day     add, full   leave on that day, explicit
//	left          listed         add, full   return, also with a new last day; so does who was
//	                                         let go today for not being listed
//	working       not listed     add         nothing
//	working       not listed     full        move, when his evidence is on a new row; else leave today
//	nobody        a past day     add, full   nothing
//	nobody        listed         add, full   hire; or of somebody we have by evidence: move, return,
//	                                         second job (a move from nowhere)
//	working       listed         leavers     leave on the row's day, or today
//	nobody, left  listed         leavers     employee_unknown; nothing
func Diff(have iter.Seq2[Have, error], want iter.Seq2[Want, error], options Options) (Result, error) {
	d := differ{options: options, result: Result{Absent: map[string]int{}}, entities: map[tenancy.LegalEntityCode]bool{options.LegalEntity: options.LegalEntity != ""}}
	if err := d.merge(have, want); err != nil {
		return Result{}, err
	}
	d.placeNewcomers()
	d.leaveAbsent()
	slices.SortStableFunc(d.result.Changes, func(a, b Change) int {
		if c := cmp.Compare(listed(a), listed(b)); c != 0 {
			return c
		}
		if c := cmp.Compare(a.Line, b.Line); c != 0 {
			return c
		}
		return keyOf(a).Compare(keyOf(b))
	})
	for i := range d.result.Changes {
		d.result.Changes[i].N = i + 1
	}
	slices.SortStableFunc(d.result.Problems, func(a, b tenancy.Problem) int { return cmp.Compare(a.Line, b.Line) })
	return d.result, nil
}

// listed sorts people who are not on the list behind those who are.
func listed(c Change) int {
	if c.Line == 0 {
		return 1
	}
	return 0
}

func keyOf(c Change) Key { return Key{c.LegalEntity, c.EmployeeKey} }

type differ struct {
	options   Options
	entities  map[tenancy.LegalEntityCode]bool // that the list speaks for
	people    people                           // everybody we have, by evidence
	newcomers []Want                           // rows whose key we do not have
	absent    []Have                           // working, and not on the list
	result    Result
}

// merge walks both sequences once. What has a key on both sides is decided at
// once; the rest is kept for when everybody has been seen.
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
		default:
			order = h.Key.Compare(w.Key)
		}
		if order <= 0 {
			d.people.add(h)
		}
		switch {
		case order < 0:
			if !d.left(h) {
				d.absent = append(d.absent, h)
			}
		case order > 0:
			d.entities[w.LegalEntity] = true
			d.newcomers = append(d.newcomers, w)
		default:
			d.entities[w.LegalEntity] = true
			d.decide(h, w)
		}
		if order <= 0 {
			last := h.Key
			if h, err, haveOK = nextHave(); haveOK && err != nil {
				return err
			} else if haveOK && h.Key.Compare(last) <= 0 {
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
	return d.left(h) || h.Disabled && !h.LeftOn.IsZero() && !h.LeftOn.After(d.options.Today)
}

// decide settles a row whose key we have.
func (d *differ) decide(h Have, w Want) {
	if !samePerson(h, w) {
		d.hold(w)
		return
	}
	switch {
	case d.options.Mode == Leavers:
		d.leaveListed(h, w)
	case d.gone(h) && (w.LeftOn.IsZero() || w.LeftOn.After(d.options.Today)):
		fields := append(differences(h, w), leftOn(h.LeftOn, w.LeftOn))
		d.addKnown(Change{Kind: Return, LeftOn: w.LeftOn, Fields: fields}, h, w.Line)
	case !w.LeftOn.IsZero() && w.LeftOn != h.LeftOn:
		fields := append(differences(h, w), leftOn(h.LeftOn, w.LeftOn))
		d.addKnown(Change{Kind: Leave, LeftOn: w.LeftOn, Explicit: true, Fields: fields}, h, w.Line)
	default:
		if fields := differences(h, w); len(fields) > 0 {
			d.addKnown(Change{Kind: Update, Fields: fields}, h, w.Line)
		} else {
			d.result.Unchanged++
		}
	}
}

// leaveListed settles a row of a list of leavers.
func (d *differ) leaveListed(h Have, w Want) {
	day := w.LeftOn
	if day.IsZero() {
		day = d.options.Today
	}
	if h.LeftOn == day || d.left(h) && w.LeftOn.IsZero() {
		d.result.Unchanged++
		return
	}
	d.addKnown(Change{Kind: Leave, LeftOn: day, Explicit: true, Fields: []FieldChange{leftOn(h.LeftOn, day)}}, h, w.Line)
}

// hold keeps a row back: its number is known, but for somebody else.
func (d *differ) hold(w Want) {
	d.result.Held++
	d.result.Problems = append(d.result.Problems, tenancy.Problem{
		Code: "identity_changed", Severity: tenancy.SeverityError, Line: w.Line, Field: "employee_no",
		Message: "this personnel number belongs to somebody with another name, and no birth date or national id says that it is the same person; " +
			"if the number was given to a new person, list the previous holder with his last day of work first",
	})
}

// placeNewcomers settles the rows whose key we do not have.
func (d *differ) placeNewcomers() {
	absent := map[tenancy.EmploymentID]bool{}
	for _, h := range d.absent {
		absent[h.EmploymentID] = true
	}
	moved := map[tenancy.EmploymentID]bool{}
	var hires hires
	slices.SortFunc(d.newcomers, func(a, b Want) int { return cmp.Compare(a.Line, b.Line) })
	for _, w := range d.newcomers {
		if d.options.Mode == Leavers {
			d.reject(w)
			continue
		}
		if !w.LeftOn.IsZero() && w.LeftOn.Before(d.options.Today) {
			d.result.Unchanged++ // lists show people who left long ago; we never had this one
			continue
		}
		if known := d.people.find(w); known != nil {
			d.place(known, w, absent, moved)
			continue
		}
		id, again := hires.find(w)
		if !again {
			id = d.options.NewEmployeeID()
			hires.add(w, id)
		}
		d.addNew(Change{Kind: Hire, EmployeeID: id, NewPerson: !again, LeftOn: w.LeftOn, Explicit: !w.LeftOn.IsZero(), Fields: allFields(w)}, w)
	}
	d.absent = slices.DeleteFunc(d.absent, func(h Have) bool { return moved[h.EmploymentID] })
}

// place gives somebody we have his new employment: a return when he had left,
// a move when a full list no longer shows his old one, else a second job.
func (d *differ) place(known []Have, w Want, absent, moved map[tenancy.EmploymentID]bool) {
	change := Change{Kind: Return, EmployeeID: known[0].EmployeeID, Fields: differences(known[0], w)}
	if slices.ContainsFunc(known, func(h Have) bool { return !d.left(h) }) {
		change.Kind = Move
	}
	var from string
	for _, h := range known {
		if d.options.Mode == Full && absent[h.EmploymentID] && !moved[h.EmploymentID] && d.entities[h.LegalEntity] {
			moved[h.EmploymentID] = true
			from = string(h.LegalEntity) + "/" + string(h.EmployeeNo)
			change.From, change.WasLeftOn, change.LeftOn = h.EmploymentID, h.LeftOn, d.lastDayBefore(w)
			change.Fields = differences(h, w)
			break
		}
	}
	number := FieldChange{Field: "employment", Old: from, New: string(w.LegalEntity) + "/" + string(w.EmployeeNo)}
	change.Fields = slices.Insert(change.Fields, 0, number)
	d.addNew(change, w)
}

// lastDayBefore is the day on which the old employment of someone who moves
// ends: the one before the new one begins, when that is not ahead of us.
func (d *differ) lastDayBefore(w Want) tenancy.Date {
	yesterday := d.options.Today.AddDays(-1)
	if before := w.HiredOn.AddDays(-1); !w.HiredOn.IsZero() && before.Before(yesterday) {
		return before
	}
	return yesterday
}

// reject refuses a row of a list of leavers whom nobody knows.
func (d *differ) reject(w Want) {
	d.result.Rejected++
	d.result.Problems = append(d.result.Problems, tenancy.Problem{
		Code: "employee_unknown", Severity: tenancy.SeverityError, Line: w.Line, Field: "employee_no",
		Message: "nobody with this personnel number is employed here, so nobody can leave; check the number and the legal entity",
	})
}

// leaveAbsent lets go, in a full list, those whom the list no longer shows in
// an entity that it speaks for.
func (d *differ) leaveAbsent() {
	if d.options.Mode != Full {
		return
	}
	for _, h := range d.absent {
		if !d.entities[h.LegalEntity] || !h.LeftOn.IsZero() { // a dated leave stays as it was dated
			continue
		}
		if d.options.Listed != nil && d.options.Listed(h.EmployeeKey) {
			continue
		}
		d.result.Absent[h.Department]++
		d.addKnown(Change{Kind: Leave, LeftOn: d.options.Today, Fields: []FieldChange{leftOn(h.LeftOn, d.options.Today)}}, h, 0)
	}
}

// addKnown completes a change of an employment that we have.
func (d *differ) addKnown(c Change, h Have, line int) {
	c.State, c.Line, c.WasLeftOn = ChangePlanned, line, h.LeftOn
	c.LegalEntity, c.EmployeeKey, c.EmployeeNo = h.LegalEntity, h.EmployeeKey, h.EmployeeNo
	c.EmployeeID, c.Employment = h.EmployeeID, h.EmploymentID
	d.result.Changes = append(d.result.Changes, c)
}

// addNew completes a change that makes an employment.
func (d *differ) addNew(c Change, w Want) {
	c.State, c.Line, c.Employment = ChangePlanned, w.Line, d.options.NewEmploymentID()
	c.LegalEntity, c.EmployeeKey, c.EmployeeNo = w.LegalEntity, w.EmployeeKey, w.EmployeeNo
	d.result.Changes = append(d.result.Changes, c)
}

// Counts tells the result in the numbers of an import.
func (r Result) Counts() Counts {
	counts := Counts{Unchanged: r.Unchanged, Rejected: r.Rejected, Held: r.Held}
	for _, c := range r.Changes {
		switch c.Kind {
		case Hire:
			counts.Create++
		case Update:
			counts.Update++
		case Move:
			counts.Move++
		case Leave:
			counts.Leave++
		case Return:
			counts.Return++
		}
	}
	return counts
}
