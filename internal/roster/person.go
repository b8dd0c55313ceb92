package roster

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/ponimayu/opora/internal/tenancy"
)

// person is somebody of whom several rows or employments may speak: all of it
// is gathered before anything is decided.
type person struct {
	id      tenancy.EmployeeID
	isNew   bool
	jobs    []Have // every employment of his that we have
	missing []Have // of these: not on a full list that should show them
	rows    []row  // of the list
}

// row is one row of the list that is about a person.
type row struct {
	have *Have // the employment whose key it has; nil when it has a new one
	want Want
}

func (d *differ) personOf(id tenancy.EmployeeID) *person {
	p := d.persons[id]
	if p == nil {
		p = &person{id: id}
		d.persons[id] = p
	}
	return p
}

// settle decides about everybody who was kept until all had been seen.
func (d *differ) settle() error {
	if err := d.placeNewcomers(); err != nil {
		return err
	}
	for _, p := range d.inOrder() {
		if err := d.settlePerson(p); err != nil {
			return err
		}
	}
	return nil
}

// placeNewcomers finds, by evidence, of whom the rows with new keys are: of
// somebody we have, of somebody whom an earlier row hires, or of somebody new.
// Somebody's second row is a second job and not a second person. Evidence that
// name and birth date both deny makes nobody the same: a row with the national
// id of such a person waits, a contact may have been handed on.
func (d *differ) placeNewcomers() error {
	slices.SortFunc(d.newcomers, func(a, b Want) int { return cmp.Compare(a.Line, b.Line) })
	var had, hired index
	for _, p := range d.persons {
		for _, h := range p.jobs {
			had.add(p, hadEvidence(h)...)
		}
	}
	for _, w := range d.newcomers {
		p := had.find(w.Person, listedEvidence(w)...)
		if p == nil {
			p = hired.find(w.Person, evidence(w.Person)...)
		}
		if p != nil && p.unlike(w.Person) {
			if p.sharesID(w.Person) {
				if err := d.holdShared(w); err != nil {
					return err
				}
				continue
			}
			p = nil
		}
		if p == nil {
			p = d.personOf(d.options.NewEmployeeID())
			p.isNew = true
		}
		p.rows = append(p.rows, row{want: w})
		if p.isNew {
			hired.add(p, evidence(w.Person)...)
		}
	}
	d.newcomers = nil
	return nil
}

// inOrder lists those kept, so that a plan is made the same way twice.
func (d *differ) inOrder() []*person {
	all := make([]*person, 0, len(d.persons))
	for _, p := range d.persons {
		slices.SortFunc(p.rows, func(a, b row) int { return cmp.Compare(a.want.Line, b.want.Line) })
		if len(p.rows) > 0 || len(p.missing) > 0 {
			all = append(all, p)
		}
	}
	first := func(p *person) int {
		if len(p.rows) == 0 {
			return 0
		}
		return p.rows[0].want.Line
	}
	slices.SortFunc(all, func(a, b *person) int {
		if c := cmp.Compare(first(a), first(b)); c != 0 {
			return c
		}
		return cmp.Compare(a.id, b.id)
	})
	return all
}

// settlePerson decides about all rows and employments of one person. His own
// fields are settled once and go with his first row.
func (d *differ) settlePerson(p *person) error {
	said, from, err := d.settleFields(p)
	if err != nil {
		return err
	}
	var before Person
	if len(p.jobs) > 0 {
		before = p.jobs[0].Person
	}
	for i, r := range p.rows {
		var fields []FieldChange
		if i == 0 {
			fields = personDifferences(before, said)
		}
		switch {
		case r.have != nil:
			err = d.decide(*r.have, r.want, fields, from)
		case p.isNew:
			err = d.hire(r.want, p.id, i == 0, fields, from)
		default:
			err = d.place(p, r.want, fields, from)
		}
		if err != nil {
			return err
		}
	}
	for _, h := range p.missing {
		if err := d.absent(h); err != nil {
			return err
		}
	}
	return nil
}

// settleFields says what the list gives for a person, field by field: the
// lowest line that gives a value. Lines that say otherwise are told. A list
// that does not speak for the legal entity of his main job may fill what is not
// known, and no more: or two companies' lists would overwrite each other for
// ever. from is the line that the national id is of.
func (d *differ) settleFields(p *person) (said Person, from int, err error) {
	if d.options.Mode == Leavers {
		return said, 0, nil
	}
	by := map[string]int{} // which line each field is from; 0: the main job
	if main := d.mainJobElsewhere(p); main != nil {
		said = main.Person
	}
	for _, r := range p.rows {
		for _, field := range said.fill(r.want.Person) {
			if line, taken := by[field.Field]; taken || field.Old != "" {
				if err := d.out.Problem(differs(r.want.Line, field.Field, line)); err != nil {
					return said, 0, err
				}
				continue
			}
			by[field.Field] = r.want.Line
		}
	}
	return said, by["national_id"], nil
}

// mainJobElsewhere returns the person's main job, when the list does not speak
// for its legal entity: of the jobs that are not over the one we have longest.
func (d *differ) mainJobElsewhere(p *person) *Have {
	var main *Have
	for i, h := range p.jobs {
		if !d.gone(h) && (main == nil || h.EmploymentID < main.EmploymentID) {
			main = &p.jobs[i]
		}
	}
	if main == nil || d.entities[main.LegalEntity] {
		return nil
	}
	return main
}

// differs is the warning that a row says otherwise of somebody than what was
// taken. It quotes no value.
func differs(line int, field string, taken int) tenancy.Problem {
	where := "The list of the same person's main job, in another legal entity,"
	if taken > 0 {
		where = fmt.Sprintf("Line %d, of the same person,", taken)
	}
	return tenancy.Problem{Code: "person_differs", Severity: tenancy.SeverityWarning, Line: line, Field: field,
		Message: where + " says otherwise here; that is what was taken. Write the same on each row of one person."}
}

// place gives somebody we have his new employment: a return when he had left,
// a move when a full list no longer shows his old one, else a second job.
func (d *differ) place(p *person, w Want, fields []FieldChange, identity int) error {
	change := Change{Kind: Return, EmployeeID: p.id, IdentityLine: identity}
	if slices.ContainsFunc(p.jobs, func(h Have) bool { return !d.left(h) }) {
		change.Kind = Move
	}
	old, from := p.jobs[0], ""
	if len(p.missing) > 0 {
		old, p.missing = p.missing[0], p.missing[1:]
		from = string(old.LegalEntity) + "/" + string(old.EmployeeNo)
		change.From, change.WasLeftOn, change.LeftOn = old.EmploymentID, old.LeftOn, d.lastDayBefore(w)
	}
	number := FieldChange{Field: "employment", Old: from, New: string(w.LegalEntity) + "/" + string(w.EmployeeNo)}
	change.Fields = slices.Concat([]FieldChange{number}, fields, jobDifferences(old.Job, w.Job))
	return d.addNew(change, w)
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
