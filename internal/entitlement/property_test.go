package entitlement_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/ponimayu/opora/internal/entitlement"
	"github.com/ponimayu/opora/internal/tenancy"
)

var (
	propertyZones    = []string{"Europe/Moscow", "Asia/Almaty", "Asia/Kamchatka", "America/Havana", "Africa/Cairo"}
	propertyKinds    = []tenancy.WindowKind{tenancy.CalendarMonth, tenancy.CalendarQuarter, tenancy.CalendarYear, tenancy.ContractYear, tenancy.HireYear, tenancy.Rolling, tenancy.WholeContract}
	propertyCodes    = []tenancy.SpecialistTypeCode{"psychologist", "coach", "lawyer"}
	propertyGrants   = []tenancy.GrantID{"a", "b", "c", "d"}
	propertySegments = []tenancy.SegmentID{"couriers", "warehouse"}
	epoch            = tenancy.NewDate(2023, 6, 1)
)

// some draws a few distinct elements, perhaps none.
func some[T comparable](t *rapid.T, label string, all []T, least int) []T {
	return rapid.SliceOfNDistinct(rapid.SampledFrom(all), least, len(all), rapid.ID[T]).Draw(t, label)
}

func day(t *rapid.T, label string) tenancy.Date {
	return epoch.AddDays(rapid.IntRange(0, 1500).Draw(t, label))
}

func maybeDay(t *rapid.T, label string) tenancy.Date {
	if rapid.Bool().Draw(t, label+"?") {
		return tenancy.Date{}
	}
	return day(t, label)
}

func drawGrant(t *rapid.T, id tenancy.GrantID) tenancy.Grant {
	g := tenancy.Grant{
		ID: id, SpecialistTypes: some(t, "types", propertyCodes, 1), Amount: rapid.IntRange(1, 5).Draw(t, "amount"),
		Per:    rapid.SampledFrom([]tenancy.Per{tenancy.PerEmployee, tenancy.PerFamily, tenancy.PerTenant}).Draw(t, "per"),
		Window: rapid.SampledFrom(propertyKinds).Draw(t, "window"), Days: rapid.IntRange(1, 400).Draw(t, "days"),
		Formats:  some(t, "formats", []tenancy.Format{tenancy.Video, tenancy.Chat}, 0),
		Minutes:  rapid.SampledFrom([]int{0, 45}).Draw(t, "minutes"),
		Audience: some(t, "audience", []tenancy.Audience{tenancy.ForEmployee, tenancy.ForDependant}, 0),
		Segments: some(t, "segments", propertySegments, 0), ValidFrom: maybeDay(t, "valid from"), ValidUntil: maybeDay(t, "valid until"),
		Priority: rapid.IntRange(0, 3).Draw(t, "priority"), CarryOver: rapid.IntRange(0, 2).Draw(t, "carry over"),
	}
	if !g.ValidUntil.IsZero() && !g.ValidFrom.Before(g.ValidUntil) {
		g.ValidUntil = tenancy.Date{}
	}
	if g.Window == tenancy.Rolling || g.Window == tenancy.WholeContract {
		g.CarryOver = 0 // as the catalogue asks for
	}
	return g
}

// drawSuspensions makes suspensions one after another.
func drawSuspensions(t *rapid.T) (all []tenancy.Suspension) {
	from := epoch
	for range rapid.SampledFrom([]int{0, 0, 0, 1, 2}).Draw(t, "suspensions") {
		from = from.AddDays(rapid.IntRange(1, 600).Draw(t, "suspended from"))
		s := tenancy.Suspension{From: from, Until: from.AddDays(rapid.IntRange(1, 90).Draw(t, "suspended for"))}
		all, from = append(all, s), s.Until
	}
	if len(all) > 0 && rapid.Bool().Draw(t, "until further notice") {
		all[len(all)-1].Until = tenancy.Date{}
	}
	return all
}

// drawTenant makes a tenant with contracts one after another, perhaps with
// gaps, some of which renew themselves. Another tenant holds some of them, and
// their grants may name a segment that this one does not have.
func drawTenant(t *rapid.T) tenancy.Tenant {
	tenant := tenancy.Tenant{Slug: "cdek", Suspended: rapid.IntRange(0, 9).Draw(t, "suspended") == 0, Suspensions: drawSuspensions(t), Segments: []tenancy.Segment{
		{ID: "couriers", When: tenancy.SegmentRule{Position: []string{"Курьер"}}},
		{ID: "warehouse", When: tenancy.SegmentRule{Department: []string{"Склад"}}},
	}}
	zone := rapid.SampledFrom(propertyZones).Draw(t, "zone")
	from := epoch.AddDays(rapid.IntRange(0, 300).Draw(t, "begins"))
	for i := range rapid.IntRange(0, 3).Draw(t, "contracts") {
		c := tenancy.Contract{ID: tenancy.ContractID(fmt.Sprint("c", i)), TimeZone: zone, From: from, Until: drawEnd(t, from), GraceDays: rapid.IntRange(0, 20).Draw(t, "grace"),
			Renewal:   rapid.SampledFrom([]tenancy.Renewal{"", tenancy.RenewsItself}).Draw(t, "renewal"),
			Holder:    rapid.SampledFrom([]tenancy.TenantSlug{"", "sber"}).Draw(t, "holder"),
			Suspended: rapid.IntRange(0, 9).Draw(t, "contract suspended") == 0, Suspensions: drawSuspensions(t)}
		for _, id := range some(t, "grants", propertyGrants, 0) {
			g := drawGrant(t, id)
			if c.Holder != "" && rapid.Bool().Draw(t, "of the holder's segments") {
				g.Segments = append(g.Segments, "only-of-the-holder")
			}
			c.Grants = append(c.Grants, g)
		}
		tenant.Contracts = append(tenant.Contracts, c)
		from = c.Until.AddDays(rapid.SampledFrom([]int{0, 0, 10, 200}).Draw(t, "gap"))
	}
	return tenant
}

// drawEnd makes an end of a contract, by months or by days.
func drawEnd(t *rapid.T, from tenancy.Date) tenancy.Date {
	if rapid.Bool().Draw(t, "whole months") {
		return tenancy.NewDate(from.Year, from.Month+time.Month(rapid.IntRange(1, 14).Draw(t, "months")), from.Day)
	}
	return from.AddDays(rapid.IntRange(1, 500).Draw(t, "length"))
}

// drawSaneEmployee makes one who leaves no job before he has it, with no
// override that ends before it begins, who may be on the roster's own list.
func drawSaneEmployee(t *rapid.T) tenancy.Employee {
	e := drawEmployee(t)
	for i := range e.Employments {
		job := &e.Employments[i]
		job.Segment = rapid.SampledFrom([]tenancy.SegmentID{"", "", "couriers", "nowhere"}).Draw(t, "listed")
		if job.LeftOn.Before(job.HiredOn) {
			job.LeftOn = tenancy.Date{}
		}
		if i > 0 && !e.Employments[i-1].LeftOn.IsZero() && rapid.Bool().Draw(t, "back soon") {
			job.HiredOn = e.Employments[i-1].LeftOn.AddDays(rapid.IntRange(0, 22).Draw(t, "back after"))
			job.LeftOn = tenancy.Date{}
		}
	}
	if rapid.Bool().Draw(t, "stays") {
		e.Employments = append(e.Employments, tenancy.Employment{Position: "Оператор", HiredOn: epoch.AddDays(rapid.IntRange(0, 400).Draw(t, "hired early"))})
	}
	for i := range e.Overrides {
		if o := &e.Overrides[i]; !o.From.Before(o.Until) {
			o.Until = tenancy.Date{}
		}
	}
	return e
}

func drawEmployee(t *rapid.T) tenancy.Employee {
	e := tenancy.Employee{ID: "e"}
	for range rapid.IntRange(0, 3).Draw(t, "employments") {
		e.Employments = append(e.Employments, tenancy.Employment{
			Position:   rapid.SampledFrom([]string{"Курьер", "Оператор"}).Draw(t, "position"),
			Department: rapid.SampledFrom([]string{"Склад", "Офис"}).Draw(t, "department"),
			HiredOn:    maybeDay(t, "hired"), LeftOn: maybeDay(t, "left"),
		})
	}
	for range rapid.IntRange(0, 2).Draw(t, "overrides") {
		e.Overrides = append(e.Overrides, tenancy.Override{Grant: rapid.SampledFrom(propertyGrants).Draw(t, "grant"),
			Amount: rapid.IntRange(-2, 3).Draw(t, "more"), From: maybeDay(t, "override from"), Until: maybeDay(t, "override until")})
	}
	return e
}

func drawQuery(t *rapid.T) entitlement.Query {
	used := map[tenancy.GrantID]int{}
	for _, g := range propertyGrants {
		used[g] = rapid.IntRange(0, 6).Draw(t, "used")
	}
	return entitlement.Query{
		SpecialistType: rapid.SampledFrom(append(propertyCodes, "unheard-of")).Draw(t, "type"),
		At:             day(t, "at").In(time.UTC).Add(time.Duration(rapid.IntRange(0, 86399).Draw(t, "second")) * time.Second),
		Format:         rapid.SampledFrom([]tenancy.Format{"", tenancy.Video, tenancy.InPerson}).Draw(t, "format"),
		Minutes:        rapid.SampledFrom([]int{0, 30, 60}).Draw(t, "minutes"),
		For:            rapid.SampledFrom([]entitlement.For{"", entitlement.Self, entitlement.Dependant}).Draw(t, "for"),
		Used:           entitlement.UsedByGrant(used),
		UsedBefore:     rapid.SampledFrom([]entitlement.Used{{}, entitlement.UsedEach(0), entitlement.UsedEach(2)}).Draw(t, "used before"),
	}
}

func drawSnapshot(t *rapid.T) entitlement.Snapshot {
	terms, err := entitlement.Compile(drawTenant(t), []tenancy.SpecialistType{{Code: "psychologist"}, {Code: "coach"}, {Code: "lawyer"}})
	if err != nil {
		t.Fatal(err)
	}
	return entitlement.NewSnapshot(terms, drawEmployee(t), "r")
}

// An answer never contradicts itself.
func TestDecisionIsConsistent(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, q := drawSnapshot(t), drawQuery(t)
		d := entitlement.Decide(s, q)
		if d.Allowed != (d.Reason == entitlement.OK) || d.Allowed != (d.Remaining > 0) || d.Allowed != (d.Consume != "") || (d.Window.IsZero()) != (len(d.Lines) == 0) {
			t.Fatalf("contradicts itself: %+v", d)
		}
		var limit, used, remaining int
		for _, line := range d.Lines {
			limit, used, remaining = limit+line.Limit, used+line.Used, remaining+line.Remaining
			if !line.Window.Contains(q.At) || line.Remaining != max(0, line.Limit-line.Used) || line.Used != q.Used.Of(line.Grant) {
				t.Fatalf("line %+v at %v", line, q.At)
			}
		}
		if d.Limit != limit || d.Used != used || d.Remaining != remaining {
			t.Fatalf("sums of %+v", d)
		}
		if !d.ValidUntil.IsZero() && !d.ValidUntil.After(q.At) {
			t.Fatalf("valid until %v, before %v", d.ValidUntil, q.At)
		}
	})
}

// A decision's memory may be used again: nothing of what it held before is left.
func TestDecideIntoIsDecide(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var kept entitlement.Decision
		for range 3 {
			s, q := drawSnapshot(t), drawQuery(t)
			entitlement.DecideInto(&s, &q, &kept)
			if diff := cmp.Diff(entitlement.Decide(s, q), kept, cmp.Comparer(time.Time.Equal)); diff != "" {
				t.Fatalf("-Decide +DecideInto:\n%s", diff)
			}
		}
	})
}

// Until valid_until the same question has the same answer.
func TestValidUntil(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, q := drawSnapshot(t), drawQuery(t)
		now := entitlement.Decide(s, q)
		ahead := 3 * 365 * 24 * time.Hour
		if !now.ValidUntil.IsZero() {
			ahead = now.ValidUntil.Sub(q.At) - 1
		}
		later := q
		for _, wait := range []time.Duration{ahead, time.Duration(rapid.Int64Range(0, int64(ahead)).Draw(t, "wait"))} {
			later.At = q.At.Add(wait)
			if diff := cmp.Diff(now, entitlement.Decide(s, later), cmp.Comparer(time.Time.Equal)); diff != "" {
				t.Fatalf("valid from %v until %v, and yet at %v (-now +then):\n%s", q.At, now.ValidUntil, later.At, diff)
			}
		}
	})
}

// More use never gives more.
func TestMonotoneInUsed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, q := drawSnapshot(t), drawQuery(t)
		less := entitlement.Decide(s, q)
		counts := map[tenancy.GrantID]int{}
		for _, g := range propertyGrants {
			counts[g] = q.Used.Of(g) + rapid.IntRange(0, 3).Draw(t, "more")
		}
		q.Used = entitlement.UsedByGrant(counts)
		more := entitlement.Decide(s, q)
		if more.Remaining > less.Remaining || (more.Allowed && !less.Allowed) || more.Limit != less.Limit {
			t.Fatalf("with more use %+v, with less %+v", more, less)
		}
	})
}

// Whoever books as he is told uses every grant up, the lower priority first,
// and books exactly as often as the first answer's limit said.
func TestBookingUsesGrantsUpInOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, q := drawSnapshot(t), drawQuery(t)
		counts := map[tenancy.GrantID]int{}
		q.Used = entitlement.UsedByGrant(counts)
		first := entitlement.Decide(s, q)
		order := make([]tenancy.GrantID, 0, len(first.Lines))
		for _, line := range first.Lines {
			order = append(order, line.Grant)
		}
		booked, reached := 0, 0
		for d := first; d.Allowed; d = entitlement.Decide(s, q) {
			at := slices.Index(order, d.Consume)
			if at < reached {
				t.Fatalf("%s is consumed after %s", d.Consume, order[reached])
			}
			reached = at
			counts[d.Consume]++
			booked++
			q.Used = entitlement.UsedByGrant(counts)
			if booked > 1000 {
				t.Fatal("it never ends")
			}
		}
		if booked != first.Limit {
			t.Fatalf("booked %d of %d", booked, first.Limit)
		}
	})
}
