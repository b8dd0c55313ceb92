package entitlement

import (
	"slices"
	"time"

	"github.com/ponimayu/opora/internal/tenancy"
)

// History is what a contour had learnt, until the instant Known, of one
// employee and of what his tenant bought: every version, oldest first.
//
// What was true at an instant follows from it by three rules (decision 0048).
// What carries days of its own (days of work, overrides) is as it was known
// last: who learns in May that somebody began in March knows that he began in
// March. What carries none (department, position, segment, a contract's words)
// holds from when it was learnt until something else is. And a contract that
// was learnt late fills the days on which none ran, the first that was learnt,
// and replaces none that did.
type History struct {
	Tenant      tenancy.TenantSlug
	Employee    tenancy.EmployeeID
	Known       time.Time
	Types       []Version[[]tenancy.SpecialistType]
	Tenants     []Version[tenancy.Tenant] // without contracts
	Contracts   []ContractHistory
	Employments []EmploymentHistory
	Overrides   []Override // as known last
}

// Version is what was known of a thing from LearntAt on, until SupersededAt;
// zero: nothing else was learnt.
type Version[T any] struct {
	Of                     T
	LearntAt, SupersededAt time.Time
	Dropped                bool // from the catalogue
	Source                 Source
}

// stoodAt reports whether the version was what was known at the instant.
func (v Version[T]) stoodAt(t time.Time) bool {
	return !v.LearntAt.After(t) && (v.SupersededAt.IsZero() || v.SupersededAt.After(t))
}

// versionAt returns the version that stood at the instant, or else the first
// one that was learnt after it.
func versionAt[T any](versions []Version[T], t time.Time) (v Version[T], ok bool) {
	for _, v := range versions {
		if v.stoodAt(t) || v.LearntAt.After(t) {
			return v, true
		}
	}
	return v, false
}

// ContractHistory is the versions of one contract.
type ContractHistory struct {
	ID       tenancy.ContractID
	Versions []Version[tenancy.Contract]
}

// EmploymentHistory is the versions of one employment. Its last one is
// superseded when the employment was taken back: the list that made it was
// undone.
type EmploymentHistory struct {
	ID       tenancy.EmploymentID
	Versions []Version[tenancy.Employment]
}

// takenBack reports whether, as was known last, there is no such employment.
func (h EmploymentHistory) takenBack() bool {
	return len(h.Versions) == 0 || !h.Versions[len(h.Versions)-1].SupersededAt.IsZero()
}

// AsOf returns the times of work that the employment comes to: what it was
// about as it stood at the instant, on the days that were known last. It is
// several when he left and returned on a later day; none when it was taken back.
// day is the civil day of the instant.
func (h EmploymentHistory) AsOf(at time.Time, day tenancy.Date) []tenancy.Employment {
	if h.takenBack() {
		return nil
	}
	first := slices.IndexFunc(h.Versions, func(v Version[tenancy.Employment]) bool { return v.stoodAt(at) || v.LearntAt.After(at) })
	now := h.Versions[first].Of
	spells := []tenancy.Employment{now}
	for _, v := range h.Versions[first+1:] {
		last := spells[len(spells)-1]
		later := now
		later.HiredOn, later.LeftOn = v.Of.HiredOn, v.Of.LeftOn
		// Who returns has another first day. Before it, what he had left stays true.
		if !last.LeftOn.IsZero() && later.HiredOn.After(last.LeftOn) && day.Before(later.HiredOn) {
			spells = append(spells, later)
		} else {
			spells[len(spells)-1] = later
		}
	}
	return spells
}

// Past is the state that decisions about an instant are made from, and where it
// comes from.
type Past struct {
	Snapshot Snapshot
	Sources  Sources
	Day      tenancy.Date // of the instant, where the contract is
}

// AsOf returns the state at an instant, as far as it was known at h.Known. An
// employee of whom nothing was known then has a snapshot without a subject. The
// error is Compile's.
func (h History) AsOf(at time.Time) (Past, error) {
	terms, used, err := h.terms(at)
	if err != nil {
		return Past{}, err
	}
	day := terms.day(at)
	employee := tenancy.Employee{ID: h.Employee, Tenant: h.Tenant}
	past := Past{Day: day, Sources: Sources{Employments: []EmploymentSource{}}}
	for _, e := range h.Employments {
		spells := e.AsOf(at, day)
		employee.Employments = append(employee.Employments, spells...)
		past.Sources.Employments = append(past.Sources.Employments, e.source(terms, spells, at))
	}
	for _, o := range h.Overrides {
		o.State = o.StateOn(day)
		employee.Overrides = append(employee.Overrides, tenancy.Override{Grant: o.Grant, Amount: o.Amount, From: o.From, Until: o.Until})
		past.Sources.Overrides = append(past.Sources.Overrides, OverrideSource{Override: o, InForce: o.HoldsOn(day)})
	}
	past.Sources.Contract = used.source(terms, at, day)
	past.Snapshot = Snapshot{Terms: terms, Revision: digest(used, employee)}
	if len(h.Employments) > 0 {
		past.Snapshot.Subject = terms.Subject(employee)
	}
	return past, nil
}

// terms compiles what the tenant had bought.
func (h History) terms(at time.Time) (*Terms, inForce, error) {
	types, _ := versionAt(h.Types, at)
	tenant, ok := versionAt(h.Tenants, at)
	if !ok || tenant.Dropped {
		tenant.Of = tenancy.Tenant{Slug: h.Tenant}
	}
	used := inForce{types: types, tenant: tenant.Of}
	var late []chosen
	for _, c := range h.Contracts {
		v, ok := versionAt(c.Versions, at)
		switch {
		case !ok, v.Dropped, tenant.Dropped:
		case v.LearntAt.After(at):
			late = append(late, chosen{v, c, true})
		default:
			used.contracts = append(used.contracts, chosen{v, c, false})
		}
	}
	terms, err := used.compile()
	if err != nil || len(late) == 0 || terms.running(at) != nil {
		return terms, used, err
	}
	slices.SortStableFunc(late, func(a, b chosen) int { return a.version.LearntAt.Compare(b.version.LearntAt) })
	for _, one := range late {
		filled := used
		filled.contracts = append(slices.Clone(used.contracts), one)
		with, err := filled.compile()
		if err != nil {
			return nil, used, err
		}
		if with.running(at) != nil {
			return with, filled, nil
		}
	}
	return terms, used, nil
}

// inForce is what terms are compiled from.
type inForce struct {
	types     Version[[]tenancy.SpecialistType]
	tenant    tenancy.Tenant
	contracts []chosen
}

// chosen is a version of a contract that takes part.
type chosen struct {
	version Version[tenancy.Contract]
	of      ContractHistory
	late    bool // learnt after the instant
}

func (f inForce) compile() (*Terms, error) {
	whole := f.tenant
	whole.Contracts = nil
	for _, c := range f.contracts {
		whole.Contracts = append(whole.Contracts, c.version.Of)
	}
	return Compile(whole, f.types.Of)
}

// day is the civil day of an instant where the tenant's contract is.
func (t *Terms) day(at time.Time) tenancy.Date {
	zone := utc
	if reference := t.reference(at); reference != nil {
		zone = reference.zone
	}
	return zone.dayOf(at)
}

// PastEntitlements is what an employee was entitled to at an instant, as far as
// it was known at another, before any use is counted; and by what.
type PastEntitlements struct {
	EmployeeID tenancy.EmployeeID `json:"employee_id"`
	Tenant     tenancy.TenantSlug `json:"tenant"`
	At         time.Time          `json:"at"`
	Known      time.Time          `json:"known"`
	Items      []TypeDecision     `json:"items"` // by specialist type
	Sources    Sources            `json:"sources"`
	Revision   string             `json:"revision"` // names the state: the same one is the same state
}

// TypeDecision is the decision about one specialist type.
type TypeDecision struct {
	SpecialistType tenancy.SpecialistTypeCode `json:"specialist_type"`
	Decision
	Text string `json:"text,omitempty"` // what the employee is told, when a language was asked for
}

// Entitlements decides about every specialist type at an instant. An instant
// out of range is tenancy.Invalid.
func (h History) Entitlements(at time.Time) (PastEntitlements, error) {
	if at.Before(earliestAt) || !at.Before(latestAt) {
		return PastEntitlements{}, fieldInvalid("at", "lies between the years 2000 and 2199")
	}
	past, err := h.AsOf(at)
	if err != nil {
		return PastEntitlements{}, err
	}
	answer := PastEntitlements{EmployeeID: h.Employee, Tenant: h.Tenant, At: at, Known: h.Known, Items: []TypeDecision{}, Sources: past.Sources, Revision: past.Snapshot.Revision}
	for _, code := range past.Snapshot.Terms.SpecialistTypes() {
		answer.Items = append(answer.Items, TypeDecision{SpecialistType: code, Decision: Decide(past.Snapshot, Query{EmployeeID: h.Employee, SpecialistType: code, At: at})})
	}
	return answer, nil
}
