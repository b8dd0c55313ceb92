package entitlement_test

import (
	"cmp"
	"fmt"
	"slices"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/ponimayu/opora/internal/entitlement"
	"github.com/ponimayu/opora/internal/tenancy"
)

// told is something that a contour learns at an instant: the state of a thing
// from then on, or that it is gone.
type told struct {
	at       time.Time
	contract *tenancy.Contract
	job      *tenancy.Employment
	gone     string // the id of a contract that was dropped, or of a job that was taken back
}

var pastTypes = []tenancy.SpecialistType{{Code: "coach"}, {Code: "psychologist"}}

var storyBegins = time.Date(2026, 1, 1, 9, 0, 0, 0, time.UTC)

func pastDay(n int) tenancy.Date { return tenancy.NewDate(2026, 1, 1).AddDays(n) }

// drawTold draws a story: contracts that come, change, go and come late, jobs
// that are learnt late, corrected, left, taken up again and taken back.
func drawTold(t *rapid.T) []told {
	var all []told
	at := storyBegins
	for n := range rapid.IntRange(1, 14).Draw(t, "events") {
		at = at.Add(time.Duration(rapid.IntRange(1, 20).Draw(t, "days")) * 24 * time.Hour)
		id := rapid.SampledFrom([]string{"a", "b"}).Draw(t, "id")
		switch rapid.IntRange(0, 7).Draw(t, "what") {
		case 0:
			all = append(all, told{at: at, gone: "contract " + id})
		case 1:
			all = append(all, told{at: at, gone: "job " + id})
		case 2, 3:
			from := rapid.IntRange(-20, 100).Draw(t, "from")
			all = append(all, told{at: at, contract: &tenancy.Contract{
				ID: tenancy.ContractID(id), Country: "RU", TimeZone: "Europe/Moscow", From: pastDay(from), Until: pastDay(from + rapid.IntRange(1, 120).Draw(t, "length")), GraceDays: 3,
				Grants: []tenancy.Grant{
					{ID: "talk", SpecialistTypes: []tenancy.SpecialistTypeCode{"psychologist"}, Amount: 100 + n, Per: tenancy.PerEmployee, Window: tenancy.CalendarYear},
					{ID: "more", SpecialistTypes: []tenancy.SpecialistTypeCode{"psychologist"}, Amount: 1000, Per: tenancy.PerEmployee, Window: tenancy.CalendarYear, Segments: []tenancy.SegmentID{"couriers"}, Priority: 1},
				},
			}})
		default:
			job := &tenancy.Employment{ID: tenancy.EmploymentID(id), LegalEntity: "global", Position: rapid.SampledFrom([]string{"Курьер", "Бухгалтер"}).Draw(t, "position")}
			job.HiredOn = pastDay(rapid.IntRange(-30, 120).Draw(t, "hired"))
			if rapid.Bool().Draw(t, "left") {
				job.LeftOn = job.HiredOn.AddDays(rapid.IntRange(0, 60).Draw(t, "stayed"))
			}
			all = append(all, told{at: at, job: job})
		}
	}
	return all
}

// historyOf writes a story down as the database keeps it, as far as known.
func historyOf(all []told, known time.Time) entitlement.History {
	h := entitlement.History{
		Tenant: "cdek", Employee: "e", Known: known,
		Types:   []entitlement.Version[[]tenancy.SpecialistType]{{Of: pastTypes, LearntAt: storyBegins.AddDate(-1, 0, 0)}},
		Tenants: []entitlement.Version[tenancy.Tenant]{{Of: tenancy.Tenant{Slug: "cdek", Segments: []tenancy.Segment{{ID: "couriers", When: tenancy.SegmentRule{Position: []string{"Курьер"}}}}}, LearntAt: storyBegins.AddDate(-1, 0, 0)}},
	}
	for _, x := range all {
		if x.at.After(known) {
			break
		}
		switch {
		case x.contract != nil, x.gone == "contract a", x.gone == "contract b":
			h.Contracts = toldContract(h.Contracts, x)
		default:
			h.Employments = toldJob(h.Employments, x)
		}
	}
	return h
}

func toldContract(all []entitlement.ContractHistory, x told) []entitlement.ContractHistory {
	id := tenancy.ContractID(x.gone[len(x.gone)-min(1, len(x.gone)):])
	if x.contract != nil {
		id = x.contract.ID
	}
	i := slices.IndexFunc(all, func(c entitlement.ContractHistory) bool { return c.ID == id })
	if i < 0 {
		if x.contract == nil {
			return all
		}
		all = append(all, entitlement.ContractHistory{ID: id})
		slices.SortFunc(all, func(a, b entitlement.ContractHistory) int { return cmp.Compare(a.ID, b.ID) }) // as they are read
		i = slices.IndexFunc(all, func(c entitlement.ContractHistory) bool { return c.ID == id })
	}
	made := entitlement.Version[tenancy.Contract]{LearntAt: x.at, Source: entitlement.Source{Revision: x.at.String()}}
	if n := len(all[i].Versions); n > 0 {
		last := &all[i].Versions[n-1]
		if x.contract == nil && last.Dropped {
			return all
		}
		last.SupersededAt, made.Of = x.at, last.Of
	}
	if made.Dropped = x.contract == nil; !made.Dropped {
		made.Of = *x.contract
	}
	all[i].Versions = append(all[i].Versions, made)
	return all
}

func toldJob(all []entitlement.EmploymentHistory, x told) []entitlement.EmploymentHistory {
	if x.job == nil {
		for i := range all {
			last := &all[i].Versions[len(all[i].Versions)-1]
			if "job "+last.Of.Grade == x.gone && last.SupersededAt.IsZero() {
				last.SupersededAt = x.at
			}
		}
		return all
	}
	job := *x.job
	job.Grade = string(job.ID) // one that was taken back never comes again under its id
	i := slices.IndexFunc(all, func(e entitlement.EmploymentHistory) bool {
		last := e.Versions[len(e.Versions)-1]
		return last.Of.Grade == job.Grade && last.SupersededAt.IsZero()
	})
	if i < 0 {
		all, i = append(all, entitlement.EmploymentHistory{ID: tenancy.EmploymentID(fmt.Sprint(len(all)))}), len(all)
	}
	if n := len(all[i].Versions); n > 0 {
		all[i].Versions[n-1].SupersededAt = x.at
	}
	all[i].Versions = append(all[i].Versions, entitlement.Version[tenancy.Employment]{Of: job, LearntAt: x.at})
	return all
}

// replayed is the state that a story comes to at an instant, plainly.
type replayed struct {
	contracts map[tenancy.ContractID]tenancy.Contract
	jobs      map[string]tenancy.Employment // by id and the number of times it was taken back before
	back      map[tenancy.EmploymentID]int
}

func replay(all []told, until time.Time) replayed {
	r := replayed{map[tenancy.ContractID]tenancy.Contract{}, map[string]tenancy.Employment{}, map[tenancy.EmploymentID]int{}}
	for _, x := range all {
		if x.at.After(until) {
			return r
		}
		switch {
		case x.contract != nil:
			r.contracts[x.contract.ID] = *x.contract
		case x.job != nil:
			r.jobs[fmt.Sprint(x.job.ID, r.back[x.job.ID])] = *x.job
		case x.gone == "contract a" || x.gone == "contract b":
			delete(r.contracts, tenancy.ContractID(x.gone[9:]))
		default:
			id := tenancy.EmploymentID(x.gone[4:])
			if key := fmt.Sprint(id, r.back[id]); r.jobs[key].ID != "" {
				delete(r.jobs, key)
				r.back[id]++
			}
		}
	}
	return r
}

// naiveEmployee and naiveTenant are what the three rules of decision 0048 say,
// by replaying the story as often as it takes.
func naiveTenant(all []told, at, stood, known time.Time) tenancy.Tenant {
	tenant := historyOf(nil, known).Tenants[0].Of
	collect := func(r map[tenancy.ContractID]tenancy.Contract) (out []tenancy.Contract) {
		for _, id := range []tenancy.ContractID{"a", "b"} {
			if c, ok := r[id]; ok {
				out = append(out, c)
			}
		}
		return out
	}
	runs := func(contracts []tenancy.Contract) bool {
		day := tenancy.DateOf(at.In(moscow()))
		return slices.ContainsFunc(contracts, func(c tenancy.Contract) bool { return !day.Before(c.From) && day.Before(c.Until) })
	}
	tenant.Contracts = collect(replay(all, stood).contracts)
	if runs(tenant.Contracts) {
		return tenant
	}
	for _, x := range all { // the first that was heard of later, in its first words
		if x.contract == nil || !x.at.After(stood) || x.at.After(known) {
			continue
		}
		heard := slices.ContainsFunc(all, func(y told) bool { return y.contract != nil && y.contract.ID == x.contract.ID && y.at.Before(x.at) })
		if !heard && runs([]tenancy.Contract{*x.contract}) {
			tenant.Contracts = append(tenant.Contracts, *x.contract)
			break
		}
	}
	return tenant
}

func moscow() *time.Location {
	zone, err := time.LoadLocation("Europe/Moscow")
	if err != nil {
		panic(err)
	}
	return zone
}

func naiveEmployee(all []told, day tenancy.Date, stood, known time.Time) (e tenancy.Employee, heard bool) {
	e = tenancy.Employee{ID: "e", Tenant: "cdek"}
	then := replay(all, stood)
	last := replay(all, known)
	for _, x := range all {
		heard = heard || x.job != nil && !x.at.After(known)
	}
	for _, key := range slices.Sorted(func(yield func(string) bool) {
		for key := range last.jobs {
			if !yield(key) {
				return
			}
		}
	}) {
		var spells []tenancy.Employment
		words, ok := then.jobs[key]
		if ok {
			spells = []tenancy.Employment{words}
		}
		for _, x := range all { // every later word about this job
			if !x.at.After(stood) || x.at.After(known) || x.job == nil {
				continue
			}
			if r := replay(all, x.at); fmt.Sprint(x.job.ID, r.back[x.job.ID]) != key {
				continue
			}
			if len(spells) == 0 {
				words, spells = *x.job, []tenancy.Employment{*x.job}
				continue
			}
			later, before := words, spells[len(spells)-1]
			later.HiredOn, later.LeftOn = x.job.HiredOn, x.job.LeftOn
			if returned := !before.LeftOn.IsZero() && later.HiredOn.After(before.LeftOn); returned && day.Before(later.HiredOn) {
				spells = append(spells, later)
			} else {
				spells[len(spells)-1] = later
			}
		}
		e.Employments = append(e.Employments, spells...)
	}
	return e, heard
}

// Whatever is learnt in whatever order, the answer for every pair of instants is
// that of replaying the story.
func TestHistoryIsAReplay(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all := drawTold(t)
		pick := func(name string) time.Time {
			if n := rapid.IntRange(-len(all), len(all)-1).Draw(t, name+" event"); n >= 0 {
				return all[n].at
			}
			return storyBegins.Add(time.Duration(rapid.IntRange(-30*24, 300*24).Draw(t, name)) * time.Hour)
		}
		at, known := pick("at"), pick("known")
		stood := at
		if known.Before(at) {
			stood = known
		}
		got, err := historyOf(all, known).Entitlements(at)
		if err != nil {
			t.Fatal(err)
		}
		terms, err := entitlement.Compile(naiveTenant(all, at, stood, known), pastTypes)
		if err != nil {
			t.Fatal(err)
		}
		zone := moscow()
		if len(naiveTenant(all, at, stood, known).Contracts) == 0 {
			zone = time.UTC
		}
		employee, heard := naiveEmployee(all, tenancy.DateOf(at.In(zone)), stood, known)
		want := entitlement.Snapshot{Terms: terms}
		if heard {
			want = entitlement.NewSnapshot(terms, employee, "")
		}
		for i, code := range terms.SpecialistTypes() {
			d := got.Items[i].Decision
			d.Revision = ""
			if diff := gocmp.Diff(entitlement.Decide(want, entitlement.Query{EmployeeID: "e", SpecialistType: code, At: at}), d, gocmp.Comparer(time.Time.Equal)); diff != "" {
				t.Fatalf("%s at %s known %s (-replay +history):\n%s", code, at, known, diff)
			}
		}
	})
}

// What was answered at an instant is what is known of it then: no later word
// changes that answer.
func TestWhatWasAnsweredStays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all := drawTold(t)
		at := storyBegins.Add(time.Duration(rapid.IntRange(0, 300*24).Draw(t, "at")) * time.Hour)
		got, err := historyOf(all, at).Entitlements(at)
		if err != nil {
			t.Fatal(err)
		}
		now := replay(all, at)
		tenant := historyOf(nil, at).Tenants[0].Of
		for _, id := range []tenancy.ContractID{"a", "b"} {
			if c, ok := now.contracts[id]; ok {
				tenant.Contracts = append(tenant.Contracts, c)
			}
		}
		terms, err := entitlement.Compile(tenant, pastTypes)
		if err != nil {
			t.Fatal(err)
		}
		employee := tenancy.Employee{ID: "e", Tenant: "cdek"}
		for _, key := range []string{"a0", "a1", "a2", "a3", "b0", "b1", "b2", "b3"} {
			if job, ok := now.jobs[key]; ok {
				employee.Employments = append(employee.Employments, job)
			}
		}
		for i, code := range terms.SpecialistTypes() {
			d := entitlement.Decide(entitlement.NewSnapshot(terms, employee, ""), entitlement.Query{EmployeeID: "e", SpecialistType: code, At: at})
			if g := got.Items[i]; g.Reason != d.Reason && g.Reason != entitlement.EmployeeUnknown || g.Limit != d.Limit {
				t.Fatalf("%s: %s %d was answered, %s %d is told", code, d.Reason, d.Limit, g.Reason, g.Limit)
			}
		}
	})
}
