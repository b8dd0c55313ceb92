package roster_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ponimayu/opora/internal/roster"
	"github.com/ponimayu/opora/internal/tenancy"
)

func TestTheBrakeNamesTheDepartment(t *testing.T) {
	var haves []roster.Have
	standing := roster.Standing{Employees: 100, Departments: map[string]int{"Склад": 8, "Доставка": 8, "Касса": 9}}
	for name, absent := range map[string]int{"Склад": 6, "Доставка": 6, "Касса": 1} {
		for i := range absent {
			haves = append(haves, have(fmt.Sprintf("e/%s%d", name, i), "Орлов Иван", "", "", name))
		}
	}
	slices.SortFunc(haves, func(a, b roster.Have) int { return a.Key.Compare(b.Key) })
	result := diff(t, roster.Full, haves, []roster.Want{want(2, "e/я", "Ким Алия", "", "", "")}).Result
	for _, f := range roster.Brake(result, standing, roster.DefaultLimits) {
		if f.Code != roster.FindingDepartment {
			continue
		}
		if f.Message != "the department «Доставка» would lose 6 of its 8 employees" || f.Count != 6 || f.Limit != 4 {
			t.Errorf("%+v", f)
		}
		return
	}
	t.Error("no finding")
}

func TestBrake(t *testing.T) {
	// A tenant of a hundred: fifty in the warehouse, fifty couriers.
	staff := func(n int) ([]roster.Have, []roster.Want) {
		var haves []roster.Have
		var wants []roster.Want
		for i := range n {
			department := []string{"Склад", "Доставка"}[i%2]
			key := fmt.Sprintf("e/%03d", i)
			haves = append(haves, have(key, "Орлов Иван", "", "", department))
			wants = append(wants, want(i+2, key, "Орлов Иван", "", "", department))
		}
		return haves, wants
	}
	standing := roster.Standing{Employees: 100, Departments: map[string]int{"Склад": 50, "Доставка": 50}}
	for _, c := range []struct {
		name     string
		alter    func(wants []roster.Want) []roster.Want
		standing func(*roster.Standing)
		codes    []string
	}{
		{"everybody is listed", func(w []roster.Want) []roster.Want { return w }, nil, nil},
		{"ten of a hundred are absent", func(w []roster.Want) []roster.Want { return w[10:] }, nil, nil},
		{"eleven are", func(w []roster.Want) []roster.Want { return w[11:] }, nil, []string{"absent_many"}},
		{"eight, after a week of leaks", func(w []roster.Want) []roster.Want { return w[8:] },
			func(s *roster.Standing) { s.AbsentWeek = 20 }, []string{"absent_week"}},
		{"nobody, after a week of leaks", func(w []roster.Want) []roster.Want { return w },
			func(s *roster.Standing) { s.AbsentWeek = 60 }, nil},
		{"a small department disappears", func(w []roster.Want) []roster.Want {
			return w[6:]
		}, func(s *roster.Standing) { s.Departments = map[string]int{"Склад": 4, "Доставка": 96} }, []string{"absent_department"}},
		{"everybody leaves on a day the list gives", func(w []roster.Want) []roster.Want {
			for i := range w {
				w[i].LeftOn = day("2026-12-31")
			}
			return w
		}, nil, nil},
		{"half the phones change", func(w []roster.Want) []roster.Want {
			for i := range w[:50] {
				w[i].FirstName = "иван" // the same name to Diff, another spelling
			}
			return w
		}, nil, []string{"identity_changes_many"}},
		{"more than the contract's seats", func(w []roster.Want) []roster.Want {
			return append(w, want(500, "e/999", "Ким Алия", "", "", ""))
		}, func(s *roster.Standing) { s.Seats = 100 }, []string{"seats_exceeded"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			haves, wants := staff(100)
			s := standing
			if c.standing != nil {
				c.standing(&s)
			}
			var codes []string
			for _, f := range roster.Brake(diff(t, roster.Full, haves, c.alter(wants)).Result, s, roster.DefaultLimits) {
				if f.Count <= f.Limit || f.Message == "" {
					t.Errorf("finding without cause: %+v", f)
				}
				codes = append(codes, f.Code)
			}
			if d := cmp.Diff(c.codes, codes); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestBrakeWorksForTinyTenants(t *testing.T) {
	// Okta's brake sleeps below a hundred people; ours must not.
	haves := []roster.Have{have("e/1", "А А", "", "", ""), have("e/2", "Б Б", "", "", ""), have("e/3", "В В", "", "", ""), have("e/4", "Г Г", "", "", "")}
	wants := []roster.Want{want(2, "e/1", "А А", "", "", "")}
	found := roster.Brake(diff(t, roster.Full, haves, wants).Result, roster.Standing{Employees: 4}, roster.DefaultLimits)
	if len(found) == 0 || found[0].Code != roster.FindingAbsentMany {
		t.Errorf("three of four people vanish and the brake says %+v", found)
	}
}

func TestLimitsOfAContract(t *testing.T) {
	if d := cmp.Diff(roster.DefaultLimits, roster.LimitsOf(tenancy.BrakeLimits{})); d != "" {
		t.Errorf("nothing is adjusted: %s", d)
	}
	all := tenancy.BrakeLimits{AbsentCount: 7, AbsentPercent: 1, DepartmentCount: 8, DepartmentPercent: 3, WeekPercent: 4, IdentityCount: 9, IdentityPercent: 6}
	if d := cmp.Diff(all, roster.LimitsOf(all)); d != "" {
		t.Errorf("everything is adjusted: %s", d)
	}
	// Three of thirty are under the default's tenth, and over an agreed twentieth.
	var haves []roster.Have
	var wants []roster.Want
	for i := range 30 {
		key := fmt.Sprintf("e/%03d", i)
		haves = append(haves, have(key, "Орлов Иван", "", "", ""))
		if i >= 3 {
			wants = append(wants, want(i, key, "Орлов Иван", "", "", ""))
		}
	}
	result, standing := diff(t, roster.Full, haves, wants).Result, roster.Standing{Employees: 30}
	if found := roster.Brake(result, standing, roster.DefaultLimits); len(found) > 0 {
		t.Errorf("by default: %+v", found)
	}
	found := roster.Brake(result, standing, roster.LimitsOf(tenancy.BrakeLimits{AbsentPercent: 5}))
	if len(found) != 1 || found[0].Code != roster.FindingAbsentMany || found[0].Limit != 2 {
		t.Errorf("as agreed: %+v", found)
	}
}
