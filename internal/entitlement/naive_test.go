package entitlement_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/ponimayu/opora/internal/entitlement"
	"github.com/ponimayu/opora/internal/tenancy"
)

// naive decides a second time, straight from the words of docs/design.md and of
// decisions 0010, 0011 and 0040: it walks from day to day, compares calendar
// texts, and shares no arithmetic with the package. Contracts are expected to
// be in one time zone.
type naive struct {
	tenant   tenancy.Tenant
	types    []tenancy.SpecialistTypeCode
	employee tenancy.Employee
	zone     *time.Location
	begun    map[tenancy.Date]time.Time            // found already
	walked   map[string][][2]tenancy.Date          // windows found already
	starts   map[tenancy.ContractID][]tenancy.Date // of periods, found already
}

func newNaive(tenant tenancy.Tenant, types []tenancy.SpecialistTypeCode, employee tenancy.Employee) naive {
	n := naive{tenant, types, employee, time.UTC, map[tenancy.Date]time.Time{}, map[string][][2]tenancy.Date{}, map[tenancy.ContractID][]tenancy.Date{}}
	if len(tenant.Contracts) > 0 {
		n.zone, _ = time.LoadLocation(tenant.Contracts[0].TimeZone)
	}
	return n
}

func next(d tenancy.Date) tenancy.Date   { return d.AddDays(1) }
func before(d tenancy.Date) tenancy.Date { return d.AddDays(-1) }

// civil is the day that a calendar on the wall shows at the instant.
func (n naive) civil(at time.Time) (d tenancy.Date) {
	_ = d.UnmarshalText([]byte(at.In(n.zone).Format("2006-01-02")))
	return d
}

// begins is the first quarter of an hour that belongs to the day.
func (n naive) begins(d tenancy.Date) time.Time {
	if t, found := n.begun[d]; found {
		return t
	}
	t := time.Date(d.Year, d.Month, d.Day, 0, 0, 0, 0, time.UTC).Add(-15 * time.Hour)
	for n.civil(t).Before(d) {
		t = t.Add(15 * time.Minute)
	}
	n.begun[d] = t
	return t
}

// runs says that the contract runs on the day: in its own days, or later, when
// it renews itself and no contract has begun since.
func (n naive) runs(c tenancy.Contract, d tenancy.Date) bool {
	if d.Before(c.From) {
		return false
	}
	if c.Renewal == "" {
		return d.Before(c.Until)
	}
	for _, other := range n.tenant.Contracts {
		if other.From.After(c.From) && !d.Before(other.From) {
			return false
		}
	}
	return true
}

func (n naive) running(d tenancy.Date) *tenancy.Contract {
	for i := range n.tenant.Contracts {
		if n.runs(n.tenant.Contracts[i], d) {
			return &n.tenant.Contracts[i]
		}
	}
	return nil
}

// grace is that of the contract that runs, else of the last that began, else of
// the first.
func (n naive) grace(d tenancy.Date) int {
	if c := n.running(d); c != nil {
		return c.GraceDays
	}
	for _, c := range slices.Backward(n.tenant.Contracts) {
		if !d.Before(c.From) {
			return c.GraceDays
		}
	}
	if len(n.tenant.Contracts) > 0 {
		return n.tenant.Contracts[0].GraceDays
	}
	return 0
}

// counts says that the employment gives access on the day.
func counts(e tenancy.Employment, d tenancy.Date, grace int) bool {
	return !d.Before(e.HiredOn) && (e.LeftOn.IsZero() || !d.After(e.LeftOn.AddDays(grace)))
}

func (n naive) active(d tenancy.Date, grace int) bool {
	return slices.ContainsFunc(n.employee.Employments, func(e tenancy.Employment) bool { return counts(e, d, grace) })
}

// since walks back to the first day of the unbroken time of work; zero when it
// has none that is known.
func (n naive) since(d tenancy.Date, grace int) tenancy.Date {
	for n.active(before(d), grace) {
		if d = before(d); d.Before(epoch) { // nobody is hired before
			return tenancy.Date{}
		}
	}
	return d
}

// segments that an employment which counts puts the employee in, by the two
// rules that drawTenant makes and the roster's own column.
func (n naive) segments(d tenancy.Date, grace int) (in []tenancy.SegmentID) {
	for _, e := range n.employee.Employments {
		if !counts(e, d, grace) {
			continue
		}
		in = append(in, e.Segment)
		if e.Position == "Курьер" {
			in = append(in, "couriers")
		}
		if e.Department == "Склад" {
			in = append(in, "warehouse")
		}
	}
	return in
}

// has says that the tenant has the segment: a member of a holding need not.
func (n naive) has(id tenancy.SegmentID) bool {
	return slices.ContainsFunc(n.tenant.Segments, func(s tenancy.Segment) bool { return s.ID == id })
}

func (n naive) meant(g tenancy.Grant, in []tenancy.SegmentID) bool {
	return len(g.Segments) == 0 || slices.ContainsFunc(g.Segments, func(id tenancy.SegmentID) bool { return n.has(id) && slices.Contains(in, id) })
}

func valid(g tenancy.Grant, d tenancy.Date) bool {
	return !d.Before(g.ValidFrom) && (g.ValidUntil.IsZero() || d.Before(g.ValidUntil))
}

func holds(o tenancy.Override, d tenancy.Date) bool {
	return !d.Before(o.From) && (o.Until.IsZero() || d.Before(o.Until))
}

func (n naive) suspended(c *tenancy.Contract, d tenancy.Date) bool {
	all := n.tenant.Suspensions
	if c != nil {
		all = append(slices.Clone(all), c.Suspensions...)
	}
	for _, s := range all {
		if !d.Before(s.From) && (s.Until.IsZero() || d.Before(s.Until)) {
			return true
		}
	}
	return n.tenant.Suspended || c != nil && c.Suspended
}

// amount is what the grant gives the employee on a day, or false.
func (n naive) amount(g tenancy.Grant, d tenancy.Date, grace int) (int, bool) {
	if !valid(g, d) {
		return 0, false
	}
	amount, given := 0, n.meant(g, n.segments(d, grace))
	if given {
		amount = g.Amount
	}
	for _, o := range n.employee.Overrides {
		if o.Grant == g.ID && holds(o, d) {
			amount += o.Amount
		}
	}
	return max(0, amount), given || amount > 0
}

// anniversary is the first day of the year that the day lies in, of years
// counted from base; where there is no 29 February it is 1 March.
func anniversary(base, d tenancy.Date) tenancy.Date {
	for !(d.Month == base.Month && d.Day == base.Day) {
		if base.Month == time.February && base.Day == 29 && d.Month == time.March && d.Day == 1 && before(d).Day == 28 {
			return d
		}
		d = before(d)
	}
	return d
}

// periodOf is the first day of the contract's period in which the day lies,
// found by going from period to period.
func (n naive) periodOf(c tenancy.Contract, d tenancy.Date) tenancy.Date {
	starts := n.starts[c.ID]
	if starts == nil {
		starts = []tenancy.Date{c.From}
	}
	for !starts[len(starts)-1].After(d) {
		starts = append(starts, periodStart(c, len(starts)))
	}
	n.starts[c.ID] = starts
	after := slices.IndexFunc(starts, func(start tenancy.Date) bool { return start.After(d) })
	return starts[after-1]
}

// periodStart is the first day of the n-th period after the first, whole
// months later when some number of months is its length, else as many days.
func periodStart(c tenancy.Contract, n int) tenancy.Date {
	later := func(months int) tenancy.Date {
		y, m := c.From.Year+(int(c.From.Month)-1+months)/12, time.Month((int(c.From.Month)-1+months)%12+1)
		if d := tenancy.NewDate(y, m, c.From.Day); d.Month == m {
			return d
		}
		return tenancy.NewDate(y, m+1, 1)
	}
	for months := 1; months < 20; months++ {
		if later(months) == c.Until {
			return later(months * n)
		}
	}
	length := 0
	for d := c.From; d != c.Until; d = next(d) {
		length++
	}
	return c.From.AddDays(length * n)
}

// windowKey is equal for the days of one window and no others.
func (n naive) windowKey(c tenancy.Contract, g tenancy.Grant, d, since tenancy.Date) string {
	switch g.Window {
	case tenancy.CalendarMonth:
		return d.String()[:7]
	case tenancy.CalendarQuarter:
		return fmt.Sprint(d.Year, strings.Index("JanFebMarAprMayJunJulAugSepOctNovDec", d.Month.String()[:3])/9)
	case tenancy.CalendarYear:
		return d.String()[:4]
	case tenancy.HireYear:
		if !since.IsZero() {
			return anniversary(since, d).String()
		}
		return anniversary(c.From, d).String()
	case tenancy.ContractYear:
		return anniversary(c.From, d).String()
	}
	if !n.runs(c, d) {
		return ""
	}
	return n.periodOf(c, d).String()
}

// window walks from the day in both directions as long as the key is the same.
func (n naive) window(c tenancy.Contract, g tenancy.Grant, d, since tenancy.Date) (from, until tenancy.Date) {
	if g.Window == tenancy.Rolling {
		return d.AddDays(-(g.Days - 1)), next(d)
	}
	name := fmt.Sprint(c.ID, g.ID, since)
	for _, w := range n.walked[name] {
		if !d.Before(w[0]) && d.Before(w[1]) {
			return w[0], w[1]
		}
	}
	key := n.windowKey(c, g, d, since)
	for from = d; n.windowKey(c, g, before(from), since) == key; {
		from = before(from)
	}
	for until = next(d); n.windowKey(c, g, until, since) == key; {
		until = next(until)
	}
	n.walked[name] = append(n.walked[name], [2]tenancy.Date{from, until})
	return from, until
}

func (n naive) instants(from, until tenancy.Date) entitlement.Window {
	return entitlement.Window{From: n.begins(from), Until: n.begins(until)}
}

// decide is the naive answer to a query, without valid_until.
func (n naive) decide(q entitlement.Query) entitlement.Decision {
	d := n.civil(q.At)
	c, grace := n.running(d), n.grace(d)
	answer := entitlement.Decision{Lines: []entitlement.Line{}}
	if c != nil {
		answer.Contract = c.ID
	}
	coming := slices.ContainsFunc(n.employee.Employments, func(e tenancy.Employment) bool { return e.HiredOn.After(d) })
	switch {
	case !n.active(d, grace) && coming:
		answer.Reason = entitlement.EmployeeNotStarted
	case !n.active(d, grace):
		answer.Reason = entitlement.EmployeeInactive
	case n.suspended(c, d):
		answer.Reason = entitlement.TenantSuspended
	case c == nil:
		answer.Reason = entitlement.ContractAbsent
	case !slices.Contains(n.types, q.SpecialistType):
		answer.Reason = entitlement.TypeUnknown
	default:
		n.lines(&answer, *c, d, grace, q)
	}
	return answer
}

func (n naive) lines(answer *entitlement.Decision, c tenancy.Contract, d tenancy.Date, grace int, q entitlement.Query) {
	since := n.since(d, grace)
	var covering, fitting, serving []tenancy.Grant
	for _, g := range n.byPriority(c) {
		if _, ok := n.amount(g, d, grace); !ok || !slices.Contains(g.SpecialistTypes, q.SpecialistType) {
			continue
		}
		covering = append(covering, g)
		if (q.Format == "" || len(g.Formats) == 0 || slices.Contains(g.Formats, q.Format)) && (g.Minutes == 0 || q.Minutes <= g.Minutes) {
			fitting = append(fitting, g)
			whom := tenancy.ForEmployee
			if q.For == entitlement.Dependant {
				whom = tenancy.ForDependant
			}
			if slices.Contains(g.Audience, whom) || (len(g.Audience) == 0 && whom == tenancy.ForEmployee) {
				serving = append(serving, g)
			}
		}
	}
	switch {
	case len(covering) == 0:
		answer.Reason = entitlement.TypeNotCovered
	case len(fitting) == 0:
		answer.Reason = entitlement.FormatNotCovered
	case len(serving) == 0:
		answer.Reason = entitlement.AudienceNotCovered
	}
	for _, g := range serving {
		answer.Lines = append(answer.Lines, n.line(c, g, d, since, grace, q))
	}
	n.sum(answer)
}

func (n naive) byPriority(c tenancy.Contract) (grants []tenancy.Grant) {
	for priority := range 1001 {
		for _, g := range c.Grants {
			if g.Priority == priority {
				grants = append(grants, g)
			}
		}
	}
	return grants
}

func (n naive) line(c tenancy.Contract, g tenancy.Grant, d, since tenancy.Date, grace int, q entitlement.Query) entitlement.Line {
	from, until := n.window(c, g, d, since)
	line := entitlement.Line{Grant: g.ID, Per: g.Per, Used: q.Used.Of(g.ID), Window: n.instants(from, until)}
	line.Limit, _ = n.amount(g, d, grace)
	if g.Per == tenancy.PerTenant {
		holder := c.Holder
		if holder == "" {
			holder = n.tenant.Slug
		}
		line.Pool = fmt.Sprintf("%s/%s", holder, g.ID)
	}
	if g.CarryOver > 0 {
		line.CarryOver.AtMost = g.CarryOver
		last := before(from)
		line.CarryOver.Window = n.instants(n.window(c, g, last, since))
		old := n.running(last)
		if old != nil && n.active(last, old.GraceDays) && !q.UsedBefore.IsZero() {
			for _, was := range old.Grants {
				if amount, ok := n.amount(was, last, old.GraceDays); ok && was.ID == g.ID {
					line.CarryOver.Carried = min(g.CarryOver, max(0, amount-q.UsedBefore.Of(g.ID)))
				}
			}
		}
		line.Limit += line.CarryOver.Carried
	}
	line.Remaining = max(0, line.Limit-line.Used)
	return line
}

func (n naive) sum(answer *entitlement.Decision) {
	onlyPools := true
	for _, line := range answer.Lines {
		answer.Limit += line.Limit
		answer.Used += line.Used
		answer.Remaining += line.Remaining
		onlyPools = onlyPools && line.Per == tenancy.PerTenant
		if line.Remaining > 0 && answer.Consume == "" {
			answer.Consume, answer.Window = line.Grant, line.Window
		}
	}
	if answer.Allowed = answer.Consume != ""; answer.Reason != "" {
		return
	}
	switch {
	case answer.Allowed:
		answer.Reason = entitlement.OK
		return
	case onlyPools:
		answer.Reason = entitlement.PoolExhausted
	default:
		answer.Reason = entitlement.QuotaExhausted
	}
	answer.Window = answer.Lines[0].Window
}

// facts are everything in force at an instant that the question looks at:
// while they are the same, so is the answer; when they change, it can.
func (n naive) facts(q entitlement.Query) string {
	d := n.civil(q.At)
	c, grace := n.running(d), n.grace(d)
	var b strings.Builder
	answer := n.decide(q)
	fmt.Fprint(&b, answer.Contract, " ")
	switch answer.Reason {
	case entitlement.EmployeeInactive, entitlement.EmployeeNotStarted, entitlement.TenantSuspended, entitlement.ContractAbsent, entitlement.TypeUnknown:
		return b.String() + string(answer.Reason) // nothing else was looked at
	}
	in := slices.DeleteFunc(n.segments(d, grace), func(id tenancy.SegmentID) bool { return !n.has(id) })
	slices.Sort(in)
	fmt.Fprint(&b, slices.Compact(in), n.since(d, grace))
	n.grantFacts(&b, *c, d, q)
	for _, line := range answer.Lines {
		fmt.Fprint(&b, line.Grant, line.Window, line.CarryOver)
	}
	return b.String()
}

func (n naive) grantFacts(b *strings.Builder, c tenancy.Contract, d tenancy.Date, q entitlement.Query) {
	var ever []tenancy.SegmentID // that some job, past or coming, puts him in
	for _, e := range n.employee.Employments {
		ever = append(ever, n.segments(maxDate(e.HiredOn, epoch), 100000)...)
	}
	for _, g := range c.Grants {
		if !slices.Contains(g.SpecialistTypes, q.SpecialistType) {
			continue
		}
		concerned := n.meant(g, ever)
		for i, o := range n.employee.Overrides {
			if o.Grant == g.ID {
				fmt.Fprint(b, " override", i, holds(o, d))
				concerned = true
			}
		}
		if concerned {
			fmt.Fprint(b, " ", g.ID, valid(g, d))
		}
	}
}

func maxDate(a, b tenancy.Date) tenancy.Date {
	if a.After(b) {
		return a
	}
	return b
}

// validUntil walks ahead day by day until the facts change; zero when they
// never do within the years that the test looks at.
func (n naive) validUntil(q entitlement.Query, days int) time.Time {
	now := n.facts(q)
	for d := next(n.civil(q.At)); days > 0; d, days = next(d), days-1 {
		then := q
		then.At = n.begins(d)
		if n.facts(then) != now {
			return then.At
		}
	}
	return time.Time{}
}

// examine asks the package and the naive model the same, and reports the
// package's answer. How far valid_until is looked for is in days; 0: not at all.
func (n naive) examine(t *rapid.T, s entitlement.Snapshot, q entitlement.Query, ahead int) entitlement.Decision {
	got, want := entitlement.Decide(s, q), n.decide(q)
	same := cmp.Options{cmp.Comparer(time.Time.Equal), cmpopts.IgnoreFields(entitlement.Decision{}, "ValidUntil")}
	if diff := cmp.Diff(want, got, same); diff != "" {
		t.Fatalf("(-naive +decide):\n%s\n%+v\n%+v\n%+v", diff, n.tenant, n.employee, q)
	}
	if ahead > 0 {
		if !got.ValidUntil.IsZero() {
			ahead = int(got.ValidUntil.Sub(q.At).Hours()/24) + 3
		}
		if until := n.validUntil(q, ahead); !until.Equal(got.ValidUntil) {
			t.Fatalf("valid until %v, want %v\n%+v\n%+v\n%+v", got.ValidUntil, until, n.tenant, n.employee, q)
		}
	}
	return got
}

// The package and the naive model answer every question alike, valid_until
// included: it is never too late, and where it is set something does begin or
// end. Each question is asked again at every instant at which the answer
// changes, and just before it.
func TestDecideAgreesWithTheNaiveModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tenant, employee := drawTenant(t), drawSaneEmployee(t)
		terms, err := entitlement.Compile(tenant, []tenancy.SpecialistType{{Code: "psychologist"}, {Code: "coach"}, {Code: "lawyer"}})
		if err != nil {
			t.Fatal(err)
		}
		model, s := newNaive(tenant, propertyCodes, employee), entitlement.NewSnapshot(terms, employee, "")
		q := drawQuery(t)
		model.examine(t, s, q, 1200)
		q.Format, q.Minutes, q.For = "", 0, ""
		for _, q.SpecialistType = range propertyCodes {
			model.follow(t, s, q)
		}
	})
}

// follow asks from change to change, for as many as a fast test has time for.
func (n naive) follow(t *rapid.T, s entitlement.Snapshot, q entitlement.Query) {
	q.At = epoch.AddDays(rapid.SampledFrom([]int{0, 0, 400, 900}).Draw(t, "begin on day")).In(time.UTC)
	end := epoch.AddDays(1700).In(time.UTC)
	for range 250 {
		if !q.At.Before(end) {
			return
		}
		until := n.examine(t, s, q, 0).ValidUntil
		if until.IsZero() {
			return
		}
		q.At = until.Add(-time.Second)
		n.examine(t, s, q, 0)
		if q.At = until; until.Sub(n.begins(n.civil(until))) != 0 {
			t.Fatalf("%v is not the beginning of a day", until)
		}
	}
}
