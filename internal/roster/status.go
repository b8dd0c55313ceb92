package roster

import "github.com/ponimayu/opora/internal/tenancy"

// Status says how an employee stands on a day; grace is how many days access
// lasts beyond the last day of work. Of several employments the best counts.
func Status(employments []tenancy.Employment, today tenancy.Date, grace int) tenancy.EmployeeStatus {
	rank := map[tenancy.EmployeeStatus]int{tenancy.Left: 0, tenancy.Scheduled: 1, tenancy.Leaving: 2, tenancy.Current: 3}
	status := tenancy.Left
	for _, e := range employments {
		if s := statusOf(e, today, grace); rank[s] > rank[status] {
			status = s
		}
	}
	return status
}

func statusOf(e tenancy.Employment, today tenancy.Date, grace int) tenancy.EmployeeStatus {
	switch {
	case !e.LeftOn.IsZero() && e.LeftOn.AddDays(grace).Before(today):
		return tenancy.Left
	case e.HiredOn.After(today):
		return tenancy.Scheduled
	case !e.LeftOn.IsZero():
		return tenancy.Leaving
	}
	return tenancy.Current
}
