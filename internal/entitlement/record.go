package entitlement

import (
	"fmt"
	"slices"

	"github.com/ponimayu/opora/internal/tenancy"
)

// Record is an employee as decisions need him and as the feed tells of him:
// no name, no contact, no position; his segments are resolved already. A
// reader that compiles it (Terms.SubjectOf) decides as the server does.
type Record struct {
	ID     tenancy.EmployeeID `json:"id"`
	Tenant tenancy.TenantSlug `json:"tenant"`
	// Revision counts the employee's changes; a greater one is later.
	Revision    int64              `json:"revision"`
	Employments []RecordEmployment `json:"employments"`
	Overrides   []tenancy.Override `json:"overrides,omitempty"` // without reason and author
}

// RecordEmployment is one employment of a Record: its days and the segments
// that it puts its holder in.
type RecordEmployment struct {
	HiredOn  tenancy.Date        `json:"hired_on,omitzero"` // since ever when absent
	LeftOn   tenancy.Date        `json:"left_on,omitzero"`  // the last day of work; without end when absent
	Segments []tenancy.SegmentID `json:"segments,omitempty"`
}

// Record resolves the employee's segments by the rules of his tenant.
func (t *Terms) Record(employee tenancy.Employee, revision int64) Record {
	r := Record{ID: employee.ID, Tenant: employee.Tenant, Revision: revision, Employments: []RecordEmployment{}}
	for _, e := range employee.Employments {
		made := RecordEmployment{HiredOn: e.HiredOn, LeftOn: e.LeftOn}
		for i := range t.segments {
			if t.segments[i].has(e) {
				made.Segments = append(made.Segments, t.segments[i].id)
			}
		}
		r.Employments = append(r.Employments, made)
	}
	for _, o := range employee.Overrides {
		r.Overrides = append(r.Overrides, tenancy.Override{Grant: o.Grant, Amount: o.Amount, From: o.From, Until: o.Until})
	}
	return r
}

// sorted returns the employments by their first days.
func (r Record) sorted() []RecordEmployment {
	byHire := func(a, b RecordEmployment) int { return a.HiredOn.Compare(b.HiredOn) }
	if slices.IsSortedFunc(r.Employments, byHire) {
		return r.Employments
	}
	sorted := slices.Clone(r.Employments)
	slices.SortStableFunc(sorted, byHire)
	return sorted
}

// RevisionOf is what a decision names as the state that it was made from:
// which terms, and which change of the employee (0: he is not known).
func RevisionOf(terms, employee int64) string {
	if employee == 0 {
		return fmt.Sprint(terms)
	}
	return fmt.Sprintf("%d.%d", terms, employee)
}
