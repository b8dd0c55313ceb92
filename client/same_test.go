package client_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ponimayu/opora/client"
	"github.com/ponimayu/opora/client/clienttest"
	"github.com/ponimayu/opora/internal/tenancy"
)

var (
	zones   = []string{"Europe/Moscow", "Asia/Almaty", "America/Havana"}
	windows = []tenancy.WindowKind{"calendar_month", "calendar_quarter", "calendar_year", "contract_year", "hire_year", "rolling", "contract"}
	grants  = []client.GrantID{"a", "b", "c", "d"}
	places  = []string{"Курьер", "Оператор", "Водитель"}
)

// random draws worlds and questions.
type random struct{ *rand.Rand }

func (r random) day() clienttest.Date { return date("2025-06-01").AddDays(r.IntN(1200)) }

func (r random) maybeDay() (d clienttest.Date) {
	if r.IntN(2) == 0 {
		d = r.day()
	}
	return d
}

func of[T any](r random, all []T) T { return all[r.IntN(len(all))] }

// some returns a part of all, of at least n.
func some[T any](r random, n int, all ...T) []T {
	all = slices.Clone(all)
	r.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all[:n+r.IntN(len(all)-n+1)]
}

func (r random) grant(id client.GrantID) clienttest.Grant {
	return clienttest.Grant{
		ID: id, SpecialistTypes: some(r, 1, types[0], types[1], types[2]), Amount: 1 + r.IntN(5),
		Per: of(r, []client.Per{client.PerEmployee, client.PerFamily, client.PerTenant}), Window: of(r, windows), Days: 1 + r.IntN(300),
		Formats: some(r, 0, client.Video, client.Chat), Minutes: of(r, []int{0, 0, 45}), Audience: some(r, 0, tenancy.ForEmployee, tenancy.ForDependant),
		Segments: some(r, 0, client.SegmentID("couriers"), "drivers"), ValidFrom: r.maybeDay(), CarryOver: r.IntN(2), Priority: r.IntN(3),
	}
}

func (r random) tenant(slug client.TenantSlug) clienttest.Tenant {
	t := clienttest.Tenant{Slug: slug, Suspended: r.IntN(15) == 0, Segments: some(r, 2,
		clienttest.Segment{ID: "couriers", When: clienttest.SegmentRule{Position: some(r, 1, places...)}},
		clienttest.Segment{ID: "drivers", When: clienttest.SegmentRule{Position: some(r, 1, places...)}})}
	from, zone := date("2025-01-01").AddDays(r.IntN(200)), of(r, zones)
	for i := range 1 + r.IntN(3) {
		c := clienttest.Contract{ID: tenancy.ContractID(fmt.Sprintf("%s-%d", slug, i)), TimeZone: zone, From: from, Until: from.AddDays(200 + r.IntN(500)), GraceDays: r.IntN(20)}
		if r.IntN(6) == 0 {
			c.Suspensions = []clienttest.Suspension{{From: r.day(), Until: r.maybeDay()}}
		}
		if r.IntN(4) == 0 {
			c.Renewal = tenancy.RenewsItself
		}
		if r.IntN(4) == 0 {
			c.SharedWith = some(r, 1, client.TenantSlug("cdek"), "avito", "sber")
		}
		for _, id := range some(r, 0, grants...) {
			c.Grants = append(c.Grants, r.grant(id))
		}
		t.Contracts = append(t.Contracts, c)
		from = c.Until
	}
	return t
}

func (r random) employee(id client.EmployeeID, tenants []client.TenantSlug) clienttest.Employee {
	e := clienttest.Employee{ID: id, Tenant: of(r, tenants)}
	for range of(r, []int{0, 1, 1, 1, 1, 2}) {
		job := clienttest.Employment{Position: of(r, places), HiredOn: r.maybeDay()}
		if r.IntN(5) == 0 {
			job.LeftOn = r.day()
		}
		e.Employments = append(e.Employments, job)
	}
	for range max(0, r.IntN(4)-2) {
		e.Overrides = append(e.Overrides, clienttest.Override{Grant: of(r, grants), Amount: r.IntN(4) - 1, From: r.maybeDay(), Until: r.maybeDay()})
	}
	return e
}

func (r random) query(id client.EmployeeID) client.Query {
	used := map[client.GrantID]int{}
	for _, g := range grants {
		used[g] = r.IntN(6)
	}
	return client.Query{
		EmployeeID: id, SpecialistType: of(r, append(types[:3:3], append(types, "unheard-of")...)), At: r.day().In(time.UTC).Add(time.Duration(r.IntN(86400)) * time.Second),
		Format: of(r, []client.Format{"", "", client.Video, client.InPerson}), Minutes: of(r, []int{0, 30, 60}), For: of(r, []client.For{"", client.Self, client.Dependant}),
		Used: client.UsedByGrant(used), UsedBefore: of(r, []client.Used{{}, client.UsedEach(1)}),
	}
}

// Whatever tenants buy and whoever comes, changes and goes, the client answers
// every question as Opora does: the whole decision, its revision too.
func TestAnswersAsOporaDoes(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := random{rand.New(rand.NewPCG(seed, 5))}
	tenants := []client.TenantSlug{"cdek", "avito", "sber"}
	s := clienttest.NewServer(types)
	t.Cleanup(s.Close)
	c := openReady(t, soon(s), nil)
	person := func() client.EmployeeID {
		return client.EmployeeID(fmt.Sprintf("0b0e7d7e-0000-4000-8000-%012x", r.IntN(60)))
	}
	allowed, reasons := 0, map[client.Reason]int{}
	for round := range 30 {
		if round == 0 || r.IntN(3) == 0 {
			all := some(r, 2, tenants...)
			made := make([]clienttest.Tenant, len(all))
			for i, slug := range all {
				made[i] = r.tenant(slug)
			}
			s.SetTenants(made...)
		}
		for range 20 {
			if id := person(); r.IntN(8) == 0 {
				s.Remove(id)
			} else {
				s.Put(r.employee(id, tenants))
			}
		}
		if r.IntN(8) == 0 {
			s.Forget()
		}
		last := client.EmployeeID("0b0e7d7e-0000-4000-8000-ffffffffffff") // told last: then all is told
		s.Put(r.employee(last, tenants))
		agrees(t, c, s, r.query(last))
		for range 200 {
			q := r.query(person())
			want, got := s.Decide(q), check(t, c, q)
			if diff := cmp.Diff(want, got.Decision, cmp.Comparer(time.Time.Equal)); diff != "" {
				t.Fatalf("%+v (-Opora +client):\n%s", q, diff)
			}
			reasons[got.Reason]++
			if got.Allowed {
				allowed++
			}
		}
	}
	if allowed < 20 || len(reasons) < 7 {
		t.Errorf("the questions were poor: %v", reasons)
	}
}
