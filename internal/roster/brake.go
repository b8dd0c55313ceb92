package roster

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/ponimayu/opora/internal/tenancy"
)

// DefaultLimits hold where a tenant's contract adjusts nothing; they are those
// of docs/design.md.
var DefaultLimits = tenancy.BrakeLimits{
	AbsentCount: 2, AbsentPercent: 10,
	DepartmentCount: 2, DepartmentPercent: 50,
	WeekPercent:   20,
	IdentityCount: 5, IdentityPercent: 20,
}

// LimitsOf returns DefaultLimits with what a contract adjusts of them.
func LimitsOf(agreed tenancy.BrakeLimits) tenancy.BrakeLimits {
	return tenancy.BrakeLimits{
		AbsentCount:       cmp.Or(agreed.AbsentCount, DefaultLimits.AbsentCount),
		AbsentPercent:     cmp.Or(agreed.AbsentPercent, DefaultLimits.AbsentPercent),
		DepartmentCount:   cmp.Or(agreed.DepartmentCount, DefaultLimits.DepartmentCount),
		DepartmentPercent: cmp.Or(agreed.DepartmentPercent, DefaultLimits.DepartmentPercent),
		WeekPercent:       cmp.Or(agreed.WeekPercent, DefaultLimits.WeekPercent),
		IdentityCount:     cmp.Or(agreed.IdentityCount, DefaultLimits.IdentityCount),
		IdentityPercent:   cmp.Or(agreed.IdentityPercent, DefaultLimits.IdentityPercent),
	}
}

// The codes of the brake's findings, by which they are accepted.
const (
	FindingAbsentMany    = "absent_many"
	FindingDepartment    = "absent_department"
	FindingAbsentWeek    = "absent_week"
	FindingIdentityMany  = "identity_changes_many"
	FindingSeatsExceeded = "seats_exceeded"
	FindingUnidentified  = "rows_unidentified"
)

// Standing is what the brake must know of the tenant before the list.
type Standing struct {
	Employees   int            // employed now
	Departments map[string]int // employed now, by department
	AbsentWeek  int            // let go in the last seven days for being absent, without approved ones
	Seats       int            // of the contract; 0 when it sets none
	// Unidentified is how many rows of the list were refused without telling
	// whose they are: people who seem absent may stand on them.
	Unidentified int
}

// Brake looks at all changes of a list together and names its dangers. A leave
// that the list dates itself is never counted as an absence.
func Brake(result Result, standing Standing, limits tenancy.BrakeLimits) []Finding {
	absent, identity, newcomers, leavers := result.absent, result.identity, result.newcomers, result.leavers
	var findings []Finding
	over := func(code string, count, limit int, message string) {
		if count > limit {
			findings = append(findings, Finding{Code: code, Message: message, Count: count, Limit: limit})
		}
	}
	over(FindingAbsentMany, absent, share(standing.Employees, limits.AbsentCount, limits.AbsentPercent),
		fmt.Sprintf("%d of %d employees are not on the list and would lose access", absent, standing.Employees))
	department, lost, limit := worstDepartment(result.departments, standing, limits)
	over(FindingDepartment, lost, limit, fmt.Sprintf("the department «%s» would lose %d of its %d employees", department, lost, standing.Departments[department]))
	if absent > 0 {
		week := absent + standing.AbsentWeek
		over(FindingAbsentWeek, week, share(standing.Employees+standing.AbsentWeek, limits.AbsentCount, limits.WeekPercent),
			fmt.Sprintf("with this list, %d employees would have been let go within seven days for not being listed", week))
	}
	if absent > 0 {
		over(FindingUnidentified, standing.Unidentified, 0,
			fmt.Sprintf("%d rows have no readable personnel number; people who would lose access may stand on them", standing.Unidentified))
	}
	over(FindingIdentityMany, identity, share(standing.Employees, limits.IdentityCount, limits.IdentityPercent),
		fmt.Sprintf("the name, e-mail or phone of %d employees would change", identity))
	if standing.Seats > 0 && newcomers > 0 {
		after := standing.Employees + newcomers - leavers
		over(FindingSeatsExceeded, after, standing.Seats, fmt.Sprintf("%d employees would be more than the contract's %d seats", after, standing.Seats))
	}
	return findings
}

// count takes a change into the numbers: of its kind, and what the brake
// measures: changes of who somebody is or how he is reached, and people who come
// and go.
func (r *Result) count(c Change) {
	if c.Line > 0 {
		r.Decided++
	}
	switch c.Kind {
	case Hire:
		r.Create++
	case Update:
		r.Update++
	case Move:
		r.Move++
	case Leave:
		r.Leave++
		r.leavers++
	case Return:
		r.Return++
	}
	if c.Kind == Hire && c.NewPerson || c.Kind == Return {
		r.newcomers++
	}
	if c.Kind != Hire && slices.ContainsFunc(c.Fields, FieldChange.Identifies) {
		r.identity++
	}
}

// share returns the greater of a count and a percentage of all.
func share(all, count, percent int) int { return max(count, all*percent/100) }

// worstDepartment returns the absences and the limit of the department that is
// furthest over its limit, the same at every reading. People without a
// department are in none.
func worstDepartment(absent map[string]int, standing Standing, limits tenancy.BrakeLimits) (worst string, count, limit int) {
	for _, name := range slices.Sorted(maps.Keys(absent)) {
		n, allowed := absent[name], share(standing.Departments[name], limits.DepartmentCount, limits.DepartmentPercent)
		if name != "" && (count == 0 || n-allowed > count-limit || n-allowed == count-limit && n > count) {
			worst, count, limit = name, n, allowed
		}
	}
	return worst, count, limit
}
