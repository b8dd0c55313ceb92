package roster_test

import (
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/ponimayu/opora/internal/roster"
	"github.com/ponimayu/opora/internal/tenancy"
)

var today = tenancy.NewDate(2026, time.November, 21)

func day(s string) tenancy.Date {
	if s == "" {
		return tenancy.Date{}
	}
	d, err := tenancy.ParseDate(s)
	if err != nil {
		panic(err)
	}
	return d
}

// have makes an employment we hold: "entity/number Last First [born] [left] [department]".
func have(key, name, born, left, department string) roster.Have {
	entity, number, _ := strings.Cut(key, "/")
	last, first, _ := strings.Cut(name, " ")
	return roster.Have{
		Key:          roster.Key{LegalEntity: tenancy.LegalEntityCode(entity), EmployeeKey: tenancy.EmployeeKey(number)},
		Person:       roster.Person{LastName: last, FirstName: first, BirthDate: day(born)},
		Job:          roster.Job{EmployeeNo: tenancy.EmployeeNo(number), Department: department, LeftOn: day(left)},
		EmployeeID:   tenancy.EmployeeID("person-" + number),
		EmploymentID: tenancy.EmploymentID("job-" + number),
	}
}

func want(line int, key, name, born, left, department string) roster.Want {
	h := have(key, name, born, left, department)
	return roster.Want{Key: h.Key, Person: h.Person, Job: h.Job, Line: line}
}

func seq[T any](items []T) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for _, item := range items {
			if !yield(item, nil) {
				return
			}
		}
	}
}

// plan is what Diff put out, in the order of a stored plan.
type plan struct {
	roster.Result
	Changes  []roster.Change
	Absences []roster.Absence
	Problems []tenancy.Problem
}

func (p *plan) Change(c roster.Change) error   { p.Changes = append(p.Changes, c); return nil }
func (p *plan) Absence(a roster.Absence) error { p.Absences = append(p.Absences, a); return nil }
func (p *plan) Problem(problem tenancy.Problem) error {
	p.Problems = append(p.Problems, problem)
	return nil
}

// sort numbers the changes as a stored plan does.
func (p *plan) sort() {
	slices.SortFunc(p.Changes, func(a, b roster.Change) int {
		return cmpOr(cmpBool(a.Line == 0, b.Line == 0), a.Line-b.Line,
			roster.Key{LegalEntity: a.LegalEntity, EmployeeKey: a.EmployeeKey}.Compare(roster.Key{LegalEntity: b.LegalEntity, EmployeeKey: b.EmployeeKey}))
	})
	for i := range p.Changes {
		p.Changes[i].N = i + 1
	}
	slices.SortFunc(p.Absences, func(a, b roster.Absence) int { return strings.Compare(string(a.Employment), string(b.Employment)) })
	slices.SortStableFunc(p.Problems, func(a, b tenancy.Problem) int { return a.Line - b.Line })
}

func cmpOr(all ...int) int {
	for _, c := range all {
		if c != 0 {
			return c
		}
	}
	return 0
}

func cmpBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}

func diff(t testing.TB, mode roster.Mode, haves []roster.Have, wants []roster.Want) plan {
	t.Helper()
	return diffWith(t, roster.Options{Mode: mode}, haves, wants)
}

func diffWith(t testing.TB, options roster.Options, haves []roster.Have, wants []roster.Want) plan {
	t.Helper()
	slices.SortFunc(haves, func(a, b roster.Have) int { return cmpOr(a.Key.Compare(b.Key), -cmpBool(a.Released, b.Released)) })
	slices.SortFunc(wants, func(a, b roster.Want) int { return a.Key.Compare(b.Key) })
	var people, jobs int
	options.Today = today
	options.NewEmployeeID = func() tenancy.EmployeeID { people++; return tenancy.EmployeeID(fmt.Sprintf("new-%d", people)) }
	options.NewEmploymentID = func() tenancy.EmploymentID {
		jobs++
		return tenancy.EmploymentID(fmt.Sprintf("newjob-%d", jobs))
	}
	var p plan
	var err error
	if p.Result, err = roster.Diff(seq(haves), seq(wants), options, &p); err != nil {
		t.Fatal(err)
	}
	p.sort()
	return p
}

// told writes a result as a reviewer reads it.
func told(r plan) []string {
	var lines []string
	for _, c := range r.Changes {
		line := fmt.Sprintf("%d %s %s/%s of %s", c.Line, c.Kind, c.LegalEntity, c.EmployeeNo, c.EmployeeID)
		if c.From != "" {
			line += " from " + string(c.From)
		}
		if !c.LeftOn.IsZero() {
			line += " last day " + c.LeftOn.String()
		}
		if c.Explicit {
			line += " explicit"
		}
		if c.NewPerson {
			line += " new"
		}
		for _, f := range c.Fields {
			if c.Kind != roster.Hire {
				line += fmt.Sprintf(", %s %q→%q", f.Field, f.Old, f.New)
			}
		}
		lines = append(lines, line)
	}
	for _, p := range r.Problems {
		lines = append(lines, fmt.Sprintf("%d %s", p.Line, p.Code))
	}
	if r.Unchanged > 0 {
		lines = append(lines, fmt.Sprintf("unchanged %d", r.Unchanged))
	}
	return lines
}

func TestDiff(t *testing.T) {
	ivan := func(left, department string) roster.Have {
		return have("global/17", "Орлов Иван", "1990-05-01", left, department)
	}
	for _, c := range []struct {
		name  string
		mode  roster.Mode
		haves []roster.Have
		wants []roster.Want
		told  []string
	}{
		{"somebody new", roster.Add, nil, []roster.Want{want(5, "global/17", "Орлов Иван", "", "", "Склад")},
			[]string{"5 hire global/17 of new-1 new"}},
		{"as he was", roster.Full, []roster.Have{ivan("", "Склад")}, []roster.Want{want(5, "global/17", "Орлов Иван", "", "", "Склад")},
			[]string{"unchanged 1"}},
		{"ё and е, case and spaces are no other name", roster.Add, []roster.Have{have("global/1", "Селезнёва Алёна", "", "", "")},
			[]roster.Want{want(2, "global/1", "СЕЛЕЗНЕВА Алена", "", "", "")},
			[]string{`2 update global/1 of person-1, last_name "Селезнёва"→"СЕЛЕЗНЕВА", first_name "Алёна"→"Алена"`}},
		{"a blank cell does not erase", roster.Add, []roster.Have{ivan("", "Склад")}, []roster.Want{want(5, "global/17", "Орлов Иван", "", "", "")},
			[]string{"unchanged 1"}},
		{"another department", roster.Add, []roster.Have{ivan("", "Склад")}, []roster.Want{want(5, "global/17", "Орлов Иван", "", "", "Доставка")},
			[]string{`5 update global/17 of person-17, department "Склад"→"Доставка"`}},
		{"a reused number is held", roster.Add, []roster.Have{ivan("", "")}, []roster.Want{want(5, "global/17", "Лисицын Пётр", "1985-01-01", "", "")},
			[]string{"5 identity_changed"}},
		{"a married name with the same birth date is him", roster.Add, []roster.Have{ivan("", "")}, []roster.Want{want(5, "global/17", "Орлов-Соколов Иван", "1990-05-01", "", "")},
			[]string{`5 update global/17 of person-17, last_name "Орлов"→"Орлов-Соколов"`}},
		{"a last day ahead", roster.Add, []roster.Have{ivan("", "")}, []roster.Want{want(5, "global/17", "Орлов Иван", "", "2026-12-31", "")},
			[]string{`5 leave global/17 of person-17 last day 2026-12-31 explicit, left_on ""→"2026-12-31"`}},
		{"back on his old number", roster.Add, []roster.Have{ivan("2026-11-01", "")}, []roster.Want{want(5, "global/17", "Орлов Иван", "", "", "")},
			[]string{`5 return global/17 of person-17, left_on "2026-11-01"→""`}},
		{"let go today by a wrong list, and listed again", roster.Add, []roster.Have{disabled(ivan("2026-11-21", ""))}, []roster.Want{want(5, "global/17", "Орлов Иван", "", "", "")},
			[]string{`5 return global/17 of person-17, left_on "2026-11-21"→""`}},
		{"on his last day a blank cell does not erase it", roster.Add, []roster.Have{ivan("2026-11-21", "")}, []roster.Want{want(5, "global/17", "Орлов Иван", "", "", "")},
			[]string{"unchanged 1"}},
		{"back for a year", roster.Add, []roster.Have{ivan("2026-11-01", "")}, []roster.Want{want(5, "global/17", "Орлов Иван", "", "2027-11-01", "")},
			[]string{`5 return global/17 of person-17 last day 2027-11-01, left_on "2026-11-01"→"2027-11-01"`}},
		{"back on a new number", roster.Add, []roster.Have{ivan("2026-11-01", "")}, []roster.Want{want(5, "global/99", "Орлов Иван", "1990-05-01", "", "")},
			[]string{`5 return global/99 of person-17, employment ""→"global/99"`}},
		{"a second job of somebody we have", roster.Add, []roster.Have{ivan("", "")}, []roster.Want{want(5, "global/99", "Орлов Иван", "1990-05-01", "", "")},
			[]string{`5 move global/99 of person-17, employment ""→"global/99"`}},
		{"a move within a full list", roster.Full, []roster.Have{ivan("", "")}, []roster.Want{want(5, "global/99", "Орлов Иван", "1990-05-01", "", "")},
			[]string{`5 move global/99 of person-17 from job-17 last day 2026-11-20, employment "global/17"→"global/99"`}},
		{"a namesake is somebody else", roster.Full, []roster.Have{ivan("", "")},
			[]roster.Want{want(5, "global/17", "Орлов Иван", "", "", ""), want(6, "global/99", "Орлов Иван", "1971-01-01", "", "")},
			[]string{"6 hire global/99 of new-1 new", "unchanged 1"}},
		{"two rows of one new person", roster.Add, nil,
			[]roster.Want{want(5, "global/1", "Орлов Иван", "1990-05-01", "", ""), want(6, "global/2", "Орлов Иван", "1990-05-01", "", "")},
			[]string{"5 hire global/1 of new-1 new", "6 hire global/2 of new-1"}},
		{"absent from a full list", roster.Full, []roster.Have{ivan("", "Склад"), have("global/18", "Лисицын Пётр", "", "", "Склад")},
			[]roster.Want{want(5, "global/18", "Лисицын Пётр", "", "", "Склад")},
			[]string{`0 leave global/17 of person-17 last day 2026-11-21, left_on ""→"2026-11-21"`, "unchanged 1"}},
		{"absent from a list of new people", roster.Add, []roster.Have{ivan("", "")}, nil, nil},
		{"a full list of one entity does not speak for another", roster.Full,
			[]roster.Have{ivan("", ""), have("other/18", "Лисицын Пётр", "", "", "")}, []roster.Want{want(5, "global/17", "Орлов Иван", "", "", "")},
			[]string{"unchanged 1"}},
		{"an absent leaver keeps the day he was given", roster.Full, []roster.Have{ivan("2026-12-31", ""), have("global/18", "Лисицын Пётр", "", "", "")},
			[]roster.Want{want(5, "global/18", "Лисицын Пётр", "", "", "")}, []string{"unchanged 1"}},
		{"a list of leavers", roster.Leavers, []roster.Have{ivan("", "")},
			[]roster.Want{want(5, "global/17", "Орлов Иван", "", "", ""), want(6, "global/44", "Лисицын Пётр", "", "", "")},
			[]string{`5 leave global/17 of person-17 last day 2026-11-21 explicit, left_on ""→"2026-11-21"`, "6 employee_unknown"}},
		{"somebody who left before we knew him", roster.Add, nil, []roster.Want{want(5, "global/17", "Орлов Иван", "", "2020-01-31", "")},
			[]string{"unchanged 1"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if d := cmp.Diff(c.told, told(diff(t, c.mode, c.haves, c.wants))); d != "" {
				t.Error(d)
			}
		})
	}
}

// disabled is somebody whose account a list has closed.
func disabled(h roster.Have) roster.Have {
	h.LetGo = true
	return h
}

func TestTwoNationalIDsAreTwoPeople(t *testing.T) {
	withID := func(w roster.Want, hash string) roster.Want {
		w.NationalID, w.NationalIDHash = tenancy.SNILS, hash
		return w
	}
	one := withID(want(5, "e/1", "Орлов Иван", "1990-05-01", "", ""), "one")
	two := withID(want(6, "e/2", "Орлов Иван", "1990-05-01", "", ""), "two")
	if got := told(diff(t, roster.Add, nil, []roster.Want{one, two})); !slices.Equal(got, []string{"5 hire e/1 of new-1 new", "6 hire e/2 of new-2 new"}) {
		t.Errorf("two new people with two ids: %q", got)
	}
	known := roster.Have{Key: one.Key, Person: one.Person, Job: one.Job, EmployeeID: "person-1", EmploymentID: "job-1"}
	if got := told(diff(t, roster.Add, []roster.Have{known}, []roster.Want{two})); !slices.Equal(got, []string{"6 hire e/2 of new-1 new"}) {
		t.Errorf("somebody we have, and his namesake: %q", got)
	}
	other := withID(want(5, "e/1", "Орлов Иван", "", "", ""), "two")
	if got := told(diff(t, roster.Add, []roster.Have{known}, []roster.Want{other})); !slices.Equal(got, []string{"5 identity_changed"}) {
		t.Errorf("his number with another's id: %q", got)
	}
	born := withID(want(5, "e/1", "Ткачёв Пётр", "1990-05-01", "", ""), "two")
	if got := told(diff(t, roster.Add, []roster.Have{known}, []roster.Want{born})); !slices.Equal(got, []string{"5 identity_changed"}) {
		t.Errorf("his number with another's name and id, born on his day: %q", got)
	}
	corrected := withID(want(5, "e/1", "Орлов Иван", "1990-05-01", "", ""), "two")
	if got := told(diff(t, roster.Add, []roster.Have{known}, []roster.Want{corrected})); slices.Contains(got, "5 identity_changed") {
		t.Errorf("his own id, corrected: %q", got)
	}
}

func TestDiffRefusesDisorder(t *testing.T) {
	a, b := have("e/1", "А А", "", "", ""), have("e/2", "Б Б", "", "", "")
	if _, err := roster.Diff(seq([]roster.Have{b, a}), seq[roster.Want](nil), roster.Options{Mode: roster.Add, Today: today}, &plan{}); err == nil {
		t.Error("employments out of order were compared")
	}
	w := want(1, "e/1", "А А", "", "", "")
	if _, err := roster.Diff(seq[roster.Have](nil), seq([]roster.Want{w, w}), roster.Options{Mode: roster.Add, Today: today}, &plan{}); err == nil {
		t.Error("a key that stands twice was compared")
	}
	broken := func(yield func(roster.Have, error) bool) { yield(roster.Have{}, fmt.Errorf("the line was cut")) }
	if _, err := roster.Diff(broken, seq([]roster.Want{w}), roster.Options{Mode: roster.Full, Today: today}, &plan{}); err == nil {
		t.Error("a list was compared with people that could not be read")
	}
}

// company draws people we have and a list of theirs and others'.
func company(t *rapid.T) ([]roster.Have, []roster.Want) {
	names := []string{"Орлов Иван", "Лисицын Пётр", "Ким Алия", "Сокол Анна"}
	born := []string{"", "1990-05-01", "1985-02-02"}
	left := []string{"", "", "", "2026-11-01", "2026-12-31"}
	departments := []string{"", "Склад", "Доставка"}
	var haves []roster.Have
	var wants []roster.Want
	for i := range rapid.IntRange(0, 12).Draw(t, "people") {
		key := fmt.Sprintf("%s/%d", rapid.SampledFrom([]string{"a", "b"}).Draw(t, "entity"), i)
		pick := func(from []string, label string) string { return rapid.SampledFrom(from).Draw(t, label) }
		if rapid.Bool().Draw(t, "had") {
			haves = append(haves, have(key, pick(names, "name"), pick(born, "born"), pick(left, "left"), pick(departments, "department")))
		}
		if rapid.Bool().Draw(t, "listed") {
			wants = append(wants, want(i+2, key, pick(names, "name"), pick(born, "born"), pick(left, "left"), pick(departments, "department")))
		}
	}
	return haves, wants
}

func TestEveryRowIsDecidedOnce(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		haves, wants := company(rt)
		mode := rapid.SampledFrom([]roster.Mode{roster.Full, roster.Add, roster.Leavers}).Draw(rt, "mode")
		result := diff(t, mode, haves, wants)
		for i, c := range result.Changes {
			if c.N != i+1 || c.EmployeeID == "" || c.Employment == "" {
				rt.Fatalf("change %d is incomplete: %+v", i, c)
			}
			if mode != roster.Full && c.Line == 0 {
				rt.Fatalf("a list of mode %s touched somebody who is not on it: %+v", mode, c)
			}
		}
		listed := len(slices.DeleteFunc(slices.Clone(result.Changes), func(c roster.Change) bool { return c.Line == 0 }))
		if got := listed + result.Unchanged + result.Held + result.Rejected; got != len(wants) || result.Decided != len(wants) {
			rt.Fatalf("%d rows, %d and %d decided: %v", len(wants), got, result.Decided, told(result))
		}
	})
}

func TestTheSameListAgainIsNothing(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		haves, _ := company(rt)
		var wants []roster.Want
		for i, h := range haves {
			wants = append(wants, roster.Want{Key: h.Key, Person: h.Person, Job: h.Job, Line: i + 2})
		}
		for _, mode := range []roster.Mode{roster.Full, roster.Add} {
			if result := diff(t, mode, haves, wants); len(result.Changes) != 0 || result.Held != 0 {
				rt.Fatalf("%s: %v", mode, told(result))
			}
		}
	})
}
